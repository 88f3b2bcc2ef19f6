import { type ErrorEntries, timeIn } from "../entry.js";

/** Errors of IClearinghouse and its default process. */
export const CLEARINGHOUSE_ERRORS: ErrorEntries = {
  "NotVenue(address)": {
    sentence: "{caller} is no venue that governance registered.",
    cure: "Bring trades to the Exchange, which clears them.",
    remedy: "fatal",
  },
  "EmptyTrade(uint256,int128,uint128)": {
    sentence:
      "A trade in {instrument:instrument} of size {size:wad} at price {price:wad} is none: neither may be 0.",
    cure: "Leave it out.",
    remedy: "fatal",
  },
  "SelfDealing(bytes32)": {
    sentence: "Both sides are account {account}.",
    cure: "Name another account for one of the sides.",
    remedy: "fatal",
  },
  "FundIsNoParty()": {
    sentence: "The insurance fund takes no side of a trade or a liquidation.",
    cure: "Name another account.",
    remedy: "fatal",
  },
  "PriceOutsideBand(uint256,uint256,uint256,uint256)": {
    sentence:
      "The price {price:wad} of {instrument:instrument} is further from the mark {mark:wad} than {band:wad}, the band (0 while the feed is silent).",
    cure: "Trade nearer to the mark, or wait until the mark has moved.",
    remedy: "retry",
  },
  "OpenInterestCapExceeded(uint256,uint256,uint256)": {
    sentence:
      "{notional:wad} would be open in {instrument:instrument}, which has a cap of {cap:wad}.",
    cure: "Trade less, or wait until others have closed.",
    remedy: "wait",
  },
  "NotReducing(bytes32,uint256,int256,int256)": {
    sentence:
      "Account {account} only wanted its position of {size:wad} in {instrument:instrument} reduced, and the trade would change it by {change:wad}.",
    cure: "Fill at most the position's size against it, or drop the order when the position is gone.",
    remedy: "retry",
  },
  "BuilderFeeAtLastMark(bytes32,uint256)": {
    sentence:
      "A price is missing, so account {account} reduces at the last mark and cannot pay a builder {builderFee:wad}.",
    cure: "Sign the order without a builder, or wait for a price.",
    remedy: "wait",
  },
  "BelowMaintenanceAtLastMark(bytes32)": {
    sentence:
      "A price is missing, and at the last mark account {account} is below maintenance: it cannot reduce.",
    cure: "Deposit, or wait for a price.",
    remedy: "wait",
  },
  "TooManyInstruments(bytes32,uint256)": {
    sentence: "Account {account} may hold at most {most} instruments.",
    cure: "Use another sub-account, or close a position first; an empty one can take any slice.",
    remedy: "fatal",
  },
  "VariationNotDue(bytes32,int256,uint256)": {
    sentence:
      "Account {account} has equity {equity:wad} and needs {initial:wad}: only its owner or operators may settle its variation.",
    cure: "Leave it: anyone may settle it once it is below its initial margin.",
    remedy: "retry",
  },
  "PaymentAboveMaximum(int256,int256)": {
    sentence: "The liquidator would pay {payment:wad} and is willing to pay {maxPayment:wad}.",
    cure: "Preview the liquidation again and name a higher maximum, or a smaller fraction.",
    remedy: "retry",
  },
  "NotBankrupt(bytes32,int256)": {
    sentence: "Account {account} has equity {equity:wad}: it is not bankrupt.",
    cure: "Leave it, or liquidate it if it is below maintenance.",
    remedy: "retry",
  },
  "NoMarginCall(bytes32,int256,uint256)": {
    sentence:
      "Account {account} has equity {equity:wad} and needs {initial:wad}: there is nothing to call for.",
    cure: "Leave it.",
    remedy: "retry",
  },
  "MarginCallTooSoon(bytes32,uint256)": {
    sentence: "Account {account} was called already; the next call may come at {earliest:time}.",
    cure: "Wait until then.",
    remedy: "wait",
    until: timeIn("earliest"),
  },
  "NotTheSuccessor(address,address)": {
    sentence:
      "The margin engine {marginEngine} does not succeed {current}, the one in charge: its requirements would be a step.",
    cure: "Deploy an engine whose former engine is the one in charge.",
    remedy: "fatal",
  },
  "BlendNotOver(uint256)": {
    sentence: "The margin engine in charge blends from its predecessor until {until:time}.",
    cure: "Wait until then before the next engine.",
    remedy: "wait",
    until: timeIn("until"),
  },
  "AlreadyFlagged(bytes32,uint256)": {
    sentence: "Account {account} was flagged at {flaggedAt:time}, and the flag is still good.",
    cure: "Deleverage it once the delay is over.",
    remedy: "retry",
  },
  "DeleverageNotDue(bytes32,uint256)": {
    sentence:
      "Account {account} may be deleveraged for a day from this time on: {from:time} (never means that it has no flag).",
    cure: "Flag it if it has no good flag, else wait until that time.",
    remedy: "wait",
    until: timeIn("from"),
  },
  "NotOpposite(uint256,int256,int256,uint256)": {
    sentence:
      "Positions of {size:wad} and {counterpartySize:wad} in {instrument:instrument} are not on opposite sides, or {closed:wad} is nothing to close.",
    cure: "Read both positions again and name a counterparty on the other side.",
    remedy: "retry",
  },
  "NothingToWriteOff(bytes32,int256)": {
    sentence:
      "Account {account} has cash {cash:wad}: it owes nothing, or it has a position or collateral that could pay.",
    cure: "Leave it, or liquidate what it has first.",
    remedy: "retry",
  },
  "DeficitFirst(uint256)": {
    sentence:
      "A deficit of {deficit:wad} is recorded: nothing may be taken from the insurance fund.",
    cure: "Wait until the fund's income has repaid it; Clearinghouse.repayDeficit uses what is there.",
    remedy: "wait",
  },
  "FundBelowFloor(int256,uint256)": {
    sentence:
      "{left:wad} would be left in the insurance fund, and the open interest requires {floor:wad}.",
    cure: "Take less.",
    remedy: "fatal",
  },
  "PegOutOfBounds(uint24,uint256,uint256,uint256)": {
    sentence:
      "A distance of {allowedBps:bps} from the peg by {underlying:underlying} is not between {least:bps} and {most:bps}, or there is one without a price.",
    cure: "Propose a distance within the bounds, or 0 with underlying 0.",
    remedy: "fatal",
  },
  "InvalidFeeShare(address,uint256)": {
    sentence:
      "The insurance fund's share {fundShare:ratio} is above 100 %, or what is left has no treasury ({treasury}).",
    cure: "Propose a share of at most 100 % and a treasury.",
    remedy: "fatal",
  },
};
