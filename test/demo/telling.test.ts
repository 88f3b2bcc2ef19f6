import { expect } from "chai";
import type { DefaultRecord } from "../../scripts/demo/defaults.js";
import type { LossBorne } from "../../scripts/demo/losses.js";
import { createSpeaker } from "../../scripts/demo/speaker.js";
import { describeTally, tallyOf } from "../../scripts/demo/tally.js";
import { type LossVoice, tellDefault, tellLoss } from "../../scripts/demo/tellLosses.js";
import type { Palette, Terminal } from "../../scripts/demo/terminal.js";

const WAD = 10n ** 18n;
const PLAIN: Palette = {
  ...{ strong: String, faint: String, good: String, warning: String },
  ...{ alarm: String, loss: String, price: String, act: String },
};
const NOTHING: LossBorne = { fromFund: 0n, haircuts: [], lenders: 0n, unborne: 0n, fundLeft: WAD };
const HAIRCUT = { name: "GainsHaircut", instrument: 1n, long: false, loss: 70n * WAD } as const;

describe("demo telling of losses", () => {
  let lines: string[];
  let voice: LossVoice;

  beforeEach(() => {
    lines = [];
    const terminal: Terminal = {
      paint: PLAIN,
      width: 1_000,
      say: (...said) => lines.push(...said),
      phase: () => undefined,
    };
    const nameOf = (account: string): string => account;
    const market = { instruments: { eth: 1n, btc: 2n } } as unknown as LossVoice["market"];
    voice = { speaker: createSpeaker(terminal, nameOf), paint: PLAIN, market, nameOf };
  });

  it("says nothing where the fund has paid all, or only rounding is left", () => {
    tellLoss(voice, "Vic", { ...NOTHING, fromFund: WAD });
    tellLoss(voice, "Vic", { ...NOTHING, lenders: 1n, unborne: 1n });
    expect(lines).to.deep.equal([]);
  });

  it("goes down the waterfall: the empty fund, winners, lenders, the deficit", () => {
    const loss = { fromFund: 9n * WAD, haircuts: [HAIRCUT], lenders: 8n * WAD, unborne: 7n * WAD };
    tellLoss(voice, "Vic", { ...loss, fundLeft: 0n });
    const said = lines.filter((line) => !line.startsWith("      "));
    expect(said.map((line) => line.trim().split(/ {2,}/)[0])).to.deep.equal([
      "○ fund empty",
      "✂ gains haircut winners",
      "− lenders",
      "… deficit",
    ]);
    expect(lines.join("\n"))
      .to.contain("every short ETH position together gives $70.00")
      .and.to.contain("gives in proportion, $8.00 together")
      .and.to.contain("$7.00 is borne by nobody yet")
      .and.to.contain("at most 5.0 % of the price")
      .and.to.contain("no more than 50.0 % of the insurance fund");
  });

  it("does not call the fund emptied by a loss of which it paid nothing", () => {
    tellLoss(voice, "Vic", { ...NOTHING, haircuts: [HAIRCUT], fundLeft: 0n });
    expect(lines.join("\n")).not.to.contain("fund empty");
  });

  const RECORDS: [string, DefaultRecord, RegExp, RegExp][] = [
    [
      "a flag",
      { kind: "flag", account: "Vic", equity: -5n * WAD },
      /⚑ flag +Vic +is bankrupt with −\$5\.00/,
      /A flag starts a clock.* in 1 hour,/,
    ],
    [
      "a deleveraging",
      {
        kind: "deleverage",
        event: {
          ...{ name: "Deleveraged", bankrupt: "Vic", counterparty: "Hana", instrument: 1n },
          ...{ size: -2n * WAD, mark: 1_500n * WAD, loss: 30n * WAD },
        },
        loss: { ...NOTHING, fromFund: 30n * WAD },
      },
      /⇄ deleverage +Vic +2\.00 ETH closed against Hana at the mark of \$1,500\.00; it lacked \$30\.00, fund −\$30\.00/,
      /To deleverage is to close/,
    ],
    [
      "a write-off",
      { kind: "writeOff", account: "Vic", debt: 12n * WAD, loss: { ...NOTHING, fromFund: WAD } },
      /∅ write-off +Vic +a debt of \$12\.00 .* \$1\.00 of it by the fund/,
      /A write-off clears a debt/,
    ],
  ];
  for (const [what, record, line, explanation] of RECORDS) {
    it(`tells ${what} each time and explains it once`, () => {
      tellDefault(voice, record);
      tellDefault(voice, record);
      expect(lines.filter((said) => line.test(said))).to.have.length(2);
      expect(lines.filter((said) => explanation.test(said))).to.have.length(1);
    });
  }

  it("does not tell a write-off of what only rounding has left", () => {
    tellDefault(voice, { kind: "writeOff", account: "Vic", debt: 3n, loss: NOTHING });
    expect(lines).to.deep.equal([]);
  });

  it("sums up who paid after the fund, and only those who did", () => {
    const deleveraged = RECORDS[1]?.[1];
    const { loss } = deleveraged as Extract<DefaultRecord, { kind: "deleverage" }>;
    const step = { step: 0, at: { time: 0, prices: { eth: 1, btc: 1 } }, readings: [] };
    const tellOf = (changed: Partial<LossBorne>): string => {
      const done = [{ ...deleveraged, loss: { ...loss, ...changed } } as DefaultRecord];
      const tally = tallyOf([{ ...step, done, leftBelow: [] }]);
      const fund = { before: WAD, after: 0n };
      return describeTally(tally, { accounts: 2, fund, reserve: 0n }).at(-1) ?? "";
    };
    expect(tellOf({})).to.equal("No winner had to give anything up.");
    expect(tellOf({ haircuts: [HAIRCUT], lenders: WAD, fundLeft: 0n })).to.equal(
      "The fund was emptied 1 time: beyond it winners gave up $70.00, those who have cash gave $1.00. " +
        "1 account that no liquidator took was closed against the other side.",
    );
  });
});
