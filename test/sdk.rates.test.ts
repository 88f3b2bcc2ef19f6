import { expect } from "chai";
import hre from "hardhat";
import {
  bracketsAt,
  constantRates,
  decodeBrackets,
  decodeCollateralRules,
  decodeLiquidationRules,
  decodeNotedVolatility,
  decodeRateRules,
  haircutsAt,
  hasOwnVolatility,
  liquidationAt,
  marginRatesAt,
  parseWad,
  RAMP_SECONDS,
  type RateState,
  sigmasAt,
} from "../sdk/index.js";
import { BRACKETS, COLLATERAL, deployListedRules, ETH, LIQUIDATION } from "./fixtures/ramps.js";
import { MOMENTS, RATES } from "./fixtures/ramps.js";

const { networkHelpers } = await hre.network.create();
const { loadFixture, time } = networkHelpers;

describe("The rules of a moment, in the SDK", () => {
  async function load() {
    return loadFixture(deployListedRules);
  }

  /** At each moment of a ramp that began now. */
  async function atMoments(check: (now: bigint) => Promise<void>): Promise<void> {
    const begun = BigInt(await time.latest());
    for (const passed of MOMENTS) {
      if (passed > 0n) await time.increaseTo(begun + passed);
      await check(begun + passed);
    }
  }

  it("are on their way as the contracts' rates are", async () => {
    const { rules } = await load();
    await rules.setUnderlying(ETH, { ...RATES, maintenanceBaseBps: 777n, priorSigmaPercent: 90n });
    await atMoments(async (now) => {
      const said = await rules.marginRatesOf(ETH);
      const former = { rates: decodeRateRules(said.formerRules), ownVolatility: undefined };
      const state: RateState = {
        rates: decodeRateRules(said.rules),
        noted: decodeNotedVolatility(said.rules),
        former: said.formerRules === 0n ? undefined : former,
        endOfRamp: said.endOfRamp,
      };
      const { initial, maintenance } = said;
      expect(marginRatesAt(state, now)).to.deep.equal({ initial, maintenance });
      expect(hasOwnVolatility(said.formerRules)).to.equal(false);
    });
  });

  it("follow the volatility that an oracle has noted", async () => {
    const { rules } = await load();
    const noted = { slowBps: 8_123n, fastBps: 12_345n, roundAt: 1_700_000_000n };
    const { rules: word } = await rules.marginRatesOf(ETH);
    const packed = noted.slowBps | (noted.fastBps << 16n) | (noted.roundAt << 32n);
    expect(decodeNotedVolatility(word | (packed << 152n))).to.deep.equal(noted);
    const { slow, fast } = sigmasAt(noted, 60n, noted.roundAt);
    expect([slow, fast]).to.deep.equal([parseWad("0.8123"), parseWad("1.2345")]);
    expect(sigmasAt(undefined, 60n, 0n)).to.deep.equal(prior("0.6"));
  });

  it("have brackets on their way", async () => {
    const { rules } = await load();
    await rules.setBrackets(ETH, { ...BRACKETS, secondFactorBps: 19_999n, lastFactorBps: 70_001n });
    const { endOfRamp, targetBrackets } = await rules.marginRatesOf(ETH);
    const moving = { now: decodeBrackets(targetBrackets), former: BRACKETS, endOfRamp };
    await atMoments(async (now) => {
      const { brackets } = await rules.marginRatesOf(ETH);
      expect(bracketsAt(moving, now)).to.deep.equal(decodeBrackets(brackets));
    });
  });

  it("have haircuts on their way, and a frozen token at nothing", async () => {
    const { rules, weth } = await load();
    const given = { ...COLLATERAL, maintenanceHaircutBps: 3_001n, initialHaircutBps: 4_003n };
    await rules.setCollateral(weth, given);
    const endOfRamp = BigInt(await time.latest()) + RAMP_SECONDS;
    await atMoments(async (now) => {
      const [token, word] = await rules.collateralAt(0n);
      const { maintenanceHaircutBps, initialHaircutBps } = decodeCollateralRules(token, word);
      const read = haircutsAt({ now: given, former: COLLATERAL, endOfRamp }, 0n, now);
      expect(read).to.deep.include({ maintenanceHaircutBps, initialHaircutBps });
    });
    const frozen = haircutsAt({ now: given, former: undefined, endOfRamp }, 5n, 5n);
    expect(frozen.initialHaircutBps).to.equal(10_000n);
  });

  it("have minimum margins on their way", async () => {
    const { rules } = await load();
    const before = decodeLiquidationRules(await rules.liquidationRules());
    await rules.setLiquidationRules({ ...LIQUIDATION, minimumMargin: 1_999n, bufferBps: 2_000n });
    const endOfRamp = BigInt(await time.latest()) + RAMP_SECONDS;
    const after = { ...before, minimumMargin: 1_999n, bufferBps: 2_000n };
    await atMoments(async (now) => {
      const said = decodeLiquidationRules(await rules.liquidationRules());
      expect(liquidationAt({ now: after, former: before, endOfRamp }, now)).to.deep.equal(said);
    });
  });

  it("know what is left of a ramp that another one interrupts", () => {
    const rates = constantRates({ initial: parseWad("0.05009"), maintenance: parseWad("0.03") });
    const state = { rates, noted: undefined, former: undefined, endOfRamp: 0n };
    const expected = { initial: parseWad("0.05"), maintenance: parseWad("0.03") };
    expect(marginRatesAt(state, 1n)).to.deep.equal(expected);
  });
});

const prior = (sigma: string) => ({ slow: parseWad(sigma), fast: parseWad(sigma) });
