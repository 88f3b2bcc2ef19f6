import { expect } from "chai";
import { MaxInt256, parseUnits } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { BTC, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import {
  closeAgainst,
  DAY,
  deployFundedMarket,
  DOLLAR,
  expectAllWithdrawn,
} from "./fixtures/run.js";

const { networkHelpers } = await hre.network.create();

/** How wrong ETH's feed is for one round, of a truth of 3,000 dollars in a band of 30 to 300,000. */
const PRINTS = [
  { name: "a million times the truth", answer: 3_000_000_000, readable: false },
  { name: "zero", answer: 0, readable: false },
  { name: "80 times the truth", answer: 240_000, readable: true },
  { name: "half of the truth", answer: 1_500, readable: true },
];

type Scene = Awaited<ReturnType<typeof deployRobbery>>;

/**
 * Alice robs: with 0.02 WETH beside a long of 0.2 ETH, and from other accounts, with 2,000 WETH each, a long and a short
 * of 5,000 ETH against the house. Carol has cash alone, Dave sinks.
 */
async function deployRobbery(network: NetworkConnection) {
  const market = await deployFundedMarket(network);
  const { alice, carol, dave, weth, deposit, clear, vault, usdc } = market;
  const dust = await deposit(alice, { token: weth, amount: "0.02" });
  const long = await deposit(alice, { subAccount: 1n, token: weth, amount: 2_000 });
  const short = await deposit(alice, { subAccount: 2n, token: weth, amount: 2_000 });
  const savings = await market.fund(carol, 0n, 1_000);
  const sinking = await market.fund(dave, 0n, 1_500);
  await clear({ account: dust, instrument: ETH_PERP, size: WAD / 5n });
  await clear({ account: long, instrument: ETH_PERP, size: 5_000n * WAD });
  await clear({ account: short, instrument: ETH_PERP, size: -5_000n * WAD });
  await clear({ account: sinking, instrument: ETH_PERP, size: 4n * WAD });
  await market.passTime(DAY);
  const limit = await vault.releasableOf(usdc);
  return { ...market, dust, long, short, savings, sinking, limit };
}

/** Everything that Alice can get out while the print lasts: paper gains become cash, and cash leaves, in any order. */
async function rob({ clearinghouse, vault, usdc, weth, marginEngine, ...scene }: Scene) {
  const { alice, dust, long, short } = scene;
  const accounts = [dust, long, short];
  const tryTo = async (act: () => Promise<unknown>) => act().catch(() => undefined);
  for (let round = 0; round < 2; ++round) {
    for (const account of accounts) {
      await tryTo(async () => clearinghouse.connect(alice).settleVariation(account));
      for (const token of [usdc, weth]) {
        await tryTo(async () => {
          const amount = await marginEngine.withdrawable(account, token);
          await vault.connect(alice).withdraw(account, token, amount, alice);
        });
      }
    }
    // What is brought back and taken again gives no more room than it took.
    await tryTo(async () => {
      const [spare, amount] = [accountId(alice.address, 9n), await usdc.balanceOf(alice)];
      await usdc.connect(alice).approve(vault, amount);
      await vault.connect(alice).deposit(spare, usdc, amount);
      await vault.connect(alice).withdraw(spare, usdc, amount, alice);
    });
  }
  return { dollars: await usdc.balanceOf(alice), ether: await weth.balanceOf(alice) };
}

describe("A feed that is wrong for one round", () => {
  for (const { name, answer, readable } of PRINTS) {
    it(`costs at most the window's outflow limit when it prints ${name} (OR3)`, async () => {
      const scene = await networkHelpers.loadFixture(deployRobbery);
      const tokens = await scene.vault.trackedOf(scene.usdc);
      expect(scene.limit).to.equal(tokens / 5n);
      await scene.setPrice(ETH, answer);
      const begunAt = BigInt(await networkHelpers.time.latest());
      const { dollars, ether } = await rob(scene);
      // What left is forgotten evenly over a day: each second of the robbery gives that part of the limit again.
      const seconds = BigInt(await networkHelpers.time.latest()) - begunAt;
      expect(dollars).to.be.at.most(scene.limit + (scene.limit * seconds) / DAY);
      if (readable) expect(dollars, "the limit is what stopped it").to.be.greaterThan(0n);
      else expect([dollars, ether]).to.deep.equal([0n, 0n]);
      // Of other users' WETH there is none that it could have taken.
      expect(ether).to.be.at.most(parseUnits("4000.02", 18));
      expect(await scene.vault.trackedOf(scene.usdc)).to.equal(tokens - dollars);
    });

    it(`leaves everybody else all that is theirs after it printed ${name} (OR3, I7)`, async () => {
      const scene = await networkHelpers.loadFixture(deployRobbery);
      const { clearinghouse, marginEngine, liquidator, rescuer, house, others } = scene;
      await scene.setPrice(ETH, answer);
      await rob(scene);
      await scene.passTime(60n);
      await scene.setPrice(ETH, 3_000);
      for (const account of [scene.dust, scene.long, scene.short]) {
        if ((await marginEngine.statusOf(account)) < 2n) continue;
        await clearinghouse.connect(liquidator).liquidate(account, rescuer, WAD, MaxInt256);
      }
      expect(await clearinghouse.deficit(), "the fund bore it").to.equal(0n);
      for (const account of [scene.dust, scene.long, scene.short, scene.sinking, rescuer]) {
        await closeAgainst(scene, [account, house], ETH_PERP);
      }
      await expectBooks(scene);
      const savings = { owner: scene.carol, account: scene.savings };
      await expectAllWithdrawn(scene, [savings, ...others]);
    });
  }

  for (const { name, answer } of PRINTS.filter(({ readable }) => !readable)) {
    it(`holds liquidations at ${name}, of the sinking and of the sound (OR2, OR3)`, async () => {
      const scene = await networkHelpers.loadFixture(deployRobbery);
      const { clearinghouse, liquidator, rescuer, oracle, feedOf } = scene;
      await scene.setPrice(ETH, 2_700);
      await scene.setPrice(ETH, answer);
      for (const account of [scene.sinking, scene.house]) {
        await expect(clearinghouse.connect(liquidator).liquidate(account, rescuer, WAD, MaxInt256))
          .to.be.revertedWithCustomError(oracle, "InvalidPrice")
          .withArgs(ETH, await feedOf("ETH/USD").getAddress(), parseUnits(String(answer), 8));
      }
      await scene.setPrice(ETH, 2_700);
      await expect(
        clearinghouse.connect(liquidator).liquidate(scene.sinking, rescuer, WAD, MaxInt256),
      ).to.emit(clearinghouse, "Liquidated");
    });

    it(`leaves who does not depend on it free to withdraw at ${name} (OR3, OR4)`, async () => {
      const scene = await networkHelpers.loadFixture(deployRobbery);
      await scene.setPrice(ETH, answer);
      const { vault, usdc, carol, savings } = scene;
      await vault.connect(carol).withdraw(savings, usdc, 1_000n * DOLLAR, carol);
      expect(await usdc.balanceOf(carol)).to.equal(1_000n * DOLLAR);
    });
  }

  it("lets others withdraw in the next window, whatever was taken in this one (I9)", async () => {
    const scene = await networkHelpers.loadFixture(deployRobbery);
    const { vault, usdc, carol, savings } = scene;
    await scene.setPrice(ETH, 240_000);
    const { dollars } = await rob(scene);
    expect(scene.limit - dollars, "nothing is left of the window").to.be.at.most(1n);
    await scene.setPrice(ETH, 3_000);
    const room = await vault.releasableOf(usdc);
    await expect(vault.connect(carol).withdraw(savings, usdc, 1_000n * DOLLAR, carol))
      .to.be.revertedWithCustomError(vault, "OutflowLimitExceeded")
      .withArgs(usdc, 1_000n * DOLLAR, (given: bigint) => given >= room && given < 1_000n * DOLLAR);
    await networkHelpers.time.increase(3_600);
    await vault.connect(carol).withdraw(savings, usdc, 1_000n * DOLLAR, carol);
  });

  it("gives nothing to accounts of another market at the time (I8)", async () => {
    const scene = await networkHelpers.loadFixture(deployRobbery);
    const account = await scene.fund(scene.carol, 5n, 10_000);
    const before = await scene.marginOf(account);
    await scene.setPrice(ETH, 240_000);
    await rob(scene);
    expect(await scene.marginOf(account)).to.deep.equal(before);
    expect(await scene.oracle.price(BTC)).to.equal(100_000n * WAD);
    expect(await scene.vault.cashOf(accountId(scene.carol.address, 5n))).to.equal(10_000n * WAD);
  });
});
