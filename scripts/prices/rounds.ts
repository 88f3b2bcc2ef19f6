import { readTime } from "./candles.js";
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

/** Turns one row into a round, or says what is wrong with it. Whether an oracle would take it is not asked here. */
function parseRound(cells: Cells, previous: FeedRound | undefined): FeedRound {
  const ts = readTime(cells, 0);
  const roundId = readInteger(cells, "roundid");
  const answer = readInteger(cells, "answer");
  if (previous !== undefined && roundId <= previous.roundId) {
    cells.fail(
      `the roundId ${roundId.toString()} does not come after ${previous.roundId.toString()} on the row before`,
      "Sort the rows by roundId and keep one row for each round.",
    );
  }
  return { ts, roundId, answer };
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
