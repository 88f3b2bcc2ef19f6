import { expect } from "chai";
import { network } from "hardhat";
import {
  COLLATERAL,
  deployListedRules,
  haircutFields,
  LIQUIDATION,
  onTheWay,
  RAMP_SECONDS,
} from "./fixtures/ramps.js";

const connection = await network.create();
const { networkHelpers } = connection;
const { loadFixture, time } = networkHelpers;
const load = () => loadFixture(deployListedRules);
const now = async () => BigInt(await time.latest());

const FREEZE_SECONDS = 259_200n;
const HALF = RAMP_SECONDS / 2n;

describe("Rules", () => {
  describe("setCollateral, on a ramp", () => {
    const terms = { ...COLLATERAL, maintenanceHaircutBps: 3_000n, initialHaircutBps: 4_000n };
    const initial = (word: bigint) => haircutFields(word).initialHaircutBps;
    const maintenance = (word: bigint) => haircutFields(word).maintenanceHaircutBps;

    it("keeps a freeze, under which maintenance moves and initial counts whole", async () => {
      const { rules, weth } = await load();
      await rules.freezeCollateral(weth);
      const until = (await now()) + FREEZE_SECONDS;
      await time.increase(100_000n);
      await rules.setCollateral(weth, terms);
      const begun = await now();
      expect(maintenance(await rules.collateralOf(weth))).to.equal(1_500n);
      await time.increaseTo(until);
      const frozen = await rules.collateralOf(weth);
      expect(maintenance(frozen)).to.equal(onTheWay(1_500n, 3_000n, until - begun));
      expect(initial(frozen)).to.equal(10_000n);
      await time.increaseTo(until + 1n);
      const open = await rules.collateralOf(weth);
      // What the freeze said of the initial haircut is not where the ramp began.
      expect(initial(open)).to.equal(onTheWay(2_000n, 4_000n, until + 1n - begun));
    });

    it("is not disturbed by a freeze in its middle", async () => {
      const { rules, weth } = await load();
      await rules.setCollateral(weth, terms);
      const begun = await now();
      await time.increaseTo(begun + HALF);
      const before = await rules.collateralOf(weth);
      await time.setNextBlockTimestamp(begun + HALF + 60n);
      await rules.freezeCollateral(weth);
      const frozen = await rules.collateralOf(weth);
      expect(maintenance(frozen)).to.equal(onTheWay(1_500n, 3_000n, HALF + 60n));
      expect(initial(frozen)).to.equal(10_000n);
      expect(maintenance(before)).to.equal(2_250n);
      await time.increaseTo(begun + RAMP_SECONDS);
      expect(maintenance(await rules.collateralOf(weth))).to.equal(3_000n);
      await time.increaseTo(begun + HALF + 61n + FREEZE_SECONDS);
      expect(initial(await rules.collateralOf(weth))).to.equal(4_000n);
    });

    it("begins anew at the haircuts under a freeze, not at those that it shows", async () => {
      const { rules, weth } = await load();
      await rules.setCollateral(weth, terms);
      const begun = await now();
      await rules.freezeCollateral(weth);
      await time.setNextBlockTimestamp(begun + HALF);
      await rules.setCollateral(weth, COLLATERAL);
      await time.increaseTo(begun + FREEZE_SECONDS + 100n);
      const word = await rules.collateralOf(weth);
      const passed = FREEZE_SECONDS + 100n - HALF;
      expect(maintenance(word)).to.equal(onTheWay(2_250n, 1_500n, passed));
      expect(initial(word)).to.equal(onTheWay(3_000n, 2_000n, passed));
    });

    it("stops deposits at once and leaves the haircuts' ramp as it is", async () => {
      const { rules, weth } = await load();
      await rules.setCollateral(weth, terms);
      const begun = await now();
      await time.setNextBlockTimestamp(begun + HALF);
      await rules.setCollateral(weth, { ...terms, accepted: false });
      const word = await rules.collateralOf(weth);
      expect((word >> 72n) & 1n).to.equal(0n);
      expect([maintenance(word), initial(word)]).to.deep.equal([2_250n, 3_000n]);
    });
  });

  describe("setLiquidationRules, on a ramp", () => {
    it("changes everything but the minimum margins at once", async () => {
      const { rules } = await load();
      const given = {
        ...LIQUIDATION,
        leastIncentiveBps: 1_100n,
        bufferBps: 2_000n,
        minimumMargin: 100n,
        openInterestBase: 5n,
        mostInstruments: 40n,
        fundFloorBps: 300n,
      };
      await rules.setLiquidationRules(given);
      const word = await rules.liquidationRules();
      const field = (offset: bigint, bits: bigint) => (word >> offset) & (2n ** bits - 1n);
      expect([field(0n, 16n), field(48n, 16n), field(112n, 8n)]).to.deep.equal([
        1_100n,
        2_000n,
        40n,
      ]);
      expect([field(136n, 40n), field(208n, 16n)]).to.deep.equal([5n, 300n]);
      expect([field(80n, 16n), field(96n, 16n)]).to.deep.equal([20n, 5n]);
      // The others again in the middle, and the ramp goes on.
      const begun = await now();
      await time.setNextBlockTimestamp(begun + HALF);
      await expect(rules.setLiquidationRules({ ...given, bufferBps: 1_500n }))
        .to.emit(rules, "LiquidationRulesSet")
        .withArgs(Object.values({ ...given, bufferBps: 1_500n }), begun + RAMP_SECONDS);
      expect(((await rules.liquidationRules()) >> 80n) & 0xffffn).to.equal(60n);
    });
  });
});
