import { type Margin, max } from "../../../sdk/index.js";
import { isDue, type StandingInstruction } from "./instruction.js";

/** An instruction that is due, with what the account is worth. */
export interface DueInstruction {
  readonly instruction: StandingInstruction;
  readonly margin: Margin;
}

/** What is earned and spent by a top-up, all in the settlement currency [wad]. */
export interface TopUpEconomy {
  readonly tip: bigint;
  /** What its gas costs about now. */
  readonly gasCost: bigint;
  /** What must be left of the tip after gas. */
  readonly leastProfit: bigint;
  /** How much more than the tip the keeper pays for gas all the same. */
  readonly mostSubsidy: bigint;
}

/**
 * Which of an account's instructions are due at a time: its own state decides, and what the source has is asked later.
 *
 * @param time Of the block [unix seconds].
 */
export function decideDue(
  instructions: Iterable<StandingInstruction>,
  margin: Margin,
  time: bigint,
): DueInstruction[] {
  return [...instructions]
    .filter((instruction) => time <= instruction.until && isDue(instruction, margin))
    .map((instruction) => ({ instruction, margin }));
}

/**
 * What the gas of a top-up may cost at most: the tip less what must be left of it, and what the keeper adds; nothing when
 * that does not buy its gas now [wad].
 */
export function decideMostCost({
  tip,
  gasCost,
  leastProfit,
  mostSubsidy,
}: TopUpEconomy): bigint | undefined {
  const most = max(tip - leastProfit, 0n) + mostSubsidy;
  return most >= gasCost && most > 0n ? most : undefined;
}

/** Lowest health first; by multiplication, for the requirement may be 0. */
export function byHealth(a: Margin, b: Margin): number {
  const [left, right] = [a.equity * b.maintenance, b.equity * a.maintenance];
  return left < right ? -1 : left > right ? 1 : 0;
}
