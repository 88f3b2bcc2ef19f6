import { CouldNotLook, max, parseWad, WAD } from "../../sdk/index.js";
import type { KeeperView } from "../state/view.js";

/** What is known of prices of gas. */
type GasView = Pick<KeeperView, "gasPrice" | "etherPrice">;

/**
 * Converts between the settlement currency and ether. While ether's price cannot be read, the last one counts that this keeper
 * has seen: a dead feed must not keep it from the work that a dead feed makes.
 */
export interface GasCosts {
  /**
   * What an amount buys at most [wad] to [wei].
   *
   * @throws CouldNotLook while ether's price was never seen.
   */
  weiOf(amount: bigint, view: GasView): bigint;
  /**
   * What gas costs now, rounded up [gas] to [wad].
   *
   * @throws CouldNotLook while ether's price was never seen.
   */
  priceOf(gas: bigint, view: GasView): bigint;
}

/** Remembers ether's price for the time when there is none. */
export function createGasCosts(): GasCosts {
  let last: bigint | undefined;
  const etherPriceIn = (view: GasView): bigint => {
    last = view.etherPrice ?? last;
    if (last === undefined) {
      throw new CouldNotLook(
        "The price of ether was never seen, so nobody knows what gas may cost: see the feed of dispatch.etherUnderlying",
      );
    }
    return last;
  };
  return {
    weiOf: (amount, view) => (max(amount, 0n) * WAD) / etherPriceIn(view),
    priceOf: (gas, view) => (gas * view.gasPrice * etherPriceIn(view) + WAD - 1n) / WAD,
  };
}

/** A setting in dollars, with up to 6 decimals [wad]. */
export function wadOfDollars(dollars: number): bigint {
  return parseWad(dollars.toFixed(6));
}
