import {
  type AccountId,
  accountWith,
  type Delta,
  type InstrumentId,
  max,
  MissingPriceError,
  passesGate,
  underlyingOf,
} from "../../../sdk/index.js";
import type { KeeperView } from "../../state/view.js";
import { feesOf } from "../orders/checks.js";
import type { MatchFacts } from "./decide.js";

/** What a match depends on beside the orders: the market of its instrument, and the accounts. */
export type InstrumentFacts = Omit<MatchFacts, "taker" | "makers" | "mostMakers" | "taken">;

/** What is known of an instrument at a view's block; nothing without a price now, for then no trigger is reached. */
export function instrumentFacts(
  view: KeeperView,
  instrument: InstrumentId,
): InstrumentFacts | undefined {
  const { state } = view.index;
  const underlying = underlyingOf(instrument);
  const mark = view.market.prices.get(underlying);
  const stored = state.underlyings.get(underlying);
  const rules = stored?.rates.parameters;
  if (mark === undefined || rules === undefined) return undefined;
  return {
    mark,
    bandBps: max(rules.tradeBandBps, rules.leastTradeBandBps),
    isFrozen: view.block.time <= (stored?.frozenUntil ?? 0n),
    feesOf: (account) => feesOf(state, account),
    sizeOf: (account) => {
      const positions = state.accounts.get(account as AccountId)?.positions ?? [];
      return positions.find((held) => held.instrument === instrument)?.size ?? 0n;
    },
    passes: (account, trades, fees) => passes(view, account as AccountId, trades, fees),
  };
}

function passes(
  view: KeeperView,
  account: AccountId,
  trades: readonly Delta[],
  fees: bigint,
): boolean {
  try {
    const afterwards = accountWith(view.snapshotOf(account), trades, -fees);
    return passesGate(afterwards, { trades, venueFees: fees, builderFees: 0n }, view.market);
  } catch (error) {
    if (!(error instanceof MissingPriceError)) throw error;
    return false;
  }
}
