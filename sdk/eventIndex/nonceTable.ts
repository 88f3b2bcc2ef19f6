import { ID_LENGTH, readId, writeId } from "../packed/digits.js";
import { WideNumbers } from "../packed/wideNumbers.js";
import { WordKeys } from "../packed/wordKeys.js";

/** 8 words of the account, and 2 of the place of 256 neighbouring nonces. */
const WORDS = 10;
/** A mask has 256 bits: two numbers of 128. */
const NUMBERS = 2;
const HALF_BITS = 128;
/** Digits of a word's place among an account's: nonces have 64 bits, and 256 share a word. */
const PLACE = /^\/(0|[1-9a-f][0-9a-f]{0,13})$/;

/**
 * Which nonces are used up, as a Map from what `nonceKey` gives to masks, but in typed arrays: about 90 bytes for each key
 * where texts and bigints take twice as much, for there is one of almost every order that was ever filled.
 */
export class NonceTable implements Map<string, bigint> {
  readonly [Symbol.toStringTag] = "Map";
  readonly #keys = new WordKeys(WORDS);
  readonly #masks = new WideNumbers();

  get size(): number {
    return this.#keys.size;
  }

  get(key: string): bigint | undefined {
    const slot = this.#find(key);
    return slot < 0 ? undefined : this.#maskAt(slot);
  }

  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** @throws RangeError when the key is none that `nonceKey` gives. */
  set(key: string, mask: bigint): this {
    let slot = this.#find(key);
    if (slot < 0) {
      if (!this.#seek(key)) throw new RangeError(`${key} is no key of nonces`);
      slot = this.#keys.add();
      this.#masks.growTo((slot + 1) * NUMBERS);
    }
    this.#masks.set(slot * NUMBERS, BigInt.asIntN(HALF_BITS, mask));
    this.#masks.set(slot * NUMBERS + 1, mask >> BigInt(HALF_BITS));
    return this;
  }

  delete(key: string): boolean {
    return this.#seek(key) && this.#keys.remove() >= 0;
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }

  *keys(): Generator<string, undefined> {
    for (const slot of this.#keys.slots()) yield this.#keyAt(slot);
    return undefined;
  }

  *values(): Generator<bigint, undefined> {
    for (const slot of this.#keys.slots()) yield this.#maskAt(slot);
    return undefined;
  }

  *entries(): Generator<[string, bigint], undefined> {
    for (const slot of this.#keys.slots()) yield [this.#keyAt(slot), this.#maskAt(slot)];
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, bigint], undefined> {
    return this.entries();
  }

  forEach(visit: (mask: bigint, key: string, table: Map<string, bigint>) => void): void {
    for (const [key, mask] of this) visit(mask, key, this);
  }

  // Inside

  #find(key: string): number {
    return this.#seek(key) ? this.#keys.find() : -1;
  }

  #seek(key: string): boolean {
    const { sought } = this.#keys;
    const place = PLACE.exec(key.slice(ID_LENGTH))?.[1];
    if (place === undefined || !readId(key, sought)) return false;
    const value = BigInt(`0x${place}`);
    sought[8] = Number(value >> 32n);
    sought[9] = Number(value & 0xffff_ffffn);
    return true;
  }

  #keyAt(slot: number): string {
    this.#keys.seek(slot);
    const { sought } = this.#keys;
    const place = (BigInt(sought[8] as number) << 32n) | BigInt(sought[9] as number);
    return `${writeId(sought)}/${place.toString(16)}`;
  }

  #maskAt(slot: number): bigint {
    const low = BigInt.asUintN(HALF_BITS, this.#masks.get(slot * NUMBERS));
    const high = this.#masks.get(slot * NUMBERS + 1);
    return high === 0n ? low : (high << BigInt(HALF_BITS)) | low;
  }
}
