import { grown } from "../fast/blocks.js";
import { WideNumbers } from "./wideNumbers.js";

/** Items of a page: memory grows by pages, so that nothing large is ever there twice. */
const PAGE_BITS = 14;
const PAGE = 2 ** PAGE_BITS;
const FIRST_SLOTS = 64;
/** What a count takes. */
const MOST_ITEMS = 2 ** 16 - 1;

/** What an item has, and how lists grow. */
export interface ItemSizes {
  /** How many numbers an item has. */
  readonly numbersOfItem: 1 | 2;
  /** Room is given in multiples of so much: what a growing list leaves is of use to few others [items]. */
  readonly roomStep: number;
}

/**
 * Lists of items of different lengths, one for each slot: an item is what it is of, and one or two integers of any size. A
 * list that outgrows its room moves to one that a list of the same room has left, or to the end. So no list ever waits for
 * others to be moved.
 */
export class ItemLists {
  /** Of the items. */
  readonly #numbers = new WideNumbers();
  /** What each item is of; in room that is free, 1 + where the next free room of the size begins. */
  readonly #kinds: Uint32Array[] = [];
  /** Where free room of a size begins. */
  readonly #free = new Map<number, number>();
  #end = 0;
  /** By slot: where the list begins, how long it is, and how long it may become there. */
  #starts = new Uint32Array(FIRST_SLOTS);
  #counts = new Uint16Array(FIRST_SLOTS);
  #rooms = new Uint16Array(FIRST_SLOTS);

  constructor(private readonly sizes: ItemSizes) {}

  /** How long a slot's list is. */
  countOf(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  /** Where a slot's list begins, for the methods below. */
  startOf(slot: number): number {
    return this.#starts[slot] as number;
  }

  /** What an item is of. */
  kindAt(item: number): number {
    return (this.#kinds[item >>> PAGE_BITS] as Uint32Array)[item & (PAGE - 1)] as number;
  }

  /** One of an item's numbers. */
  numberAt(item: number, which: 0 | 1): bigint {
    return this.#numbers.get(item * this.sizes.numbersOfItem + which);
  }

  /** Says what an item is of. */
  setKind(item: number, kind: number): void {
    (this.#kinds[item >>> PAGE_BITS] as Uint32Array)[item & (PAGE - 1)] = kind;
  }

  /** Replaces one of an item's numbers. */
  setNumber(item: number, which: 0 | 1, value: bigint): void {
    this.#numbers.set(item * this.sizes.numbersOfItem + which, value);
  }

  /**
   * Makes a slot's list so long; what was in it may be lost.
   *
   * @throws RangeError when no list may be so long.
   */
  resize(slot: number, count: number): void {
    if (count > MOST_ITEMS) throw new RangeError(`A list has at most ${MOST_ITEMS} items`);
    if (slot >= this.#starts.length) this.#growSlots(Math.max(slot + 1, this.#starts.length * 2));
    const room = this.#rooms[slot] as number;
    // An empty list keeps nothing; a shorter one keeps its room, for it may grow again.
    if (count > room || (count === 0 && room > 0)) {
      if (room > 0) this.#release(this.#starts[slot] as number, room);
      const wanted = Math.min(
        Math.ceil(count / this.sizes.roomStep) * this.sizes.roomStep,
        MOST_ITEMS,
      );
      this.#starts[slot] = wanted === 0 ? 0 : this.#take(wanted);
      this.#rooms[slot] = wanted;
    }
    this.#counts[slot] = count;
  }

  // Inside

  #take(room: number): number {
    const free = this.#free.get(room) ?? 0;
    if (free > 0) {
      this.#free.set(room, this.kindAt(free - 1));
      return free - 1;
    }
    const start = this.#end;
    this.#end += room;
    while (this.#kinds.length * PAGE < this.#end) this.#kinds.push(new Uint32Array(PAGE));
    this.#numbers.growTo(this.#end * this.sizes.numbersOfItem);
    return start;
  }

  #release(start: number, room: number): void {
    // What is aside of its numbers goes with them.
    for (let i = 0; i < room * this.sizes.numbersOfItem; ++i) {
      this.#numbers.set(start * this.sizes.numbersOfItem + i, 0n);
    }
    this.setKind(start, this.#free.get(room) ?? 0);
    this.#free.set(room, start + 1);
  }

  #growSlots(slots: number): void {
    this.#starts = grown(this.#starts, new Uint32Array(slots));
    this.#counts = grown(this.#counts, new Uint16Array(slots));
    this.#rooms = grown(this.#rooms, new Uint16Array(slots));
  }
}
