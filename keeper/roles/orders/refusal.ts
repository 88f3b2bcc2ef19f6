import { Interface } from "ethers";
import { clearinghouseAbi, exchangeAbi, explainError } from "../../../sdk/index.js";

const ERRORS = [new Interface(exchangeAbi), new Interface(clearinghouseAbi)];

/** Why an order is not taken in: what the contracts would say of it, or what this book says. */
export class OrderRefused extends Error {
  override readonly name = "OrderRefused";

  /**
   * @param reason The contract's error, or a name of this book's.
   * @param sentence What is wrong.
   * @param cure What to do about it.
   */
  constructor(
    readonly reason: string,
    readonly sentence: string,
    readonly cure: string,
  ) {
    super(`${sentence} ${cure}`);
  }
}

/** A refusal in the words of the SDK for a contract's error. */
export function refusedBy(error: string, values: readonly unknown[]): OrderRefused {
  for (const known of ERRORS) {
    if (known.getError(error) === null) continue;
    const { cure, sentence } = explainError(known.encodeErrorResult(error, values));
    return new OrderRefused(error, sentence, cure);
  }
  throw new RangeError(`No contract has the error ${error}`);
}
