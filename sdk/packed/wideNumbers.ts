/** Numbers of a page: memory grows by pages, so that nothing large is ever there twice. */
const PAGE_BITS = 14;
const PAGE = 2 ** PAGE_BITS;
const WORDS = 4;
const HALVES = 2;

const MOST = 2n ** 127n - 1n;
const LEAST = -MOST;
const MOST_HALF = 2n ** 63n - 1n;
const LEAST_HALF = -(2n ** 63n);
/** The upper half of the one number below `LEAST`: it says that the number is aside. */
const ASIDE = LEAST_HALF;

/**
 * Very many integers of any size, exactly, in 16 bytes each: those of 128 bits with their sign, as the contracts store what
 * accounts have. One that needs more is kept aside. Numbers begin as 0.
 */
export class WideNumbers {
  /** The same pages three times: 32 bits at a time for a quick look, and each half with its sign or without. */
  readonly #words: Int32Array[] = [];
  readonly #halves: BigInt64Array[] = [];
  readonly #unsigned: BigUint64Array[] = [];
  readonly #aside = new Map<number, bigint>();

  /** Gives room for numbers before this one. */
  growTo(end: number): void {
    while (this.#words.length * PAGE < end) {
      const bytes = new ArrayBuffer(PAGE * WORDS * Int32Array.BYTES_PER_ELEMENT);
      this.#words.push(new Int32Array(bytes));
      this.#halves.push(new BigInt64Array(bytes));
      this.#unsigned.push(new BigUint64Array(bytes));
    }
  }

  /** The number at a place that there is room for. */
  get(at: number): bigint {
    const page = at >>> PAGE_BITS;
    const words = this.#words[page] as Int32Array;
    const place = at & (PAGE - 1);
    const upper = words[WORDS * place + 2] as number;
    const uppermost = words[WORDS * place + 3] as number;
    const low = (this.#unsigned[page] as BigUint64Array)[HALVES * place] as bigint;
    if (upper === 0 && uppermost === 0) return low;
    const halves = this.#halves[page] as BigInt64Array;
    // With a sign bit below, the upper half of a negative number of 64 bits says nothing more.
    if (upper === -1 && uppermost === -1 && (words[WORDS * place + 1] as number) < 0) {
      return halves[HALVES * place] as bigint;
    }
    const high = halves[HALVES * place + 1] as bigint;
    if (high === ASIDE && low === 0n) return this.#aside.get(at) as bigint;
    return (high << 64n) + low;
  }

  /** Replaces the number at a place that there is room for. */
  set(at: number, value: bigint): void {
    const page = at >>> PAGE_BITS;
    const place = HALVES * (at & (PAGE - 1));
    const halves = this.#halves[page] as BigInt64Array;
    if (this.#aside.size > 0) this.#aside.delete(at);
    if (value >= LEAST_HALF && value <= MOST_HALF) {
      halves[place] = value;
      halves[place + 1] = value < 0n ? -1n : 0n;
    } else if (value >= LEAST && value <= MOST) {
      // An array of 64 bits takes the lowest 64 of what it is given.
      halves[place] = value;
      halves[place + 1] = value >> 64n;
    } else {
      this.#aside.set(at, value);
      halves[place] = 0n;
      halves[place + 1] = ASIDE;
    }
  }
}
