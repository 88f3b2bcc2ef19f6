import { expect } from "chai";
import { network } from "hardhat";
import type { FundingParametersStruct } from "../typechain-types/contracts/Rules.js";
import { BRACKETS, COLLATERAL, LIQUIDATION, RATES as LOCAL_RATES } from "./fixtures/ramps.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

const ETH = 1n;
const PERPETUAL = (1n << 192n) | (ETH << 168n);
const MOST_ID = 2n ** 24n - 1n;
const MOST_END = 2n ** 40n - 1n;
const nameOf = ethers.encodeBytes32String;

const RATES = { ...LOCAL_RATES, priorSigmaPercent: 65n };

const FUNDING = {
  interestMillionths: 100n,
  deadBandMillionths: 500n,
  capMillionths: 7_500n,
  depthShareBps: 3_200n,
} satisfies FundingParametersStruct;

/** What moves does so for three days, in a straight line. */
const RAMP_SECONDS = 259_200n;

/** One basis point as the words of the rates hold it. */
const ONE_BPS = 10n ** 14n;

/** Where the funding rules lie in the word of the brackets. */
const FUNDING_PLACE = 192n;

/** A change of parameters that is refused; the name, value, least and most of the refusal. */
type Refusal<P> = readonly [Partial<P>, string, bigint, bigint, bigint];

async function deployRules() {
  const [governor, stranger] = await ethers.getSigners();
  const manager = await ethers.deployContract("AccessManager", [governor!.address]);
  const rules = await ethers.deployContract("Rules", [await manager.getAddress()]);
  const weth = await ethers.deployContract("MockToken", ["Wrapped Ether", "WETH", 18n]);
  const wbtc = await ethers.deployContract("MockToken", ["Wrapped Bitcoin", "WBTC", 8n]);
  return { rules, weth, wbtc, stranger: stranger! };
}

async function deployListed() {
  const deployed = await deployRules();
  await deployed.rules.setUnderlying(ETH, RATES);
  await deployed.rules.setBrackets(ETH, BRACKETS);
  await deployed.rules.listCollateral(await deployed.weth.getAddress(), COLLATERAL);
  return deployed;
}

/** Fields packed from the lowest bit on, each given with its width. */
function pack(...fields: [value: bigint, bits: bigint][]): bigint {
  let word = 0n;
  let offset = 0n;
  for (const [value, bits] of fields) {
    word |= value << offset;
    offset += bits;
  }
  return word;
}

/** Funding rules as their word holds them; a negative interest must be given in two's complement. */
function packedFunding(rules: Record<keyof typeof FUNDING, bigint>): bigint {
  return pack(
    [rules.interestMillionths, 16n],
    [rules.deadBandMillionths, 16n],
    [rules.capMillionths, 16n],
    [rules.depthShareBps, 16n],
  );
}

/** By 0.6 more than is kept is asked of new risk. */
const initialOf = (maintenance: bigint) => (maintenance * 10_000n + 5_999n) / 6_000n;

/** RATES as a margin reads them: 2 % + 3 % x 0.65 are kept. */
function packedRates(maintenance: bigint, initial = initialOf(maintenance)): bigint {
  return pack([maintenance, 64n], [initial, 64n], [0n, 32n], [RATES.kinds, 8n]);
}

/** The same as a trade reads them. */
function packedForTrades(maintenance: bigint, rates: typeof RATES = RATES): bigint {
  return pack(
    [packedRates(maintenance), 128n],
    [rates.tradeBandBps, 16n],
    [rates.leastTradeBandBps, 16n],
    [rates.kinds, 8n],
    [rates.openInterestCap, 40n],
  );
}

/** A value on its way, rounded towards where it began. */
function onTheWay(from: bigint, to: bigint, left: bigint): bigint {
  return from + ((to - from) * (RAMP_SECONDS - left)) / RAMP_SECONDS;
}

/** Both rates on their way between two maintenance rates [bps], as a margin reads them. */
function ratesOnTheWay(fromBps: bigint, toBps: bigint): bigint[] {
  const [from, to] = [fromBps * ONE_BPS, toBps * ONE_BPS];
  return [RAMP_SECONDS, RAMP_SECONDS / 2n, 1n, 0n].map((left) =>
    packedRates(onTheWay(from, to, left), onTheWay(initialOf(from), initialOf(to), left)),
  );
}

function packedBrackets(brackets: typeof BRACKETS): bigint {
  const { firstEnd, secondEnd, thirdEnd, ...factors } = brackets;
  const ends = [firstEnd, secondEnd, thirdEnd].map((value): [bigint, bigint] => [value, 40n]);
  const rest = Object.values(factors).map((value): [bigint, bigint] => [value, 24n]);
  return pack(...ends, ...rest);
}

/** When a ramp ends that the next act begins, which is made at a known time. */
async function endOfNextRamp(): Promise<bigint> {
  const now = BigInt(await time.latest()) + 10n;
  await time.setNextBlockTimestamp(now);
  return now + RAMP_SECONDS;
}

/** What is read when the ramp begins, half-way, one second before its end, and at it. */
async function readAlong<T>(end: bigint, read: () => Promise<T>): Promise<T[]> {
  const values = [await read()];
  for (const left of [RAMP_SECONDS / 2n, 1n, 0n]) {
    await time.increaseTo(end - left);
    values.push(await read());
  }
  return values;
}

const title = (change: object) =>
  Object.entries(change)
    .map(([field, value]) => `${field} ${value}`)
    .join(" with ");

