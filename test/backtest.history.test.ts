import { expect } from "chai";
import { marketOf } from "../scripts/backtest/market.js";
import { backtest, type Results, type RuleName } from "../scripts/backtest/results.js";
import { readSeries } from "../scripts/backtest/series.js";
import { findings, verdictOf } from "../scripts/backtest/verdict.js";
import type { Figures } from "../scripts/backtest/measure.js";
import { pricesPath } from "./support/prices.js";

/** What docs/risk-parameters.md says of a history, to the digits that it says. */
interface Quoted {
  readonly file: string;
  readonly asset: "eth" | "btc";
  /** Average requirement [%], breaches, worst shortfall [%]. */
  readonly rules: Readonly<Partial<Record<RuleName, readonly [string, number, string]>>>;
}

const HOURLY: readonly Quoted[] = [
  {
    file: "eth_spot_binance_1h_2018-2026.csv.gz",
    asset: "eth",
    rules: {
      deployed: ["4.33", 523, "20.6"],
      static: ["5.00", 575, "23.0"],
      staticSame: ["4.33", 912, "23.6"],
      staticEqual: ["9.79", 73, "18.2"],
      ewmaEqual: ["8.32", 73, "12.9"],
      chosenEqual: ["7.81", 73, "15.6"],
    },
  },
  {
    file: "btc_spot_binance_1h_2018-2026.csv.gz",
    asset: "btc",
    rules: {
      deployed: ["3.79", 353, "20.4"],
      static: ["5.00", 294, "22.8"],
      staticSame: ["3.79", 683, "24.0"],
      staticEqual: ["7.78", 73, "20.0"],
      ewmaEqual: ["6.54", 73, "16.8"],
      chosenEqual: ["6.27", 73, "17.7"],
    },
  },
];

const QUARTERS: readonly Quoted[] = [
  {
    file: "eth_spot_binance_5m_2020-02_2020-03.csv.gz",
    asset: "eth",
    rules: { deployed: ["6.37", 40, "21.7"], static: ["5.00", 126, "26.3"] },
  },
  {
    file: "eth_spot_binance_1m_2021-04-20_2021-05-20.csv.gz",
    asset: "eth",
    rules: { deployed: ["5.99", 116, "17.8"], static: ["5.00", 352, "22.3"] },
  },
  {
    file: "btc_spot_binance_1m_2021-04-20_2021-05-20.csv.gz",
    asset: "btc",
    rules: { deployed: ["4.72", 104, "12.0"], static: ["5.00", 149, "14.3"] },
  },
  {
    file: "chainlink_mainnet_eth_usd_2023-2024_rounds.csv.gz",
    asset: "eth",
    rules: { deployed: ["3.29", 12, "5.6"], static: ["5.00", 3, "3.6"] },
  },
  {
    file: "chainlink_mainnet_btc_usd_2023-2024_rounds.csv.gz",
    asset: "btc",
    rules: { deployed: ["3.16", 12, "4.6"], static: ["5.00", 4, "2.4"] },
  },
];

const known = new Map<string, Promise<Results>>();

/** The results of a shared file, worked out once; `undefined` where it is not there. */
function resultsOf({ file, asset }: Quoted): Promise<Results> | undefined {
  const path = pricesPath(file);
  if (path === undefined) return undefined;
  const made =
    known.get(file) ??
    readSeries(path, undefined).then(
      (series) =>
        backtest(
          series,
          { market: marketOf(asset), question: { coverage: 0.999, fixed: 0.05 } },
          () => undefined,
        ).results,
    );
  known.set(file, made);
  return made;
}

function figuresOf({ slices }: Results, rule: RuleName): Figures {
  return slices[0]!.rules[rule];
}

