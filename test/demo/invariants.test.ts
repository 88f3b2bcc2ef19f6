import { expect } from "chai";
import {
  checkConservation,
  checkCustody,
  checkFlatBook,
  checkLine,
  exitCodeOf,
  type ConservationFigures,
} from "../../scripts/demo/invariants.js";

const WAD = 10n ** 18n;

describe("demo invariants", () => {
  describe("I1, flat book", () => {
    const book = {
      name: "ETH-PERP",
      sizes: [3n * WAD, -1n * WAD, -2n * WAD, 0n],
      openInterest: 3n * WAD,
    };

    it("holds when sizes cancel out and open interest is what is held on each side", () => {
      expect(checkFlatBook([book]).holds).to.equal(true);
    });

    it("fails when one wei of size has no opposite", () => {
      const result = checkFlatBook([{ ...book, sizes: [3n * WAD + 1n, -1n * WAD, -2n * WAD] }]);
      expect(result.holds).to.equal(false);
      expect(result.figures["ETH-PERP net"]).to.equal("1");
    });

    it("fails when the reported open interest is off by one wei", () => {
      expect(checkFlatBook([{ ...book, openInterest: book.openInterest - 1n }]).holds).to.equal(
        false,
      );
    });

    it("fails when any of several books is not flat", () => {
      expect(
        checkFlatBook([{ name: "BTC-PERP", sizes: [1n], openInterest: 1n }, book]).holds,
      ).to.equal(false);
    });

    it("does not hold when nothing was looked at", () => {
      expect(checkFlatBook([]).holds).to.equal(false);
    });
  });

  describe("I2, conservation", () => {
    const books: ConservationFigures = {
      tracked: 1_500_000n,
      decimals: 6,
      cash: [WAD, -WAD / 4n],
      realQuotes: [2n * WAD, (-5n * WAD) / 4n],
      reserve: 0n,
      interestReserve: 0n,
      deficit: 0n,
      positionWrites: 3,
      indexMoves: [],
      cashWrites: 5,
      cashIndex: 0n,
    };
    const differenceOf = (changed: Partial<ConservationFigures>) => {
      const { holds, figures } = checkConservation({ ...books, ...changed });
      return [holds, figures["difference"], figures["tolerance"]];
    };

    it("holds when the vault has exactly what accounts own", () => {
      expect(differenceOf({})).to.deep.equal([true, "0", "6"]);
    });

    it("allows two wei in the vault's favour for each position written", () => {
      expect(differenceOf({ cash: [WAD - 6n, -WAD / 4n] })).to.deep.equal([true, "6", "6"]);
      expect(differenceOf({ cash: [WAD - 7n, -WAD / 4n] })).to.deep.equal([false, "7", "6"]);
    });

    it("allows open interest x 1e-18, rounded up, for each index move", () => {
      const moved = { indexMoves: [10n * WAD, 10n * WAD - 1n] };
      expect(differenceOf({ ...moved, cash: [WAD - 27n, -WAD / 4n] })).to.deep.equal([
        true,
        "27",
        "27",
      ]);
      expect(differenceOf({ ...moved, cash: [WAD - 28n, -WAD / 4n] })).to.deep.equal([
        false,
        "28",
        "27",
      ]);
    });

    it("allows two wei of principal for each cash write, and one for each account, once an index has moved", () => {
      expect(differenceOf({ cash: [WAD - 7n, -WAD / 4n] })).to.deep.equal([false, "7", "6"]);
      const accrued = { cashIndex: 2n };
      expect(differenceOf({ ...accrued, cash: [WAD - 30n, -WAD / 4n] })).to.deep.equal([
        true,
        "30",
        "30",
      ]);
      expect(differenceOf({ ...accrued, cash: [WAD - 31n, -WAD / 4n] })).to.deep.equal([
        false,
        "31",
        "30",
      ]);
    });

    it("counts the interest that waits for the insurance fund as owed", () => {
      expect(differenceOf({ interestReserve: 1n })).to.deep.equal([false, "-1", "6"]);
      expect(
        differenceOf({ cash: [WAD / 2n, -WAD / 4n], interestReserve: WAD / 2n }),
      ).to.deep.equal([true, "0", "6"]);
    });

    it("fails when the vault owes a single wei more than it has", () => {
      expect(differenceOf({ cash: [WAD + 1n, -WAD / 4n] })).to.deep.equal([false, "-1", "6"]);
    });

    it("counts the reserve as owed and the deficit as not", () => {
      expect(differenceOf({ reserve: 1n })).to.deep.equal([false, "-1", "6"]);
      expect(differenceOf({ cash: [3n * WAD, -WAD / 4n], deficit: 2n * WAD })).to.deep.equal([
        true,
        "0",
        "6",
      ]);
    });

    it("scales tokens of any decimals", () => {
      expect(differenceOf({ tracked: (3n * WAD) / 2n, decimals: 18 })).to.deep.equal([
        true,
        "0",
        "6",
      ]);
      expect(differenceOf({ tracked: 3n * WAD * 500_000n, decimals: 24 })).to.deep.equal([
        true,
        "0",
        "6",
      ]);
    });
  });

  describe("I3, custody", () => {
    const token = { symbol: "WETH", held: 30n, tracked: 30n, accounts: [10n, 20n] };

    it("holds when the books are the sum of the accounts and the vault has it", () => {
      expect(checkCustody([token]).holds).to.equal(true);
    });

    it("does not mind tokens sent to the vault by mistake", () => {
      expect(checkCustody([{ ...token, held: 31n }]).holds).to.equal(true);
    });

    for (const [why, wrong] of [
      ["the vault lacks a unit", { held: 29n }],
      ["accounts own a unit too much", { accounts: [10n, 21n] }],
      ["a unit belongs to nobody", { accounts: [10n, 19n] }],
    ] as const) {
      it(`fails when ${why}`, () => {
        expect(checkCustody([{ ...token, ...wrong }]).holds).to.equal(false);
      });
    }

    it("compares the settlement token with its books only", () => {
      expect(checkCustody([{ symbol: "USDC", held: 5n, tracked: 5n }]).holds).to.equal(true);
      expect(checkCustody([{ symbol: "USDC", held: 4n, tracked: 5n }]).holds).to.equal(false);
    });

    it("does not hold when nothing was looked at", () => {
      expect(checkCustody([]).holds).to.equal(false);
    });
  });

  describe("I5, line", () => {
    const healthy = { account: "Ada", belowMaintenance: false, outcome: "NotLiquidatable" };
    const sunk = { account: "Ben", belowMaintenance: true, outcome: "accepted" };
    const figures = { steps: 10, leftBelow: [], attempts: [healthy, sunk] };

    it("holds when only those below maintenance can be liquidated and none was left there", () => {
      expect(checkLine(figures).holds).to.equal(true);
    });

    for (const [why, wrong] of [
      ["an account was left below maintenance", { leftBelow: [{ step: 3, account: "Ada" }] }],
      [
        "a healthy account could be liquidated",
        { attempts: [{ ...healthy, outcome: "accepted" }] },
      ],
      [
        "a healthy account was refused for another reason",
        { attempts: [{ ...healthy, outcome: "StalePrice" }] },
      ],
      [
        "an account below the line could not be liquidated",
        { attempts: [{ ...sunk, outcome: "MustCloseWhole" }] },
      ],
      ["nothing was tried", { attempts: [] }],
      ["nothing was watched", { steps: 0 }],
    ] as const) {
      it(`fails when ${why}`, () => {
        expect(checkLine({ ...figures, ...wrong }).holds).to.equal(false);
      });
    }
  });

  describe("exit code", () => {
    const flat = checkFlatBook([{ name: "ETH-PERP", sizes: [1n, -1n], openInterest: 1n }]);
    const sabotaged = checkFlatBook([{ name: "ETH-PERP", sizes: [1n, -2n], openInterest: 1n }]);

    it("is 0 only when every invariant holds", () => {
      expect(exitCodeOf([flat])).to.equal(0);
      expect(exitCodeOf([flat, sabotaged])).to.equal(1);
    });

    it("is not 0 when nothing was checked", () => {
      expect(exitCodeOf([])).to.equal(1);
    });
  });
});
