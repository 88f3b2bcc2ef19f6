import type { DefaultRecord, DeleverageRecord, FlagRecord, WriteOffRecord } from "./defaults.js";
import { abs, count, percent, priceOf, sizeOf, toNumber, usd } from "./format.js";
import { CENT, hasEmptiedFund, type LossBorne } from "./losses.js";
import type { Market } from "./market.js";
import { deployedFundDrawCapBps, parameters } from "./parameters.js";
import type { Speaker } from "./speaker.js";
import { unitOf } from "./tables.js";
import type { Palette } from "./terminal.js";

/** What the tellers of losses speak with. */
export interface LossVoice {
  readonly speaker: Speaker;
  readonly paint: Palette;
  /** For units. */
  readonly market: Market;
  readonly nameOf: (account: string) => string;
}

const { gainsHaircutCapBps, lendersCapBps, deleverageDelay } = parameters.liquidation;

/** Tells who bore what the insurance fund did not pay. */
export function tellLoss(
  { speaker, paint, market }: LossVoice,
  name: string,
  loss: LossBorne,
): void {
  const { haircuts, lenders, unborne } = loss;
  if (haircuts.length === 0 && lenders < CENT && unborne < CENT) return;
  if (hasEmptiedFund(loss)) {
    speaker.lineAbout(paint.loss, "○ fund empty", "Fund", "has paid all it had");
    speaker.explain(
      "emptied",
      `As deployed, one market may draw no more than ${bps(deployedFundDrawCapBps)} of the insurance fund in a day, so that no ` +
        "single market can empty it. The demo lets it draw all, to show who pays after the fund.",
    );
  }
  for (const { instrument, long, loss: given } of haircuts) {
    speaker.lineAbout(
      paint.loss,
      "✂ gains haircut",
      "winners",
      `every ${long ? "long" : "short"} ${unitOf(market, instrument)} position together gives ${usd(given)}`,
    );
    speaker.explain(
      "haircut",
      `What ${name} still owes is owed to those on the other side. They share the loss in proportion to their size: one ` +
        "number per instrument moves, nobody is picked out, and no position is closed. At once, and in each hour, they give " +
        `at most ${bps(gainsHaircutCapBps)} of the price.`,
    );
  }
  if (lenders >= CENT) {
    speaker.lineAbout(
      paint.loss,
      "− lenders",
      "all cash",
      `everybody who has cash gives in proportion, ${usd(lenders)} together`,
    );
    speaker.explain(
      "lenders",
      `Beyond ${bps(gainsHaircutCapBps)} of the price in an hour nothing more is asked of winners. The last who bear a loss are those who have cash in the vault: the ` +
        `index that pays them interest falls, by at most ${bps(lendersCapBps)} at once and in each day.`,
    );
  }
  if (unborne >= CENT) {
    speaker.lineAbout(paint.loss, "… deficit", "nobody", `${usd(unborne)} is borne by nobody yet`);
    speaker.explain(
      "deficit",
      "What is above every cap is recorded as a deficit: the insurance fund's next income repays it first.",
    );
  }
}

/** Tells what was done about an account that nobody took over. */
export function tellDefault(voice: LossVoice, record: DefaultRecord): void {
  switch (record.kind) {
    case "flag":
      tellFlag(voice, record);
      return;
    case "deleverage":
      tellDeleverage(voice, record);
      return;
    case "writeOff":
      tellWriteOff(voice, record);
  }
}

function tellFlag({ speaker, paint, nameOf }: LossVoice, { account, equity }: FlagRecord): void {
  const text = `is bankrupt with ${usd(equity)}, and no liquidator wants it: flagged`;
  speaker.line(paint.loss, "⚑ flag", account, text);
  speaker.explain(
    "flag",
    `A flag starts a clock: anyone may raise it over a bankrupt account. The fund cannot pay a liquidator's discount for ${nameOf(account)} ` +
      `now; if still nobody has taken it over in ${count(deleverageDelay / 3600, "hour")}, its position may be closed without a liquidator.`,
  );
}

function tellDeleverage(voice: LossVoice, { event, loss }: DeleverageRecord): void {
  const { speaker, paint, market, nameOf } = voice;
  const { bankrupt, counterparty, instrument, size, mark } = event;
  const unit = unitOf(market, instrument);
  const closed = sizeOf(abs(size), unit).replace("+", "");
  const paid = loss.fromFund >= CENT ? `, fund −${usd(loss.fromFund)}` : "";
  speaker.line(
    paint.loss,
    "⇄ deleverage",
    bankrupt,
    `${closed} closed against ${nameOf(counterparty)} at the mark of ${priceOf(toNumber(mark))}; it lacked ${usd(event.loss)}${paid}`,
  );
  speaker.explain(
    "deleverage",
    `To deleverage is to close a bankrupt account's position against somebody on the other side, at the mark and without fees. ` +
      `${nameOf(counterparty)} keeps all that the position has won so far and loses only the position; what ${nameOf(bankrupt)} ` +
      "lacks goes the same way as any loss.",
  );
  tellLoss(voice, nameOf(bankrupt), loss);
}

function tellWriteOff(voice: LossVoice, { account, debt, loss }: WriteOffRecord): void {
  const { speaker, paint, nameOf } = voice;
  // Rounding may leave a debt of some wei.
  if (debt < CENT) return;
  const text = `a debt of ${usd(debt)} with nothing behind it is cleared, ${usd(loss.fromFund)} of it by the fund`;
  speaker.line(paint.loss, "∅ write-off", account, text);
  speaker.explain(
    "writeOff",
    "A write-off clears a debt whose account has neither position nor collateral left: the fund pays first, then lenders.",
  );
  tellLoss(voice, nameOf(account), loss);
}

function bps(value: number): string {
  return percent(value / 10_000);
}
