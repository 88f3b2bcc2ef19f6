import type { EventIndex, TableName } from "../../sdk/index.js";
import type { Singles } from "../../sdk/eventIndex/state.js";

/** An entry of an index's state by its table and key. */
export type Place = readonly [table: TableName, key: unknown];

/** Which entries of an index were written or removed since they were last taken. */
export class Changes {
  private places = new Map<TableName, Set<unknown>>();
  private isCollecting = false;

  constructor(private readonly index: EventIndex) {
    index.onChange((table, key) => {
      if (this.isCollecting) this.add(table, key);
    });
  }

  get count(): number {
    let count = 0;
    for (const keys of this.places.values()) count += keys.size;
    return count;
  }

  /** Forgets what there was and collects from now on. */
  start(): void {
    this.stop();
    this.isCollecting = true;
  }

  /** Forgets what there was; costs nothing until it is started again. */
  stop(): void {
    this.places.clear();
    this.isCollecting = false;
  }

  /** Gives what was collected, and goes on with nothing. */
  take(): Place[] {
    const taken: Place[] = [];
    for (const [table, keys] of this.places) for (const key of keys) taken.push([table, key]);
    this.places.clear();
    return taken;
  }

  /** Puts back what was taken for nothing. */
  giveBack(places: Iterable<Place>): void {
    if (!this.isCollecting) return;
    for (const [table, key] of places) this.add(table, key);
  }

  /** What stands there now; undefined where nothing does. Values are never changed in place. */
  valueAt([table, key]: Place): unknown {
    const { state } = this.index;
    if (table === "singles") return state.singles[key as keyof Singles];
    return (state[table] as ReadonlyMap<unknown, unknown>).get(key);
  }

  private add(table: TableName, key: unknown): void {
    let keys = this.places.get(table);
    if (keys === undefined) this.places.set(table, (keys = new Set()));
    keys.add(key);
  }
}
