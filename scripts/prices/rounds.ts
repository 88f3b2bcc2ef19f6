import { readTime } from "./candles.js";
import { UsageError } from "./errors.js";
import type { Cells, TableShape } from "./table.js";

/** One round of a Chainlink feed. */
export interface FeedRound {
  /** When it was written; 0 for a round that never was [unix seconds]. */
  readonly ts: number;
  readonly roundId: bigint;
  /** In the feed's decimals. */
  readonly answer: bigint;
}

/** A file of rounds. */
export const ROUNDS: TableShape<FeedRound> = {
  columns: ["ts", "roundid", "answer"],
  noun: "round",
  parse: parseRound,
};

/**
 * Rounds in the order of their ids, which is the feed's: files sorted by time confuse rounds of one second.
 *
 * @throws UsageError when a round stands in the file twice.
 */
export function inOrder(file: string, rounds: readonly FeedRound[]): FeedRound[] {
  const sorted = [...rounds].sort((a, b) => (a.roundId < b.roundId ? -1 : 1));
  const twice = sorted.find(({ roundId }, i) => roundId === sorted[i - 1]?.roundId);
  if (twice !== undefined) {
    throw new UsageError(
      `${file} has the round ${twice.roundId.toString()} twice.`,
      "Keep one row for each round.",
    );
  }
  return sorted;
}

/** Turns one row into a round, or says what is wrong with it. Whether an oracle would take it is not asked here. */
function parseRound(cells: Cells): FeedRound {
  return {
    ts: readTime(cells, 0),
    roundId: readInteger(cells, "roundid"),
    answer: readInteger(cells, "answer"),
  };
}

function readInteger(cells: Cells, column: string): bigint {
  const cell = cells.text(column);
  if (!/^[+-]?\d{1,78}$/.test(cell)) {
    cells.fail(
      `the ${column} "${cell}" is not a whole number`,
      "Give round ids and answers as the feed gives them, without decimals; correct or remove the row.",
    );
  }
  return BigInt(cell);
}
