import type { Portfolio } from "../margin/model.js";
import type { MarketSnapshot } from "../margin/snapshot.js";
import { requirementOf, type Valuation } from "../margin/valuation.js";
import { bpsDown, divideUp, max, mulUp, WAD } from "../wad.js";
import { proportionalFraction, surplusAfter, targetOf, type LiquidationTerms } from "./terms.js";

/**
 * The least slice of an account that brings what remains to its target, whatever the margin model: `margin/SliceSearch.sol`,
 * step by step, so that the fraction is the contract's to the last digit.
 */

/** Added to each fraction that would meet the target exactly, for requirements are rounded up [wad]. */
const GUARD = 10n ** 9n;
/** The search stops when the account would end this close above its target [bps]. */
const TOLERANCE_BPS = 10n;
/** Five chords and five midpoints. */
const STEPS = 10;

/** An account that is to be cut: what it holds that can be read, and its minimum margin. */
export type Sinking = Pick<Valuation, "portfolio" | "minimumMargin">;

/**
 * The least fraction. Where the requirement shrinks with the slice, the closed form is exact; with a convex requirement the
 * least fraction is searched below it, by chords and midpoints in turn. The result always suffices; when even the closed form
 * does not, the minimum margin is in the way and the whole account is taken [wad].
 */
export function leastFraction(
  account: Sinking,
  terms: LiquidationTerms,
  market: MarketSnapshot,
): bigint {
  const target = targetOf(terms.maintenance, market.liquidation);
  const surplusAt = (fraction: bigint): bigint => {
    const rest = max(maintenanceOfRest(account, fraction, market), account.minimumMargin);
    return surplusAfter(terms, fraction, targetOf(rest, market.liquidation));
  };

  let [low, gap] = [0n, target - terms.equity];
  let high = proportionalFraction(terms, target) + GUARD;
  if (high >= WAD) return WAD;
  let surplus = surplusAt(high);
  if (surplus < 0n) return WAD;
  const enough = bpsDown(target, TOLERANCE_BPS);
  for (let step = 0; step < STEPS && surplus > enough; step++) {
    const chord = low + divideUp((high - low) * gap, gap + surplus) + GUARD;
    const next = step % 2 === 0 ? chord : (low + high) / 2n;
    if (next >= high) break;
    const found = surplusAt(next);
    if (found < 0n) [low, gap] = [next, -found];
    else [high, surplus] = [next, found];
  }
  return high;
}

/** Whether a slice would leave an account whose requirement is below the minimum margin. */
export function leavesDust(account: Sinking, fraction: bigint, market: MarketSnapshot): boolean {
  return maintenanceOfRest(account, fraction, market) < account.minimumMargin;
}

function maintenanceOfRest(
  { portfolio }: Sinking,
  fraction: bigint,
  market: MarketSnapshot,
): bigint {
  const kept = WAD - fraction;
  const rest: Portfolio = {
    positions: portfolio.positions.map((one) => ({ ...one, size: mulUp(one.size, kept) })),
    collateral: portfolio.collateral.map((one) => ({
      ...one,
      quantity: mulUp(one.quantity, kept),
    })),
  };
  return requirementOf(rest, market).maintenance;
}
