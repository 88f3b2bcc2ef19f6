/** Compaction waits until there is at least so much to win [items]. */
const LEAST_WASTE = 1024;
const FIRST_ITEMS = 64;
/** What a byte counts; the rules allow no account more than 64 positions and 16 tokens. */
const MOST_ITEMS = 255;

/** How many slots and how many numbers an item takes. */
export interface BlockSizes {
  readonly slots: number;
  readonly numbersOfItem: number;
}

/**
 * Lists of items of different lengths, one for each slot, in three flat arrays. A list that outgrows its room moves to the
 * end; when more than a third of all items is waste, all lists move together, in the order of the slots. So a change costs
 * little on average, nothing leaks, and whoever reads all lists reads memory from front to back.
 */
export class Blocks {
  /** Where a slot's list begins [items]. */
  starts: Uint32Array;
  /** How long it is [items]. */
  counts: Uint8Array;
  /** What each item is of. */
  rows: Uint16Array;
  /** The numbers of the items. */
  numbers: Float64Array;
  /** How many numbers an item has. */
  readonly numbersOfItem: number;
  /** How long a list may become where it is [items]. */
  #rooms: Uint8Array;
  #used = 0;
  #live = 0;

  constructor({ slots, numbersOfItem }: BlockSizes) {
    this.numbersOfItem = numbersOfItem;
    this.starts = new Uint32Array(slots);
    this.counts = new Uint8Array(slots);
    this.#rooms = new Uint8Array(slots);
    this.rows = new Uint16Array(FIRST_ITEMS);
    this.numbers = new Float64Array(FIRST_ITEMS * numbersOfItem);
  }

  /** Items in lists. */
  get live(): number {
    return this.#live;
  }

  /** Items in memory: those in lists, those that lists have left, and room to grow. */
  get capacity(): number {
    return this.rows.length;
  }

  /** Gives room for more slots. */
  growSlots(slots: number): void {
    this.starts = grown(this.starts, new Uint32Array(slots));
    this.counts = grown(this.counts, new Uint8Array(slots));
    this.#rooms = grown(this.#rooms, new Uint8Array(slots));
  }

  /** What the items of a slot's list are of. */
  rowsOf(slot: number): Uint16Array {
    const from = this.starts[slot] as number;
    return this.rows.subarray(from, from + (this.counts[slot] as number));
  }

  /**
   * Makes a slot's list so long. What was in it is lost; `rows` and `numbers` may be other arrays afterwards.
   *
   * @returns Where the list begins [items].
   * @throws RangeError when the list is longer than any account's may be.
   */
  resize(slot: number, count: number): number {
    requireItems(count);
    this.#live -= this.counts[slot] as number;
    this.counts[slot] = 0;
    const isLeaving = count > (this.#rooms[slot] as number);
    const isWasteful = this.#used - this.#live > LEAST_WASTE + this.#live / 2;
    if (isWasteful || (isLeaving && this.#used + count > this.capacity)) this.#repack(count);

    if (count > (this.#rooms[slot] as number)) {
      this.starts[slot] = this.#used;
      this.#rooms[slot] = count;
      this.#used += count;
    }
    this.#live += count;
    this.counts[slot] = count;
    return this.starts[slot] as number;
  }

  /** Moves all lists together, in the order of the slots, with room for one more list and for growth. */
  #repack(more: number): void {
    const { rows, numbers, numbersOfItem } = this;
    const capacity = Math.max(FIRST_ITEMS, (this.#live + more) * 2);
    this.rows = new Uint16Array(capacity);
    this.numbers = new Float64Array(capacity * numbersOfItem);
    let used = 0;
    for (let slot = 0; slot < this.counts.length; ++slot) {
      const [from, count] = [this.starts[slot] as number, this.counts[slot] as number];
      for (let i = 0; i < count; ++i) this.rows[used + i] = rows[from + i] as number;
      for (let i = 0; i < count * numbersOfItem; ++i) {
        this.numbers[used * numbersOfItem + i] = numbers[from * numbersOfItem + i] as number;
      }
      this.starts[slot] = used;
      this.#rooms[slot] = count;
      used += count;
    }
    this.#used = used;
  }
}

/** Refuses a list that is longer than any account's may be. */
export function requireItems(count: number): void {
  if (count > MOST_ITEMS) throw new RangeError(`An account holds at most ${MOST_ITEMS} items`);
}

/** A larger array with the same beginning. */
export function grown<
  Numbers extends Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array,
>(former: Numbers, larger: Numbers): Numbers {
  larger.set(former);
  return larger;
}
