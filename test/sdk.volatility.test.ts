import { expect } from "chai";
import {
  acceptsRound,
  afterRound,
  initialVolatility,
  keptPrice,
  parseWad,
  type PriceRound,
  type RateParameters,
  ratesOf,
  sigmaAt,
  sigmaBpsOf,
  VOLATILITY,
  type VolatilityState,
} from "../sdk/index.js";
import { createRandom } from "../scripts/demo/random.js";
import { readCandles } from "../scripts/prices/candles.js";
import { pricesPath } from "./support/prices.js";

const ETH_LISTING = {
  priorSigmaPercent: 60n,
  decimals: 8n,
  minimum: parseWad(30),
  maximum: parseWad(300_000),
};
const PRIOR_VARIANCE = 360_000_000_000n;
const ETH_RATES: RateParameters = {
  maintenanceBaseBps: 200n,
  maintenanceSlopeBps: 300n,
  maintenanceFloorBps: 300n,
  maintenanceCapBps: 2_000n,
  initialFloorBps: 500n,
  maintenanceToInitialBps: 6_000n,
};
const BTC_RATES: RateParameters = {
  ...ETH_RATES,
  maintenanceFloorBps: 250n,
  initialFloorBps: 400n,
};
const START = 1_600_000_000n;
const HOUR = 3_600n;

const round = (dollars: string | number, updatedAt: bigint): PriceRound => ({
  answer: parseWad(dollars) / 10n ** 10n,
  updatedAt,
});
const begin = (dollars: string | number = 1_000): VolatilityState =>
  initialVolatility(ETH_LISTING, round(dollars, START));
const variances = ({ slowVariance, fastVariance }: VolatilityState): [bigint, bigint] => [
  slowVariance,
  fastVariance,
];

/** A walk of rounds at odd times, with moves of every size, silences and two rounds of one second. */
function walk(seed: number, rounds: number): PriceRound[] {
  const random = createRandom(seed);
  let [price, time] = [1_000, START];
  return Array.from({ length: rounds }, () => {
    price *= Math.exp(random.normal() * (random.uniform() < 0.05 ? 0.08 : 0.005));
    price = Math.min(Math.max(price, 50), 200_000);
    time += BigInt(Math.floor(random.uniform() * (random.uniform() < 0.1 ? 20_000 : 3_600)));
    return { answer: BigInt(Math.round(price * 1e8)), updatedAt: time };
  });
}

