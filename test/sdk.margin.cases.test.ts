import { expect } from "chai";
import { MaxInt256 } from "ethers";
import hre from "hardhat";
import {
  type AccountId,
  type AccountSnapshot,
  isRead,
  liquidationPrice,
  marginOf,
  mayLiquidate,
  MissingPriceError,
  parseWad,
  previewLiquidation,
  readAccount,
  readFund,
  readMarket,
  readSides,
  sliceOf,
  takeoverOf,
  valuationOf,
  WAD,
  withdrawableCash,
  withdrawableCollateral,
} from "../sdk/index.js";
import { FastComparison } from "./fixtures/fastComparison.js";
import { type CaseScene, marginCases, SETTLEMENT } from "./fixtures/marginCases.js";
import { MARGIN_STATES } from "./fixtures/marginStates.js";
import {
  deployMarginWorld,
  INSTRUMENTS,
  type MarginWorld,
  TRADED,
} from "./fixtures/marginWorld.js";
import { ETH } from "./fixtures/plimsoll.js";

const SCENES = 22;
const SIZE = { margins: 100, withdrawals: 3, searches: 1 };

/** How many of each sort there must have been in the end: a comparison that compares little says little. */
const LEAST = {
  cases: 10_000,
  margins: 7_000,
  "margins without a price": 100,
  "margins below the line": 1_000,
  "margins with an add-on for open interest": 200,
  "margins in the last bracket": 500,
  liquidations: 200,
  "liquidations of a part": 50,
  "liquidations of bankrupt accounts": 20,
  "liquidations that the fund pays": 20,
  "liquidations with an old price": 5,
  withdrawals: 200,
  "withdrawals of a part": 20,
  "liquidation prices": 50,
};

describe("The mirrors and the contracts", function () {
  this.timeout(240_000);
  let world: MarginWorld;
  const counts = new Map<string, number>();
  const fast = new FastComparison();

  before(async () => {
    world = await deployMarginWorld(await hre.network.create());
  });

  for (const [place, [name, reach]] of Object.entries(MARGIN_STATES).entries()) {
    it(`say the same of every margin, to the wei and within the fast one's bound, ${name}`, async () => {
      await reach(world);
      const asking = { seed: 100 + place, scenes: SCENES, size: SIZE };
      for await (const scene of marginCases(world, asking)) {
        compareMargins(scene);
        comparePreviews(scene);
        compareSearches(scene);
        fast.compare(scene);
      }
    });
  }

  it("say the same of both accounts after a liquidation, to the wei", async () => {
    await world.setPrice(ETH, 2_900);
    await world.setFeed("M102/USD", 118);
    let taken = 0;
    for (const account of world.accounts) {
      if (account !== world.rescuer && (await compareTakeover(account))) taken++;
    }
    expect(taken).to.be.at.least(3);
  });

  it("were compared in more than 10,000 cases of every sort", () => {
    for (const [name, least] of Object.entries(LEAST)) {
      expect(counts.get(name) ?? 0, name).to.be.at.least(least);
    }
  });

  it("were both compared in 10,000, and the bound of the fast one says something", () => {
    expect(fast.used).to.have.length.at.least(LEAST.cases);
    fast.used.sort((a, b) => a - b);
    expect(fast.used[fast.used.length >> 1]).to.be.greaterThan(0.01);
    expect(fast.listed).to.be.greaterThan(100);
    expect(fast.unread).to.be.greaterThan(100);
  });

  /** Liquidates an account that is below its line, at the time at which it was read: of a block that is undone. */
  async function compareTakeover(account: AccountId): Promise<boolean> {
    const { clearinghouse, liquidator: owner, rescuer, vault, networkHelpers } = world;
    const undone = await networkHelpers.takeSnapshot();
    await networkHelpers.mine();
    const at = { blockTag: await world.connection.ethers.provider.getBlockNumber() };
    const market = await readMarket(world, TRADED, at);
    const fund = await readFund(world, await world.fundDraws(), at);
    const sunk = await readAccount(world, account, at);
    const slice = sliceOf(sunk, market, fund, parseWad("0.6"));
    if (slice.refusal !== undefined || slice.settlement.loss !== 0n) return false;
    const sides = await readSides(world, INSTRUMENTS, at);
    const cash = await vault.cashPool(at);
    const before = await readAccount(world, rescuer, at);
    const after = takeoverOf(sunk, before, slice, { cash, sides });

    await undone.restore();
    await networkHelpers.time.setNextBlockTimestamp(market.time);
    const most = [parseWad("0.6"), MaxInt256] as const;
    await clearinghouse.connect(owner).liquidate(account, rescuer, ...most);
    expect(sorted(after.account)).to.deep.equal(sorted(await readAccount(world, account, at)));
    const liquidator = await readAccount(world, rescuer, at);
    expect(sorted(after.liquidator)).to.deep.equal(sorted(liquidator));
    expect(mayLiquidate(after.liquidator, market)).to.equal(true);
    return true;
  }

  function compareMargins({ market, margins }: CaseScene): void {
    for (const { account, said } of margins) {
      expectSame(said, () => marginOf(account, market));
      count("margins");
      if (said === undefined) count("margins without a price");
      else if (said.equity < said.maintenance) count("margins below the line");
      if (said === undefined) continue;
      const { positions } = valuationOf(account, market, "view").portfolio;
      const isCrowded = positions.some(({ crowding }) => crowding > 0n);
      if (isCrowded) count("margins with an add-on for open interest");
      const isLarge = positions.some(
        ({ size, mark, brackets }) =>
          (size < 0n ? -size : size) * mark > brackets.thirdEnd * WAD * WAD,
      );
      if (isLarge) count("margins in the last bracket");
    }
  }

  function comparePreviews({ market, fund, previews }: CaseScene): void {
    for (const { account, said } of previews) {
      expectSame(said, () => previewLiquidation(account, market, fund));
      count("previews");
      if (said === undefined || said.maxFraction === 0n) continue;
      count("liquidations");
      if (said.maxFraction < WAD) count("liquidations of a part");
      if (said.payment < 0n) count("liquidations of bankrupt accounts");
      if (said.toInsurance < 0n) count("liquidations that the fund pays");
      const valuation = valuationOf(account, market, "liquidation");
      if (!isRead(valuation)) count("liquidations with an old price");
    }
  }

  function compareSearches({ market, vault, withdrawals, prices }: CaseScene): void {
    for (const { account, place, said } of withdrawals) {
      expectSame(said, () =>
        place === SETTLEMENT
          ? withdrawableCash(account, market, vault)
          : withdrawableCollateral(account, place, market, vault),
      );
      count("withdrawals");
      const held = account.collateral.find((one) => one.place === place)?.amount ?? 0n;
      if (said !== undefined && said > 0n && said < held) count("withdrawals of a part");
    }
    for (const { account, instrument, said } of prices) {
      expectSame(said, () => liquidationPrice(account, instrument, market));
      if (said !== undefined && said > 0n) count("liquidation prices");
    }
  }

  function count(name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (["margins", "previews", "withdrawals"].includes(name)) count("cases");
  }
});

/** The order of positions is the contract's own. */
function sorted(account: AccountSnapshot): AccountSnapshot {
  const positions = [...account.positions].sort((one, other) =>
    one.instrument < other.instrument ? -1 : 1,
  );
  return { ...account, positions };
}

/** To the wei, and nothing where a price is missing. */
function expectSame(said: unknown, compute: () => unknown): void {
  let computed: unknown;
  try {
    computed = compute();
  } catch (error) {
    if (!(error instanceof MissingPriceError)) throw error;
  }
  expect(computed).to.deep.equal(said);
}
