import type { StepRecord } from "./drive.js";
import { change, toNumber, usd } from "./format.js";
import type { AccountRow } from "./tables.js";

/** What the lessons are drawn from. */
interface Course {
  readonly records: readonly StepRecord[];
  /** What each account was given by its owner in all [wad]. */
  readonly putIn: ReadonlyMap<string, bigint>;
}

/** What the cast has shown, as far as it has: each sentence is true of this run. */
export function lessonsOf(rows: readonly AccountRow[], { records, putIn }: Course): string[] {
  const answered = new Set(
    records
      .flatMap(({ done }) => done)
      .map((record) =>
        record.kind === "topUp" || record.kind === "reduction" ? record.account : "",
      ),
  );
  const find = (name: string): AccountRow | undefined => rows.find((row) => row.name === name);
  const paidBy = ({ reading }: AccountRow): bigint => putIn.get(reading.account) ?? 0n;

  const lessons: (string | undefined)[] = [];
  const about = (name: string, tell: (row: AccountRow) => string | undefined): void => {
    const row = find(name);
    if (row !== undefined) lessons.push(tell(row));
  };
  about("Ada", ({ closed }) =>
    closed ? "Leverage: at more than ten times, a small move was enough for Ada." : undefined,
  );
  about("Jon", (row) => {
    if (!answered.has(row.reading.account)) return undefined;
    return row.closed
      ? "A deposit is no promise: Jon answered while he could, and was closed all the same."
      : `Margin calls: Jon answered with deposits, kept his position and has ${usd(row.reading.equity)} of ${usd(paidBy(row))}.`;
  });
  about("Kim", ({ closed, reading }) =>
    answered.has(reading.account) && !closed
      ? `Kim answered by selling: less at stake, never closed, ${usd(reading.equity)} left.`
      : undefined,
  );
  about("Finn", ({ reading }) =>
    find("Finn/1")?.closed === true
      ? `Isolation: Finn's gamble is lost, and his main account, with ${usd(reading.equity)}, never noticed.`
      : undefined,
  );
  about("Ivo", (row) => {
    const result = toNumber(row.reading.equity) / (toNumber(paidBy(row)) || 1) - 1;
    return row.closed
      ? undefined
      : `Hedging: Ivo held as much ETH as he had sold; his result is ${change(result)}.`;
  });
  return lessons.filter((lesson) => lesson !== undefined);
}
