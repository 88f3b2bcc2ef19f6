import type { CollateralSnapshot, TokenSnapshot } from "../margin/snapshot.js";
import { wadOfAmount } from "../wad.js";
import { grown } from "./blocks.js";
import { TERMS_OF_TOKEN, tokenTermsOf, UNKNOWN_TOKEN } from "./terms.js";

/** So much of a token. */
export interface HeldQuantity {
  /** Place in the rules' list of tokens. */
  readonly place: number;
  readonly underlying: number;
  /** [wad] */
  readonly quantity: bigint;
}

/** The rules' list of collateral tokens, with what one of each is worth to all accounts of a book. */
export class BookTokens {
  /** A row for each token, see `TOKEN_TERM`. */
  terms = new Float64Array();

  #list: readonly TokenSnapshot[] = [];

  /** A token never leaves the list or changes its decimals. */
  set(list: readonly TokenSnapshot[]): void {
    this.#list.forEach(({ decimals }, place) => {
      const given = list[place]?.decimals;
      if (given === decimals) return;
      throw new RangeError(`Token ${place} has ${decimals} decimals, not ${given ?? "gone"}`);
    });
    this.#list = list;
    this.terms = grown(this.terms, new Float64Array(list.length * TERMS_OF_TOKEN));
  }

  /** The rows of an underlying's tokens at its price, each with its place in `terms`. */
  *rowsAt(
    underlying: number,
    price: bigint | undefined,
  ): Generator<{ at: number; row: readonly number[] }> {
    for (const [place, token] of this.#list.entries()) {
      if (token.underlying !== underlying) continue;
      const row = price === undefined ? UNKNOWN_TOKEN : tokenTermsOf(token, price);
      yield { at: place * TERMS_OF_TOKEN, row };
    }
  }

  /** The number of the underlying that values a token; undefined for a place that the list has not. */
  underlyingOf(place: number): number | undefined {
    return this.#list[place]?.underlying;
  }

  /** What an amount of a token is in whole tokens. */
  heldQuantityOf({ place, amount }: CollateralSnapshot): HeldQuantity {
    const token = this.#list[place];
    if (token === undefined) throw new RangeError(`The market's list has no token ${place}`);
    const { underlying, decimals } = token;
    return { place, underlying, quantity: wadOfAmount(amount, decimals) };
  }
}
