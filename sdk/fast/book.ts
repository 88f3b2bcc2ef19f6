import { underlyingOf, type AccountId } from "../ids.js";
import type { AccountSnapshot } from "../margin/snapshot.js";
import { AccountIds } from "../packed/accountIds.js";
import { Blocks, grown, requireItems } from "./blocks.js";
import { EVERY_ACCOUNT, markRange, type Columns } from "./mark.js";
import { BookMarket } from "./market.js";
import type { HeldQuantity } from "./tokens.js";

/** What an account is worth and must be worth, near enough. */
export interface FastMargin {
  /** [wad] */
  readonly equity: number;
  /** [wad] */
  readonly initial: number;
  /** [wad] */
  readonly maintenance: number;
  /** How far each of the three, and each difference of them, can be from the exact one [wad]. */
  readonly errorBound: number;
  /** Whether today's prices of all that the account has are known; otherwise last prices count. */
  readonly isRead: boolean;
}

/** Which accounts to list. */
export interface BelowOptions {
  /** The margin to compare equity with; maintenance unless said otherwise. */
  readonly line?: "initial" | "maintenance";
  /** How far above the line an account may be and still be listed, as a ratio of it; 0 unless said otherwise. */
  readonly guard?: number;
}

const FIRST_SLOTS = 64;
/** What can never be below a line. */
const NO_ACCOUNT = Number.POSITIVE_INFINITY;

/**
 * Very many accounts in typed arrays, to be valued again whenever a price moves: what a keeper looks at all the time. It is
 * the margin arithmetic of the contracts in floats: each account has an error bound (see `bound.ts`), and no account that is
 * below its line is missing from `below`; the few that are listed for the bound alone are for the exact arithmetic to tell.
 *
 * Amounts are floats of the contracts' integers: 1e18 is one unit, `Number(x)` is the nearest float, and a margin here can be
 * compared with one there as it stands.
 *
 * Stored are numbers that time does not move, the principal of cash and the stored quote of a position: what accrues, accrues
 * in the indices of `market`. A snapshot is taken to be of the moment at which `market` has its indices; if it has none,
 * each snapshot holds as long as no index moves.
 */
export class MarginBook {
  /** What all accounts have in common. Changes count from the next `mark`, `below` or `marginOf`. */
  readonly market = new BookMarket();
  /** The accounts' numbers by slot, of the last `mark`; its arrays are replaced when accounts are added. */
  readonly columns: Columns = {
    principals: new Float64Array(FIRST_SLOTS),
    masks: new Int32Array(FIRST_SLOTS),
    equity: new Float64Array(FIRST_SLOTS),
    initial: new Float64Array(FIRST_SLOTS),
    maintenance: new Float64Array(FIRST_SLOTS),
    bounds: new Float64Array(FIRST_SLOTS),
    positions: new Blocks({ slots: FIRST_SLOTS, numbersOfItem: 2 }),
    collateral: new Blocks({ slots: FIRST_SLOTS, numbersOfItem: 1 }),
  };
  /** Whose numbers are in which slot. */
  readonly #ids = new AccountIds();

  /** How many accounts the book has. */
  get size(): number {
    return this.#ids.size;
  }

  /** Slots that are or have been used: all accounts are before this one. */
  get end(): number {
    return this.#ids.end;
  }

  /** Where an account's numbers are, until it is removed. */
  slotOf(account: AccountId): number | undefined {
    const slot = this.#ids.find(account);
    return slot < 0 ? undefined : slot;
  }

  /** Whose numbers are in a slot. */
  accountAt(slot: number): AccountId | undefined {
    return this.#ids.at(slot);
  }

  /**
   * Adds an account, or replaces all that is known of it, and values it.
   *
   * @throws RangeError when it holds a token that the market's list has not, or more than any account may: the book stays
   * as it was.
   */
  put(snapshot: AccountSnapshot): void {
    requireItems(snapshot.positions.length);
    requireItems(snapshot.collateral.length);
    const held = snapshot.collateral.map((holding) => this.market.tokens.heldQuantityOf(holding));
    const slot = this.#ids.add(snapshot.account);
    if (slot === this.columns.masks.length) this.#growSlots(slot * 2);
    this.columns.principals[slot] = Number(this.market.cash.principalOf(snapshot.cash));
    this.columns.masks[slot] = EVERY_ACCOUNT;
    this.#putPositions(slot, snapshot.positions);
    this.#putCollateral(slot, held);
    markRange(this.columns, this.market, { from: slot, to: slot + 1, changes: EVERY_ACCOUNT });
  }

