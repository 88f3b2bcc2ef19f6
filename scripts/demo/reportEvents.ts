import { formatWad } from "../../sdk/index.js";
import type { DefaultRecord } from "./defaults.js";
import type { StepRecord } from "./drive.js";
import type { LossBorne } from "./losses.js";
import type { Market } from "./market.js";
import { unitOf } from "./tables.js";

/** Something that happened: always with its kind, step and time, and what belongs to the kind. */
export type EventReport = Readonly<Record<string, string>> & { readonly kind: string };

/** The events of a step. */
export function reportEvents(
  { step, at, done }: StepRecord,
  { market, nameOf }: { market: Market; nameOf: (account: string) => string },
): EventReport[] {
  const when = {
    step: `${step}`,
    time: `${at.time}`,
    eth: `${at.prices.eth}`,
    btc: `${at.prices.btc}`,
  };
  return done.flatMap((record): EventReport[] => {
    switch (record.kind) {
      case "marginCall": {
        const { account, equity, initial, maintenance } = record.reading;
        return [
          {
            kind: record.kind,
            ...when,
            account: nameOf(account),
            equity: formatWad(equity),
            initial: formatWad(initial),
            maintenance: formatWad(maintenance),
            deposit: formatWad(record.deposit),
          },
        ];
      }
      case "liquidation": {
        const { account, liquidator, fraction, equity, maintenance } = record.event;
        const { payment, toAccount, toInsurance } = record.event;
        const { fundLeft } = record.loss;
        const amounts = {
          fraction,
          equity,
          maintenance,
          payment,
          toAccount,
          toInsurance,
          fundLeft,
        };
        const liquidation = {
          kind: record.kind,
          ...when,
          account: nameOf(account),
          liquidator: nameOf(liquidator),
          ...Object.fromEntries(
            Object.entries(amounts).map(([name, amount]) => [name, formatWad(amount)]),
          ),
        };
        return [liquidation, ...reportLoss(record.loss, { when, market })];
      }
      case "sale":
        return record.deals.map(({ instrument, size, price }) => ({
          kind: record.kind,
          ...when,
          instrument: `${unitOf(market, instrument)}-PERP`,
          size: formatWad(size),
          price: formatWad(price),
        }));
      case "settlement":
        return [
          {
            kind: record.kind,
            ...when,
            account: nameOf(record.account),
            variation: formatWad(record.variation),
            cash: formatWad(record.cash),
          },
        ];
      case "flag":
      case "deleverage":
      case "writeOff":
        return reportDefault(record, { when, market, nameOf });
      case "topUp":
        return [
          {
            kind: record.kind,
            ...when,
            account: nameOf(record.account),
            amount: formatWad(record.amount),
          },
        ];
      case "reduction":
      case "lateTrade":
        return [
          {
            kind: record.kind,
            ...when,
            account: nameOf(record.account),
            instrument: `${unitOf(market, record.instrument)}-PERP`,
            size: formatWad(record.size),
          },
        ];
    }
  });
}

function reportDefault(
  record: DefaultRecord,
  {
    when,
    market,
    nameOf,
  }: { when: Record<string, string>; market: Market; nameOf: (account: string) => string },
): EventReport[] {
  const { kind } = record;
  switch (record.kind) {
    case "flag":
      return [{ kind, ...when, account: nameOf(record.account), equity: formatWad(record.equity) }];
    case "deleverage": {
      const { bankrupt, counterparty, instrument, size, mark, loss } = record.event;
      return [
        {
          kind,
          ...when,
          account: nameOf(bankrupt),
          counterparty: nameOf(counterparty),
          instrument: `${unitOf(market, instrument)}-PERP`,
          size: formatWad(size),
          mark: formatWad(mark),
          loss: formatWad(loss),
          fromFund: formatWad(record.loss.fromFund),
          fundLeft: formatWad(record.loss.fundLeft),
        },
        ...reportLoss(record.loss, { when, market }),
      ];
    }
    case "writeOff": {
      const { account, debt, loss } = record;
      return [
        {
          kind,
          ...when,
          account: nameOf(account),
          debt: formatWad(debt),
          fromFund: formatWad(loss.fromFund),
        },
        ...reportLoss(loss, { when, market }),
      ];
    }
  }
}

/** Who bore a loss after the insurance fund: an entry for each who did. */
function reportLoss(
  { haircuts, lenders, unborne }: LossBorne,
  { when, market }: { when: Record<string, string>; market: Market },
): EventReport[] {
  const reports: EventReport[] = haircuts.map(({ instrument, long, loss }) => ({
    kind: "gainsHaircut",
    ...when,
    instrument: `${unitOf(market, instrument)}-PERP`,
    side: long ? "long" : "short",
    loss: formatWad(loss),
  }));
  if (lenders > 0n) reports.push({ kind: "lendersCharged", ...when, loss: formatWad(lenders) });
  if (unborne > 0n) reports.push({ kind: "deficit", ...when, loss: formatWad(unborne) });
  return reports;
}