describe("backtest: what the docs quote", () => {
  for (const quoted of [...HOURLY, ...QUARTERS]) {
    it(`are the figures of ${quoted.file}`, async function () {
      const results = await resultsOf(quoted);
      // The files are shared material that is no part of the project.
      if (results === undefined) return this.skip();
      for (const [rule, figures] of Object.entries(quoted.rules)) {
        const { averageRequirement, breaches, worstShortfall } = figuresOf(
          results,
          rule as RuleName,
        );
        expect(
          [(averageRequirement * 100).toFixed(2), breaches, (worstShortfall * 100).toFixed(1)],
          rule,
        ).to.deep.equal(figures);
      }
      expect(results.passedOver).to.equal(0);
    });
  }

  describe("of the hourly files", () => {
    let eth: Results;
    let btc: Results;

    before(async function () {
      const [first, second] = HOURLY.map(resultsOf);
      // As above: without the files there are no figures.
      if (first === undefined || second === undefined) return this.skip();
      [eth, btc] = await Promise.all([first, second]);
    });

    it("the chosen rule needs less than a static one and a pure EWMA, and rises less than the EWMA", () => {
      for (const [results, rises] of [
        [eth, ["2.31", "4.46"]],
        [btc, ["2.90", "4.75"]],
      ] as const) {
        const [chosen, ewma, fixed] = (["chosenEqual", "ewmaEqual", "staticEqual"] as const).map(
          (rule) => figuresOf(results, rule),
        ) as [Figures, Figures, Figures];
        expect(chosen.averageRequirement).to.be.below(ewma.averageRequirement);
        expect(ewma.averageRequirement).to.be.below(fixed.averageRequirement);
        expect([
          chosen.largestRiseOfDay.toFixed(2),
          ewma.largestRiseOfDay.toFixed(2),
        ]).to.deep.equal(rises);
      }
    });

    it("the deployed static share is within 2 % of the cheapest one", () => {
      for (const { staticShares } of [eth, btc]) {
        const least = Math.min(...staticShares.map(({ averageRequirement }) => averageRequirement));
        const deployed = staticShares.find(({ chosen }) => chosen)!;
        expect(deployed.averageRequirement / least).to.be.below(1.021);
      }
    });

    it("the deployed rule asks less in calm times and covers more in storms", () => {
      for (const { slices } of [eth, btc]) {
        const regimes = slices.filter(({ kind }) => kind === "regime").map(verdictOf);
        expect(regimes).to.deep.equal([
          ...new Array<string>(4).fill("asks less, covers less"),
          "asks more, covers more",
        ]);
      }
    });

    it("by regime the rule asks for what the docs say, and is breached as often", () => {
      const regimes = ({ slices }: Results) =>
        slices
          .filter(({ kind }) => kind === "regime")
          .map(({ rules: { deployed, static: fixed } }) => [
            (deployed.averageRequirement * 100).toFixed(2),
            deployed.breaches,
            fixed.breaches,
          ]);
      expect(regimes(eth)).to.deep.equal([
        ["3.06", 17, 7],
        ["3.54", 102, 30],
        ["4.08", 134, 63],
        ["4.88", 169, 157],
        ["6.81", 101, 318],
      ]);
      expect(regimes(btc)).to.deep.equal([
        ["2.97", 46, 13],
        ["3.49", 109, 36],
        ["4.06", 91, 51],
        ["4.88", 67, 61],
        ["6.71", 40, 133],
      ]);
    });

    it("half-lives of a day, three and fourteen cost and rise as the docs say", () => {
      const quoted = ({ halfLives }: Results) =>
        halfLives
          .filter(({ value }) => [24, 72, 336].includes(value))
          .map(({ averageRequirement, largestRiseOfDay }) => [
            (averageRequirement * 100).toFixed(2),
            largestRiseOfDay.toFixed(1),
          ]);
      expect(quoted(eth)).to.deep.equal([
        ["7.39", "3.0"],
        ["7.81", "2.3"],
        ["8.52", "1.6"],
      ]);
      expect(quoted(btc)).to.deep.equal([
        ["5.91", "4.0"],
        ["6.27", "2.9"],
        ["6.97", "1.9"],
      ]);
    });

    it("initial covered and floors were reached as the docs say", () => {
      const quoted = ({ initial, atFloor }: Results) => [
        initial.breaches,
        initial.straightToMaintenance,
        (initial.byFast * 100).toFixed(0),
        (atFloor * 100).toFixed(1),
      ];
      expect(quoted(eth)).to.deep.equal([77, 1_315, "36", "3.5"]);
      expect(quoted(btc)).to.deep.equal([53, 932, "35", "0.1"]);
    });

    it("the years in which it beats a static 5 % are the ones that the docs name", () => {
      const beats = ({ slices }: Results): string[] =>
        slices
          .filter((slice) => slice.kind === "year" && verdictOf(slice) === "beats")
          .map(({ label }) => label);
      expect(beats(eth)).to.deep.equal(["2020", "2022"]);
      expect(beats(btc)).to.deep.equal(["2018", "2020", "2021"]);
      const loses = [eth, btc].flatMap(({ slices }) => slices.map(verdictOf));
      expect(loses).not.to.include("loses");
      expect(findings(eth).join(" ")).to.contain("beats static 5.00 %");
    });

    it("the cap was never reached, and the fast volatility alone never asked less than maintenance", () => {
      for (const { atCap, initial } of [eth, btc]) {
        expect(atCap).to.equal(0);
        expect(initial.fastAloneBelowMaintenance).to.equal(0);
      }
    });
  });
});
