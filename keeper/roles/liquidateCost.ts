import { type AccountSnapshot, divDown, max, mulUp } from "../../sdk/index.js";

/** What a liquidation uses, from the figures of docs/gas.md for what is new to the liquidator, rounded up [gas]. */
const GAS = {
  base: 140_000n,
  ofPosition: 80_000n,
  ofToken: 60_000n,
  /** What the liquidator's account has already: it is valued to see that it bears the slice. */
  ofOther: 40_000n,
  /** Where the insurance fund pays, or others bear a loss. */
  ofWaterfall: 60_000n,
  ofWaterfallPosition: 40_000n,
} as const;

/** What an account holds. */
type Holdings = Pick<AccountSnapshot, "positions" | "collateral">;

/** What taking a slice of an account uses, about, with valuing what the liquidator's account holds besides [gas]. */
export function gasOfLiquidation(
  { collateral, positions }: Holdings,
  liquidator: Holdings,
  isPaidByFund: boolean,
): bigint {
  const count = BigInt(positions.length);
  const taken = new Set(positions.map(({ instrument }) => instrument));
  const tokens = new Set(collateral.map(({ place }) => place));
  const others = [
    ...liquidator.positions.filter(({ instrument }) => !taken.has(instrument)),
    ...liquidator.collateral.filter(({ place }) => !tokens.has(place)),
  ];
  const gas =
    GAS.base +
    GAS.ofPosition * count +
    GAS.ofToken * BigInt(collateral.length) +
    GAS.ofOther * BigInt(others.length);
  return isPaidByFund ? gas + GAS.ofWaterfall + GAS.ofWaterfallPosition * count : gas;
}

/** What gas costs. */
export interface GasCost {
  /** [wei] */
  readonly gasPrice: bigint;
  /** Of one ether in the settlement currency; undefined when nobody knows [wad]. */
  readonly etherPrice: bigint | undefined;
}

/** What so much gas costs in the settlement currency; nothing is known of it without a price of ether [wad]. */
export function costOfGas(gas: bigint, { etherPrice, gasPrice }: GasCost): bigint {
  return mulUp(gas * gasPrice, etherPrice ?? 0n);
}

/** A limit of gas with so much room costs bumps of the fee: what is worth so many times its gas at today's price has both. */
const ROOMY = { percent: 150n, leastWorth: 10n } as const;

/**
 * More gas than so much, where it may cost enough to pay for that dearly; see `Proposal.roomyGas`.
 *
 * @param gas About what is used.
 * @param mostCost What it may cost [wei].
 */
export function roomyGasOf(
  gas: bigint,
  mostCost: bigint,
  { gasPrice }: GasCost,
): bigint | undefined {
  const roomy = (gas * ROOMY.percent) / 100n;
  return mostCost >= ROOMY.leastWorth * roomy * gasPrice ? roomy : undefined;
}

/** Without a price of ether, gas may cost so many times what it costs now. */
const BLIND_BUMPS = 4n;

/**
 * The most that gas may cost when it is to leave something over [wei].
 *
 * @param gas About what is used.
 * @param worth What it may cost [wad].
 */
export function mostCostOf(gas: bigint, worth: bigint, { etherPrice, gasPrice }: GasCost): bigint {
  if (etherPrice === undefined || etherPrice === 0n) return gas * gasPrice * BLIND_BUMPS;
  return divDown(max(worth, 0n), etherPrice);
}
