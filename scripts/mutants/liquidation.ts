import type { Mutant } from "./mutant.js";

/** Liquidation and who bears what is lost. */
export const LIQUIDATION: readonly Mutant[] = [
  {
    id: "deficit-not-repaid",
    file: "contracts/clearing/Waterfall.sol",
    find: "return income - int256(repaid);",
    replace: "return income;",
    why: "the deficit is repaid with money that the fund keeps as well",
  },
  {
    id: "liquidator-authority",
    file: "contracts/Clearinghouse.sol",
    find: "        VAULT.requireAuthorized(liquidator, msg.sender, LIQUIDATE);\n",
    replace: "",
    why: "anyone spends anyone's margin on a liquidation",
  },
  {
    id: "haircut-side",
    file: "contracts/clearing/Waterfall.sol",
    find: "bool long = open.size < 0;",
    replace: "bool long = open.size > 0;",
    why: "the gains haircut falls on the bankrupt's own side",
  },
  {
    id: "deficit-unrecorded",
    file: "contracts/clearing/Waterfall.sol",
    find: "book.deficit = (book.deficit + loss - borne).toUint104();",
    replace: "book.deficit += 0;",
    why: "a loss that nobody bears is not recorded",
  },
  {
    id: "fund-drawn-twice",
    file: "contracts/clearing/Waterfall.sol",
    find: "uint256 drawn = draw.drawn + draw.part;",
    replace: "uint256 drawn = draw.drawn;",
    why: "an instrument draws its whole share of the fund again and again",
  },
  {
    id: "slice-quote",
    file: "contracts/clearing/Book.sol",
    find: "WadMath.mulDown(real, part));",
    replace: "int256(0));",
    why: "a slice moves the size and leaves what it has won or lost",
  },
  {
    id: "slice-rounding",
    file: "contracts/clearing/Book.sol",
    find: "WadMath.mulDown(held, part),",
    replace: "WadMath.mulUp(held, part),",
    why: "a slice takes a wei more of long size than its share",
  },
  {
    id: "slice-open-interest",
    file: "contracts/clearing/Book.sol",
    find: "    self.setOpenInterest(instrument, sides.openInterest);\n",
    replace: "",
    why: "open interest does not see what a slice changes",
  },
  {
    id: "haircut-cap",
    file: "contracts/clearing/Waterfall.sol",
    find: "return FixedPointMathLib.zeroFloorSub(cap, long ? market.movedLong : market.movedShort);",
    replace:
      "return FixedPointMathLib.zeroFloorSub(cap, long ? market.movedShort : market.movedLong);",
    why: "a side that has paid its share of the hour pays again",
  },
  {
    id: "incentive-from-winners",
    file: "contracts/clearing/Liquidation.sol",
    find: "settlement.loss = FixedPointMathLib.min(missing, ownLoss);",
    replace: "settlement.loss = missing;",
    why: "winners pay the liquidator's incentive",
  },
];
