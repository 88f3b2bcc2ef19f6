import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { chartsOf } from "../scripts/backtest/charts.js";
import { csvOf, jsonOf } from "../scripts/backtest/documents.js";
import { marketOf } from "../scripts/backtest/market.js";
import {
  figuresOf,
  measured,
  multiplierFor,
  risesWithin,
  worstMoves,
} from "../scripts/backtest/measure.js";
import { assetOf, parseOptions } from "../scripts/backtest/options.js";
import { pageOf } from "../scripts/backtest/page.js";
import { openProgress } from "../scripts/backtest/progress.js";
import { backtest, RULES } from "../scripts/backtest/results.js";
import { csvOfCandles, sampleCandles } from "../scripts/backtest/sample.js";
import { candleSeries, readSeries, roundSeries, type Windows } from "../scripts/backtest/series.js";
import { sigmasWith } from "../scripts/backtest/sensitivity.js";
import { drawChart, escape, extremes } from "../scripts/backtest/svg.js";
import { findings, verdictOf } from "../scripts/backtest/verdict.js";
import { readVolatility } from "../scripts/backtest/volatility.js";
import type { Candle } from "../scripts/prices/candles.js";
import { UsageError } from "../scripts/prices/errors.js";
import type { FeedRound } from "../scripts/prices/rounds.js";
import { parseWad, ratesOf } from "../sdk/index.js";

const HOUR = 3_600;
const QUESTION = { coverage: 0.999, fixed: 0.05 };
const quietly = (): void => undefined;

/** A year of the sample, and what the backtest says of it. */
const candles = sampleCandles({ seed: 5, hours: 8_760, start: 1_500 });
const series = candleSeries("made-up.csv", { candles, horizon: undefined });
const sample = backtest(series, { market: marketOf("eth"), question: QUESTION }, quietly);

/** A bar whose open and close are the ends and that went nowhere else. */
const bar = (ts: number, open: number, close: number): Candle => ({
  ts,
  open,
  high: Math.max(open, close),
  low: Math.min(open, close),
  close,
});
const feedRound = (ts: number, id: number, dollars: number): FeedRound => ({
  ts,
  roundId: BigInt(id),
  answer: BigInt(Math.round(dollars * 1e8)),
});
const flatWindows = (rises: readonly number[]): Windows => ({
  time: Float64Array.from(rises, (_, i) => i * HOUR),
  price: Float64Array.from(rises, () => 1),
  rise: Float64Array.from(rises),
  fall: Float64Array.from(rises, () => 0),
});

/** Not chai's `closeTo`: where a test of the same run talks to a chain, that one takes whole numbers alone. */
function expectNear(value: number | undefined, expected: number, tolerance: number): void {
  expect(Math.abs((value ?? NaN) - expected), `${value}, not ${expected}`).to.be.below(tolerance);
}

