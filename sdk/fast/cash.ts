import type { CashIndices } from "../interest.js";
import { divDown, divUp, WAD } from "../wad.js";
import { ratioOf } from "./ratio.js";

/** What one unit of a principal is worth, the same for all accounts of a book. */
export class BookCash {
  supplyIndex = 1;
  borrowIndex = 1;
  /** What an unknown fraction of a wei of cash has grown to at most, with what the contracts round of cash [wad]. */
  rounding = 2;

  #indices: CashIndices = { supplyIndex: WAD, borrowIndex: WAD };
  #lowestSupplyIndex = 1;

  set(indices: CashIndices): void {
    this.#indices = indices;
    this.supplyIndex = ratioOf(indices.supplyIndex);
    this.borrowIndex = ratioOf(indices.borrowIndex);
    this.#lowestSupplyIndex = Math.min(this.#lowestSupplyIndex, this.supplyIndex);
    this.rounding = 1 + this.supplyIndex / this.#lowestSupplyIndex;
  }

  /**
   * The principal that is worth so much cash now. Cash was rounded down from it and a debt up, so with an index of 1 or more
   * there is one only; that of a debt is never 0 [wad].
   */
  principalOf(cash: bigint): bigint {
    const { supplyIndex, borrowIndex } = this.#indices;
    if (cash >= 0n) return supplyIndex === WAD ? cash : divUp(cash, supplyIndex);
    return borrowIndex === WAD ? cash : -divDown(-cash, borrowIndex) || -1n;
  }
}
