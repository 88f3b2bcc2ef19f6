import { mulDown } from "../../sdk/index.js";
import type { Happening } from "./drive.js";
import { abs, change, count, decimal, percent, priceOf, sizeOf, toNumber, usd } from "./format.js";
import type { LiquidationRecord, MarginCall } from "./keeper.js";
import type { SettlementRecord } from "./loans.js";
import { CENT } from "./losses.js";
import type { Market } from "./market.js";
import type { OwnerRecord } from "./reactions.js";
import type { SaleRecord } from "./sale.js";
import { createSpeaker } from "./speaker.js";
import { unitOf } from "./tables.js";
import { tellDefault, tellLoss } from "./tellLosses.js";
import type { Terminal } from "./terminal.js";
import { healthOf } from "./watch.js";

/** Prints single happenings: a line each, and why when its kind is new. */
export interface Teller {
  tell(record: Happening): void;
  /** Says that more slices of an account were taken than have been told. */
  tellUntold(account: string, untold: { slices: number; payment: bigint }): void;
}

/**
 * @param market For units.
 * @param nameOf How accounts are called.
 */
export function createTeller(
  terminal: Terminal,
  { market, nameOf }: { market: Market; nameOf: (account: string) => string },
): Teller {
  const { paint } = terminal;
  const speaker = createSpeaker(terminal, nameOf);
  const { line, explain } = speaker;
  const voice = { speaker, paint, market, nameOf };

  const tellCall = ({ reading, deposit, reduction, line: limit }: MarginCall): void => {
    const { account, equity, initial, maintenance } = reading;
    const until =
      limit === undefined
        ? ""
        : `; liquidation at ${unitOf(market, limit.instrument)} ${priceOf(toNumber(limit.price))} (${change(toNumber(limit.price) / toNumber(limit.mark) - 1)})`;
    const sell = reduction === undefined ? "" : ` or sell ${percent(toNumber(reduction))}`;
    line(
      paint.warning,
      "! margin call",
      account,
      `equity ${usd(equity)} < initial ${usd(initial)}: deposit ${usd(deposit)}${sell}${until}`,
    );
    explain(
      "marginCall",
      `A margin call is a warning, not a punishment. ${nameOf(account)}'s equity has fallen below the initial margin, ` +
        `which is what new risk needs, but is still above the maintenance margin of ${usd(maintenance)}: health ${decimal(healthOf(reading), 2)}, ` +
        "and the line is at 1. Until it is cured nothing may be withdrawn or added; deposits and sales are always open. Below the line anyone may liquidate.",
    );
  };

  const tellLiquidation = (record: LiquidationRecord): void => {
    const { before, after, event, loss } = record;
    const name = nameOf(event.account);
    const slice = mulDown(event.equity, event.fraction);
    const incentive = slice - event.payment;
    const whole = after.maintenance === 0n;
    const bankrupt = event.equity < 0n;
    const fund =
      event.toInsurance >= 0n
        ? `fund +${usd(event.toInsurance)}`
        : `fund ${usd(event.toInsurance)}`;
    const health = `health ${decimal(healthOf(before), 2)} → ${whole ? "closed" : decimal(healthOf(after), 2)}`;
    line(
      bankrupt ? paint.loss : paint.alarm,
      bankrupt ? "✖ bankrupt" : "✖ liquidation",
      event.account,
      abs(event.payment) < CENT
        ? `${percent(toNumber(event.fraction))} taken for nothing (worth ${usd(slice)}), ${health}`
        : event.payment < 0n
          ? `all of it, worth ${usd(slice)}: ${nameOf(event.liquidator)} is paid ${usd(-event.payment)} to take it, ${fund}, ${health}`
          : `${percent(toNumber(event.fraction))} sold for ${usd(event.payment)} (worth ${usd(slice)}, discount ${usd(incentive)}), ${fund}, ${health}`,
    );

    if (bankrupt) {
      explain(
        "bankrupt",
        `The price jumped over ${name}'s whole margin: equity ${usd(event.equity)}. What is missing, and the liquidator's ` +
          "discount, is first paid by the insurance fund, which lives on fees of trades and earlier liquidations.",
      );
    } else if (whole && event.toAccount === 0n) {
      explain(
        "whole",
        `${name}'s equity has sunk so far that it does not cover discount and fee: nothing would be left for ${name}, so all ` +
          "of the account is taken over. That is the price of being far below the line; a call answered in time costs nothing.",
      );
    } else if (whole) {
      explain(
        "dust",
        "The rest would be below the minimum margin that makes an account worth watching, so all of it is taken at once.",
      );
    } else {
      explain(
        "partial",
        `${name} fell below maintenance margin: equity ${usd(event.equity)} < ${usd(event.maintenance)}. ${nameOf(event.liquidator)} buys the ` +
          `smallest slice of everything in the account that brings it back to 1.15 times the line. Its price is the slice's equity of ${usd(slice)} ` +
          `less a discount of ${usd(incentive)}: the reward for acting, which grows as an account sinks. ${name} receives ${usd(event.toAccount)} ` +
          `in cash and keeps the rest of the position; ${usd(event.toInsurance)} goes to the insurance fund.`,
      );
    }
    tellLoss(voice, name, loss);
  };

  const tellSale = ({ liquidator, deals }: SaleRecord): void => {
    const sizes = deals.map(
      ({ instrument, size, price }) =>
        `${sizeOf(size, unitOf(market, instrument))} at ${priceOf(toNumber(price))}`,
    );
    speaker.line(paint.faint, "  sold on", liquidator, paint.faint(sizes.join(", ")));
    explain(
      "sale",
      "The liquidator does not want the risk either: it trades what it took away with the market makers, whose quotes carry " +
        "it from here. They quote below the index after a fall and above it after a rise, and funding follows such prices: " +
        "when perpetuals trade below the index, shorts pay longs.",
    );
  };

  const tellSettlement = ({ account, variation, cash }: SettlementRecord): void => {
    line(
      paint.warning,
      "≡ settlement",
      account,
      `a loss of ${usd(-variation)} becomes cash, which is ${usd(cash)} now`,
    );
    explain(
      "settlement",
      "Anyone may turn an account's loss into cash. Equity stays what it is, but what is below 0 is a debt now: it bears " +
        "interest, which goes to those who have cash.",
    );
  };

  const tellOwner = (record: OwnerRecord): void => {
    switch (record.kind) {
      case "topUp":
        line(
          paint.act,
          "+ deposit",
          record.account,
          `answers the call with ${usd(record.amount)}${record.exhausted ? ", the last of the wallet" : ""}`,
        );
        explain("topUp", "A deposit raises equity and leaves both requirements where they are.");
        return;
      case "reduction":
        line(
          paint.act,
          "− reduction",
          record.account,
          `answers the call: sells ${sizeOf(abs(record.size), unitOf(market, record.instrument)).replace("+", "")} with a reduce-only order`,
        );
        explain(
          "reduction",
          "A smaller position lowers both requirements and leaves equity where it is, fees aside.",
        );
        return;
      case "lateTrade":
        line(
          paint.act,
          "» trade",
          record.account,
          `opens ${sizeOf(record.size, unitOf(market, record.instrument))} now, of all moments`,
        );
    }
  };

  const tell = (record: Happening): void => {
    switch (record.kind) {
      case "settlement":
        tellSettlement(record);
        return;
      case "flag":
      case "deleverage":
      case "writeOff":
        tellDefault(voice, record);
        return;
      case "marginCall":
        tellCall(record);
        return;
      case "liquidation":
        tellLiquidation(record);
        return;
      case "sale":
        tellSale(record);
        return;
      case "topUp":
      case "reduction":
      case "lateTrade":
        tellOwner(record);
    }
  };

  return {
    tell,
    tellUntold: (account, { slices, payment }) => {
      const more = `${count(slices, "more slice")} before this, for ${usd(payment)} in all`;
      line(paint.alarm, "✖ liquidations", account, more);
    },
  };
}
