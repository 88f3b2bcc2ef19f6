import type { TypedDataDomain } from "ethers";
import {
  type AccountId,
  CouldNotLook,
  hashOrder,
  type InstrumentId,
  type Rpc,
  type SignedOrder,
} from "../../../sdk/index.js";
import type { Clock } from "../../clock.js";
import type { KeeperView } from "../../state/view.js";
import type { Database } from "../../storage/database.js";
import { type BookOrder, hasTrigger, leftOf } from "./bookOrder.js";
import { requireFillable } from "./checks.js";
import { OrderRefused, refusedBy } from "./refusal.js";
import { SignatureCheck } from "./signatureCheck.js";
import { signedOrderFrom, signedOrderText } from "./orderJson.js";

/** What the book is made of. */
export interface OrderBookOptions {
  readonly database: Database;
  readonly rpc: Rpc;
  /** `orderDomain` of the Exchange. */
  readonly domain: TypedDataDomain;
  readonly clock: Clock;
  /** Orders of one account; 64 unless said otherwise. */
  readonly mostOfAccount?: number;
  /** Orders in all; 50,000 unless said otherwise. */
  readonly mostOrders?: number;
  /** Wallets that are asked for their signatures at the same time. */
  readonly mostWallets?: number;
}

/** What came of an order that was sent in. */
export interface Acceptance {
  readonly hash: string;
  /** It was not in the book before. */
  readonly isNew: boolean;
}

/** What of a view the book looks at. */
export type OrderView = Pick<KeeperView, "block" | "index">;

const MOST_OF_ACCOUNT = 64;
const MOST_ORDERS = 50_000;
/** What ended is forgotten so many blocks later: until then a reorganisation may bring it back. */
const KEPT_BLOCKS = 128;
/** So many orders are looked at after a block. */
const SWEPT_ORDERS = 2_000;
/** Another keeper's orders are looked for so often [milliseconds]. */
const READING_PAUSE = 2_000;
/** Clocks of keepers that share a database may differ by as much [milliseconds]. */
const CLOCK_DIFFERENCE = 60_000;

/** Signed orders that this keeper matches when their price comes: those with a trigger, and those that rest for them. */
export class OrderBook {
  readonly #orders = new Map<string, BookOrder>();
  /** The block at which an order was first seen to be filled, cancelled or expired. */
  readonly #endedAt = new Map<string, number>();
  readonly #counts = new Map<AccountId, number>();
  /** Of all accounts, with those that are being taken in. */
  #counted = 0;
  readonly #underWay = new Map<string, Promise<Acceptance>>();
  readonly #signatures: SignatureCheck;
  #view: OrderView | undefined;
  #readUpTo = Number.NEGATIVE_INFINITY;
  #readAt = Number.NEGATIVE_INFINITY;
  #sweep: MapIterator<BookOrder> | undefined;

  constructor(private readonly options: OrderBookOptions) {
    this.#signatures = new SignatureCheck(options.rpc, options.mostWallets);
  }

  /** What was last seen of the chain; nothing before the first look. */
  get view(): OrderView | undefined {
    return this.#view;
  }

  /** All orders, those that ended lately among them. */
  get orders(): Iterable<BookOrder> {
    return this.#orders.values();
  }

  /** How many orders there are. */
  get size(): number {
    return this.#orders.size;
  }

  /** An order by its hash; nothing when it was never sent in, or ended long ago. */
  orderOf(hash: string): BookOrder | undefined {
    return this.#orders.get(hash.toLowerCase());
  }

  /** Orders that wait for a price, and those that rest on one side of an instrument. */
  triggers(): BookOrder[] {
    return [...this.orders].filter(({ signed }) => hasTrigger(signed.order));
  }

  /** Orders without a trigger that buy, or sell, an instrument. */
  resting(instrument: InstrumentId, isBuying: boolean): BookOrder[] {
    return [...this.orders].filter(({ signed: { order } }) => {
      const isWanted = order.instrument === instrument && order.size > 0n === isBuying;
      return isWanted && !hasTrigger(order);
    });
  }

  /** Goes on to a block: takes in what other keepers were sent, and forgets what ended. */
  async see(view: OrderView): Promise<void> {
    this.#view = view;
    await this.#read();
    await this.#forgetEnded(view);
  }

