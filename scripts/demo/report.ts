import { formatWad } from "../../sdk/index.js";
import type { InvariantResult } from "./invariants.js";
import type { Market } from "./market.js";
import type { EventReport } from "./reportEvents.js";
import type { FundingReport, InterestReport } from "./reportMoney.js";
import type { Scenario } from "./source.js";
import { type AccountRow, standingOf, unitOf } from "./tables.js";

/** What `--json` prints: every amount is text, in whole units with all its decimals. */
export interface DemoReport {
  readonly scenario: Record<string, string>;
  readonly accounts: readonly AccountReport[];
  readonly events: readonly EventReport[];
  readonly funding: readonly FundingReport[];
  readonly interest: InterestReport;
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
