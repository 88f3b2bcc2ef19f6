import { expect } from "chai";
import { MaxInt256, parseUnits } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { type AccountId, parseWad, perpetual, WAD } from "../sdk/index.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { ratesOf } from "./fixtures/rates.js";
import {
  closeAgainst,
  DAY,
  type Depositor,
  deployFundedMarket,
  expectAllWithdrawn,
  usd,
  withdrawAll,
} from "./fixtures/run.js";
import { sum } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

/**
 * Alice is on both sides of 100M dollars of ETH, the most that open interest may be before it is charged more margin, and
 * the price goes to ten times what it was.
 */
async function deployRichLoser(network: NetworkConnection) {
  const market = await deployFundedMarket(network);
  const { alice, fund, clear, passTime, setPrice } = market;
  const winner = await fund(alice, 1n, 30_000_000);
  const loser = await fund(alice, 2n, 30_000_000);
  const size = (100_000_000n * WAD) / 3_000n;
  await clear({ account: winner, instrument: ETH_PERP, size, maker: loser });
  await passTime(2n * DAY);
  await setPrice(ETH, 30_000);
  return { ...market, winner, loser };
}

const THIN = 9;
const THIN_PERP = perpetual(THIN);
const THIN_CAP = 1_000_000;

/** A thin market at 10 dollars, in a band of 5 to 20, of which a million dollars may be open at most. */
async function deployThinMarket(network: NetworkConnection) {
  const market = await deployFundedMarket(network);
  const { oracle, rules, parameters, asGovernance, passTime, clear } = market;
  const feed = await network.ethers.deployContract("MockV3Aggregator", [8n, 10n * 10n ** 8n]);
  const source = {
    aggregator: await feed.getAddress(),
    maximumAge: 7n * DAY,
    minimum: parseWad(5),
    maximum: parseWad(20),
  };
  const brackets = parameters.underlyings.find(({ number }) => number === ETH)?.market?.brackets;
  await asGovernance(oracle, "setSources", [THIN, [source], [], 0n]);
  await asGovernance(rules, "setUnderlying", [
    THIN,
    ratesOf(market, ETH, { openInterestCap: THIN_CAP }),
  ]);
  await asGovernance(rules, "setBrackets", [THIN, brackets]);

  const size = (BigInt(THIN_CAP) * WAD) / 10n;
  const winner = await market.fund(market.alice, 1n, 70_000);
  const loser = await market.fund(market.carol, 2n, 70_000);
  await clear({ account: winner, instrument: THIN_PERP, size, maker: loser });
  await passTime(DAY);
  const printThin = (dollars: string) => feed.updateAnswer(parseUnits(dollars, 8));
  return { ...market, winner, loser, printThin };
}

describe("A winner and a loser of one owner", () => {
  async function withdrawableOfAll(
    { marginEngine, usdc }: Awaited<ReturnType<typeof deployRichLoser>>,
    accounts: AccountId[],
  ): Promise<bigint> {
    const each = accounts.map((account) => marginEngine.withdrawable(account, usdc));
    return sum(await Promise.all(each));
  }

  it("take out no more than the window allows, and what others may take is there (MA3)", async () => {
    const scene = await networkHelpers.loadFixture(deployRichLoser);
    const { clearinghouse, vault, usdc, marginEngine, alice, winner, loser } = scene;
    const others = scene.others.map(({ account }) => account);
    // On paper the winner has 930M dollars: none of it can leave while the market is so large.
    expect((await scene.marginOf(winner)).equity).to.be.greaterThan(parseWad(929_999_999));
    await clearinghouse.connect(alice).settleVariation(winner);
    expect(await marginEngine.withdrawable(winner, usdc)).to.equal(0n);
    await closeAgainst(scene, [winner, loser], ETH_PERP);
    expect(await vault.cashOf(winner)).to.be.greaterThan(parseWad(929_999_999));

    const tokens = await usdc.balanceOf(vault);
    const most = await marginEngine.withdrawable(winner, usdc);
    expect(most).to.equal(tokens / 5n);
    await vault.connect(alice).withdraw(winner, usdc, most, alice);
    const left = await usdc.balanceOf(vault);
    expect(left).to.equal(tokens - most);
    expect(await withdrawableOfAll(scene, [...others, loser])).to.be.at.most(left);
    // Not only what they may take in this window: all that the others have.
    const owned = await Promise.all(others.map((account) => vault.cashOf(account)));
    expect(sum(owned) / 10n ** 12n).to.be.at.most(left);
  });

  it("and everyone else take out, in all windows together, at most the tokens there are (MA3, I3)", async () => {
    const scene = await networkHelpers.loadFixture(deployRichLoser);
    const { vault, usdc, clearinghouse, alice, winner, loser, liquidator, rescuer } = scene;
    await closeAgainst(scene, [winner, loser], ETH_PERP);
    await clearinghouse.connect(liquidator).liquidate(loser, rescuer, WAD, MaxInt256);
    const tokens = await usdc.balanceOf(vault);
    const paper = { owner: alice, account: winner };
    const { taken, days } = await withdrawAll(scene, [...scene.others, paper]);
    expect(sum(taken)).to.be.at.most(tokens);
    expect(await usdc.balanceOf(vault)).to.equal(tokens - sum(taken));
    expect(await vault.trackedOf(usdc)).to.equal(tokens - sum(taken));
    expect(days).to.be.greaterThan(4);
    // What nobody has borne is on record, not silently missing: cash is what is left, and the deficit.
    const accounts = [winner, loser, rescuer, scene.house, scene.fundAccount];
    const cash = sum(await Promise.all(accounts.map((account) => vault.cashOf(account))));
    const left = (await vault.trackedOf(usdc)) * 10n ** 12n;
    expect(cash - (await clearinghouse.deficit())).to.equal(left);
  });
});

