import { WAD } from "../../sdk/index.js";
import type { Crew } from "./crew.js";
import { type DefaultRecord, defaultRecordOf } from "./defaults.js";
import { marketEventsOf, type LiquidatedEvent } from "./events.js";
import { abs } from "./format.js";
import type { KeeperAct } from "./keepers.js";
import { type LossBorne, lossBorneIn } from "./losses.js";
import type { Market } from "./market.js";
import { type SaleRecord, sellOn } from "./sale.js";
import { isBelowLine, type Reading, readMargins } from "./watch.js";

/** What is owed and what would help, for somebody below initial margin. */
export interface MarginCall {
  readonly kind: "marginCall";
  readonly reading: Reading;
  /** Deposit that restores initial margin [wad]. */
  readonly deposit: bigint;
  /** Share of all positions whose sale restores it too; undefined when selling alone cannot [wad]. */
  readonly reduction: bigint | undefined;
  /** Where the account would meet its line, all other prices unchanged; undefined where no price does. */
  readonly line:
    { readonly instrument: bigint; readonly price: bigint; readonly mark: bigint } | undefined;
}

/** A slice that was taken over. */
export interface LiquidationRecord {
  readonly kind: "liquidation";
  /** The account before. */
  readonly before: Reading;
  /** And afterwards. */
  readonly after: Reading;
  readonly event: LiquidatedEvent;
  /** Who bore what the account could not. */
  readonly loss: LossBorne;
}

/** Everything that keepers do. */
export type KeeperRecord = MarginCall | LiquidationRecord | SaleRecord | DefaultRecord;

/** A look at all accounts with what was done about it. */
export interface Round {
  readonly readings: readonly Reading[];
  readonly done: readonly KeeperRecord[];
  /** Who is still below maintenance although everything was tried. */
  readonly leftBelow: readonly string[];
}

/** A sale frees margin, with which liquidators can take more. */
const MOST_ROUNDS = 6;

/**
 * Lets the keepers look and act until they find nothing more to do, and tells what they did: whom they called, what they took
 * over and sold on, what became of bankrupt accounts that nobody takes.
 */
export async function keep(
  market: Market,
  crew: Crew,
  accounts: readonly string[],
): Promise<Round> {
  const done: KeeperRecord[] = [];
  const called = new Set<string>();
  const readings = await readMargins(market, accounts);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { acts, called: lately } = await crew.keepers.act();
    for (const account of lately) called.add(account);
    const records = [];
    for (const act of acts) records.push(...(await recordsOf(market, act)));
    done.push(...records);
    if (!records.some(({ kind }) => kind === "liquidation")) break;
    for (const liquidator of crew.liquidators) {
      const sale = await sellOn(market, liquidator, crew);
      if (sale !== undefined) done.push(sale);
    }
  }

  // Who has just been liquidated knows already.
  for (const record of done)
    if (record.kind === "liquidation") called.delete(record.before.account);
  const after = await readMargins(market, accounts);
  for (const reading of await readMargins(market, [...called])) {
    if (reading.status === "margin call") done.push(await describeCall(market, reading));
  }
  const leftBelow = after.filter(isBelowLine).map(({ account }) => account);
  return { readings, done, leftBelow };
}

/** What a keeper's transaction did, as far as it is told. */
async function recordsOf(market: Market, act: KeeperAct): Promise<KeeperRecord[]> {
  const events = marketEventsOf(market, act.receipt);
  const block = act.receipt.blockNumber;
  const event = events.find((each) => each.name === "Liquidated");
  if (event === undefined) return defaultRecordOf(market, { events, block });
  const [[before], [after]] = await Promise.all([
    readMargins(market, [event.account], block - 1),
    readMargins(market, [event.account], block),
  ]);
  if (before === undefined || after === undefined) return [];
  const loss = await lossBorneIn(market, { events, block });
  return [{ kind: "liquidation", before, after, event, loss }];
}

/** What a margin call asks for, computed by the margin engine on the account as it would be. */
async function describeCall(market: Market, reading: Reading): Promise<MarginCall> {
  const open = await market.clearinghouse.openPositionsOf(reading.account);
  const deltas = await Promise.all(
    open.map(async ({ instrument, size }) => ({
      instrument,
      size: -size,
      price: await market.clearinghouse.markOf(instrument),
    })),
  );
  const without = await market.engine.marginWith(reading.account, deltas, 0n);
  const deposit = reading.initial - reading.equity;
  // Selling at the mark leaves equity as it is and lowers the requirement in proportion.
  const freed = reading.initial - without.initial;
  const reduction =
    freed >= deposit && freed > 0n ? (deposit * WAD + freed - 1n) / freed : undefined;
  return {
    kind: "marginCall",
    reading,
    deposit,
    reduction,
    line: await lineOf(market, reading.account, deltas),
  };
}

/** The liquidation price of an account's largest position. */
async function lineOf(
  market: Market,
  account: string,
  deltas: readonly { instrument: bigint; size: bigint; price: bigint }[],
): Promise<MarginCall["line"]> {
  const [largest] = [...deltas].sort((a, b) =>
    abs(b.size) * b.price > abs(a.size) * a.price ? 1 : -1,
  );
  if (largest === undefined) return undefined;
  const price = await market.engine.liquidationPrice(account, largest.instrument);
  return price === 0n ? undefined : { instrument: largest.instrument, price, mark: largest.price };
}
