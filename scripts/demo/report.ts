import { formatWad } from "../../sdk/index.js";
import type { StepRecord } from "./drive.js";
import type { InvariantResult } from "./invariants.js";
import type { Market } from "./market.js";
import type { Scenario } from "./source.js";
import { type AccountRow, standingOf, unitOf } from "./tables.js";

/** What `--json` prints: every amount is text, in whole units with all its decimals. */
export interface DemoReport {
  readonly scenario: Record<string, string>;
  readonly accounts: readonly AccountReport[];
  readonly events: readonly EventReport[];
  readonly invariants: readonly InvariantResult[];
  readonly exitStatus: number;
}

/** How an account ended. */
interface AccountReport {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly equity: string;
  readonly initial: string;
  readonly maintenance: string;
  readonly cash: string;
  readonly collateral: Readonly<Record<string, string>>;
  readonly positions: readonly {
    readonly instrument: string;
    readonly size: string;
    readonly realQuote: string;
  }[];
}

/** Something that happened: always with its kind, step and time, and what belongs to the kind. */
type EventReport = Readonly<Record<string, string>> & { readonly kind: string };

/** The path in a few words. */
export function reportScenario({
  title,
  driver,
  steps,
  drawdown,
}: Scenario): Record<string, string> {
  return {
    title,
    driver,
    steps: `${steps.length}`,
    begin: `${steps[0]?.time ?? 0}`,
    end: `${steps.at(-1)?.time ?? 0}`,
    drop: `${drawdown?.drop ?? 0}`,
  };
}

/** An account as the chain has it. */
export function reportAccount(
  { name, reading, holdings, closed }: AccountRow,
  market: Market,
): AccountReport {
  return {
    id: reading.account,
    name,
    status: standingOf(reading, { closed }),
    equity: formatWad(reading.equity),
    initial: formatWad(reading.initial),
    maintenance: formatWad(reading.maintenance),
    cash: formatWad(holdings.cash),
    collateral: Object.fromEntries(
      market.collaterals.map(({ symbol }, i) => [symbol, `${holdings.collateral[i] ?? 0n}`]),
    ),
    positions: holdings.positions.map(({ instrument, size, realQuote }) => ({
      instrument: `${unitOf(market, instrument)}-PERP`,
      size: formatWad(size),
      realQuote: formatWad(realQuote),
    })),
  };
}

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
        const amounts = { fraction, equity, maintenance, payment, toAccount, toInsurance };
        const liquidation = {
          kind: record.kind,
          ...when,
          account: nameOf(account),
          liquidator: nameOf(liquidator),
          ...Object.fromEntries(
            Object.entries(amounts).map(([name, amount]) => [name, formatWad(amount)]),
          ),
        };
        const haircuts = record.haircuts.map(({ instrument, long, loss }) => ({
          kind: "gainsHaircut",
          ...when,
          instrument: `${unitOf(market, instrument)}-PERP`,
          side: long ? "long" : "short",
          loss: formatWad(loss),
        }));
        return [liquidation, ...haircuts];
      }
      case "sale":
        return record.sold.map(({ instrument, size }) => ({
          kind: record.kind,
          ...when,
          instrument: `${unitOf(market, instrument)}-PERP`,
          size: formatWad(-size),
        }));
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
