import { expect } from "chai";
import { castOf } from "../../scripts/demo/cast.js";
import { createRandom } from "../../scripts/demo/random.js";
import { worstMomentToSell } from "../../scripts/demo/reactions.js";
import { healthOf } from "../../scripts/demo/watch.js";

const WAD = 10n ** 18n;

describe("demo margins", () => {
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
