import type { AccountId, InstrumentId } from "../ids.js";
import { AccountIds } from "../packed/accountIds.js";
import { ItemLists } from "../packed/itemLists.js";
import { WideNumbers } from "../packed/wideNumbers.js";
import type { StoredAccount, StoredCollateral, StoredPosition } from "./state.js";

const NO_POSITIONS: readonly StoredPosition[] = [];
const NO_COLLATERAL: readonly StoredCollateral[] = [];

/**
 * What very many accounts have, as a Map but in typed arrays: about 60 bytes an account and 36 a position, exact to the wei.
 * What is read is made anew each time, so it stays as it was when the account changes. Digits of ids may be in either case;
 * ids are given in lower case, and in the order in which they came as long as none is removed but the last.
 */
export class AccountTable implements Map<AccountId, StoredAccount> {
  readonly [Symbol.toStringTag] = "Map";
  readonly #ids = new AccountIds();
  readonly #principals = new WideNumbers();
  /** Size and quote of each. */
  readonly #positions = new ItemLists({ numbersOfItem: 2, roomStep: 4 });
  readonly #collateral = new ItemLists({ numbersOfItem: 1, roomStep: 2 });
  readonly #instruments = new Numbering<InstrumentId>();
  readonly #tokens = new Numbering<string>();
  /** What was read or written last: whoever writes an account has read it, and changes little of it. */
  #lastSlot = -1;
  #last: StoredAccount | undefined;

  get size(): number {
    return this.#ids.size;
  }

  get(account: AccountId): StoredAccount | undefined {
    const slot = this.#ids.find(account);
    if (slot < 0) return undefined;
    if (slot !== this.#lastSlot) [this.#last, this.#lastSlot] = [this.#read(slot), slot];
    return this.#last;
  }

  has(account: AccountId): boolean {
    return this.#ids.find(account) >= 0;
  }

  /** @throws RangeError when it is no account's id. */
  set(account: AccountId, value: StoredAccount): this {
    const slot = this.#ids.add(account);
    const former = slot === this.#lastSlot ? this.#last : undefined;
    if (former === undefined) this.#principals.growTo(slot + 1);
    if (former?.principal !== value.principal) this.#principals.set(slot, value.principal);
    if (former?.positions !== value.positions) {
      this.#writePositions(slot, value.positions, former?.positions);
    }
    if (former?.collateral !== value.collateral) this.#writeCollateral(slot, value.collateral);
    [this.#last, this.#lastSlot] = [value, slot];
    return this;
  }

  delete(account: AccountId): boolean {
    const slot = this.#ids.remove(account);
    if (slot < 0) return false;
    this.#principals.set(slot, 0n);
    this.#positions.resize(slot, 0);
    this.#collateral.resize(slot, 0);
    if (slot === this.#lastSlot) [this.#last, this.#lastSlot] = [undefined, -1];
    return true;
  }

  clear(): void {
    for (const account of this.keys()) this.delete(account);
  }

  *keys(): Generator<AccountId, undefined> {
    for (const slot of this.#ids.slots()) yield this.#ids.at(slot) as AccountId;
    return undefined;
  }

  *values(): Generator<StoredAccount, undefined> {
    for (const slot of this.#ids.slots()) yield this.#read(slot);
    return undefined;
  }

  *entries(): Generator<[AccountId, StoredAccount], undefined> {
    for (const slot of this.#ids.slots()) yield [this.#ids.at(slot) as AccountId, this.#read(slot)];
    return undefined;
  }

  [Symbol.iterator](): Generator<[AccountId, StoredAccount], undefined> {
    return this.entries();
  }

  forEach(
    visit: (value: StoredAccount, account: AccountId, table: Map<AccountId, StoredAccount>) => void,
  ): void {
    for (const [account, value] of this) visit(value, account, this);
  }

  // Inside

  #read(slot: number): StoredAccount {
    return {
      principal: this.#principals.get(slot),
      positions: this.#readPositions(slot),
      collateral: this.#readCollateral(slot),
    };
  }

  #readPositions(slot: number): readonly StoredPosition[] {
    const lists = this.#positions;
    const count = lists.countOf(slot);
    if (count === 0) return NO_POSITIONS;
    const positions: StoredPosition[] = [];
    for (let item = lists.startOf(slot), end = item + count; item < end; ++item) {
      positions.push({
        instrument: this.#instruments.at(lists.kindAt(item)),
        size: lists.numberAt(item, 0),
        quote: lists.numberAt(item, 1),
      });
    }
    return positions;
  }

  #readCollateral(slot: number): readonly StoredCollateral[] {
    const lists = this.#collateral;
    const count = lists.countOf(slot);
    if (count === 0) return NO_COLLATERAL;
    const collateral: StoredCollateral[] = [];
    for (let item = lists.startOf(slot), end = item + count; item < end; ++item) {
      collateral.push({
        token: this.#tokens.at(lists.kindAt(item)),
        amount: lists.numberAt(item, 0),
      });
    }
    return collateral;
  }

  /** Only what is another object than before, where the list is as long as it was. */
  #writePositions(
    slot: number,
    positions: readonly StoredPosition[],
    former: readonly StoredPosition[] | undefined,
  ): void {
    const lists = this.#positions;
    const isSameList = former?.length === positions.length;
    if (!isSameList) lists.resize(slot, positions.length);
    let item = lists.startOf(slot);
    for (const [i, position] of positions.entries()) {
      if (!isSameList || former[i] !== position) {
        lists.setKind(item, this.#instruments.of(position.instrument));
        lists.setNumber(item, 0, position.size);
        lists.setNumber(item, 1, position.quote);
      }
      ++item;
    }
  }

  #writeCollateral(slot: number, collateral: readonly StoredCollateral[]): void {
    const lists = this.#collateral;
    lists.resize(slot, collateral.length);
    let item = lists.startOf(slot);
    for (const { token, amount } of collateral) {
      lists.setKind(item, this.#tokens.of(token));
      lists.setNumber(item++, 0, amount);
    }
  }
}

/** Numbers for what there are few of. */
class Numbering<T> {
  readonly #numbers = new Map<T, number>();
  readonly #list: T[] = [];

  of(value: T): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.#list.push(value) - 1;
    this.#numbers.set(value, number);
    return number;
  }

  at(number: number): T {
    return this.#list[number] as T;
  }
}
