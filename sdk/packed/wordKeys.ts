/** Keys of a page: memory grows by pages, so that nothing large is ever there twice. */
const PAGE_BITS = 14;
const PAGE = 2 ** PAGE_BITS;
const FIRST_PLACES = 64;

/**
 * Numbers very many keys of a fixed count of 32-bit words, 0 and up: the words of each, and a table of open addressing to
 * find them by, which is at most half full. The number of a key that is removed goes to the next one that is added.
 */
export class WordKeys {
  /** The key that the methods are about: whoever calls them writes it here first. */
  readonly sought: Uint32Array;
  readonly #pages: Uint32Array[] = [];
  /** Slot + 1 of a key at the place that its hash says, or at the next free one after it; 0 is free. */
  #places = new Uint32Array(FIRST_PLACES);
  /** Odd numbers that nobody can know: or somebody could choose keys that all go to one place. */
  readonly #factors: Uint32Array;
  readonly #free: number[] = [];
  #end = 0;

  /** @param count Words of a key. */
  constructor(private readonly count: number) {
    this.sought = new Uint32Array(count);
    this.#factors = new Uint32Array(count).map(() => (Math.random() * 2 ** 32) | 1);
  }

  /** How many there are. */
  get size(): number {
    return this.#end - this.#free.length;
  }

  /** All slots are before this one. */
  get end(): number {
    return this.#end;
  }

  /** The slot of the sought key; -1 when it has none. */
  find(): number {
    return (this.#places[this.#placeOf(this.sought, 0)] as number) - 1;
  }

  /** Gives the sought key, which has none, a slot. */
  add(): number {
    if ((this.size + 1) * 2 > this.#places.length) this.#rehash();
    const slot = this.#free.pop() ?? this.#end++;
    if (slot >>> PAGE_BITS === this.#pages.length) {
      this.#pages.push(new Uint32Array(PAGE * this.count));
    }
    this.#page(slot).set(this.sought, this.#from(slot));
    this.#places[this.#placeOf(this.sought, 0)] = slot + 1;
    return slot;
  }

  /** Takes the slot of the sought key away; says which one it was, -1 when it had none. */
  remove(): number {
    const place = this.#placeOf(this.sought, 0);
    const slot = (this.#places[place] as number) - 1;
    if (slot < 0) return slot;
    this.#vacate(place);
    this.#page(slot).fill(0, this.#from(slot), this.#from(slot) + this.count);
    this.#free.push(slot);
    return slot;
  }

  /** Makes the key of a slot the sought one; says whether the slot has one. */
  seek(slot: number): boolean {
    if (slot < 0 || slot >= this.#end) return false;
    const [page, from] = [this.#page(slot), this.#from(slot)];
    let every = 0;
    for (let i = 0; i < this.count; ++i) {
      const word = page[from + i] as number;
      this.sought[i] = word;
      every |= word;
    }
    // A slot that nobody has is full of zeros, and so is one whose key is 0.
    return every !== 0 || this.find() === slot;
  }

  /** All slots in use, in their order. */
  *slots(): Generator<number, undefined> {
    const free = new Set(this.#free);
    for (let slot = 0; slot < this.#end; ++slot) if (!free.has(slot)) yield slot;
    return undefined;
  }

  // Inside

  #page(slot: number): Uint32Array {
    return this.#pages[slot >>> PAGE_BITS] as Uint32Array;
  }

  /** Where the words of a slot begin on its page. */
  #from(slot: number): number {
    return (slot & (PAGE - 1)) * this.count;
  }

  /** The place of the key at `from`, or the free one where it belongs. */
  #placeOf(words: Uint32Array, from: number): number {
    const [places, mask] = [this.#places, this.#places.length - 1];
    let place = this.#hash(words, from) & mask;
    for (;;) {
      const slot = (places[place] as number) - 1;
      if (slot < 0 || this.#isSame(slot, words, from)) return place;
      place = (place + 1) & mask;
    }
  }

  #isSame(slot: number, words: Uint32Array, from: number): boolean {
    const [page, start] = [this.#page(slot), this.#from(slot)];
    for (let i = this.count - 1; i >= 0; --i) if (page[start + i] !== words[from + i]) return false;
    return true;
  }

  #hash(words: Uint32Array, from: number): number {
    let hash = 0;
    for (let i = 0; i < this.count; ++i) {
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
      const wanted = this.#hash(this.#page(slot), this.#from(slot)) & mask;
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
      const place = this.#placeOf(this.#page(used - 1), this.#from(used - 1));
      this.#places[place] = used;
    }
  }
}
