import { expect } from "chai";
import { castOf } from "../../scripts/demo/cast.js";
import { createRandom } from "../../scripts/demo/random.js";
import { worstMomentToSell } from "../../scripts/demo/reactions.js";
import { decide, healthOf, type Reading } from "../../scripts/demo/watch.js";

const WAD = 10n ** 18n;
const NOBODY: ReadonlySet<string> = new Set();

/** An account with initial margin 100 and maintenance margin 60. */
function reading(account: string, equity: number): Reading {
  const status =
    equity < 0
      ? "bankrupt"
      : equity < 60
        ? "liquidatable"
        : equity < 100
          ? "margin call"
          : "healthy";
  return {
    account,
    status,
    equity: BigInt(equity) * WAD,
    initial: 100n * WAD,
    maintenance: 60n * WAD,
  };
}

describe("demo keeper", () => {
  describe("decide", () => {
    it("calls who is between the two requirements and liquidates who is below both", () => {
      const { calls, liquidations } = decide(
        [reading("a", 120), reading("b", 99), reading("c", 59), reading("d", -5), reading("e", 60)],
        NOBODY,
      );
      expect(calls.map(({ account }) => account)).to.deep.equal(["b", "e"]);
      expect(liquidations.map(({ account }) => account)).to.deep.equal(["d", "c"]);
    });

    it("takes the sickest first", () => {
      const { liquidations } = decide(
        [reading("a", 50), reading("b", -50), reading("c", 10)],
        NOBODY,
      );
      expect(liquidations.map(({ account }) => account)).to.deep.equal(["b", "c", "a"]);
    });

    it("calls once, and again only after a recovery", () => {
      let called: ReadonlySet<string> = NOBODY;
      const calls = [99, 98, 101, 97, 106, 97].map((equity) => {
        const decision = decide([reading("a", equity)], called);
        called = decision.called;
        return decision.calls.length;
      });
      expect(calls).to.deep.equal([1, 0, 0, 0, 0, 1]);
    });

    it("does not call who comes up from below the line", () => {
      const { called } = decide([reading("a", 10)], NOBODY);
      expect(decide([reading("a", 80)], called).calls).to.deep.equal([]);
    });
  });

  describe("healthOf", () => {
    it("is equity over maintenance, without end where nothing is required", () => {
      expect(healthOf({ equity: 90n * WAD, maintenance: 60n * WAD })).to.equal(1.5);
      expect(healthOf({ equity: -30n * WAD, maintenance: 60n * WAD })).to.equal(-0.5);
      expect(healthOf({ equity: 0n, maintenance: 0n })).to.equal(Infinity);
    });
  });
});

describe("demo cast", () => {
  it("has a dozen traders and more, isolated and cross, long and short, with every kind of collateral", () => {
    const traders = castOf(createRandom(1), "eth").filter(({ kind }) => kind === "trader");
    expect(traders.length).to.be.at.least(12);
    expect(new Set(traders.map(({ asset }) => asset))).to.have.keys([
      "USDC",
      "WETH",
      "wstETH",
      "WBTC",
    ]);
    expect(new Set(traders.flatMap(({ bets }) => bets.map(({ side }) => side)))).to.have.keys([
      "long",
      "short",
    ]);
    const isolated = traders.filter(({ subAccount }) => subAccount > 0);
    expect(isolated.length).to.be.at.least(3);
    for (const { bets } of isolated) expect(bets).to.have.length(1);
    expect(new Set(traders.map(({ name }) => name)).size).to.equal(traders.length);
  });

  it("varies with the seed, and only with it", () => {
    const dollars = (seed: number) => castOf(createRandom(seed), "eth").map((role) => role.dollars);
    expect(dollars(1)).to.deep.equal(dollars(1));
    expect(dollars(1)).not.to.deep.equal(dollars(2));
  });

  describe("worstMomentToSell", () => {
    it("is before the largest rise of the later part", () => {
      expect(worstMomentToSell([10, 100, 50, 40, 30, 45, 20, 22, 21])).to.equal(4);
    });

    it("is the beginning of the later part where nothing rises", () => {
      expect(worstMomentToSell([9, 8, 7, 6, 5, 4, 3, 2, 1])).to.equal(3);
    });
  });
});
