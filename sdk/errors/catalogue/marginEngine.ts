import type { ErrorEntries } from "../entry.js";

/** Errors of IMarginEngine. */
export const MARGIN_ERRORS: ErrorEntries = {
  "BelowInitialMargin(bytes32,int256,uint256)": {
    sentence:
      "Account {account} would have equity {equity:wad} and needs {initial:wad}, its initial margin.",
    cure: "Deposit the difference, or do less.",
    remedy: "fatal",
  },
  "RiskNotReduced(bytes32,(int256,uint256,uint256),(int256,uint256,uint256))": {
    sentence:
      "Account {account} is below its initial margin ({before:margin}), and the act would not leave it safer ({afterwards:margin}).",
    cure: "Deposit, or only reduce positions.",
    remedy: "fatal",
  },
  "NotLiquidatable(bytes32,int256,uint256)": {
    sentence:
      "Account {account} has equity {equity:wad} and a maintenance margin of {maintenance:wad}: it is not below the line.",
    cure: "Leave it, and look again when prices have moved.",
    remedy: "retry",
  },
  "MustCloseWhole(bytes32,uint256)": {
    sentence:
      "A fraction of {fraction:ratio} would leave account {account} below the minimum margin: all of it must be taken.",
    cure: "Ask for the whole account with maxFraction 1e18.",
    remedy: "fatal",
  },
  "FractionTooSmall(uint256,uint256)": {
    sentence: "A fraction of {fraction:ratio} is below {least:ratio}, the least.",
    cure: "Ask for more.",
    remedy: "fatal",
  },
  "TooManyAccounts(uint256,uint256)": {
    sentence: "{given} accounts cannot be checked at once, at most {most} can.",
    cure: "Split the batch.",
    remedy: "fatal",
  },
};
