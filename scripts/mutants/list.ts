import { AUTOMATION } from "./automation.js";
import { BOOKS } from "./books.js";
import { DEFAULTS } from "./defaults.js";
import { LIQUIDATION } from "./liquidation.js";
import { MARGIN } from "./margin.js";
import type { Mutant } from "./mutant.js";
import { MARGIN_OVER_TIME } from "./volatility.js";

/** Finds most of them, and is run first. */
export const CAMPAIGN = "test/solidity/Conservation.t.sol";

export const MUTANTS: readonly Mutant[] = [
  ...BOOKS,
  ...LIQUIDATION,
  ...DEFAULTS,
  ...MARGIN,
  ...MARGIN_OVER_TIME,
  ...AUTOMATION,
];
