import type { AccountId } from "../ids.js";
import { ID_LENGTH, readId, writeId } from "./digits.js";
import { WordKeys } from "./wordKeys.js";

const WORDS = 8;
/** No slot. */
const NONE = -1;

/**
 * Numbers very many accounts, 0 and up, in about 44 bytes each where a Map of texts takes some 140. The number of one that is
 * removed goes to the next that is added. Digits may be in either case; ids that it gives are in lower case.
 */
export class AccountIds {
  readonly #keys = new WordKeys(WORDS);
  /** What was found last is often asked for again. */
  #lastId = "";
  #lastSlot = NONE;

  /** How many there are. */
  get size(): number {
    return this.#keys.size;
  }

  /** All slots are before this one. */
  get end(): number {
    return this.#keys.end;
  }

  /** The slot of an account; -1 when it has none. */
  find(account: AccountId): number {
    if (account === this.#lastId) return this.#lastSlot;
    if (!this.#seek(account)) return NONE;
    [this.#lastId, this.#lastSlot] = [account, this.#keys.find()];
    return this.#lastSlot;
  }

  /**
   * The slot of an account, a new one if it has none.
   *
   * @throws RangeError when it is no account's id.
   */
  add(account: AccountId): number {
    const known = this.find(account);
    if (known !== NONE) return known;
    if (!this.#seek(account)) throw new RangeError(`${account} is no account's id`);
    [this.#lastId, this.#lastSlot] = [account, this.#keys.add()];
    return this.#lastSlot;
  }

  /** Takes an account's slot away; says which one it was, -1 when it had none. */
  remove(account: AccountId): number {
    [this.#lastId, this.#lastSlot] = ["", NONE];
    return this.#seek(account) ? this.#keys.remove() : NONE;
  }

  /** Whose slot it is; undefined for one that is nobody's. */
  at(slot: number): AccountId | undefined {
    return this.#keys.seek(slot) ? writeId(this.#keys.sought) : undefined;
  }

  /** All slots in use, in their order. */
  slots(): Generator<number, undefined> {
    return this.#keys.slots();
  }

  #seek(account: AccountId): boolean {
    return account.length === ID_LENGTH && readId(account, this.#keys.sought);
  }
}
