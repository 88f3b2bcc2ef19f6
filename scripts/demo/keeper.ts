import { WAD } from "../../sdk/index.js";
import type { Participant } from "./accounts.js";
import { Refused } from "./chain.js";
import type { Crew } from "./crew.js";
import { marketEventsOf, type LiquidatedEvent } from "./events.js";
import { abs } from "./format.js";
import { type LossBorne, lossBorneOf } from "./losses.js";
import type { Market } from "./market.js";
import { parameters } from "./parameters.js";
import { type SaleRecord, sellOn } from "./sale.js";
import { decide, type Reading, readMargins } from "./watch.js";

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

/** Everything that a keeper does. */
export type KeeperRecord = MarginCall | LiquidationRecord | SaleRecord;

/** A look at all accounts with what was done about it. */
export interface Round {
  readonly readings: readonly Reading[];
  readonly done: readonly KeeperRecord[];
  /** Who is still below maintenance although everything was tried. */
  readonly leftBelow: readonly string[];
  /** Who need not be called again before having recovered. */
  readonly called: ReadonlySet<string>;
}

const MOST_ROUNDS = 12;
/** No bound on what is paid: the demo's liquidator trusts the price of the same block. */
const ANY_PAYMENT = 2n ** 255n - 1n;

/**
 * Looks at all accounts, calls whom it must, and liquidates until nobody is left below the line: a slice taken at one account
 * may cost others, who are looked at again.
 */
export async function keep(
  market: Market,
  crew: Crew,
  { accounts, called }: { accounts: readonly string[]; called: ReadonlySet<string> },
): Promise<Round> {
  const done: KeeperRecord[] = [];
  let readings = await readMargins(market, accounts);
  let decision = decide(readings, called);

  for (let round = 0; round < MOST_ROUNDS && decision.liquidations.length > 0; round++) {
    const before = done.length;
    for (const { account } of decision.liquidations) {
      const record = await liquidate(market, crew, account);
      if (record !== undefined) done.push(record);
    }
    if (done.length === before) break;
    readings = await readMargins(market, accounts);
    decision = decide(readings, called);
  }

  // Who has just been liquidated knows already.
  const liquidated = new Set(
    done.map((record) => (record.kind === "liquidation" ? record.before.account : "")),
  );
  for (const reading of decision.calls) {
    if (!liquidated.has(reading.account)) done.push(await describeCall(market, reading));
  }
  if (done.some(({ kind }) => kind === "liquidation")) {
    for (const liquidator of crew.liquidators) {
      const sale = await sellOn(market, liquidator, crew);
      if (sale !== undefined) done.push(sale);
    }
  }
  return {
    readings,
    done,
    leftBelow: decision.liquidations.map(({ account }) => account),
    called: decision.called,
  };
}

/** Lets the first liquidator who can take over the largest slice that the rules allow; undefined when none can. */
async function liquidate(
  market: Market,
  { liquidators, wantsPay }: Crew,
  account: string,
): Promise<LiquidationRecord | undefined> {
  if (wantsPay && !(await isWorthwhile(market, account))) return undefined;
  for (const liquidator of liquidators) {
    if (liquidator.account === account) continue;
    const record = await takeSlice(market, liquidator, account);
    if (record !== undefined) return record;
  }
  return undefined;
}

/** Whether the chain would give the whole of the least discount: an empty fund cannot pay it for a bankrupt account. */
async function isWorthwhile({ engine }: Market, account: string): Promise<boolean> {
  const [{ equity, maintenance }, preview] = await Promise.all([
    engine.marginOf(account),
    engine.previewLiquidation(account),
  ]);
  const discount = (equity * preview.maxFraction) / WAD - preview.payment;
  const least = (maintenance * BigInt(parameters.liquidation.leastIncentiveBps)) / 10_000n;
  // A cent for rounding.
  return discount + WAD / 100n >= (least * preview.maxFraction) / WAD;
}

async function takeSlice(
  market: Market,
  liquidator: Participant,
  account: string,
): Promise<LiquidationRecord | undefined> {
  // What is liquidated first in a round may change those after it: look again.
  const [before] = await readMargins(market, [account]);
  const deficit = await market.clearinghouse.deficit();
  const request = await market.clearinghouse.liquidate.populateTransaction(
    account,
    liquidator.account,
    WAD,
    ANY_PAYMENT,
  );
  let receipt;
  try {
    receipt = await market.chain.send(liquidator.wallet, request);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
  const events = marketEventsOf(market, receipt);
  const event = events.find((each) => each.name === "Liquidated");
  const [after] = await readMargins(market, [account]);
  if (event === undefined || before === undefined || after === undefined) return undefined;
  return {
    kind: "liquidation",
    before,
    after,
    event,
    loss: await lossBorneOf(market, { events, deficit }),
  };
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
