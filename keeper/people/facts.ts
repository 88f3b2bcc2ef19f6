import {
  type AccountId,
  type AccountSnapshot,
  accountOf,
  cashPoolAt,
  changedCash,
  type EventIndex,
  excess,
  formatWad,
  type Margin,
  type MarketSnapshot,
  statusOf,
} from "../../sdk/index.js";
import { decimal, type Naming } from "./naming.js";
import type { Notice } from "./notice.js";
import { type DepositTerms, remediesOf } from "./remedies.js";

/** What notices say of an account: decimal texts by name, exact, in whole tokens and in the settlement currency. */

/** What can be deposited to an account at the market's time, as the index knows it. */
export function depositTermsOf(
  { deployment, state }: Pick<EventIndex, "deployment" | "state">,
  account: AccountId,
  { time }: Pick<MarketSnapshot, "time">,
): DepositTerms {
  const { settlementDecimals, settlementToken } = deployment;
  const roomOf = (token: string): bigint =>
    excess(state.limits.get(token)?.depositCap ?? 0n, state.custody.get(token)?.tracked ?? 0n);
  const { principal } = accountOf(state, account);
  const pool = cashPoolAt(state, time);
  return {
    settlementDecimals,
    settlementRoom: roomOf(settlementToken.toLowerCase()),
    rooms: state.singles.tokens.map((token) =>
      state.collateral.get(token)?.parameters.accepted === true ? roomOf(token) : undefined,
    ),
    cashAfter: (deposited) => changedCash(principal, deposited, pool).cash,
  };
}

/** What is said of every account's margin. */
export function marginFacts(margin: Margin, { currency }: Naming): Notice["facts"] {
  return {
    currency,
    status: statusOf(margin),
    equity: formatWad(margin.equity),
    initial: formatWad(margin.initial),
    maintenance: formatWad(margin.maintenance),
  };
}

/** What a margin call is made of. */
export interface CalledAccount {
  readonly account: AccountSnapshot;
  readonly market: MarketSnapshot;
  readonly margin: Margin;
  readonly terms: DepositTerms;
}

/**
 * What a margin call says: what is lacking, and what each remedy takes.
 *
 * @throws MissingPriceError when something that the account has cannot be read.
 */
export function marginCallFacts(called: CalledAccount, naming: Naming): Notice["facts"] {
  const { account, margin, market, terms } = called;
  const { closedBps, collateral, liquidation, settlement } = remediesOf(account, market, terms);
  const facts: Record<string, string> = {
    ...marginFacts(margin, naming),
    shortfall: formatWad(excess(margin.initial, margin.equity)),
  };
  if (settlement !== undefined) facts[`deposit.${naming.currency}`] = naming.money(settlement);
  for (const { amount, place } of collateral) {
    const rules = market.tokens[place];
    if (rules === undefined) continue;
    facts[`deposit.${naming.symbolOf(rules.token)}`] = decimal(amount, rules.decimals);
  }
  if (closedBps !== undefined) facts.closedPercent = decimal(closedBps, 2);
  if (liquidation !== undefined) {
    facts.liquidationInstrument = naming.instrument(liquidation.instrument);
    facts.liquidationPrice = formatWad(liquidation.price);
  }
  return facts;
}