  /**
   * Forgets an account.
   *
   * @returns Whether the book had it.
   */
  remove(account: AccountId): boolean {
    const slot = this.#ids.remove(account);
    if (slot < 0) return false;
    const { principals, masks, equity, initial, maintenance, bounds } = this.columns;
    for (const column of [principals, masks, initial, maintenance, bounds]) column[slot] = 0;
    equity[slot] = NO_ACCOUNT;
    this.columns.positions.resize(slot, 0);
    this.columns.collateral.resize(slot, 0);
    return true;
  }

  /** Values all accounts that what has changed in the market concerns. */
  mark(): void {
    const changes = this.market.takeChanges();
    if (changes !== 0) markRange(this.columns, this.market, { from: 0, to: this.end, changes });
  }

  /**
   * Accounts whose equity is below a line, or so near to it that only the exact arithmetic can tell; with a guard also those
   * that are up to so much above it. One that cannot be valued at all is among them. One with neither position nor debt
   * never is: no price brings it below.
   */
  below({ line = "maintenance", guard = 0 }: BelowOptions = {}): AccountId[] {
    this.mark();
    const { equity, bounds } = this.columns;
    const margins = this.columns[line];
    const listed: AccountId[] = [];
    for (let slot = 0; slot < this.end; ++slot) {
      const height = ((margins[slot] as number) + (bounds[slot] as number)) * (1 + guard);
      if ((equity[slot] as number) >= height || this.#isRiskless(slot)) continue;
      const account = this.#ids.at(slot);
      if (account !== undefined) listed.push(account);
    }
    return listed;
  }

  /** What an account is worth and must be worth; undefined when the book has none of that name. */
  marginOf(account: AccountId): FastMargin | undefined {
    this.mark();
    const slot = this.#ids.find(account);
    if (slot < 0) return undefined;
    const { equity, initial, maintenance, bounds, positions, collateral } = this.columns;
    return {
      equity: equity[slot] as number,
      initial: initial[slot] as number,
      maintenance: maintenance[slot] as number,
      errorBound: bounds[slot] as number,
      isRead:
        positions.rowsOf(slot).every((row) => this.market.isSideRead(row)) &&
        collateral.rowsOf(slot).every((place) => this.market.isTokenRead(place)),
    };
  }

  // Inside

  #putPositions(slot: number, held: AccountSnapshot["positions"]): void {
    const { positions, masks } = this.columns;
    let at = positions.resize(slot, held.length);
    for (const position of held) {
      positions.rows[at] = this.market.rowOf(position.instrument, position.size);
      positions.numbers[2 * at] = Number(position.size);
      positions.numbers[2 * at + 1] = Number(this.market.storedQuoteOf(position));
      masks[slot] = (masks[slot] as number) | this.market.bitOf(underlyingOf(position.instrument));
      ++at;
    }
  }

  #putCollateral(slot: number, held: readonly HeldQuantity[]): void {
    const { collateral, masks } = this.columns;
    let at = collateral.resize(slot, held.length);
    for (const { place, quantity, underlying } of held) {
      collateral.rows[at] = place;
      collateral.numbers[at] = Number(quantity);
      masks[slot] = (masks[slot] as number) | this.market.bitOf(underlying);
      ++at;
    }
  }

  #isRiskless(slot: number): boolean {
    const { positions, principals } = this.columns;
    return positions.counts[slot] === 0 && (principals[slot] as number) >= 0;
  }

  #growSlots(slots: number): void {
    const { columns } = this;
    columns.masks = grown(columns.masks, new Int32Array(slots));
    for (const name of ["principals", "equity", "initial", "maintenance", "bounds"] as const) {
      columns[name] = grown(columns[name], new Float64Array(slots));
    }
    columns.positions.growSlots(slots);
    columns.collateral.growSlots(slots);
  }
}
