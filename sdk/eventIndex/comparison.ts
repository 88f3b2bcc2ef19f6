/** Something that the index and the chain do not say alike. */
export interface Difference {
  /** Which view says it, of what. */
  readonly what: string;
  readonly index: string;
  readonly chain: string;
}

/** Collects what differs between the index and the views of the contracts. */
export class Comparison {
  readonly differences: Difference[] = [];
  /** How many values were compared. */
  compared = 0;

  /** Compares a value of the index with a view's answer. */
  same(what: string, index: Comparable, chain: Comparable): void {
    ++this.compared;
    const [ours, theirs] = [spell(index), spell(chain)];
    if (ours !== theirs) this.differences.push({ what, index: ours, chain: theirs });
  }

  /** Compares each field of an object of the index with the field of that name in a view's answer. */
  sameFields<T extends Readonly<Record<string, Comparable>>>(
    what: string,
    index: T,
    chain: { readonly [K in keyof T]: Comparable },
  ): void {
    for (const [name, value] of Object.entries(index)) {
      this.same(`${what}.${name}`, value, chain[name] ?? "nothing");
    }
  }
}

/** What views answer with. */
export type Comparable = bigint | number | string | boolean | readonly Comparable[];

function spell(value: Comparable): string {
  if (Array.isArray(value)) return `[${(value as readonly Comparable[]).map(spell).join(", ")}]`;
  return String(value).toLowerCase();
}

/** At most so many neighbouring entries of a table, from a place that chance decides. */
export function* someOf<K, V>(table: ReadonlyMap<K, V>, most: number): Generator<[K, V]> {
  const skipped = Math.floor(Math.random() * (Math.max(table.size - most, 0) + 1));
  let place = 0;
  for (const entry of table) {
    if (place >= skipped + most) return;
    if (place++ >= skipped) yield entry;
  }
}

/** So many calls are on their way at a time. */
const TOGETHER = 32;

/** Does something with each of many, some at a time. */
export async function forEach<T>(
  items: Iterable<T>,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next())
      await act(next.value);
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
}
