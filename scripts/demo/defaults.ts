import { Refused } from "./chain.js";
import { type DeleveragedEvent, marketEventsOf } from "./events.js";
import { abs } from "./format.js";
import { readHoldings } from "./holdings.js";
import { type LossBorne, lossBorneOf } from "./losses.js";
import type { Market } from "./market.js";
import type { Reading } from "./watch.js";

/** A bankrupt account that nobody took over was marked. */
export interface FlagRecord {
  readonly kind: "flag";
  readonly account: string;
  /** [wad] */
  readonly equity: bigint;
}

/** A part of it was closed against somebody on the other side. */
export interface DeleverageRecord {
  readonly kind: "deleverage";
  readonly event: DeleveragedEvent;
  readonly loss: LossBorne;
}

/** A debt that nothing was left to pay was cleared. */
export interface WriteOffRecord {
  readonly kind: "writeOff";
  readonly account: string;
  /** [wad] */
  readonly debt: bigint;
  readonly loss: LossBorne;
}

/** What is done about accounts that nobody takes over. */
export type DefaultRecord = FlagRecord | DeleverageRecord | WriteOffRecord;

/** Flags an account; anyone may. */
export async function flag(
  { chain, clearinghouse, operator }: Market,
  { account, equity }: Reading,
): Promise<FlagRecord> {
  await chain.send(operator, await clearinghouse.flag.populateTransaction(account));
  return { kind: "flag", account, equity };
}

/**
 * Closes a flagged account's positions against those who hold the other side, traders first and the largest of them first:
 * most of them are winners, and makers stay able to trade.
 *
 * @param others Everybody else, in any order; `last` are asked only when nobody else is left.
 */
export async function deleverage(
  market: Market,
  account: string,
  { others, last }: { others: readonly string[]; last: ReadonlySet<string> },
): Promise<DeleverageRecord[]> {
  const records: DeleverageRecord[] = [];
  const [bankrupt] = await readHoldings(market, [account]);
  for (const { instrument, size } of bankrupt?.positions ?? []) {
    let left = abs(size);
    for (const { account: counterparty, held } of await oppositeOf(market, {
      instrument,
      long: size > 0n,
      others,
      last,
    })) {
      const closed = held < left ? held : left;
      if (closed === 0n) break;
      const record = await close(market, { account, counterparty, instrument, size: closed });
      if (record === undefined) continue;
      records.push(record);
      left -= closed;
    }
  }
  return records;
}

/** Clears the debt of an account that has nothing else; nothing where there is no such debt. */
export async function writeOff(market: Market, account: string): Promise<WriteOffRecord[]> {
  const { chain, clearinghouse, operator } = market;
  const [held] = await readHoldings(market, [account]);
  if (held === undefined || held.cash >= 0n || held.positions.length > 0) return [];
  if (held.collateral.some((amount) => amount > 0n)) return [];

  const deficit = await clearinghouse.deficit();
  const receipt = await chain.send(
    operator,
    await clearinghouse.writeOff.populateTransaction(account),
  );
  const events = marketEventsOf(market, receipt);
  const event = events.find((each) => each.name === "WrittenOff");
  if (event === undefined) return [];
  const { debt } = event;
  const loss = await lossBorneOf(market, { events, deficit });
  return [{ kind: "writeOff", account, debt, loss }];
}

/** Who holds the other side, and how much of it [wad]. */
async function oppositeOf(
  { clearinghouse }: Market,
  wanted: {
    instrument: bigint;
    long: boolean;
    others: readonly string[];
    last: ReadonlySet<string>;
  },
): Promise<{ account: string; held: bigint }[]> {
  const { instrument, long, others, last } = wanted;
  const positions = await Promise.all(
    others.map((account) => clearinghouse.positionOf(account, instrument)),
  );
  return others
    .map((account, i) => ({ account, held: (long ? -1n : 1n) * (positions[i]?.size ?? 0n) }))
    .filter(({ held }) => held > 0n)
    .sort(
      (a, b) =>
        Number(last.has(a.account)) - Number(last.has(b.account)) || (b.held > a.held ? 1 : -1),
    );
}

/** One deleveraging; undefined when the counterparty would not pass the gate or another rule forbids it. */
async function close(
  market: Market,
  closing: { account: string; counterparty: string; instrument: bigint; size: bigint },
): Promise<DeleverageRecord | undefined> {
  const { chain, clearinghouse, operator } = market;
  const { account, counterparty, instrument, size } = closing;
  const deficit = await clearinghouse.deficit();
  const request = await clearinghouse.deleverage.populateTransaction(
    account,
    counterparty,
    instrument,
    size,
  );
  let receipt;
  try {
    receipt = await chain.send(operator, request);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
  const events = marketEventsOf(market, receipt);
  const event = events.find((each) => each.name === "Deleveraged");
  if (event === undefined) return undefined;
  const loss = await lossBorneOf(market, { events, deficit });
  return { kind: "deleverage", event, loss };
}
