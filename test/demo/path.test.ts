import { expect } from "chai";
import type { Candle } from "../../scripts/prices/candles.js";
import { UsageError } from "../../scripts/demo/errors.js";
import {
  candleSpacing,
  followPrice,
  sampleFeed,
  walkCandles,
  type PricePoint,
} from "../../scripts/demo/path.js";
import { createRandom } from "../../scripts/demo/random.js";
import { syntheticCandles } from "../../scripts/demo/synthetic.js";
import { selectWindow, worstDrawdown } from "../../scripts/demo/window.js";

const BEGIN = 1_583_884_800;

/** Candles that do nothing but sit at a price each. */
function flatCandles(prices: readonly number[], spacing = 3600): Candle[] {
  return prices.map((price, i) => ({
    ts: BEGIN + i * spacing,
    open: price,
    high: price,
    low: price,
    close: price,
  }));
}

function pointsOf(prices: readonly number[], spacing = 60): PricePoint[] {
  return prices.map((price, i) => ({ time: i * spacing, price }));
}

describe("demo price path", () => {
  describe("walkCandles", () => {
    it("lets a rising candle dip first", () => {
      const walk = walkCandles([{ ts: 0, open: 10, high: 12, low: 9, close: 11 }]);
      expect(walk.map(({ price }) => price)).to.deep.equal([10, 9, 12, 11]);
    });

    it("lets a falling candle rise first", () => {
      const walk = walkCandles([{ ts: 0, open: 11, high: 12, low: 9, close: 10 }]);
      expect(walk.map(({ price }) => price)).to.deep.equal([11, 12, 9, 10]);
    });

    it("keeps a candle's four times inside of it, in order", () => {
      const walk = walkCandles(flatCandles([1, 2, 3], 60));
      expect(walk.slice(0, 5).map(({ time }) => time - BEGIN)).to.deep.equal([0, 20, 40, 59, 60]);
    });

    it("takes the smallest distance as the candle's length, as files have holes", () => {
      const [a, b, c] = flatCandles([1, 2, 3]) as [Candle, Candle, Candle];
      expect(
        candleSpacing([a, { ...b, ts: a.ts + 9 * 3600 }, { ...c, ts: a.ts + 10 * 3600 }]),
      ).to.equal(3600);
    });
  });

  describe("sampleFeed", () => {
    it("reports a move of half a percent and nothing smaller", () => {
      const { points } = sampleFeed(pointsOf([100, 100.4, 100.6, 100.2, 100.1, 100.1]), 200);
      expect(points.map(({ price }) => price)).to.deep.equal([100, 100.6, 100.1]);
    });

    it("reports once an hour when nothing moves", () => {
      const { points } = sampleFeed(pointsOf(new Array<number>(181).fill(100)), 200);
      expect(points.map(({ time }) => time)).to.deep.equal([0, 3600, 7200, 10_800]);
    });

    it("keeps to the bound by widening the deviation, and always ends at the last price", () => {
      const random = createRandom(5);
      let price = 100;
      const walk = pointsOf(
        Array.from({ length: 5000 }, () => (price *= 1 + 0.01 * random.normal())),
      );
      const { points, deviation } = sampleFeed(walk, 200);
      expect(points.length).to.be.at.most(200).and.above(100);
      expect(deviation).to.be.above(0.005);
      expect(points.at(-1)).to.deep.equal(walk.at(-1));
    });

    it("slows the heartbeat down for long stretches", () => {
      const { points } = sampleFeed(pointsOf(new Array<number>(24 * 365).fill(100), 3600), 200);
      expect(points.length).to.be.at.most(200);
    });

    it("gives strictly later times", () => {
      const { points } = sampleFeed(
        [
          { time: 0, price: 100 },
          { time: 5, price: 110 },
          { time: 5, price: 120 },
          { time: 6, price: 90 },
        ],
        200,
      );
      expect(points.map(({ price }) => price)).to.deep.equal([100, 120, 90]);
    });
  });

  describe("followPrice", () => {
    it("moves by beta in log returns", () => {
      expect(followPrice(60_000, { move: 0.5, beta: 1 })).to.equal(30_000);
      expect(followPrice(60_000, { move: 0.25, beta: 0.5 })).to.equal(30_000);
      expect(followPrice(60_000, { move: 0.5, beta: 0 })).to.equal(60_000);
    });
  });

  describe("worstDrawdown", () => {
    it("finds the largest fall from a high to a later low", () => {
      const fall = worstDrawdown(pointsOf([10, 100, 70, 90, 60, 110, 80]), Infinity);
      expect([fall?.peak.price, fall?.trough.price, fall?.drop]).to.deep.equal([100, 60, 0.4]);
    });

    it("does not join a high and a low that are too far apart", () => {
      const fall = worstDrawdown(pointsOf([100, 90, 80, 70]), 60);
      expect([fall?.peak.price, fall?.trough.price]).to.deep.equal([80, 70]);
    });

    it("finds none where prices only rise", () => {
      expect(worstDrawdown(pointsOf([1, 2, 3]), Infinity)).to.equal(undefined);
    });

    it("agrees with trying all pairs", () => {
      for (let seed = 0; seed < 50; seed++) {
        const random = createRandom(seed);
        const points = pointsOf(Array.from({ length: 60 }, () => random.between(50, 150)));
        const seconds = 60 * Math.floor(random.between(1, 60));
        let worst = 0;
        for (const peak of points) {
          for (const low of points) {
            if (low.time > peak.time && low.time - peak.time <= seconds) {
              worst = Math.max(worst, (peak.price - low.price) / peak.price);
            }
          }
        }
        expect(worstDrawdown(points, seconds)?.drop ?? 0).to.equal(worst);
      }
    });

    it("takes a year of minutes in its stride", () => {
      const random = createRandom(1);
      const points = pointsOf(Array.from({ length: 500_000 }, () => random.between(50, 150)));
      const started = performance.now();
      worstDrawdown(points, 36 * 3600);
      expect(performance.now() - started).to.be.below(2000);
    });
  });

  describe("selectWindow", () => {
    const prices = new Array<number>(100)
      .fill(100)
      .map((price, i) => (i >= 60 && i < 70 ? 50 : price + (i % 2)));

    it("puts the largest fall inside, with calm before it and an aftermath behind", () => {
      const { candles, drawdown } = selectWindow(flatCandles(prices), { hours: 24 });
      expect(candles).to.have.length(24);
      expect(drawdown?.peak.price).to.equal(101);
      expect(drawdown?.trough.price).to.equal(50);
      expect(candles[0]?.close).to.be.above(99);
      expect(candles.at(-1)?.close).to.be.above(99);
    });

    it("holds the whole fall however long it took", () => {
      for (let seed = 0; seed < 40; seed++) {
        const random = createRandom(seed);
        let price = 1000;
        const candles = Array.from({ length: 300 }, (_, i): Candle => {
          const [open, close] = [price, (price *= 1 + 0.02 * random.normal())];
          return {
            ts: BEGIN + i * 300,
            open,
            close,
            high: Math.max(open, close) * 1.005,
            low: Math.min(open, close) * 0.995,
          };
        });
        const hours = random.between(1, 20);
        const inside = selectWindow(candles, { hours }).drawdown;
        const anywhere = worstDrawdown(walkCandles(candles), hours * 3600 - 301);
        expect(inside?.drop).to.be.at.least(anywhere?.drop ?? 0);
      }
    });

    it("begins where it is told to", () => {
      const { candles } = selectWindow(flatCandles(prices), { hours: 10, from: BEGIN + 5 * 3600 });
      expect([candles[0]?.ts, candles.length]).to.deep.equal([BEGIN + 5 * 3600, 10]);
    });

    it("ends with the file when more hours are asked for than it has", () => {
      expect(selectWindow(flatCandles(prices), { hours: 1000 }).candles).to.have.length(100);
      const late = selectWindow(flatCandles(prices), { hours: 1000, from: BEGIN + 90 * 3600 });
      expect(late.candles).to.have.length(10);
    });

    it("works where the price never falls", () => {
      const { candles, drawdown } = selectWindow(flatCandles([1, 2, 3, 4]), { hours: 3 });
      expect([candles.length, drawdown]).to.deep.equal([3, undefined]);
    });

    for (const from of [BEGIN - 1, BEGIN + 100 * 3600]) {
      it(`refuses ${from}, which is outside of the file, and says what the file covers`, () => {
        expect(() => selectWindow(flatCandles(prices), { hours: 10, from })).to.throw(
          UsageError,
          /is outside of the file, which covers 2020-03-11T00:00Z to 2020-03-15T03:00Z\. Choose a time in between/,
        );
      });
    }

    it("refuses a stretch of one candle", () => {
      expect(() => selectWindow(flatCandles(prices), { hours: 0.5 })).to.throw(
        UsageError,
        /is only 1 candle/,
      );
      expect(() => selectWindow(flatCandles([5]), { hours: 36 })).to.throw(
        UsageError,
        /is only 1 candle/,
      );
    });
  });

  describe("syntheticCandles", () => {
    const request = { seed: 1, start: 3000, begin: BEGIN, hours: 36 };

    it("is the same for the same seed and another for another", () => {
      expect(syntheticCandles(request)).to.deep.equal(syntheticCandles(request));
      expect(syntheticCandles({ ...request, seed: 2 })).not.to.deep.equal(
        syntheticCandles(request),
      );
    });

    it("gives proper candles of five minutes over the whole time", () => {
      const candles = syntheticCandles(request);
      expect(candles).to.have.length((36 * 60) / 5);
      for (const [i, { ts, open, high, low, close }] of candles.entries()) {
        expect(ts).to.equal(BEGIN + i * 300);
        expect(high).to.be.at.least(Math.max(open, close));
        expect(low).to.be.at.most(Math.min(open, close)).and.above(0);
      }
    });

    it("falls by about 45 % and bounces for every seed, in at most 200 reports", () => {
      for (let seed = 0; seed < 100; seed++) {
        const candles = syntheticCandles({ ...request, seed });
        const { drawdown } = selectWindow(candles, { hours: 36 });
        expect(drawdown?.drop).to.be.within(0.4, 0.5);
        expect(candles.at(-1)?.close).to.be.above((drawdown?.trough.price ?? Infinity) * 1.1);
        expect(sampleFeed(walkCandles(candles), 200).points.length).to.be.within(80, 200);
      }
    });

    it("can be told in an hour or in a fortnight", () => {
      for (const hours of [0.1, 1, 336]) {
        const { drawdown } = selectWindow(syntheticCandles({ ...request, hours }), { hours });
        expect(drawdown?.drop).to.be.above(0.35);
      }
    });
  });
});
