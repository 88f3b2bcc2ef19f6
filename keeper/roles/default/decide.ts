import {
  abs,
  type AccountId,
  type AccountSnapshot,
  deleverageOf,
  excess,
  type InstrumentId,
  type MarketSnapshot,
  max,
  min,
  MissingPriceError,
  mulDown,
  type PositionSnapshot,
  underlyingOf,
} from "../../../sdk/index.js";

/** What is to be done about an account that is worth less than nothing, or was. */
export type Step =
  /** Says that it is bankrupt; renews a flag that is void by its age; takes back one of an account that is not. */
  | { readonly kind: "flag"; readonly why: "bankrupt" | "tooOld" | "recovered" }
  | { readonly kind: "deleverage" }
  | { readonly kind: "writeOff" }
  | { readonly kind: "wait" };

/** What the next step depends on. */
export interface DefaultFacts {
  readonly account: AccountSnapshot;
  /** As a liquidation sees it [wad]. */
  readonly equity: bigint;
  /** 0 without a flag [unix seconds]. */
  readonly flaggedAt: bigint;
  /** Of the block [unix seconds]. */
  readonly time: bigint;
  /** Between flag and deleveraging: that of the rules [seconds]. */
  readonly delay: bigint;
  /** For how many blocks it has been as it is now: bankrupt, or not. */
  readonly blocks: number;
  /** What a write-off costs: a smaller debt is not worth it [wad]. */
  readonly leastDebt: bigint;
}

/** So long after its delay a flag is good: `DefaultProcess` [seconds]. */
export const FLAG_LIFE = 86_400n;
/**
 * So many blocks liquidators have before an account is flagged, and so long one must have had equity before its flag is taken
 * back: an account that goes to and fro does not cost gas each time.
 */
export const PATIENCE_BLOCKS = 5;

/**
 * The next step of section 6 of the design for one account: liquidators first, then a flag, after the delay everybody on the
 * other side, and in the end a write-off. Collateral with a debt and no position is for liquidators alone.
 */
export function decideStep(facts: DefaultFacts): Step {
  const { account, blocks, delay, equity, flaggedAt, leastDebt, time } = facts;
  if (equity >= 0n) {
    const isOver = flaggedAt !== 0n && blocks >= PATIENCE_BLOCKS;
    return isOver ? { kind: "flag", why: "recovered" } : { kind: "wait" };
  }
  if (account.positions.length === 0) {
    const isOwed = account.collateral.length === 0 && -account.cash >= max(leastDebt, 1n);
    return isOwed ? { kind: "writeOff" } : { kind: "wait" };
  }
  if (flaggedAt === 0n) {
    return blocks >= PATIENCE_BLOCKS ? { kind: "flag", why: "bankrupt" } : { kind: "wait" };
  }
  const due = flaggedAt + delay;
  if (time > due + FLAG_LIFE) return { kind: "flag", why: "tooOld" };
  return time >= due ? { kind: "deleverage" } : { kind: "wait" };
}

/** Somebody on the other side of a bankrupt account's position. */
export interface Counterparty {
  readonly account: AccountId;
  /** [wad] */
  readonly size: bigint;
}

/** A position that is closed against somebody. */
export interface Closing {
  readonly instrument: InstrumentId;
  readonly counterparty: AccountId;
  /** [wad] */
  readonly size: bigint;
  /** At the mark [wad]. */
  readonly notional: bigint;
}

/** What {@link decideClosings} looks at. */
export interface ClosingFacts {
  readonly bankrupt: AccountSnapshot;
  readonly market: MarketSnapshot;
  /** Those on the other side of an instrument, in their order; see {@link bySize}. */
  readonly counterpartiesOf: (position: PositionSnapshot) => readonly Counterparty[];
  readonly snapshotOf: (account: AccountId) => AccountSnapshot;
}

/**
 * The order in which counterparties are closed: the largest position first, as the runbook has it, and among equals by
 * account. Whoever is closed first bears less of the loss, so the order must not be the keeper's choice: every keeper finds the
 * same, a position is closed against few, and nobody comes first by being in profit or by being small.
 */
export function bySize(a: Counterparty, b: Counterparty): number {
  const [left, right] = [abs(a.size), abs(b.size)];
  if (left !== right) return left > right ? -1 : 1;
  return a.account < b.account ? -1 : 1;
}

/**
 * Against whom each of a bankrupt account's positions is closed next: the first counterparty that still passes the gate then.
 * One of each instrument at a time; the largest notional first. Instruments without a price now wait for one.
 *
 * @param taken What is taken already, by instrument and counterparty; it grows by what is decided [wad].
 */
export function decideClosings(
  { bankrupt, counterpartiesOf, market, snapshotOf }: ClosingFacts,
  taken = new Map<string, bigint>(),
): Closing[] {
  const closings: Closing[] = [];
  for (const position of bankrupt.positions) {
    const { instrument } = position;
    const mark = market.prices.get(underlyingOf(instrument));
    if (mark === undefined) continue;
    for (const { account, size } of counterpartiesOf(position)) {
      const key = `${instrument} ${account}`;
      const left = excess(abs(size), taken.get(key) ?? 0n);
      const asked = min(abs(position.size), left);
      if (asked === 0n) continue;
      if (!passes(bankrupt, snapshotOf(account), { instrument, size: asked }, market)) continue;
      taken.set(key, (taken.get(key) ?? 0n) + asked);
      const notional = mulDown(asked, mark);
      closings.push({ instrument, counterparty: account, size: asked, notional });
      break;
    }
  }
  return closings.sort((a, b) => (a.notional > b.notional ? -1 : 1));
}

/** A counterparty of which something cannot be valued is passed over, not the bankrupt account's closing. */
function passes(
  bankrupt: AccountSnapshot,
  counterparty: AccountSnapshot,
  closing: { instrument: InstrumentId; size: bigint },
  market: MarketSnapshot,
): boolean {
  try {
    return deleverageOf(bankrupt, counterparty, closing, market).refusal === undefined;
  } catch (error) {
    if (!(error instanceof MissingPriceError)) throw error;
    return false;
  }
}