describe("backtest", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "plimsoll-backtest-"));
  });

  after(async () => {
    await rm(folder, { recursive: true });
  });

  async function fileOf(content: string | Buffer, name = "prices.csv"): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  }

  async function complaintOf(path: string, horizon?: number): Promise<string> {
    try {
      await readSeries(path, horizon);
    } catch (error) {
      expect(error).to.be.instanceOf(UsageError);
      return (error as UsageError).message;
    }
    throw new Error("the file was accepted");
  }

  describe("price files", () => {
    it("are candles or rounds by their header, gzipped or not", async () => {
      const text = csvOfCandles(candles.slice(0, 200));
      const plain = await readSeries(await fileOf(text), undefined);
      expect([plain.shape, plain.rows, plain.spacing, plain.horizon]).to.deep.equal([
        "candles",
        200,
        HOUR,
        HOUR,
      ]);
      const packed = await readSeries(await fileOf(gzipSync(text), "prices.csv.gz"), undefined);
      expect(packed.rounds).to.deep.equal(plain.rounds);

      const rows = Array.from({ length: 200 }, (_, i) => `${1e9 + i * 600},${i + 1},150000000000`);
      const rounds = await readSeries(
        await fileOf(["ts,roundId,answer", ...rows].join("\n")),
        undefined,
      );
      expect([rounds.shape, rounds.rows, rounds.horizon]).to.deep.equal(["rounds", 200, 900]);
    });

    it("are refused with the line and the cure", async () => {
      const wrong: [string, RegExp][] = [
        ["a,b\n1,2\n", /^prices.csv has no column ts, open, .* or else ts, roundid, answer: /],
        ["ts,roundId,answer\n1000,1,5\n1001,2,x\n", /line 3: the answer "x" is not a whole number/],
        ["ts,roundId,answer\n1000,1,5.5\n", /line 2: the answer "5.5" is not a whole number/],
        ["ts,roundId,answer\n-1,1,5\n", /line 2: the ts -1 is not a time/],
        ["ts,roundId,answer\n1700000000000,1,5\n", /line 2: .* milliseconds. Divide the ts/],
        ["ts,roundId,answer\n1000,1,5\n1001,1,6\n", /has the round 1 twice\. Keep one row/],
        ["ts,roundId,answer\n", /has no price rows\. .* ts,roundid,answer .* candle or round/],
        [
          "ts,open,high,low,close,volume\n1000,1,1,1,1,1\n4600,1,0.5,1,1,1\n",
          /line 3: open 1 and close 1 are not between low 1 and high 0.5/,
        ],
      ];
      for (const [content, message] of wrong) {
        expect(await complaintOf(await fileOf(content))).to.match(message);
      }
    });

    it("are refused when they are too short to say anything", async () => {
      const path = await fileOf(csvOfCandles(candles.slice(0, 60)));
      expect(await complaintOf(path)).to.match(/has 59 whole stretches of 1 h: too few/);
    });

    it("are refused for a horizon that bars do not fill", async () => {
      const path = await fileOf(csvOfCandles(candles.slice(0, 200)));
      expect(await complaintOf(path, 900)).to.match(
        /bars of 1 h, which do not fill a horizon of 15 min\. Give --horizon a multiple of 1 h/,
      );
    });

    it("name their asset", () => {
      expect(assetOf("/data/btc_1h.csv.gz")).to.equal("btc");
      expect(assetOf("chainlink_mainnet_btc_usd_rounds.csv")).to.equal("btc");
      expect(assetOf("btc_folder/prices.csv")).to.equal("eth");
    });
  });

  describe("options", () => {
    it("have what the design says by default", async () => {
      const path = await fileOf("", "any.csv");
      expect(parseOptions(["--prices", path, path])).to.deep.equal({
        prices: [path, path],
        asset: undefined,
        coverage: 0.999,
        horizon: undefined,
        fixed: 0.05,
        out: "backtest",
        sample: undefined,
      });
      const given = parseOptions(["--prices", path, "--horizon", "15m", "--static", ".1"]);
      expect([given?.horizon, given?.fixed]).to.deep.equal([900, 0.1]);
    });

    it("are refused with a sentence and a cure", async () => {
      const path = await fileOf("", "any.csv");
      const wrong: [string[], RegExp][] = [
        [[], /^There are no prices to test with\. Give --prices/],
        [["--prices", `${path}x`], /^There is no file .*x\. Check the path\. .* --sample sample/],
        [["--prices", path, "--coverage", "99.9"], /'99\.9' is invalid\. Give a share from 0\.5/],
        [["--prices", path, "--static", "0"], /'0' is invalid\. Give a share/],
        [["--prices", path, "--horizon", "soon"], /'soon' is invalid\. Give a time such as 15m/],
        [["--prices", path, "--horizon", "31d"], /at most 30d/],
        [["--price", path], /^Unknown option '--price'[^]* Run with --help/],
      ];
      for (const [args, message] of wrong) {
        expect(() => parseOptions(args)).to.throw(UsageError, message);
      }
    });
  });

  describe("stretches of candles", () => {
    it("begin at a close and reach over highs and lows of the bars that follow", () => {
      const three = [bar(0, 100, 100), { ...bar(HOUR, 100, 101), high: 108 }, bar(7_200, 101, 95)];
      const one = candleSeries("x", { candles: three, horizon: undefined }).windows;
      expect([...one.time]).to.deep.equal([HOUR, 7_200]);
      expect([...one.rise].map((move) => move.toFixed(4))).to.deep.equal(["0.0800", "0.0000"]);
      expect([...one.fall].map((move) => move.toFixed(4))).to.deep.equal(["0.0000", "0.0594"]);
      const two = candleSeries("x", { candles: three, horizon: 7_200 }).windows;
      expect([two.rise[0]!.toFixed(4), two.fall[0]!.toFixed(4)]).to.deep.equal([
        "0.0800",
        "0.0500",
      ]);
      expect(two.time).to.have.length(1);
    });

    it("leave out what a missing bar falls into, and tell the oracle the real times", () => {
      const gap = [0, 1, 2, 5, 6].map((hour) => bar(hour * HOUR, 100, 100 + hour));
      const holed = candleSeries("x", { candles: gap, horizon: undefined });
      expect([...holed.windows.time]).to.deep.equal([1, 2, 6].map((hour) => hour * HOUR));
      expect([holed.holes, holed.skipped]).to.deep.equal([2, 1]);
      const times = holed.rounds.map(({ updatedAt }) => Number(updatedAt) / HOUR);
      expect(times).to.deep.equal([1, 2, 3, 6, 7]);
    });

    it("are told to the oracle as a feed would: at 0.5 %, or after an hour", () => {
      const closes = [100, 100.4, 100.6, 100.3, ...new Array<number>(62).fill(100.3)];
      const minutes = closes.map((close, i) => bar(i * 60, close, close));
      const { rounds } = candleSeries("x", { candles: minutes, horizon: undefined });
      expect(rounds.map(({ updatedAt }) => Number(updatedAt) / 60)).to.deep.equal([1, 3, 63]);
      expect(rounds[1]!.answer).to.equal(10_060_000_000n);
    });
  });

  describe("stretches of rounds", () => {
    it("follow each other, with the last answer as the price and the answers within as moves", () => {
      const feed = [
        feedRound(0 + 1, 1, 100),
        feedRound(400, 2, 103),
        feedRound(600, 3, 98),
        feedRound(1_000, 4, 99),
        feedRound(2_000, 5, 99),
      ];
      const { windows } = roundSeries("x", { feed, horizon: 900 });
      expect([...windows.time]).to.deep.equal([1, 901]);
      expect([...windows.price]).to.deep.equal([100, 98]);
      expectNear(windows.rise[0], 0.03, 1e-9);
      expectNear(windows.fall[0], 0.02, 1e-9);
      expectNear(windows.rise[1], 1 / 98, 1e-9);
    });

    it("leave out silences, and rounds that are no price or out of order", () => {
      const feed = [
        feedRound(100, 1, 100),
        feedRound(0, 2, 0),
        feedRound(1_000, 3, 101),
        feedRound(900, 4, 500),
        feedRound(4_901, 5, 101),
        feedRound(6_000, 6, 101),
      ];
      const quiet = roundSeries("x", { feed, horizon: 900 });
      expect([quiet.holes, quiet.skipped]).to.deep.equal([1, 5]);
      expect([...quiet.windows.time]).to.deep.equal([100]);
      expect(quiet.rounds).to.have.length(6);
    });
  });

  describe("the deployed rule", () => {
    it("is the sdk's, read with the parameters of local.json", () => {
      const market = marketOf("eth");
      expect(market.listing.priorSigmaPercent).to.equal(60n);
      expect(market.listing.minimum).to.equal(parseWad(30));
      const { maintenance, initial } = ratesOf(market.rates, {
        slow: parseWad("0.6"),
        fast: parseWad("0.6"),
      });
      expect(maintenance).to.equal(parseWad("0.038"));
      // The first close is the listing's first round, and the first stretch begins with it.
      const readings = readVolatility(series, market, quietly);
      expect(readings.maintenance[0]).to.equal(0.038);
      expectNear(readings.initial[0], Number(initial) / 1e18, 1e-15);
      expect(marketOf("BTC").listing.priorSigmaPercent).to.equal(45n);
    });

    it("knows of each moment no more than had happened", () => {
      const market = marketOf("eth");
      const known = readVolatility(series, market, quietly);
      const half = candleSeries("x", { candles: candles.slice(0, 4_000), horizon: undefined });
      const shorter = readVolatility(half, market, quietly);
      expect([...shorter.slow]).to.deep.equal([...known.slow.subarray(0, shorter.slow.length)]);
    });

    it("may be given in a file, which is refused when something is missing or wrong", async () => {
      const good = {
        maintenanceBaseBps: 300,
        maintenanceSlopeBps: 400,
        maintenanceFloorBps: 500,
        maintenanceCapBps: 5_000,
        initialFloorBps: 1_000,
        maintenanceToInitialBps: 5_000,
        priorSigmaPercent: 90,
      };
      const path = await fileOf(JSON.stringify(good), "sol.json");
      expect(marketOf(path).rates.maintenanceFloorBps).to.equal(500n);
      expect(marketOf(path).listing.minimum).to.equal(0n);

      const wrong: [unknown, RegExp][] = [
        [{ ...good, maintenanceBaseBps: undefined }, /sol.json: maintenanceBaseBps is missing/],
        [{ ...good, maintenanceCapBps: "20" }, /maintenanceCapBps is "20", which is no whole/],
        [{ ...good, maintenanceFloorBps: 5_001 }, /the floor is above the cap/],
        [{ ...good, maintenanceToInitialBps: 0 }, /maintenanceToInitialBps is 0/],
        [{ ...good, priorSigmaPercent: 0 }, /priorSigmaPercent is 0/],
        [{ ...good, minimum: "low" }, /the minimum "low" is not a price/],
        [7, /maintenanceBaseBps is missing/],
      ];
      for (const [content, message] of wrong) {
        await fileOf(JSON.stringify(content), "sol.json");
        expect(() => marketOf(path)).to.throw(UsageError, message);
      }
      await fileOf("no json", "sol.json");
      expect(() => marketOf(path)).to.throw(UsageError, "sol.json is not JSON.");
      expect(() => marketOf(join(folder, "none"))).to.throw(UsageError, "no asset of that name");
    });

    it("passes over what is outside of the feed's band, and says when nothing is left", () => {
      const cheap = candles.map((candle) => ({ ...candle, close: candle.close / 1e4 }));
      const lost = candleSeries("x", { candles: cheap, horizon: undefined });
      expect(() => readVolatility(lost, marketOf("eth"), quietly)).to.throw(
        UsageError,
        "x has no price that ETH could have. Check that --asset fits",
      );
      const late = candles.map((candle, i) => (i < 10 ? { ...candle, close: 1 } : candle));
      const readings = readVolatility(
        candleSeries("x", { candles: late, horizon: undefined }),
        marketOf("eth"),
        quietly,
      );
      expect(readings.passedOver).to.equal(10);
      expect(readings.windows.time[0]).to.equal(series.windows.time[10]);
      expect(readings.windows.rise[0]).to.equal(series.windows.rise[10]);
    });

    it("is followed by the floating-point one that other half-lives are tried with", () => {
      const market = marketOf("eth");
      const readings = readVolatility(series, market, quietly);
      const floating = sigmasWith(72, market, readings);
      const apart = floating.map((sigma, i) => Math.abs(sigma - readings.slow[i]!));
      // Where a sigma is all but a whole number of basis points, the two may be rounded up to different ones.
      expect(Math.max(...apart)).to.be.below(1.001e-4);
      expect(apart.filter((difference) => difference > 1e-9).length).to.be.below(
        apart.length / 100,
      );
    });
  });

  describe("measures", () => {
    it("count moves of the worse side that are beyond the requirement", () => {
      const windows = { ...flatWindows([0.01, 0.06, 0]), fall: Float64Array.from([0, 0, 0.09]) };
      const moves = worstMoves(windows);
      const rule = measured("x", {
        windows,
        base: Float64Array.from([0.05, 0.05, 0.05]),
        multiplier: 1,
      });
      const figures = figuresOf(rule, windows, { moves });
      expect(figures.breaches).to.equal(2);
      expectNear(figures.worstShortfall, 0.04, 1e-12);
      expect(figures.worstAt).to.equal(7_200);
      expectNear(figures.totalShortfall, 0.05, 1e-12);
      expect(figuresOf(rule, windows, { moves, among: (i) => i === 0 }).breaches).to.equal(0);
    });

    it("find rises against the lowest of the span, whatever the spacing", () => {
      const times = Float64Array.from([0, 10, 20, 25, 40, 41]);
      const rates = Float64Array.from([2, 1, 3, 2, 4, 1]);
      expect([...risesWithin(10, times, rates)]).to.deep.equal([1, 1, 3, 2 / 2, 1, 1]);
      const spread = risesWithin(20, times, rates);
      const tried = rates.map((rate, i) => {
        const span = rates.filter((_, j) => j <= i && times[j]! >= times[i]! - 20);
        return rate / Math.min(...span);
      });
      expect([...spread]).to.deep.equal([...tried]);
    });

    it("give the multiplier that leaves the allowed share of breaches and no more", () => {
      const moves = Float64Array.from({ length: 1_000 }, (_, i) => (i + 1) / 1_000);
      const rates = moves.map(() => 0.1);
      for (const [coverage, breaches] of [
        [0.999, 1],
        [0.99, 10],
        [0.5, 500],
      ] as const) {
        const multiplier = multiplierFor(coverage, moves, rates);
        const base = { windows: flatWindows([...moves]), base: rates, multiplier };
        const { breaches: counted } = figuresOf(measured("x", base), base.windows, { moves });
        expect(counted).to.equal(breaches);
      }
    });
  });

  describe("on made-up candles", () => {
    const { results, detail } = sample;
    const all = results.slices[0]!;

    it("brings all scaled rules to the coverage that was asked for", () => {
      const allowed = Math.floor(all.rules.deployed.windows * (1 - QUESTION.coverage));
      for (const rule of ["staticEqual", "ewmaEqual", "chosenEqual"] as const) {
        expect(all.rules[rule].breaches, rule).to.equal(allowed);
        expect(all.rules[rule].coverage).to.be.at.least(QUESTION.coverage);
      }
      expectNear(
        all.rules.staticSame.averageRequirement,
        all.rules.deployed.averageRequirement,
        1e-12,
      );
      expectNear(all.rules.static.averageRequirement, 0.05, 1e-12);
      expect(results.multipliers.deployed).to.equal(1);
    });

    it("finds a static rate that never rises, and a pure EWMA that rises most", () => {
      const { staticEqual, ewmaEqual, chosenEqual } = all.rules;
      expect(staticEqual.largestRiseOfDay).to.equal(1);
      expect(ewmaEqual.largestRiseOfDay).to.be.above(chosenEqual.largestRiseOfDay);
      expect(chosenEqual.largestRiseOfDay).to.equal(all.rules.deployed.largestRiseOfDay);
    });

    it("has slices that together are the whole", () => {
      for (const kind of ["year", "regime"] as const) {
        const parts = results.slices.filter((slice) => slice.kind === kind);
        for (const rule of RULES) {
          const sum = (field: "windows" | "breaches" | "totalShortfall"): number =>
            parts.reduce((total, slice) => total + slice.rules[rule][field], 0);
          expect(sum("windows")).to.equal(all.rules[rule].windows);
          expect(sum("breaches")).to.equal(all.rules[rule].breaches);
          expectNear(sum("totalShortfall"), all.rules[rule].totalShortfall, 1e-9);
        }
      }
    });

    it("tries the ends of the static share: pure EWMA and static", () => {
      const [first, last] = [results.staticShares[0]!, results.staticShares.at(-1)!];
      const { staticEqual, ewmaEqual } = all.rules;
      expectNear(first.averageRequirement, ewmaEqual.averageRequirement, 1e-9);
      expectNear(last.averageRequirement, staticEqual.averageRequirement, 1e-9);
      expect(results.staticShares.filter(({ chosen }) => chosen)).to.have.length(1);
      const today = results.halfLives.find(({ chosen }) => chosen)!;
      expect(today.value).to.equal(72);
      expectNear(today.averageRequirement, all.rules.chosenEqual.averageRequirement, 1e-5);
    });

    it("writes JSON that says the same", () => {
      const document = JSON.parse(jsonOf([results], QUESTION)) as {
        files: { slices: { verdict: string; rules: { deployed: object } }[] }[];
      };
      expect(document).to.include({ coverage: 0.999, static: 0.05 });
      const [slice] = document.files[0]!.slices;
      expect(slice!.rules.deployed).to.deep.equal({ ...all.rules.deployed });
      expect(slice!.verdict).to.equal(verdictOf(all));
    });

    it("writes a row of CSV for each slice and rule", () => {
      const [head, ...rows] = csvOf([results, results]).trim().split("\n");
      expect(head).to.match(/^file,kind,slice,rule,multiplier,windows,averageRequirement,breaches/);
      expect(rows).to.have.length(2 * results.slices.length * RULES.length);
      const columns = head!.split(",").length;
      expect(rows.every((row) => row.split(",").length === columns)).to.be.true;
    });

    it("writes one page with every chart, table and sentence, and nothing from elsewhere", () => {
      const odd = { ...results, series: { ...results.series, file: `<b>"&.csv` } };
      const page = pageOf([{ results: odd, detail }], QUESTION);
      const charts = chartsOf(results, detail);
      expect(page.match(/<svg /g)).to.have.length(charts.length);
      expect(page.match(/<\/svg>/g)).to.have.length(charts.length);
      for (const { title, caption } of charts) {
        expect(page).to.contain(escape(title)).and.to.contain(escape(caption));
      }
      for (const finding of findings(odd)) expect(page).to.contain(escape(finding));
      expect(page).to.contain("&lt;b&gt;&quot;&amp;.csv").and.not.to.contain('<b>"');
      expect(page).not.to.match(/NaN|Infinity|undefined|<script|<link|<img|https?:\/\/(?!www\.w3)/);
    });
  });

  describe("charts", () => {
    const axis = { from: 0, to: 10, label: "x [h]", format: String };

    it("name their axes and keep every point inside", () => {
      const svg = drawChart({
        title: "T",
        caption: "C",
        x: axis,
        y: { ...axis, label: "y [%]" },
        layers: [
          {
            kind: "line",
            title: "a line",
            colour: "#000",
            points: [
              [-5, -5],
              [50, 50],
            ],
          },
          { kind: "strip", colour: "#111", at: [5] },
          { kind: "dots", colour: "#222", points: [[5, 5]] },
          { kind: "bars", colour: "#333", bars: [[1, 2, 3]] },
        ],
      });
      expect(svg).to.contain("x [h]").and.to.contain("y [%]").and.to.contain("a line");
      const [, points = ""] = /polyline points="([^"]+)"/.exec(svg) ?? [];
      for (const place of points.split(" ")) {
        const [x, y] = place.split(",").map(Number) as [number, number];
        expect(x).to.be.within(0, 960);
        expect(y).to.be.within(0, 300);
      }
    });

    it("thin a series out without losing an extreme", () => {
      const x = Float64Array.from({ length: 10_000 }, (_, i) => i);
      const y = x.map((value) => (value === 7_777 ? 99 : value % 7));
      const bands = extremes(x, y, 100);
      expect(bands).to.have.length(100);
      expect(Math.max(...bands.map(([, , high]) => high))).to.equal(99);
      expect(Math.min(...bands.map(([, low]) => low))).to.equal(0);
    });
  });

  describe("progress", () => {
    const shown = (isTTY: boolean, times: number[]): string => {
      let text = "";
      let now = 0;
      const screen = { isTTY, write: (part: string) => (text += part) };
      const progress = openProgress("Work", screen, () => now);
      for (const time of times) {
        now = time;
        progress.at(time / 10_000);
      }
      progress.done();
      return text;
    };

    it("is a bar on a terminal that is wiped out when the work is done", () => {
      const text = shown(true, [10, 60, 5_000]);
      expect(text.match(/Work █*░* +\d+ %/g)).to.have.length(3);
      expect(text).to.match(/\r +\r$/);
    });

    it("is a line now and then in a log", () => {
      expect(shown(false, [100, 4_999, 5_000, 6_000])).to.equal("Work: 0 %\nWork: 50 %\n");
    });
  });
});
