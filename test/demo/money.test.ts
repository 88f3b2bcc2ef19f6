import { expect } from "chai";
import { noteCash } from "../../scripts/demo/cashEvents.js";
import { FundingLedger, netOf } from "../../scripts/demo/funding.js";
import { InterestLedger } from "../../scripts/demo/interest.js";
import { beyondFund, hasEmptiedFund, type LossBorne } from "../../scripts/demo/losses.js";
import {
  describeInterest,
  describeRates,
  fundingTable,
  whoPaid,
} from "../../scripts/demo/money.js";
import { quotedPrice, skewAt } from "../../scripts/demo/quotes.js";
import type { Palette } from "../../scripts/demo/terminal.js";

const WAD = 10n ** 18n;
const HOUR = 3600;
const PLAIN: Palette = {
  ...{ strong: String, faint: String, good: String, warning: String },
  ...{ alarm: String, loss: String, price: String, act: String },
};
const MARKET = { instruments: { eth: 1n, btc: 2n } } as unknown as Parameters<
  typeof fundingTable
>[1]["market"];

describe("demo money", () => {
  describe("funding", () => {
    const MARK = 3_000n * WAD;
    const state = { mark: MARK, interest: 100n, premium: 0n };
    const ledgerWith = (changed: Partial<typeof state>): FundingLedger => {
      const ledger = new FundingLedger();
      ledger.setOpenInterest(1n, 10n * WAD, 1_000);
      ledger.setState(1n, { ...state, ...changed }, 1_000);
      return ledger;
    };
    const totalsAfter = (ledger: FundingLedger, seconds: number) => {
      const [totals] = ledger.totalsAt(1_000 + seconds);
      if (totals === undefined) throw new Error("no totals");
      return totals;
    };

    it("charges longs the interest on what is open: 0.01 % of 30,000 in eight hours", () => {
      const totals = totalsAfter(ledgerWith({}), 8 * HOUR);
      expect(totals).to.deep.equal({ instrument: 1n, interest: 3n * WAD, above: 0n, below: 0n });
    });

    it("adds a premium that fades within five minutes: half of it counts", () => {
      const premium = 48n * 10n ** 12n;
      const ledger = ledgerWith({ interest: 0n, premium });
      // 4.8 % of 30,000 in eight hours would be 1,440; 150 of 28,800 seconds of it are 7.5.
      expect(totalsAfter(ledger, 300).above).to.equal((15n * WAD) / 2n);
      expect(totalsAfter(ledger, 8 * HOUR).above).to.equal((15n * WAD) / 2n);
    });

    it("comes to the same however often it is counted", () => {
      const often = ledgerWith({ premium: 10n ** 13n });
      for (let second = 0; second < 600; second += 25) totalsAfter(often, second);
      const once = ledgerWith({ premium: 10n ** 13n });
      const [a, b] = [totalsAfter(often, 600), totalsAfter(once, 600)];
      // A wei of the index for each of 24 counts, times what is open.
      expect(b.interest - a.interest).to.be.within(0n, 240n);
      expect(b.above - a.above).to.be.within(-240n, 240n);
    });

    it("lets shorts pay for a premium below the index", () => {
      const totals = totalsAfter(ledgerWith({ interest: 0n, premium: -48n * 10n ** 12n }), 300);
      expect([totals.above, totals.below]).to.deep.equal([0n, (15n * WAD) / 2n]);
      expect(netOf(totals)).to.equal((-15n * WAD) / 2n);
    });

    it("counts what was open at each moment", () => {
      const ledger = ledgerWith({});
      ledger.setOpenInterest(1n, 20n * WAD, 1_000 + 4 * HOUR);
      expect(totalsAfter(ledger, 8 * HOUR).interest).to.equal((9n * WAD) / 2n);
    });

    it("goes on from a new state without forgetting the old one", () => {
      const ledger = ledgerWith({});
      ledger.setState(1n, { ...state, interest: -100n }, 1_000 + 8 * HOUR);
      expect(totalsAfter(ledger, 16 * HOUR).interest).to.equal(0n);
      expect(totalsAfter(ledger, 24 * HOUR).interest).to.equal(-3n * WAD);
    });
  });

  describe("interest", () => {
    const accrue = (ledger: InterestLedger, supplyIndex: bigint, borrowIndex: bigint): void => {
      noteCash(ledger, { name: "InterestAccrued", supplyIndex, borrowIndex }, "usdc");
    };
    const indebted = (): InterestLedger => {
      const ledger = new InterestLedger();
      noteCash(ledger, { name: "CashPosted", account: "lender", cash: 400n * WAD }, "usdc");
      noteCash(ledger, { name: "CashPosted", account: "borrower", cash: -100n * WAD }, "usdc");
      return ledger;
    };

    it("is what debts grow by, what cash grows by, and what is left for the fund", () => {
      const ledger = indebted();
      accrue(ledger, (102n * WAD) / 100n, (110n * WAD) / 100n);
      noteCash(ledger, { name: "InterestCollected", collected: WAD }, "usdc");
      expect(ledger.totals(WAD)).to.deep.equal({
        ...{ paid: 10n * WAD, earned: 8n * WAD, fund: 2n * WAD, borne: 0n },
      });
      expect(ledger.paidByAccount("borrower")).to.equal(10n * WAD);
      expect(ledger.paidByAccount("lender")).to.equal(0n);
    });

    it("does not take a loss that lenders bear for negative interest", () => {
      const ledger = indebted();
      ledger.charge({ borne: 4n * WAD, supply: (99n * WAD) / 100n });
      expect(ledger.totals(0n)).to.include({ earned: 0n, borne: 4n * WAD });
      accrue(ledger, WAD, WAD);
      expect(ledger.totals(0n).earned).to.equal(4n * WAD);
    });

    it("follows cash through deposits, withdrawals and transfers, and leaves collateral aside", () => {
      const ledger = new InterestLedger();
      const writes = [
        noteCash(
          ledger,
          { name: "Deposited", account: "a", token: "usdc", balance: 10n * WAD },
          "usdc",
        ),
        noteCash(
          ledger,
          { name: "Deposited", account: "a", token: "weth", balance: 99n * WAD },
          "usdc",
        ),
        noteCash(
          ledger,
          {
            ...{ name: "Transferred", from: "a", to: "b", token: "usdc" },
            ...{ fromBalance: 4n * WAD, toBalance: 6n * WAD },
          },
          "usdc",
        ),
        noteCash(ledger, { name: "Withdrawn", account: "b", token: "usdc", balance: -WAD }, "usdc"),
      ];
      expect(writes).to.deep.equal([1, 0, 2, 1]);
      accrue(ledger, 2n * WAD, 3n * WAD);
      expect(ledger.totals(0n)).to.include({ earned: 4n * WAD, paid: 2n * WAD });
    });

    it("says that cash is exact until an index moves", () => {
      const ledger = indebted();
      expect(ledger.largestIndex).to.equal(0n);
      accrue(ledger, WAD, WAD + 1n);
      expect(ledger.largestIndex).to.equal(2n);
    });
  });

  describe("quotes", () => {
    const at = (hours: number, eth: number) => ({ time: hours * HOUR, prices: { eth, btc: 100 } });

    it("lie below the index after a fall and above it after a rise, within their bound", () => {
      const fall = [at(0, 100), at(0.5, 98)];
      expect(skewAt(fall, 0)).to.deep.equal({ eth: 0n, btc: 0n });
      expect(skewAt(fall, 1)).to.deep.equal({ eth: (-2n * WAD) / 1_000n, btc: 0n });
      expect(skewAt([at(0, 100), at(0.5, 50)], 1).eth).to.equal((-6n * WAD) / 1_000n);
      expect(skewAt([at(0, 100), at(0.5, 101)], 1).eth).to.equal(WAD / 1_000n);
    });

    it("look back one hour, to the report that was good when it began", () => {
      const path = [at(0, 100), at(1, 100), at(2.5, 99), at(3, 98)];
      expect(skewAt(path, 3).eth).to.equal((-2n * WAD) / 1_000n);
    });

    it("cost whoever takes them: buyers pay more than sellers get", () => {
      const mark = 1_000n * WAD;
      expect(quotedPrice(mark, { size: 1n, skew: 0n })).to.equal((10_002n * WAD) / 10n);
      expect(quotedPrice(mark, { size: -1n, skew: WAD / 1_000n })).to.equal((10_008n * WAD) / 10n);
    });
  });

  describe("what people read", () => {
    const totals = [
      { instrument: 1n, interest: 40n * WAD, above: 3n * WAD, below: 143n * WAD },
      { instrument: 2n, interest: 5n * WAD, above: 0n, below: 0n },
    ];
    const rates = [{ instrument: 1n, rate: WAD / 10n, premium: -WAD / 100n }];

    it("says for each market who paid whom, and the rates now where they are known", () => {
      const table = fundingTable(totals, { rates, market: MARKET, paint: PLAIN });
      const [head, eth, btc] = table.split("\n");
      expect(head).to.match(/funding +interest +premium above +premium below +in all/);
      expect(eth).to.match(
        /ETH-PERP +\$40\.00 +\$3\.00 +−\$143 +shorts paid longs \$100 +\+10\.0 % +−1\.0 %/,
      );
      expect(btc).to.match(/BTC-PERP +\$5\.00 +\$0 +\$0 +longs paid shorts \$5\.00 +– +–/);
    });

    it("says the rates of a moment in a line", () => {
      expect(describeRates(rates, MARKET)).to.equal("ETH +10.0 % a year, of which premium −1.0 %");
    });

    it("says when nobody paid", () => {
      expect(whoPaid(0n)).to.equal("nobody paid anybody");
      expect(describeInterest({ paid: 0n, earned: 0n, fund: 0n, borne: 0n })).to.deep.equal([
        "Nobody was in debt, so no interest was paid.",
      ]);
    });

    it("says who received interest, and what lenders bore if they did", () => {
      const interest = { paid: 10n * WAD, earned: 8n * WAD, fund: 2n * WAD };
      expect(describeInterest({ ...interest, borne: 0n })).to.deep.equal([
        "Borrowers paid $10.00 of interest: $8.00 went to those who have cash, $2.00 to the insurance fund.",
      ]);
      expect(describeInterest({ ...interest, borne: WAD })[1]).to.contain("bore $1.00");
    });
  });

  describe("losses", () => {
    const haircut = { name: "GainsHaircut", instrument: 1n, long: false, loss: 5n } as const;
    const loss: LossBorne = {
      ...{ fromFund: WAD, haircuts: [haircut, haircut], lenders: 3n, unborne: 2n, fundLeft: 0n },
    };

    it("add up what was borne after the insurance fund", () => {
      expect(beyondFund(loss)).to.equal(15n);
    });

    it("have emptied the fund only if it paid, and nothing is left", () => {
      expect(hasEmptiedFund(loss)).to.equal(true);
      expect(hasEmptiedFund({ ...loss, fromFund: 0n })).to.equal(false);
      expect(hasEmptiedFund({ ...loss, fundLeft: WAD })).to.equal(false);
    });
  });
});
