import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Row, StorageMisuse, type Value } from "./database.js";

/** So many are kept ready; what was used longest ago makes room. */
const MOST_STATEMENTS = 256;

interface Prepared {
  readonly statement: StatementSync;
  /** How many values it takes. */
  readonly parameters: number;
}

/** Statements of a SQLite connection, each prepared once. */
export class StatementCache {
  private readonly prepared = new Map<string, Prepared>();

  constructor(private readonly database: DatabaseSync) {}

  run(sql: string, values: readonly Value[]): Row[] {
    const { parameters, statement } = this.take(sql);
    if (parameters !== values.length) {
      // SQLite would take nothing for what is missing, and Postgres refuse.
      throw new StorageMisuse(`${parameters} values are asked for, ${values.length} were given`);
    }
    // A whole number is bound as such: as a float it would become "1.0" where text is kept.
    return statement.all(
      ...values.map((value) => (Number.isInteger(value) ? BigInt(value as number) : value)),
    ) as Row[];
  }

  clear(): void {
    this.prepared.clear();
  }

  private take(sql: string): Prepared {
    const known = this.prepared.get(sql);
    if (known !== undefined) {
      this.prepared.delete(sql);
      this.prepared.set(sql, known);
      return known;
    }
    const { parameters, text } = numbered(sql);
    const made = { parameters, statement: this.database.prepare(text) };
    this.prepared.set(sql, made);
    const [oldest] = this.prepared.keys();
    if (oldest !== undefined && this.prepared.size > MOST_STATEMENTS) this.prepared.delete(oldest);
    return made;
  }
}

/**
 * SQLite takes $1 for a name and looks for it among all of them, which takes a third of a second for ten thousand; ? in
 * their order and ?1 where they are used out of it are quick. Text, quoted names and comments are left alone.
 */
function numbered(sql: string): { text: string; parameters: number } {
  const used: number[] = [];
  const rewritten = (parameter: (place: number) => string): string =>
    sql.replace(/'[^']*'|"[^"]*"|--[^\n]*|\$(\d+)/g, (match, place?: string) =>
      place === undefined ? match : parameter(Number(place)),
    );
  const text = rewritten((place) => {
    used.push(place);
    return "?";
  });
  const inOrder = used.every((place, i) => place === i + 1);
  const parameters = used.reduce((most, place) => Math.max(most, place), 0);
  return { parameters, text: inOrder ? text : rewritten((place) => `?${place}`) };
}