describe("sdk volatility", () => {
  describe("a fresh listing", () => {
    it("begins with the prior, read as it is", () => {
      expect(variances(begin())).to.deep.equal([PRIOR_VARIANCE, PRIOR_VARIANCE]);
      expect(sigmaAt(begin(), START)).to.deep.equal({
        slow: parseWad("0.6"),
        fast: parseWad("0.6"),
      });
    });

    it("begins only with a price inside the band that has a time", () => {
      for (const [dollars, time] of [
        [0, START],
        [-1, START],
        [30, START],
        [300_000, START],
        [1_000, 0n],
      ] as const) {
        expect(() => initialVolatility(ETH_LISTING, round(dollars, time))).to.throw(RangeError);
      }
      expect(() => begin("30.00000001")).not.to.throw();
      expect(() => begin("299999.99999999")).not.to.throw();
    });

    it("rounds answers with more decimals than a WAD down before the band is asked, as the oracle does", () => {
      const listing = { ...ETH_LISTING, decimals: 24n };
      const least = 30n * 10n ** 24n;
      const beginAt = (answer: bigint) => initialVolatility(listing, { answer, updatedAt: 1n });
      expect(() => beginAt(least + 10n ** 6n - 1n)).to.throw(RangeError);
      expect(beginAt(least + 10n ** 6n).lastTime).to.equal(1n);
    });
  });

  describe("keptPrice", () => {
    it("keeps what fits into 56 bits, and the leading 56 bits of the rest", () => {
      const end = 2n ** 56n;
      expect(keptPrice(end - 1n)).to.deep.equal({ mantissa: end - 1n, shift: 0n });
      expect(keptPrice(end)).to.deep.equal({ mantissa: end / 2n, shift: 1n });
      expect(keptPrice(end + 1n)).to.deep.equal({ mantissa: end / 2n, shift: 1n });
      const { mantissa, shift } = keptPrice(3n * 10n ** 21n + 12_345n);
      expect(mantissa << shift).to.equal(3n * 10n ** 21n);
    });
  });

  describe("afterRound", () => {
    it("gives what was worked out by hand for a rise of 1 % in an hour", () => {
      const state = afterRound(begin(), round(1_010, START + HOUR));
      expect(variances(state)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
      expect(state.lastTime).to.equal(START + HOUR);
      // Of variances whose roots are 0.604017... and 0.611752...
      expect(sigmaAt(state, START + HOUR)).to.deep.equal({
        slow: parseWad("0.6041"),
        fast: parseWad("0.6118"),
      });
      // (373,947 x 0.6041 + 1,800 x 0.6) / 375,747 and (124,649 x 0.6118 + 1,800 x 0.6) / 126,449, up.
      expect(sigmaAt(state, START + HOUR + 1_800n)).to.deep.equal({
        slow: 604_080_359_124_623_750n,
        fast: 611_632_027_141_377_157n,
      });
    });

    it("takes a fall for what the rise that it undoes was", () => {
      const fallen = afterRound(begin(1_010), round(1_000, START + HOUR));
      expect(variances(fallen)).to.deep.equal([364_837_480_467n, 374_240_861_431n]);
    });

    it("counts at most 20 % of one round", () => {
      const doubled = afterRound(begin(), round(2_000, START + 60n));
      expect(variances(doubled)).to.deep.equal([3_732_713_344_938n, 10_474_894_674_803n]);
      const halved = afterRound(begin(), round(500, START + 60n));
      expect(variances(halved)).to.deep.equal(variances(doubled));
    });

    it("takes two rounds of one second", () => {
      const state = afterRound(begin(), round(1_005, START));
      expect(variances(state)).to.deep.equal([362_097_831_008n, 366_293_493_024n]);
    });

    it("measures a move from the price as it was kept", () => {
      const wide = { ...ETH_LISTING, decimals: 18n };
      const first = initialVolatility(wide, {
        answer: 3n * 10n ** 21n + 12_345n,
        updatedAt: START,
      });
      const next = { answer: 301n * 10n ** 19n, updatedAt: START + HOUR };
      expect(variances(afterRound(first, next))).to.deep.equal([
        357_492_327_791n,
        352_617_766_068n,
      ]);
    });

    it("never goes beyond a volatility of 1,000 %", () => {
      let state = begin();
      for (let i = 1n; i <= 500n; i++) {
        state = afterRound(state, round(i % 2n === 0n ? 1_000 : 1_500, START + i));
      }
      expect(variances(state)).to.deep.equal([VOLATILITY.mostVariance, VOLATILITY.mostVariance]);
      expect(sigmaAt(state, state.lastTime).slow).to.equal(parseWad("6.5535"));
    });

    describe("after a silence", () => {
      it("counts 3,900 s as they are", () => {
        const state = afterRound(begin(), round(1_000, START + 3_900n));
        // Without a move: T variance / (T + 3,900), up.
        const { slowSeconds: memory } = VOLATILITY;
        const bare = (memory * PRIOR_VARIANCE) / (memory + 3_900n) + 1n;
        expect(state.slowVariance).to.equal(bare);
      });

      it("takes what is beyond them to have moved as the prior says", () => {
        const state = afterRound(begin(), round(1_000, START + 3_901n));
        expect(variances(state)).to.deep.equal([356_284_220_110n, 349_078_179_697n]);
        const long = afterRound(begin(), round(1_000, START + 172_800n));
        expect(variances(long)).to.deep.equal([357_432_084_676n, 355_279_863_103n]);
      });

      it("takes the move itself when it is larger", () => {
        const state = afterRound(begin(), round(1_100, START + 7_200n));
        expect(variances(state)).to.deep.equal([1_105_378_840_949n, 2_514_729_342_589n]);
      });
    });

    describe("passes over", () => {
      const passed: [string, PriceRound][] = [
        ["a price of nothing", round(0, START + HOUR)],
        ["a negative price", round(-1_000, START + HOUR)],
        ["a round that never was", { answer: 0n, updatedAt: 0n }],
        ["a price without a time", round(1_010, 0n)],
        ["a price at the lower end of the band", round(30, START + HOUR)],
        ["a price at the upper end of the band", round(300_000, START + HOUR)],
        ["a round dated before the last one", round(1_010, START - 1n)],
      ];
      for (const [what, next] of passed) {
        it(what, () => {
          const state = begin();
          expect(acceptsRound(state, next)).to.be.false;
          expect(afterRound(state, next)).to.equal(state);
        });
      }
    });
  });

  describe("rounds told at once or one by one", () => {
    it("lead to the same state, however they are split and whenever it is read in between", () => {
      const rounds = walk(1, 400);
      const tell = (state: VolatilityState, some: readonly PriceRound[]) =>
        some.reduce(afterRound, state);
      const whole = tell(begin(), rounds);
      for (const size of [1, 7, 100, 399]) {
        let state = begin();
        for (let from = 0; from < rounds.length; from += size) {
          state = tell(state, rounds.slice(from, from + size));
          sigmaAt(state, state.lastTime + 5n);
        }
        expect(state).to.deep.equal(whole);
      }
    });

    it("may have a round told again: it is one second's second round without a move", () => {
      const rounds = walk(2, 50);
      const told = rounds.reduce(afterRound, begin());
      const again = afterRound(told, rounds.at(-1)!);
      expect(again.slowVariance).to.equal(told.slowVariance);
      expect(again.fastVariance).to.equal(told.fastVariance);
    });
  });

  describe("sigmaBpsOf", () => {
    it("is the square root of a variance, rounded up to whole basis points", () => {
      const { slowVariance, fastVariance } = walk(3, 200).reduce(afterRound, begin());
      for (const variance of [1n, 9_999n, 10_001n, PRIOR_VARIANCE, slowVariance, fastVariance]) {
        const bps = sigmaBpsOf(variance);
        // A basis point squared is 10^4 units of variance.
        expect(bps * bps * 10_000n >= variance, `${variance}`).to.be.true;
        expect((bps - 1n) * (bps - 1n) * 10_000n < variance, `${variance}`).to.be.true;
      }
    });

    it("is exact for every prior, and a basis point more for a unit of variance more", () => {
      for (let percent = 1n; percent <= 255n; percent++) {
        const variance = percent * percent * 10n ** 8n;
        expect(sigmaBpsOf(variance)).to.equal(percent * 100n);
        expect(sigmaBpsOf(variance + 1n)).to.equal(percent * 100n + 1n);
      }
    });

    it("is 0 for nothing and at most what fits", () => {
      expect(sigmaBpsOf(0n)).to.equal(0n);
      const most = 65_535n * 65_535n * 10_000n;
      expect(sigmaBpsOf(most - 65_535n * 20_000n)).to.equal(65_534n);
      for (const variance of [most, most + 1n, VOLATILITY.mostVariance]) {
        expect(sigmaBpsOf(variance)).to.equal(65_535n);
      }
    });
  });

  describe("sigmaAt", () => {
    const stormy = walk(3, 200).reduce(afterRound, begin());
    const quiet = Array.from({ length: 200 }, (_, i) =>
      round(1_000, START + BigInt(i + 1) * HOUR),
    ).reduce(afterRound, begin());

    it("goes back to the prior without news, from above and from below, and never past it", () => {
      const times = Array.from({ length: 200 }, (_, i) => BigInt(i) * 20_000n);
      const prior = parseWad("0.6");
      for (const [state, sign] of [
        [stormy, 1n],
        [quiet, -1n],
      ] as const) {
        const read = times.map((waited) => sigmaAt(state, state.lastTime + waited));
        for (const which of ["slow", "fast"] as const) {
          read.forEach((sigmas, i) => {
            const before = read[i - 1]?.[which] ?? sigmas[which] + sign;
            expect((before - sigmas[which]) * sign > 0n, `${which} ${i}`).to.be.true;
            expect((sigmas[which] - prior) * sign > 0n, `${which} ${i}`).to.be.true;
          });
        }
      }
      const late = sigmaAt(stormy, stormy.lastTime + 10n ** 12n);
      expect(late.slow - prior).to.be.within(0n, parseWad("0.000001"));
    });

    it("begins with what was noted, whatever it is", () => {
      const others = [1, 5, 20].map((rounds) => walk(4, rounds).reduce(afterRound, begin()));
      for (const state of [stormy, quiet, ...others]) {
        expect(sigmaAt(state, state.lastTime)).to.deep.equal({
          slow: sigmaBpsOf(state.slowVariance) * 10n ** 14n,
          fast: sigmaBpsOf(state.fastVariance) * 10n ** 14n,
        });
      }
    });

    it("is the mean of what was noted and the prior, by memory and silence, rounded up", () => {
      const noted = sigmaBpsOf(stormy.fastVariance) * 10n ** 14n;
      for (const waited of [1n, 12n, 3_599n, 86_400n, 10n ** 9n]) {
        const { fast } = sigmaAt(stormy, stormy.lastTime + waited);
        const whole = VOLATILITY.fastSeconds + waited;
        const exact = VOLATILITY.fastSeconds * noted + waited * parseWad("0.6");
        expect(fast * whole >= exact && (fast - 1n) * whole < exact, `${waited} s`).to.be.true;
      }
    });

    it("refuses a time before the last round", () => {
      expect(() => sigmaAt(begin(), START - 1n)).to.throw(RangeError, "not at 1599999999");
    });
  });

  describe("ratesOf", () => {
    const at = (slow: string, fast = slow) => ({ slow: parseWad(slow), fast: parseWad(fast) });

    it("gives the rates of the risk parameters at the priors", () => {
      expect(ratesOf(ETH_RATES, at("0.6"))).to.deep.equal({
        maintenance: parseWad("0.038"),
        initial: 63_333_333_333_333_334n,
      });
      expect(ratesOf(BTC_RATES, at("0.45"))).to.deep.equal({
        maintenance: parseWad("0.0335"),
        initial: 55_833_333_333_333_334n,
      });
    });

    it("lets the fast volatility raise initial, and nothing else", () => {
      expect(ratesOf(ETH_RATES, at("0.6", "1.2"))).to.deep.equal({
        maintenance: parseWad("0.038"),
        initial: 93_333_333_333_333_334n,
      });
      expect(ratesOf(ETH_RATES, at("0.6", "0.1"))).to.deep.equal(ratesOf(ETH_RATES, at("0.6")));
    });

    it("stays between floor and cap, and initial above a floor of its own", () => {
      expect(ratesOf(ETH_RATES, at("0.2"))).to.deep.equal({
        maintenance: parseWad("0.03"),
        initial: parseWad("0.05"),
      });
      expect(ratesOf(ETH_RATES, at("10"))).to.deep.equal({
        maintenance: parseWad("0.2"),
        initial: 333_333_333_333_333_334n,
      });
      const high = { ...BTC_RATES, initialFloorBps: 900n };
      expect(ratesOf(high, at("0.1")).initial).to.equal(parseWad("0.09"));
    });

    it("rounds the slope up", () => {
      const sigmas = { slow: parseWad("0.6") + 1n, fast: 0n };
      expect(ratesOf(ETH_RATES, sigmas).maintenance).to.equal(parseWad("0.038") + 1n);
    });
  });

  describe("against an exact EWMA", () => {
    for (const [asset, priorSigmaPercent] of [
      ["eth", 60n],
      ["btc", 45n],
    ] as const) {
      it(`is within 2 % of it in eight years of hours of ${asset}`, async function () {
        const path = pricesPath(`${asset}_spot_binance_1h_2018-2026.csv.gz`);
        // The file is shared material that is no part of the project.
        if (path === undefined) return this.skip();
        this.timeout(20_000);
        const candles = await readCandles(path);
        const rounds = candles.map(({ ts, close }) => ({
          answer: BigInt(Math.round(close * 1e8)),
          updatedAt: BigInt(ts) + HOUR,
        }));
        const listing = {
          ...ETH_LISTING,
          priorSigmaPercent,
          minimum: 0n,
          maximum: parseWad(10_000_000),
        };
        expect(deviationFromExact(rounds, listing, "slowVariance")).to.be.within(0.002, 0.02);
        expect(deviationFromExact(rounds, listing, "fastVariance")).to.be.within(0.002, 0.02);
      });
    }
  });
});

/**
 * The largest difference of sigma to the EWMA with an exponential. After a silence, for which the rule has an answer of its
 * own, both go on from the same variance.
 */
function deviationFromExact(
  rounds: readonly PriceRound[],
  listing: typeof ETH_LISTING,
  which: "slowVariance" | "fastVariance",
): number {
  const memory = Number(which === "slowVariance" ? VOLATILITY.slowSeconds : VOLATILITY.fastSeconds);
  const year = Number(VOLATILITY.year);
  let state = initialVolatility(listing, rounds[0]!);
  let exact = Number(state[which]) / 1e12;
  let worst = 0;
  rounds.slice(1).forEach((next, i) => {
    const elapsed = Number(next.updatedAt - state.lastTime);
    const move = Math.log(Number(next.answer) / Number(rounds[i]!.answer));
    state = afterRound(state, next);
    const kept = Number(state[which]) / 1e12;
    const weight = 1 - Math.exp(-elapsed / memory);
    const seen = (Math.min(move ** 2, 0.04) * year) / elapsed;
    exact = elapsed > Number(VOLATILITY.honestGap) ? kept : (1 - weight) * exact + weight * seen;
    worst = Math.max(worst, Math.abs(Math.sqrt(kept / exact) - 1));
  });
  return worst;
}