describe("Rules", () => {
  describe("setUnderlying", () => {
    it("is refused to a stranger", async () => {
      const { rules, stranger } = await loadFixture(deployRules);
      await expect(rules.connect(stranger).setUnderlying(ETH, RATES))
        .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("tells the rates that it was given", async () => {
      const { rules } = await loadFixture(deployRules);
      await expect(rules.setUnderlying(ETH, RATES))
        .to.emit(rules, "UnderlyingSet")
        .withArgs(ETH, Object.values(RATES), 0n);
    });

    it("moves the rates of a listed underlying from where they are, in a straight line", async () => {
      const { rules } = await loadFixture(deployListed);
      const changed = { ...RATES, maintenanceBaseBps: 500n };
      const end = await endOfNextRamp();
      await expect(rules.setUnderlying(ETH, changed))
        .to.emit(rules, "UnderlyingSet")
        .withArgs(ETH, Object.values(changed), end);
      const read = async () => (await rules.instrumentRules(PERPETUAL))[0];
      // 3.95 % become 6.95 %.
      expect(await readAlong(end, read)).to.deep.equal(ratesOnTheWay(395n, 695n));
    });

    it("moves the rates downwards as slowly", async () => {
      const { rules } = await loadFixture(deployListed);
      const end = await endOfNextRamp();
      await rules.setUnderlying(ETH, { ...RATES, maintenanceBaseBps: 150n });
      const read = async () => (await rules.instrumentRules(PERPETUAL))[0];
      expect(await readAlong(end, read)).to.deep.equal(ratesOnTheWay(395n, 345n));
    });

    it("moves the prior, by which the rates follow", async () => {
      const { rules } = await loadFixture(deployListed);
      const end = await endOfNextRamp();
      await rules.setUnderlying(ETH, { ...RATES, priorSigmaPercent: 165n });
      const read = async () => (await rules.instrumentRules(PERPETUAL))[0];
      // 3 % of a sigma of 0.65 and of 1.65.
      expect(await readAlong(end, read)).to.deep.equal(ratesOnTheWay(395n, 695n));
    });

    it("changes everything but the rates at once, and leaves a ramp as it is", async () => {
      const { rules } = await loadFixture(deployListed);
      const end = await endOfNextRamp();
      const steeper = { ...RATES, maintenanceBaseBps: 500n };
      await rules.setUnderlying(ETH, steeper);
      await time.increaseTo(end - RAMP_SECONDS / 2n - 1n);
      const other = {
        ...steeper,
        tradeBandBps: 600n,
        leastTradeBandBps: 60n,
        openInterestCap: 1n,
      };
      await expect(rules.setUnderlying(ETH, other))
        .to.emit(rules, "UnderlyingSet")
        .withArgs(ETH, Object.values(other), end);
      const [halfway] = await rules.tradingRules(PERPETUAL);
      expect(halfway).to.equal(packedForTrades(545n * ONE_BPS, other));
      await time.increaseTo(end);
      const [word] = await rules.tradingRules(PERPETUAL);
      expect(word).to.equal(packedForTrades(695n * ONE_BPS, other));
    });

    it("refuses other rates until the ramp is over, to the second", async () => {
      const { rules } = await loadFixture(deployListed);
      const end = await endOfNextRamp();
      await rules.setUnderlying(ETH, { ...RATES, maintenanceBaseBps: 500n });
      for (const moment of [end - RAMP_SECONDS + 1n, end - 1n]) {
        await time.setNextBlockTimestamp(moment);
        await expect(rules.setUnderlying(ETH, RATES))
          .to.be.revertedWithCustomError(rules, "RampNotOver")
          .withArgs(ETH, end);
        await networkHelpers.mine();
      }
      await time.setNextBlockTimestamp(end);
      await rules.setUnderlying(ETH, RATES);
      const read = async () => (await rules.instrumentRules(PERPETUAL))[0];
      expect(await readAlong(end + RAMP_SECONDS, read)).to.deep.equal(ratesOnTheWay(695n, 395n));
    });

    it("refuses underlying 0", async () => {
      const { rules } = await loadFixture(deployRules);
      await expect(rules.setUnderlying(0n, RATES))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(nameOf("underlying"), 0n, 1n, MOST_ID);
    });

    const refusals: Refusal<typeof RATES>[] = [
      [{ maintenanceFloorBps: 0n }, "maintenanceFloorBps", 0n, 1n, 5_000n],
      [{ maintenanceFloorBps: 5_001n }, "maintenanceFloorBps", 5_001n, 1n, 5_000n],
      [{ maintenanceCapBps: 299n }, "maintenanceCapBps", 299n, 300n, 5_000n],
      [{ maintenanceCapBps: 5_001n }, "maintenanceCapBps", 5_001n, 300n, 5_000n],
      [{ maintenanceBaseBps: 2_001n }, "maintenanceBaseBps", 2_001n, 0n, 2_000n],
      [{ maintenanceSlopeBps: 10_001n }, "maintenanceSlopeBps", 10_001n, 0n, 10_000n],
      [{ initialFloorBps: 299n }, "initialFloorBps", 299n, 300n, 10_000n],
      [{ initialFloorBps: 10_001n }, "initialFloorBps", 10_001n, 300n, 10_000n],
      [{ maintenanceToInitialBps: 999n }, "maintenanceToInitialBps", 999n, 1_000n, 10_000n],
      [{ maintenanceToInitialBps: 10_001n }, "maintenanceToInitialBps", 10_001n, 1_000n, 10_000n],
      [{ priorSigmaPercent: 0n }, "priorSigmaPercent", 0n, 1n, 255n],
      [{ tradeBandBps: 0n }, "tradeBandBps", 0n, 1n, 2_000n],
      [{ tradeBandBps: 2_001n }, "tradeBandBps", 2_001n, 1n, 2_000n],
      [{ leastTradeBandBps: 501n }, "leastTradeBandBps", 501n, 0n, 500n],
      [{ kinds: 1n }, "kinds", 1n, 0n, 2n],
      [{ kinds: 3n }, "kinds", 3n, 0n, 2n],
      [{ kinds: 4n }, "kinds", 4n, 0n, 2n],
      [{ kinds: 255n }, "kinds", 255n, 0n, 2n],
    ];
    for (const [change, name, value, least, most] of refusals) {
      it(`refuses ${title(change)}`, async () => {
        const { rules } = await loadFixture(deployRules);
        await expect(rules.setUnderlying(ETH, { ...RATES, ...change }))
          .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
          .withArgs(nameOf(name), value, least, most);
      });
    }

    it("takes the ends of every bound", async () => {
      const { rules } = await loadFixture(deployRules);
      const lowest = {
        maintenanceBaseBps: 0n,
        maintenanceSlopeBps: 0n,
        maintenanceFloorBps: 1n,
        maintenanceCapBps: 1n,
        initialFloorBps: 1n,
        maintenanceToInitialBps: 1_000n,
        priorSigmaPercent: 1n,
        tradeBandBps: 1n,
        leastTradeBandBps: 0n,
        kinds: 0n,
        openInterestCap: 0n,
      };
      const highest = {
        maintenanceBaseBps: 5_000n,
        maintenanceSlopeBps: 10_000n,
        maintenanceFloorBps: 5_000n,
        maintenanceCapBps: 5_000n,
        initialFloorBps: 10_000n,
        maintenanceToInitialBps: 10_000n,
        priorSigmaPercent: 255n,
        tradeBandBps: 2_000n,
        leastTradeBandBps: 500n,
        kinds: 2n,
        openInterestCap: 2n ** 40n - 1n,
      };
      await expect(rules.setUnderlying(1n, lowest)).not.to.revert(ethers);
      await expect(rules.setUnderlying(MOST_ID, highest)).not.to.revert(ethers);
    });

    it("never unlists a kind that accounts may hold", async () => {
      const { rules } = await loadFixture(deployListed);
      await expect(rules.setUnderlying(ETH, { ...RATES, kinds: 0n }))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(nameOf("kinds"), 0n, 2n, 2n);
    });
  });

  describe("setBrackets", () => {
    it("is refused to a stranger", async () => {
      const { rules, stranger } = await loadFixture(deployRules);
      await expect(rules.connect(stranger).setBrackets(ETH, BRACKETS))
        .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("tells the brackets that it was given", async () => {
      const { rules } = await loadFixture(deployRules);
      await expect(rules.setBrackets(ETH, BRACKETS))
        .to.emit(rules, "BracketsSet")
        .withArgs(ETH, Object.values(BRACKETS), 0n);
    });

    it("moves ends of brackets in a straight line", async () => {
      const { rules } = await loadFixture(deployListed);
      const changed = { ...BRACKETS, firstEnd: 200_000n, thirdEnd: 30_000_000n };
      const end = await endOfNextRamp();
      await expect(rules.setBrackets(ETH, changed))
        .to.emit(rules, "BracketsSet")
        .withArgs(ETH, Object.values(changed), end);
      // Rounded towards where it came from: 3.08 of the one end, and 38.6 of the other, are left a second before.
      const words = [
        [1_000_000n, 20_000_000n],
        [600_000n, 25_000_000n],
        [200_004n, 29_999_961n],
        [200_000n, 30_000_000n],
      ].map(([firstEnd, thirdEnd]) =>
        packedBrackets({ ...BRACKETS, firstEnd: firstEnd!, thirdEnd: thirdEnd! }),
      );
      const read = () => rules.bracketsOf(PERPETUAL);
      expect(await readAlong(end, read)).to.deep.equal(words);
    });

    it("moves factors of brackets in a straight line", async () => {
      const { rules } = await loadFixture(deployListed);
      const changed = { ...BRACKETS, lastFactorBps: 130_000n };
      const end = await endOfNextRamp();
      await rules.setBrackets(ETH, changed);
      const words = [50_000n, 90_000n, 129_999n, 130_000n].map((lastFactorBps) =>
        packedBrackets({ ...BRACKETS, lastFactorBps }),
      );
      expect(await readAlong(end, () => rules.bracketsOf(PERPETUAL))).to.deep.equal(words);
    });

    it("refuses to move ends and factors at once", async () => {
      const { rules } = await loadFixture(deployListed);
      const changed = { ...BRACKETS, firstEnd: 200_000n, lastFactorBps: 130_000n };
      await expect(rules.setBrackets(ETH, changed))
        .to.be.revertedWithCustomError(rules, "EndsAndFactors")
        .withArgs(ETH);
    });

    it("refuses other brackets while rates move, and other rates while brackets do", async () => {
      const { rules } = await loadFixture(deployListed);
      const [rates, brackets] = [
        { ...RATES, maintenanceBaseBps: 500n },
        { ...BRACKETS, lastFactorBps: 130_000n },
      ];
      const first = await endOfNextRamp();
      await rules.setUnderlying(ETH, rates);
      await time.setNextBlockTimestamp(first - 1n);
      await expect(rules.setBrackets(ETH, brackets))
        .to.be.revertedWithCustomError(rules, "RampNotOver")
        .withArgs(ETH, first);
      await networkHelpers.mine();
      await time.setNextBlockTimestamp(first);
      await rules.setBrackets(ETH, brackets);
      const second = first + RAMP_SECONDS;
      await time.setNextBlockTimestamp(second - 1n);
      await expect(rules.setUnderlying(ETH, RATES))
        .to.be.revertedWithCustomError(rules, "RampNotOver")
        .withArgs(ETH, second);
      await networkHelpers.mine();
      await time.setNextBlockTimestamp(second);
      await expect(rules.setUnderlying(ETH, RATES)).not.to.revert(ethers);
    });

    it("refuses underlying 0", async () => {
      const { rules } = await loadFixture(deployRules);
      await expect(rules.setBrackets(0n, BRACKETS))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(nameOf("underlying"), 0n, 1n, MOST_ID);
    });

    const refusals: Refusal<typeof BRACKETS>[] = [
      [{ firstEnd: 0n }, "firstEnd", 0n, 1n, MOST_END],
      [{ secondEnd: 1_000_000n }, "secondEnd", 1_000_000n, 1_000_001n, MOST_END],
      [{ thirdEnd: 5_000_000n }, "thirdEnd", 5_000_000n, 5_000_001n, MOST_END],
      [{ secondFactorBps: 9_999n }, "secondFactorBps", 9_999n, 10_000n, 200_000n],
      [{ secondFactorBps: 200_001n }, "secondFactorBps", 200_001n, 10_000n, 200_000n],
      [{ thirdFactorBps: 14_999n }, "thirdFactorBps", 14_999n, 15_000n, 200_000n],
      [{ thirdFactorBps: 200_001n }, "thirdFactorBps", 200_001n, 15_000n, 200_000n],
      [{ lastFactorBps: 24_999n }, "lastFactorBps", 24_999n, 25_000n, 200_000n],
      [{ lastFactorBps: 200_001n }, "lastFactorBps", 200_001n, 25_000n, 200_000n],
    ];
    for (const [change, name, value, least, most] of refusals) {
      it(`refuses ${title(change)}`, async () => {
        const { rules } = await loadFixture(deployRules);
        await expect(rules.setBrackets(ETH, { ...BRACKETS, ...change }))
          .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
          .withArgs(nameOf(name), value, least, most);
      });
    }

    it("takes the ends of every bound", async () => {
      const { rules } = await loadFixture(deployRules);
      const [low, high] = [10_000n, 200_000n];
      const flat = { secondFactorBps: low, thirdFactorBps: low, lastFactorBps: low };
      const steep = { secondFactorBps: high, thirdFactorBps: high, lastFactorBps: high };
      const near = { firstEnd: 1n, secondEnd: 2n, thirdEnd: 3n };
      const far = { firstEnd: MOST_END - 2n, secondEnd: MOST_END - 1n, thirdEnd: MOST_END };
      await expect(rules.setBrackets(1n, { ...near, ...flat })).not.to.revert(ethers);
      await expect(rules.setBrackets(MOST_ID, { ...far, ...steep })).not.to.revert(ethers);
    });
  });

  describe("setFundingRules", () => {
    it("is refused to a stranger", async () => {
      const { rules, stranger } = await loadFixture(deployListed);
      await expect(rules.connect(stranger).setFundingRules(ETH, FUNDING))
        .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("tells the rules that it was given", async () => {
      const { rules } = await loadFixture(deployListed);
      await expect(rules.setFundingRules(ETH, FUNDING))
        .to.emit(rules, "FundingRulesSet")
        .withArgs(ETH, Object.values(FUNDING));
    });

    it("keeps them above the brackets, which stay as they were", async () => {
      const { rules } = await loadFixture(deployListed);
      const [, before] = await rules.tradingRules(PERPETUAL);
      await rules.setFundingRules(ETH, FUNDING);
      const [, after] = await rules.tradingRules(PERPETUAL);
      expect(after).to.equal(before | (packedFunding(FUNDING) << FUNDING_PLACE));
    });

    it("keeps an interest that shorts pay in two's complement", async () => {
      const { rules } = await loadFixture(deployListed);
      await rules.setFundingRules(ETH, { ...FUNDING, interestMillionths: -100n });
      const [, brackets] = await rules.tradingRules(PERPETUAL);
      const interestMillionths = 2n ** 16n - 100n;
      expect(brackets >> FUNDING_PLACE).to.equal(packedFunding({ ...FUNDING, interestMillionths }));
    });

    it("acts at once, also while the brackets are on their way", async () => {
      const { rules } = await loadFixture(deployListed);
      const end = await endOfNextRamp();
      await rules.setBrackets(ETH, { ...BRACKETS, firstEnd: 1_000_002n });
      await rules.setFundingRules(ETH, FUNDING);
      const funding = packedFunding(FUNDING) << FUNDING_PLACE;
      const read = async () => (await rules.tradingRules(PERPETUAL))[1] - funding;
      const words = [1_000_000n, 1_000_001n, 1_000_001n].map((firstEnd) =>
        packedBrackets({ ...BRACKETS, firstEnd }),
      );
      // On their way all of them are read, and then again the first alone.
      words.push(1_000_002n);
      expect(await readAlong(end, read)).to.deep.equal(words);
    });

    it("replaces the rules of before", async () => {
      const { rules } = await loadFixture(deployListed);
      await rules.setFundingRules(ETH, FUNDING);
      const others = { ...FUNDING, interestMillionths: 0n, depthShareBps: 2n ** 16n - 1n };
      await rules.setFundingRules(ETH, others);
      const [, brackets] = await rules.tradingRules(PERPETUAL);
      expect(brackets >> FUNDING_PLACE).to.equal(packedFunding(others));
    });

    it("is not undone when brackets are set anew", async () => {
      const { rules } = await loadFixture(deployListed);
      await rules.setFundingRules(ETH, FUNDING);
      const end = await endOfNextRamp();
      await rules.setBrackets(ETH, { ...BRACKETS, firstEnd: 1_000_002n });
      const read = async () => (await rules.tradingRules(PERPETUAL))[1] >> FUNDING_PLACE;
      expect(await readAlong(end, read)).to.deep.equal(Array(4).fill(packedFunding(FUNDING)));
    });

    it("does not know an underlying without brackets", async () => {
      const { rules } = await loadFixture(deployRules);
      await rules.setUnderlying(ETH, RATES);
      await expect(rules.setFundingRules(ETH, FUNDING))
        .to.be.revertedWithCustomError(rules, "UnknownInstrument")
        .withArgs(PERPETUAL);
    });

    // The least depth share is 2 cap x 5 minutes / (8 hours x 5 bps), rounded up: 0.41666... times the cap.
    const refusals: Refusal<typeof FUNDING>[] = [
      [{ capMillionths: 20_001n }, "capMillionths", 20_001n, 0n, 20_000n],
      [{ interestMillionths: 7_501n }, "interestMillionths", 7_501n, 0n, 7_500n],
      [{ interestMillionths: -7_501n }, "interestMillionths", 7_501n, 0n, 7_500n],
      [{ capMillionths: 0n }, "interestMillionths", 100n, 0n, 0n],
      [{ deadBandMillionths: 10_001n }, "deadBandMillionths", 10_001n, 0n, 10_000n],
      [{ depthShareBps: 3_124n }, "depthShareBps", 3_124n, 3_125n, 65_535n],
      [{ capMillionths: 6_000n, depthShareBps: 2_499n }, "depthShareBps", 2_499n, 2_500n, 65_535n],
      [{ capMillionths: 7_501n, depthShareBps: 3_125n }, "depthShareBps", 3_125n, 3_126n, 65_535n],
      [{ capMillionths: 20_000n, depthShareBps: 8_333n }, "depthShareBps", 8_333n, 8_334n, 65_535n],
    ];
    for (const [change, name, value, least, most] of refusals) {
      it(`refuses ${title(change)}`, async () => {
        const { rules } = await loadFixture(deployListed);
        await expect(rules.setFundingRules(ETH, { ...FUNDING, ...change }))
          .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
          .withArgs(nameOf(name), value, least, most);
      });
    }

    it("takes the ends of every bound", async () => {
      const { rules } = await loadFixture(deployListed);
      const none = {
        interestMillionths: 0n,
        deadBandMillionths: 0n,
        capMillionths: 0n,
        depthShareBps: 0n,
      };
      const most = {
        interestMillionths: 20_000n,
        deadBandMillionths: 10_000n,
        capMillionths: 20_000n,
        depthShareBps: 65_535n,
      };
      const steepest = { ...most, interestMillionths: -20_000n, depthShareBps: 8_334n };
      for (const ends of [none, most, steepest, { ...FUNDING, depthShareBps: 3_125n }]) {
        await expect(rules.setFundingRules(ETH, ends)).not.to.revert(ethers);
      }
    });
  });

  describe("instrumentRules", () => {
    it("returns what a margin needs of a listed perpetual, and of its brackets the first", async () => {
      const { rules } = await loadFixture(deployListed);
      await rules.setFundingRules(ETH, FUNDING);
      const words = [packedRates(395n * ONE_BPS), BRACKETS.firstEnd];
      expect(await rules.instrumentRules(PERPETUAL)).to.deep.equal(words);
      expect(await rules.marginRules(PERPETUAL)).to.deep.equal([
        ...words,
        await rules.liquidationRules(),
      ]);
      expect(await rules.bracketsOf(PERPETUAL)).to.equal(packedBrackets(BRACKETS));
    });

    it("returns what a trade needs of it", async () => {
      const { rules } = await loadFixture(deployListed);
      await rules.setFundingRules(ETH, FUNDING);
      expect(await rules.tradingRules(PERPETUAL)).to.deep.equal([
        packedForTrades(395n * ONE_BPS),
        BRACKETS.firstEnd | (packedFunding(FUNDING) << FUNDING_PLACE),
      ]);
    });

    for (const [name, instrument] of [
      ["an underlying without rates", (1n << 192n) | (2n << 168n)],
      ["a kind of 0", ETH << 168n],
      ["a future", (2n << 192n) | (ETH << 168n)],
      ["a call", (3n << 192n) | (ETH << 168n)],
      ["a kind beyond the word's eight bits", (9n << 192n) | (ETH << 168n)],
      ["a perpetual with an expiry", PERPETUAL | (1n << 128n)],
      ["a perpetual with a strike", PERPETUAL | 1n],
      ["a perpetual with a bit above the kind", PERPETUAL | (1n << 200n)],
      ["the highest bit", PERPETUAL | (1n << 255n)],
    ] as const) {
      it(`does not know ${name}`, async () => {
        const { rules } = await loadFixture(deployListed);
        for (const read of [
          "instrumentRules",
          "marginRules",
          "tradingRules",
          "bracketsOf",
        ] as const) {
          await expect(rules[read](instrument), read)
            .to.be.revertedWithCustomError(rules, "UnknownInstrument")
            .withArgs(instrument);
        }
      });
    }

    it("knows a perpetual once rates, kind and brackets are all set, in any order", async () => {
      const { rules } = await loadFixture(deployRules);
      const unknown = async () =>
        expect(rules.instrumentRules(PERPETUAL))
          .to.be.revertedWithCustomError(rules, "UnknownInstrument")
          .withArgs(PERPETUAL);
      await rules.setBrackets(ETH, BRACKETS);
      await unknown();
      await rules.setUnderlying(ETH, { ...RATES, kinds: 0n });
      await unknown();
      await rules.setUnderlying(ETH, RATES);
      await expect(rules.instrumentRules(PERPETUAL)).not.to.revert(ethers);
    });

    it("does not know a perpetual without brackets", async () => {
      const { rules } = await loadFixture(deployRules);
      await rules.setUnderlying(ETH, RATES);
      await expect(rules.instrumentRules(PERPETUAL))
        .to.be.revertedWithCustomError(rules, "UnknownInstrument")
        .withArgs(PERPETUAL);
    });
  });

  describe("listCollateral", () => {
    it("is refused to a stranger", async () => {
      const { rules, weth, stranger } = await loadFixture(deployRules);
      await expect(rules.connect(stranger).listCollateral(await weth.getAddress(), COLLATERAL))
        .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("gives tokens their places in turn, with the decimals that they say", async () => {
      const { rules, weth, wbtc } = await loadFixture(deployRules);
      const [first, second] = [await weth.getAddress(), await wbtc.getAddress()];
      await expect(rules.listCollateral(first, COLLATERAL))
        .to.emit(rules, "CollateralSet")
        .withArgs(first, 0n, 18n, Object.values(COLLATERAL), 0n);
      await expect(rules.listCollateral(second, { ...COLLATERAL, accepted: false }))
        .to.emit(rules, "CollateralSet")
        .withArgs(second, 1n, 8n, Object.values({ ...COLLATERAL, accepted: false }), 0n);
      expect(await rules.collateralCount()).to.equal(2n);
    });

    // TK3: what the token says is what is kept.
    for (const decimals of [0n, 6n, 24n]) {
      it(`takes a token of ${decimals} decimals (TK3)`, async () => {
        const { rules } = await loadFixture(deployRules);
        const token = await ethers.deployContract("MockToken", ["Token", "TKN", decimals]);
        await rules.listCollateral(await token.getAddress(), COLLATERAL);
        const word = await rules.collateralOf(await token.getAddress());
        expect((word >> 24n) & 0xffn).to.equal(decimals);
      });
    }

    it("refuses a token of 25 decimals (TK3)", async () => {
      const { rules } = await loadFixture(deployRules);
      const token = await ethers.deployContract("MockToken", ["Token", "TKN", 25n]);
      await expect(rules.listCollateral(await token.getAddress(), COLLATERAL))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(nameOf("decimals"), 25n, 0n, 24n);
    });

    it("refuses an address that does not say its decimals", async () => {
      const { rules, stranger } = await loadFixture(deployRules);
      for (const token of [ethers.ZeroAddress, stranger.address, await rules.getAddress()]) {
        await expect(rules.listCollateral(token, COLLATERAL))
          .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
          .withArgs(nameOf("decimals"), 2n ** 256n - 1n, 0n, 24n);
      }
    });

    it("refuses a token that is listed already", async () => {
      const { rules, weth } = await loadFixture(deployListed);
      await expect(rules.listCollateral(await weth.getAddress(), COLLATERAL))
        .to.be.revertedWithCustomError(rules, "TokenAlreadyListed")
        .withArgs(await weth.getAddress());
    });

    it("takes 16 tokens and refuses the next", async () => {
      const { rules, wbtc } = await loadFixture(deployListed);
      for (let count = 1; count < 16; ++count) {
        const token = await ethers.deployContract("MockToken", ["Token", "TKN", 18n]);
        await rules.listCollateral(await token.getAddress(), COLLATERAL);
      }
      expect(await rules.collateralCount()).to.equal(16n);
      await expect(rules.listCollateral(await wbtc.getAddress(), COLLATERAL))
        .to.be.revertedWithCustomError(rules, "TooManyTokens")
        .withArgs(16n);
    });
  });

  describe("setCollateral", () => {
    it("is refused to a stranger", async () => {
      const { rules, weth, stranger } = await loadFixture(deployListed);
      await expect(rules.connect(stranger).setCollateral(await weth.getAddress(), COLLATERAL))
        .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("changes the rules and keeps place and decimals", async () => {
      const { rules, wbtc } = await loadFixture(deployListed);
      const token = await wbtc.getAddress();
      await rules.listCollateral(token, COLLATERAL);
      const changed = { ...COLLATERAL, accepted: false };
      await expect(rules.setCollateral(token, changed))
        .to.emit(rules, "CollateralSet")
        .withArgs(token, 1n, 8n, Object.values(changed), 0n);
      const fields: [bigint, bigint][] = [
        [COLLATERAL.underlying, 24n],
        [8n, 8n],
        [1_500n, 16n],
        [2_000n, 16n],
        [1n, 8n],
        [0n, 8n],
        [1n, 8n],
      ];
      expect(await rules.collateralOf(token)).to.equal(pack(...fields));
      expect(await rules.collateralCount()).to.equal(2n);
    });

    it("moves the haircuts in a straight line, and the rest at once", async () => {
      const { rules, weth } = await loadFixture(deployListed);
      const token = await weth.getAddress();
      const changed = {
        ...COLLATERAL,
        maintenanceHaircutBps: 1_000n,
        initialHaircutBps: 4_000n,
        accepted: false,
      };
      const end = await endOfNextRamp();
      await expect(rules.setCollateral(token, changed))
        .to.emit(rules, "CollateralSet")
        .withArgs(token, 0n, 18n, Object.values(changed), end);
      const read = async () => {
        const word = await rules.collateralOf(token);
        expect(await rules.collateralAt(0n)).to.deep.equal([token, word]);
        return [(word >> 32n) & 0xffffn, (word >> 48n) & 0xffffn, (word >> 72n) & 1n];
      };
      expect(await readAlong(end, read)).to.deep.equal([
        [1_500n, 2_000n, 0n],
        [1_250n, 3_000n, 0n],
        [1_001n, 3_999n, 0n],
        [1_000n, 4_000n, 0n],
      ]);
    });

    it("leaves a ramp as it is when the haircuts are the same", async () => {
      const { rules, weth } = await loadFixture(deployListed);
      const token = await weth.getAddress();
      const changed = { ...COLLATERAL, initialHaircutBps: 4_000n };
      const end = await endOfNextRamp();
      await rules.setCollateral(token, changed);
      const word = await rules.collateralOf(token);
      const stopped = { ...changed, accepted: false };
      await expect(rules.setCollateral(token, stopped))
        .to.emit(rules, "CollateralSet")
        .withArgs(token, 0n, 18n, Object.values(stopped), end);
      expect(word - (await rules.collateralOf(token))).to.equal(1n << 72n);
      await time.increaseTo(end - RAMP_SECONDS / 2n);
      expect(((await rules.collateralOf(token)) >> 48n) & 0xffffn).to.equal(3_000n);
    });

    it("begins a second ramp of the haircuts where the first one is", async () => {
      const { rules, weth } = await loadFixture(deployListed);
      const token = await weth.getAddress();
      const end = await endOfNextRamp();
      await rules.setCollateral(token, { ...COLLATERAL, initialHaircutBps: 4_000n });
      await time.setNextBlockTimestamp(end - RAMP_SECONDS / 2n);
      await rules.setCollateral(token, COLLATERAL);
      const read = async () => ((await rules.collateralOf(token)) >> 48n) & 0xffffn;
      const haircuts = [3_000n, 2_500n, 2_001n, 2_000n];
      expect(await readAlong(end + RAMP_SECONDS / 2n, read)).to.deep.equal(haircuts);
    });

    it("does not let a token that accounts may hold change its price", async () => {
      const { rules, wbtc } = await loadFixture(deployListed);
      const token = await wbtc.getAddress();
      await rules.listCollateral(token, COLLATERAL);
      const [held, other] = [COLLATERAL.underlying, COLLATERAL.underlying + 1n];
      await expect(rules.setCollateral(token, { ...COLLATERAL, underlying: other }))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(nameOf("underlying"), other, held, held);
    });

    it("does not know a token that was never listed", async () => {
      const { rules, wbtc } = await loadFixture(deployListed);
      await expect(rules.setCollateral(await wbtc.getAddress(), COLLATERAL))
        .to.be.revertedWithCustomError(rules, "UnknownToken")
        .withArgs(await wbtc.getAddress());
    });
  });

  describe("the bounds of listCollateral and setCollateral", () => {
    const refusals: Refusal<typeof COLLATERAL>[] = [
      [{ underlying: 0n }, "underlying", 0n, 1n, MOST_ID],
      [{ initialHaircutBps: 1_499n }, "initialHaircutBps", 1_499n, 1_500n, 9_999n],
      [{ initialHaircutBps: 10_000n }, "initialHaircutBps", 10_000n, 1_500n, 9_999n],
      [{ maintenanceHaircutBps: 10_000n }, "maintenanceHaircutBps", 10_000n, 0n, 9_999n],
    ];
    for (const [change, name, value, least, most] of refusals) {
      it(`refuse ${title(change)}`, async () => {
        const { rules, weth, wbtc } = await loadFixture(deployListed);
        const parameters = { ...COLLATERAL, ...change };
        for (const act of [
          rules.listCollateral(await wbtc.getAddress(), parameters),
          rules.setCollateral(await weth.getAddress(), parameters),
        ]) {
          await expect(act)
            .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
            .withArgs(nameOf(name), value, least, most);
        }
      });
    }

    it("take their ends", async () => {
      const { rules, weth } = await loadFixture(deployListed);
      for (const [maintenanceHaircutBps, initialHaircutBps] of [
        [0n, 0n],
        [9_999n, 9_999n],
      ] as const) {
        const ends = { ...COLLATERAL, maintenanceHaircutBps, initialHaircutBps };
        await expect(rules.setCollateral(await weth.getAddress(), ends)).not.to.revert(ethers);
      }
    });
  });

  describe("collateralOf and collateralAt", () => {
    it("return the word of a listed token", async () => {
      const { rules, weth } = await loadFixture(deployListed);
      const word = await rules.collateralOf(await weth.getAddress());
      expect(await rules.collateralAt(0n)).to.deep.equal([await weth.getAddress(), word]);
    });

    it("return nothing beyond the end of the list", async () => {
      const { rules } = await loadFixture(deployListed);
      for (const place of [1n, 2n ** 256n - 1n]) {
        expect(await rules.collateralAt(place)).to.deep.equal([ethers.ZeroAddress, 0n]);
      }
    });

    it("do not know a token that was never listed", async () => {
      const { rules, wbtc } = await loadFixture(deployListed);
      await expect(rules.collateralOf(await wbtc.getAddress()))
        .to.be.revertedWithCustomError(rules, "UnknownToken")
        .withArgs(await wbtc.getAddress());
    });
  });

  describe("setLiquidationRules", () => {
    it("is refused to a stranger", async () => {
      const { rules, stranger } = await loadFixture(deployRules);
      await expect(rules.connect(stranger).setLiquidationRules(LIQUIDATION))
        .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("tells and returns the rules that it was given", async () => {
      const { rules } = await loadFixture(deployRules);
      await expect(rules.setLiquidationRules(LIQUIDATION))
        .to.emit(rules, "LiquidationRulesSet")
        .withArgs(Object.values(LIQUIDATION), 0n);
      const { mostInstruments, fundDrawCapBps, openInterestBase, ...others } = LIQUIDATION;
      const { deleverageDelay, lendersCapBps, fundFloorBps, ...rest } = others;
      const fields = Object.values(rest).map((value): [bigint, bigint] => [value, 16n]);
      fields.push([mostInstruments, 8n], [fundDrawCapBps, 16n], [openInterestBase, 40n]);
      fields.push([deleverageDelay, 16n], [lendersCapBps, 16n], [fundFloorBps, 16n]);
      expect(await rules.liquidationRules()).to.equal(pack(...fields));
    });

    it("moves the minimum margins in a straight line, and the rest at once", async () => {
      const { rules } = await loadFixture(deployRules);
      await rules.setLiquidationRules(LIQUIDATION);
      const before = await rules.liquidationRules();
      const changed = {
        ...LIQUIDATION,
        bufferBps: 1_501n,
        minimumMargin: 40n,
        minimumMarginOfItem: 1n,
      };
      const end = await endOfNextRamp();
      await expect(rules.setLiquidationRules(changed))
        .to.emit(rules, "LiquidationRulesSet")
        .withArgs(Object.values(changed), end);
      const read = async () => rules.liquidationRules();
      const words = [
        [20n, 5n],
        [30n, 3n],
        [39n, 2n],
        [40n, 1n],
      ].map(([margin, ofItem]) => {
        const moved = ((margin! - 20n) << 80n) + ((ofItem! - 5n) << 96n);
        return before + (1n << 48n) + moved + (end << 224n);
      });
      expect(await readAlong(end, read)).to.deep.equal(words);
    });

    it("leaves a ramp as it is when the minimum margins are the same", async () => {
      const { rules } = await loadFixture(deployRules);
      await rules.setLiquidationRules(LIQUIDATION);
      const higher = { ...LIQUIDATION, minimumMargin: 40n };
      const end = await endOfNextRamp();
      await rules.setLiquidationRules(higher);
      await time.increaseTo(end - RAMP_SECONDS / 2n);
      const before = await rules.liquidationRules();
      const other = { ...higher, bufferBps: 1_501n };
      await expect(rules.setLiquidationRules(other))
        .to.emit(rules, "LiquidationRulesSet")
        .withArgs(Object.values(other), end);
      expect((await rules.liquidationRules()) - before).to.equal(1n << 48n);
    });

    it("begins a second ramp of the minimum margins where the first one is", async () => {
      const { rules } = await loadFixture(deployRules);
      await rules.setLiquidationRules(LIQUIDATION);
      const end = await endOfNextRamp();
      await rules.setLiquidationRules({ ...LIQUIDATION, minimumMargin: 40n });
      await time.setNextBlockTimestamp(end - RAMP_SECONDS / 2n);
      await rules.setLiquidationRules(LIQUIDATION);
      const read = async () => ((await rules.liquidationRules()) >> 80n) & 0xffffn;
      const margins = [30n, 25n, 21n, 20n];
      expect(await readAlong(end + RAMP_SECONDS / 2n, read)).to.deep.equal(margins);
    });

    const refusals: Refusal<typeof LIQUIDATION>[] = [
      [{ leastIncentiveBps: 99n }, "leastIncentiveBps", 99n, 100n, 5_000n],
      [{ leastIncentiveBps: 5_001n }, "leastIncentiveBps", 5_001n, 100n, 5_000n],
      [{ mostIncentiveBps: 999n }, "mostIncentiveBps", 999n, 1_000n, 9_000n],
      [{ mostIncentiveBps: 9_001n }, "mostIncentiveBps", 9_001n, 1_000n, 9_000n],
      [{ insuranceFeeBps: 5_001n }, "insuranceFeeBps", 5_001n, 0n, 5_000n],
      [
        { leastIncentiveBps: 5_000n, insuranceFeeBps: 5_000n },
        "insuranceFeeBps",
        5_000n,
        0n,
        4_999n,
      ],
      [{ bufferBps: 99n }, "bufferBps", 99n, 100n, 10_000n],
      [{ bufferBps: 10_001n }, "bufferBps", 10_001n, 100n, 10_000n],
      [{ gainsHaircutCapBps: 0n }, "gainsHaircutCapBps", 0n, 1n, 2_000n],
      [{ gainsHaircutCapBps: 2_001n }, "gainsHaircutCapBps", 2_001n, 1n, 2_000n],
      [{ minimumMargin: 0n }, "minimumMargin", 0n, 1n, 10_000n],
      [{ minimumMargin: 10_001n }, "minimumMargin", 10_001n, 1n, 10_000n],
      [{ minimumMarginOfItem: 1_001n }, "minimumMarginOfItem", 1_001n, 0n, 1_000n],
      [{ mostInstruments: 0n }, "mostInstruments", 0n, 1n, 64n],
      [{ mostInstruments: 65n }, "mostInstruments", 65n, 1n, 64n],
      [{ fundDrawCapBps: 99n }, "fundDrawCapBps", 99n, 100n, 10_000n],
      [{ fundDrawCapBps: 10_001n }, "fundDrawCapBps", 10_001n, 100n, 10_000n],
      [{ openInterestBase: 0n }, "openInterestBase", 0n, 1n, 2n ** 40n - 1n],
      [{ deleverageDelay: 599n }, "deleverageDelay", 599n, 600n, 43_200n],
      [{ deleverageDelay: 43_201n }, "deleverageDelay", 43_201n, 600n, 43_200n],
      [{ lendersCapBps: 1_001n }, "lendersCapBps", 1_001n, 0n, 1_000n],
      [{ fundFloorBps: 49n }, "fundFloorBps", 49n, 50n, 2_000n],
      [{ fundFloorBps: 2_001n }, "fundFloorBps", 2_001n, 50n, 2_000n],
    ];
    for (const [change, name, value, least, most] of refusals) {
      it(`refuses ${title(change)}`, async () => {
        const { rules } = await loadFixture(deployRules);
        await expect(rules.setLiquidationRules({ ...LIQUIDATION, ...change }))
          .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
          .withArgs(nameOf(name), value, least, most);
      });
    }

    it("takes the ends of every bound", async () => {
      const { rules } = await loadFixture(deployRules);
      const lowest = {
        leastIncentiveBps: 100n,
        mostIncentiveBps: 100n,
        insuranceFeeBps: 0n,
        bufferBps: 100n,
        gainsHaircutCapBps: 1n,
        minimumMargin: 1n,
        minimumMarginOfItem: 0n,
        mostInstruments: 1n,
        fundDrawCapBps: 100n,
        openInterestBase: 1n,
        deleverageDelay: 600n,
        lendersCapBps: 0n,
        fundFloorBps: 50n,
      };
      const highest = {
        leastIncentiveBps: 4_999n,
        mostIncentiveBps: 9_000n,
        insuranceFeeBps: 5_000n,
        bufferBps: 10_000n,
        gainsHaircutCapBps: 2_000n,
        minimumMargin: 10_000n,
        minimumMarginOfItem: 1_000n,
        mostInstruments: 64n,
        fundDrawCapBps: 10_000n,
        openInterestBase: 2n ** 40n - 1n,
        deleverageDelay: 43_200n,
        lendersCapBps: 1_000n,
        fundFloorBps: 2_000n,
      };
      const split = { ...highest, leastIncentiveBps: 5_000n, insuranceFeeBps: 4_999n };
      for (const ends of [lowest, highest, split]) {
        await expect(rules.setLiquidationRules(ends)).not.to.revert(ethers);
      }
    });
  });
});
