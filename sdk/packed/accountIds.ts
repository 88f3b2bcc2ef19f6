import type { AccountId } from "../ids.js";

/** 32 bytes of an id. */
const WORDS = 8;
const DIGITS_OF_WORD = 8;
const LENGTH = 2 + WORDS * DIGITS_OF_WORD;
/** Ids of a page: memory grows by pages, so that nothing large is ever there twice. */
const PAGE_BITS = 14;
const PAGE = 2 ** PAGE_BITS;
const FIRST_PLACES = 64;
/** No slot. */
const NONE = -1;

/** What each character counts as a digit; 255 for what is none. */
const DIGIT_OF_CODE = new Uint8Array(128).fill(255);
const CODE_OF_DIGIT = new Uint8Array(16);
for (let digit = 0; digit < 16; ++digit) {
  const text = digit.toString(16);
  CODE_OF_DIGIT[digit] = text.charCodeAt(0);
  for (const one of [text, text.toUpperCase()]) DIGIT_OF_CODE[one.charCodeAt(0)] = digit;
}

/**
 * Numbers very many accounts, 0 and up, in about 44 bytes each where a Map of texts takes some 140: the 32 bytes of each id,
 * and a table of open addressing to find them by. The number of one that is removed goes to the next that is added. Digits
 * may be in either case; ids that it gives are in lower case.
 */
export class AccountIds {
  readonly #pages: Uint32Array[] = [];
  /** Slot + 1 of an id at the place that its hash says, or at the next free one after it; 0 is free. */
  #places = new Uint32Array(FIRST_PLACES);
  /** Odd numbers that nobody knows before: or somebody could choose ids that all go to one place. */
  readonly #factors = Uint32Array.from({ length: WORDS }, () => Math.random() * 2 ** 32).map(
    (factor) => factor | 1,
  );
  readonly #free: number[] = [];
  #end = 0;
  readonly #sought = new Uint32Array(WORDS);
  /** What was found last is often asked for again. */
  #lastId = "";
  #lastSlot = NONE;

  /** How many there are. */
  get size(): number {
    return this.#end - this.#free.length;
  }

  /** All slots are before this one. */
  get end(): number {
    return this.#end;
  }

  /** The slot of an account; -1 when it has none. */
  find(account: AccountId): number {
    if (account === this.#lastId) return this.#lastSlot;
    if (!this.#parse(account)) return NONE;
    const slot = (this.#places[this.#placeOf(this.#sought, 0)] as number) - 1;
    [this.#lastId, this.#lastSlot] = [account, slot];
    return slot;
  }

  /**
   * The slot of an account, a new one if it has none.
   *
   * @throws RangeError when it is no account's id.
   */
  add(account: AccountId): number {
    const known = this.find(account);
    if (known !== NONE) return known;
    if (!this.#parse(account)) throw new RangeError(`${account} is no account's id`);
    if ((this.size + 1) * 2 > this.#places.length) this.#rehash();
    const slot = this.#free.pop() ?? this.#end++;
    if (slot >> PAGE_BITS === this.#pages.length) this.#pages.push(new Uint32Array(PAGE * WORDS));
    this.#page(slot).set(this.#sought, (slot & (PAGE - 1)) * WORDS);
    this.#places[this.#placeOf(this.#sought, 0)] = slot + 1;
    this.#lastSlot = slot;
    return slot;
  }

  /** Takes an account's slot away; says which one it was, -1 when it had none. */
  remove(account: AccountId): number {
    const slot = this.find(account);
    if (slot === NONE) return NONE;
    this.#parse(account);
    this.#vacate(this.#placeOf(this.#sought, 0));
    this.#page(slot).fill(0, (slot & (PAGE - 1)) * WORDS, ((slot & (PAGE - 1)) + 1) * WORDS);
    this.#free.push(slot);
    [this.#lastId, this.#lastSlot] = ["", NONE];
    return slot;
  }

  /** Whose slot it is; undefined for one that is nobody's. */
  at(slot: number): AccountId | undefined {
    if (slot < 0 || slot >= this.#end) return undefined;
    const [page, from] = [this.#page(slot), (slot & (PAGE - 1)) * WORDS];
    const codes = new Array<number>(LENGTH);
    [codes[0], codes[1]] = [48, 120];
    let every = 0;
    for (let word = 0, at = 2; word < WORDS; ++word) {
      const value = page[from + word] as number;
      every |= value;
      for (let bits = 28; bits >= 0; bits -= 4) {
        codes[at++] = CODE_OF_DIGIT[(value >>> bits) & 15] as number;
      }
    }
    const account = String.fromCharCode(...codes) as AccountId;
    // A slot that nobody has is full of zeros, and so is one whose id is 0.
    return every !== 0 || this.find(account) === slot ? account : undefined;
  }

  /** All slots in use, in their order. */
  *slots(): Generator<number, undefined> {
    const free = new Set(this.#free);
    for (let slot = 0; slot < this.#end; ++slot) if (!free.has(slot)) yield slot;
    return undefined;
  }

  // Inside

  #page(slot: number): Uint32Array {
    return this.#pages[slot >> PAGE_BITS] as Uint32Array;
  }

  /** Reads an id into `#sought`; says whether it is one. */
  #parse(account: string): boolean {
    if (account.length !== LENGTH || !account.startsWith("0x")) return false;
    let every = 0;
    for (let word = 0, at = 2; word < WORDS; ++word) {
      let value = 0;
      for (const end = at + DIGITS_OF_WORD; at < end; ++at) {
        const digit = DIGIT_OF_CODE[account.charCodeAt(at)] ?? 255;
        every |= digit;
        value = (value << 4) | digit;
      }
      this.#sought[word] = value;
    }
    return every < 16;
  }

  /** The place of the id at `from`, or the free one where it belongs. */
  #placeOf(words: Uint32Array, from: number): number {
    const mask = this.#places.length - 1;
    let place = this.#hash(words, from) & mask;
    for (;;) {
      const slot = (this.#places[place] as number) - 1;
      if (slot < 0 || this.#isSame(slot, words, from)) return place;
      place = (place + 1) & mask;
    }
  }

  #isSame(slot: number, words: Uint32Array, from: number): boolean {
    const [page, start] = [this.#page(slot), (slot & (PAGE - 1)) * WORDS];
    for (let i = WORDS - 1; i >= 0; --i) if (page[start + i] !== words[from + i]) return false;
    return true;
  }

  #hash(words: Uint32Array, from: number): number {
    let hash = 0;
    for (let i = 0; i < WORDS; ++i) {
      hash = Math.imul(hash ^ (words[from + i] as number), this.#factors[i] as number);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  /** Frees a place and moves up what would not be found any more with a gap before it. */
  #vacate(place: number): void {
    const [places, mask] = [this.#places, this.#places.length - 1];
    let gap = place;
    for (let next = (gap + 1) & mask; places[next] !== 0; next = (next + 1) & mask) {
      const slot = (places[next] as number) - 1;
      const wanted = this.#hash(this.#page(slot), (slot & (PAGE - 1)) * WORDS) & mask;
      if (((next - wanted) & mask) < ((next - gap) & mask)) continue;
      places[gap] = slot + 1;
      gap = next;
    }
    places[gap] = 0;
  }

  #rehash(): void {
    const former = this.#places;
    this.#places = new Uint32Array(former.length * 2);
    for (const used of former) {
      if (used === 0) continue;
      const [page, from] = [this.#page(used - 1), ((used - 1) & (PAGE - 1)) * WORDS];
      this.#places[this.#placeOf(page, from)] = used;
    }
  }
}