  /**
   * Takes an order in, once however often it is sent.
   *
   * @throws OrderRefused when it could not be filled, or there is no room.
   * @throws CouldNotLook when nothing is known of the chain yet, or a wallet could not be asked.
   */
  async submit(signed: SignedOrder): Promise<Acceptance> {
    const hash = hashOrder(this.options.domain, signed.order).toLowerCase();
    if (this.#orders.has(hash)) return { hash, isNew: false };
    // With its signature: whoever knows an order could have it refused with a forged one otherwise.
    const key = `${hash} ${signed.signature}`;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return { ...(await underWay), isNew: false };
    const accepting = this.#accept(hash, signed).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, accepting);
    return accepting;
  }

  // Taking in

  async #accept(hash: string, signed: SignedOrder): Promise<Acceptance> {
    const view = this.#view;
    if (view === undefined) {
      throw new CouldNotLook("The keeper has not seen a block yet: send the order again later");
    }
    const entry = { hash, signed, takenAt: this.options.clock.now() };
    requireFillable(view.index.state, entry, view.block.time);
    const account = signed.order.account as AccountId;
    this.#requireRoom(account);
    if (!(await this.#signatures.isSigned(signed, hash, view))) {
      throw refusedBy("InvalidSignature", [hash, account]);
    }
    if (this.#orders.has(hash)) return { hash, isNew: false };
    // Counted only now: forged orders are to take no room from an account. And before anything else is waited for, so that
    // many sent at once find no more room than one after the other.
    this.#requireRoom(account);
    this.#count(account, 1);
    try {
      await this.options.database.query(
        `INSERT INTO roles_orders (hash, account, signed, taken_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (hash) DO NOTHING`,
        [hash, account, signedOrderText(signed), entry.takenAt],
      );
      this.#put(entry);
    } finally {
      this.#count(account, -1);
    }
    return { hash, isNew: true };
  }

  #requireRoom(account: AccountId): void {
    const { mostOfAccount = MOST_OF_ACCOUNT, mostOrders = MOST_ORDERS } = this.options;
    if (this.#counted >= mostOrders) {
      throw new OrderRefused(
        "BookFull",
        `This keeper has ${mostOrders} orders, and takes no more.`,
        "Send it to another keeper, or again later.",
      );
    }
    if ((this.#counts.get(account) ?? 0) < mostOfAccount) return;
    throw new OrderRefused(
      "TooManyOrders",
      `Account ${account} has ${mostOfAccount} orders here, and no room for more.`,
      "Cancel some on the Exchange first.",
    );
  }

  #put(entry: BookOrder): void {
    if (this.#orders.has(entry.hash)) return;
    this.#orders.set(entry.hash, entry);
    this.#count(entry.signed.order.account as AccountId, 1);
  }

  #count(account: AccountId, change: number): void {
    this.#counted += change;
    const count = (this.#counts.get(account) ?? 0) + change;
    if (count === 0) this.#counts.delete(account);
    else this.#counts.set(account, count);
  }

  // Keeping up

  /** What was taken in since the last reading, by whatever keeper, with room for clocks that differ. */
  async #read(): Promise<void> {
    const { clock, database } = this.options;
    const now = clock.now();
    if (now - this.#readAt < READING_PAUSE) return;
    const since = Number.isFinite(this.#readUpTo) ? this.#readUpTo - CLOCK_DIFFERENCE : 0;
    const rows = await database.query(
      "SELECT hash, signed, taken_at FROM roles_orders WHERE taken_at >= $1",
      [since],
    );
    for (const row of rows) {
      const takenAt = Number(row.taken_at);
      this.#readUpTo = Math.max(this.#readUpTo, takenAt);
      const hash = String(row.hash);
      if (!this.#orders.has(hash)) {
        this.#put({ hash, signed: signedOrderFrom(String(row.signed)), takenAt });
      }
    }
    this.#readAt = now;
  }

  /** Some of the orders after each block, all of them in turn. */
  async #forgetEnded({ block, index }: OrderView): Promise<void> {
    const forgotten: BookOrder[] = [];
    this.#sweep ??= this.#orders.values();
    for (let i = 0; i < SWEPT_ORDERS; ++i) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = undefined;
        break;
      }
      const { value } = next;
      if (leftOf(index.state, value, block.time) > 0n) this.#endedAt.delete(value.hash);
      else if (this.#isLongOver(value.hash, block.number)) forgotten.push(value);
    }
    for (const entry of forgotten) await this.#forget(entry);
  }

  /** A block before the one at which it ended says that this is gone: it is waited for anew. */
  #isLongOver(hash: string, block: number): boolean {
    const endedAt = this.#endedAt.get(hash);
    if (endedAt === undefined || endedAt > block) this.#endedAt.set(hash, block);
    return endedAt !== undefined && block - endedAt > KEPT_BLOCKS;
  }

  async #forget({ hash, signed }: BookOrder): Promise<void> {
    await this.options.database.query("DELETE FROM roles_orders WHERE hash = $1", [hash]);
    if (!this.#orders.delete(hash)) return;
    this.#endedAt.delete(hash);
    this.#count(signed.order.account as AccountId, -1);
  }
}
