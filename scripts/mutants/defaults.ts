import type { Mutant } from "./mutant.js";

/** Funding, interest, deleveraging, write-offs and the insurance fund. */
export const DEFAULTS: readonly Mutant[] = [
  {
    id: "funding-new-mark",
    file: "contracts/Clearinghouse.sol",
    find: "        FundingRules rules = run.market",
    replace:
      "        market.lastMark = mark.toUint96();\n        run.sides.longIndex = _book.sidesOf(run.instrument).longIndex;\n        run.sides.shortIndex = _book.sidesOf(run.instrument).shortIndex;\n        FundingRules rules = run.market",
    why: "funding is counted at the mark of the next trade, which its taker may choose",
  },
  {
    id: "funding-one-sign",
    file: "contracts/clearing/Book.sol",
    find: "market.shortIndex + funding",
    replace: "market.shortIndex - funding",
    why: "both sides pay funding, or both receive it",
  },
  {
    id: "premium-of-oneself",
    file: "contracts/clearing/Batch.sol",
    find: "    if (trade.taker.account.ownerOf() == trade.maker.account.ownerOf()) return;\n",
    replace: "",
    why: "who trades with itself moves the premium",
  },
  {
    id: "interest-not-accrued",
    file: "contracts/Clearinghouse.sol",
    find: "rules.interestMillionths(), premium);",
    replace: "market.interest, premium);",
    why: "new funding rules never take effect by trades",
  },
  {
    id: "deleverage-uncharged",
    file: "contracts/clearing/DefaultProcess.sol",
    find: "loss, mark, uint256(-equity));",
    replace: "loss, mark, 0);",
    why: "nobody bears the loss that goes with a position that is closed",
  },
  {
    id: "flag-forever",
    file: "contracts/clearing/DefaultProcess.sol",
    find: " || block.timestamp > due + FLAG_LIFE) {",
    replace: ") {",
    why: "a flag of long ago still lets anyone deleverage at once",
  },
  {
    id: "lenders-cap-each",
    file: "contracts/clearing/CashPool.sol",
    find: "SafeCast.toUint64(lost + WadMath.divUp(fall, index));",
    replace: "SafeCast.toUint64(lost);",
    why: "lenders bear their capped share again and again in a day",
  },
  {
    id: "write-off-collateral",
    file: "contracts/clearing/DefaultProcess.sol",
    find: "cash >= 0 || tokens != 0 || book",
    replace: "cash >= 0 || book",
    why: "a debt is written off though collateral could pay for it",
  },
  {
    id: "reserve-share",
    file: "contracts/clearing/Interest.sol",
    find: "g) * (100 - reservePercent)) / 100;",
    replace: "g) * 100) / 100;",
    why: "lenders receive the insurance fund's share of interest",
  },
  {
    id: "fund-floor",
    file: "contracts/clearing/DefaultProcess.sol",
    find: "if (left < floor.toInt256()) revert",
    replace: "if (left < 0) revert",
    why: "governance empties the insurance fund while much is open",
  },
  {
    id: "variation-gain",
    file: "contracts/Clearinghouse.sol",
    find: "if (variation >= 0 && !VAULT",
    replace: "if (variation == 0 && !VAULT",
    why: "anyone turns a healthy account's gains into cash",
  },
];
