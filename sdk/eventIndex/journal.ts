import type { Singles, IndexState, Tables } from "./state.js";

/** Where a value of the state stands. */
export type TableName = keyof Tables | "singles";

/**
 * What a block has replaced: table, key and the value before, over and over; nothing for what was not there. Each entry is in
 * it once, with what it was before the block, however often the block wrote it.
 */
export type Undo = unknown[];

export type KeyOf<T extends keyof Tables> = Tables[T] extends Map<infer K, unknown> ? K : never;
export type ValueOf<T extends keyof Tables> = Tables[T] extends Map<unknown, infer V> ? V : never;

/** Told of every entry that is written or put back; the key of what there is once is its name. */
export type ChangeListener = (table: TableName, key: unknown) => void;

/** The one way in which the state changes: it remembers what was there before. Values are never changed in place. */
export class Journal {
  readonly listeners: ChangeListener[] = [];
  private undo: Undo = [];
  /** The keys that it has of each table. */
  private readonly noted = new Map<TableName, Set<unknown>>();

  constructor(readonly state: IndexState) {}

  /** Replaces an entry of a table; nothing removes it. */
  set<T extends keyof Tables>(table: T, key: KeyOf<T>, value: ValueOf<T> | undefined): void {
    const entries = this.state[table] as Map<unknown, unknown>;
    if (this.isFirst(table, key)) this.undo.push(table, key, entries.get(key));
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
    this.tell(table, key);
  }

  /** Replaces what there is once. */
  put<S extends keyof Singles>(name: S, value: Singles[S]): void {
    const singles = this.state.singles;
    if (this.isFirst("singles", name)) this.undo.push("singles", name, singles[name]);
    singles[name] = value;
    this.tell("singles", name);
  }

  /** What was replaced since the last time. */
  cut(): Undo {
    const { undo } = this;
    this.undo = [];
    for (const keys of this.noted.values()) keys.clear();
    return undo;
  }

  /** Puts back what was replaced since the last cut, or what a former cut says. */
  takeBack(undo: Undo = this.cut()): void {
    for (let i = undo.length - 3; i >= 0; i -= 3) {
      const [table, key, value] = [undo[i] as TableName, undo[i + 1], undo[i + 2]];
      if (table === "singles") {
        (this.state.singles as unknown as Record<string, unknown>)[key as string] = value;
      } else if (value === undefined) {
        this.state[table].delete(key as never);
      } else {
        (this.state[table] as Map<unknown, unknown>).set(key, value);
      }
      this.tell(table, key);
    }
  }

  /** Whether the entry is written for the first time since the last cut; it is not from now on. */
  private isFirst(table: TableName, key: unknown): boolean {
    let keys = this.noted.get(table);
    if (keys === undefined) this.noted.set(table, (keys = new Set()));
    const { size } = keys;
    return keys.add(key).size > size;
  }

  private tell(table: TableName, key: unknown): void {
    for (const listener of this.listeners) listener(table, key);
  }
}