describe("Two colluders in a thin market", () => {
  /** One of them wins all that the feed's band allows, the other loses all that it has. */
  async function walk(scene: Awaited<ReturnType<typeof deployThinMarket>>, edge: string) {
    const { vault, usdc, marginEngine, winner, loser } = scene;
    await scene.printThin(edge);
    const up = edge.startsWith("1");
    const [rich, owner] = up ? [winner, scene.alice] : [loser, scene.carol];
    await closeAgainst(scene, [winner, loser], THIN_PERP);
    const before = await vault.releasableOf(usdc);
    const amount = await marginEngine.withdrawable(rich, usdc);
    expect(amount).to.be.at.most(before);
    await vault.connect(owner).withdraw(rich, usdc, amount, owner);
    return { amount, poor: up ? loser : winner };
  }

  for (const { edge, bound } of [
    { edge: "19.99999999", bound: 1_000_000 },
    { edge: "5.00000001", bound: 500_000 },
  ]) {
    it(`win by its edge at ${edge} at most what may be open times the way to it (OR2, MA3)`, async () => {
      const scene = await networkHelpers.loadFixture(deployThinMarket);
      const { amount } = await walk(scene, edge);
      // Both brought 70,000 dollars: the loser's are lost.
      expect(amount - usd(140_000)).to.be.at.most(usd(bound) - usd(70_000));
      expect(amount).to.be.greaterThan(usd(bound));
    });

    it(`leave all that is theirs to everybody else after ${edge} (I7)`, async () => {
      const scene = await networkHelpers.loadFixture(deployThinMarket);
      const { clearinghouse, liquidator, rescuer, vault, fundAccount } = scene;
      const fundBefore = await vault.cashOf(fundAccount);
      const { amount, poor } = await walk(scene, edge);
      await clearinghouse.connect(liquidator).liquidate(poor, rescuer, WAD, MaxInt256);
      expect(await clearinghouse.deficit()).to.equal(0n);
      const drawn = fundBefore - (await vault.cashOf(fundAccount));
      const stolen = (amount - usd(140_000)) * 10n ** 12n;
      // What they took and what the liquidator was paid for an account without anything: the least incentive.
      expect(drawn - stolen).to.be.within(0n, parseWad(2));
      const honest: Depositor[] = scene.others;
      await expectAllWithdrawn(scene, honest);
    });
  }

  it("find no more open interest there, nor a trade beyond the band of the mark", async () => {
    const scene = await networkHelpers.loadFixture(deployThinMarket);
    const { clearinghouse, clear, winner, loser, printThin } = scene;
    await printThin("10");
    const leg = { account: winner, instrument: THIN_PERP, maker: loser };
    const most = BigInt(THIN_CAP) * WAD;
    await expect(clear({ ...leg, size: 1n }))
      .to.be.revertedWithCustomError(clearinghouse, "OpenInterestCapExceeded")
      .withArgs(THIN_PERP, most + 10n, most);
    await expect(clear({ ...leg, size: -WAD, price: parseWad("10.5") + 1n }))
      .to.be.revertedWithCustomError(clearinghouse, "PriceOutsideBand")
      .withArgs(THIN_PERP, parseWad("10.5") + 1n, parseWad(10), parseWad("0.5"));
    for (const outside of ["20", "5", "0.00000001"]) {
      await printThin(outside);
      await expect(clear({ ...leg, size: -WAD, price: parseWad(10) + 1n })).to.revert(
        scene.connection.ethers,
      );
    }
  });
});
