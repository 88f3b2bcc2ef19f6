/** A bug that somebody could write, and the tests that must find it. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What would happen. */
  readonly why: string;
  /** Solidity tests that are run after the campaign, in this order, until one fails. */
  readonly tests?: readonly string[];
}

/** Finds most of them, and is run first. */
export const CAMPAIGN = "test/solidity/Conservation.t.sol";

export const MUTANTS: readonly Mutant[] = [
  {
    id: "ledger-rounding",
    file: "contracts/clearing/Ledger.sol",
    find: "return position.quote - WadMath.mulUp(int256(position.size), index);",
    replace: "return position.quote - WadMath.mulDown(int256(position.size), index);",
    why: "a real quote is rounded for the account, so claims may exceed the tokens",
  },
  {
    id: "index-side",
    file: "contracts/clearing/Book.sol",
    find: "open.realQuote = Ledger.realQuote(position, self.indexOf(instrument, position.size > 0));",
    replace:
      "open.realQuote = Ledger.realQuote(position, self.indexOf(instrument, position.size < 0));",
    why: "longs are charged what shorts owe",
  },
  {
    id: "realised-dropped",
    file: "contracts/clearing/Book.sol",
    find: "realised = open.realQuote;",
    replace: "realised = 0;",
    why: "what a closed position had won or lost disappears",
  },
  {
    id: "open-interest-short",
    file: "contracts/clearing/Book.sol",
    find: "- (size > 0 ? size : int256(0));",
    replace: "- (size > 0 ? newSize : int256(0));",
    why: "open interest does not fall when longs close",
  },
  {
    id: "fee-one-side",
    file: "contracts/Clearinghouse.sol",
    find: "            batch.fees += leg.fee;\n            cash -= int256(uint256(leg.fee));",
    replace: "            batch.fees += leg.fee;",
    why: "fees are reserved that nobody paid",
  },
  {
    id: "quote-one-side",
    file: "contracts/Clearinghouse.sol",
    find: "_fill(trade.maker, trade.instrument, [-size, quote], onlyReducing, batch);",
    replace: "_fill(trade.maker, trade.instrument, [-size, quote - 1e12], onlyReducing, batch);",
    why: "what one side pays, the other does not receive",
  },
  {
    id: "band-ignored",
    file: "contracts/Clearinghouse.sol",
    find: "uint256 bandBps = market.isLast ? 0 :",
    replace: "uint256 bandBps = market.isLast ? 1_000 :",
    why: "reductions in a silent market may carry value away from the last mark",
  },
  {
    id: "freeze-ignored",
    file: "contracts/Clearinghouse.sol",
    find: "bool onlyReducing = batch.onlyReducing || market.rules.frozen();",
    replace: "bool onlyReducing = batch.onlyReducing;",
    why: "the guardian's freeze stops nothing",
  },
  {
    id: "open-interest-cap",
    file: "contracts/Clearinghouse.sol",
    find: "if (open <= openBefore) return;",
    replace: "if (open >= openBefore) return;",
    why: "the open-interest cap is not enforced",
  },
  {
    id: "trade-check-dropped",
    file: "contracts/Clearinghouse.sol",
    find: "if ((below >> i) & 1 == 0) continue;",
    replace: "if ((below >> i) & 1 == 0 || i > 0) continue;",
    why: "the maker's margin is not checked after a trade",
  },
  {
    id: "deficit-not-repaid",
    file: "contracts/Clearinghouse.sol",
    find: "return income - int256(uint256(repaid));",
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
    file: "contracts/clearing/DefaultProcess.sol",
    find: "bool long = open.size < 0;",
    replace: "bool long = open.size > 0;",
    why: "the gains haircut falls on the bankrupt's own side",
  },
  {
    id: "deficit-unrecorded",
    file: "contracts/clearing/DefaultProcess.sol",
    find: "book.deficit += (loss - borne).toUint128();",
    replace: "book.deficit += 0;",
    why: "a loss that nobody bears is not recorded",
  },
  {
    id: "fund-drawn-twice",
    file: "contracts/clearing/DefaultProcess.sol",
    find: "market.drawn = (draws[i].drawn + draws[i].part).toUint128();",
    replace: "market.drawn = draws[i].drawn.toUint128();",
    why: "an instrument draws its whole share of the fund again and again",
  },
  {
    id: "slice-quote",
    file: "contracts/clearing/DefaultProcess.sol",
    find: "realQuote: WadMath.mulDown(open[i].realQuote, fraction),",
    replace: "realQuote: 0,",
    why: "a slice moves the size and leaves what it has won or lost",
  },
  {
    id: "slice-rounding",
    file: "contracts/clearing/DefaultProcess.sol",
    find: "size: WadMath.mulDown(open[i].size, fraction),",
    replace: "size: WadMath.mulUp(open[i].size, fraction),",
    why: "a slice takes a wei more of long size than its share",
  },
  {
    id: "haircut-cap",
    file: "contracts/clearing/DefaultProcess.sol",
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
  {
    id: "withdraw-check",
    file: "contracts/Vault.sol",
    find: "        uint256 tracked = _release(token, amount);\n        engine.requireInitial(account);",
    replace: "        uint256 tracked = _release(token, amount);\n        engine;",
    why: "margin can be withdrawn from under a position",
  },
  {
    id: "transfer-check",
    file: "contracts/Vault.sol",
    find: "        engine.requireInitial(from);",
    replace: "        engine.requireInitial(to);",
    why: "margin can be moved from under a position",
  },
  {
    id: "withdraw-permission",
    file: "contracts/Vault.sol",
    find: "requireAuthorized(account, msg.sender, WITHDRAW);",
    replace: "requireAuthorized(account, msg.sender, TRANSFER);",
    why: "an operator that may move tokens between accounts may take them out",
  },
  {
    id: "outflow-uncounted",
    file: "contracts/Vault.sol",
    find: "netOutflow: (outflow + amount.toInt256()).toInt112(),",
    replace: "netOutflow: outflow.toInt112(),",
    why: "the outflow limit never fills",
  },
  {
    id: "cap-locks-out",
    file: "contracts/Vault.sol",
    find: "if (status != Status.Healthy) return;",
    replace: "if (status == Status.Bankrupt) return;",
    why: "the deposit cap keeps an account in danger from being topped up",
  },
  {
    id: "last-price-for-views",
    file: "contracts/margin/AccountValuation.sol",
    find: "if (purpose == Purpose.View) {",
    replace: "if (purpose == Purpose.View && market.price != 0) {",
    why: "a withdrawal is judged by an old price",
  },
  {
    id: "unread-without-limit",
    file: "contracts/margin/AccountValuation.sol",
    find: "MOST_UNREAD_BPS = 1_000;",
    replace: "MOST_UNREAD_BPS = 10_000;",
    why: "an account is liquidated wholly at old prices",
  },
  {
    id: "add-on-ignored",
    file: "contracts/margin/AccountValuation.sol",
    find: "if (crowdingOf(notional, base) == 0) return 0;",
    replace: "if (crowdingOf(notional, base) != 0) return 0;",
    why: "initial margin does not rise with open interest",
    tests: ["test/solidity/Lines.t.sol"],
  },
  {
    id: "gate-growth",
    file: "contracts/MarginEngine.sol",
    find: "if (size > 0 ? sizeBefore < size : sizeBefore > size) return false;",
    replace: "if (size > 0 ? sizeBefore < size : false) return false;",
    why: "an account below initial margin may open shorts",
  },
  {
    id: "line-inclusive",
    file: "contracts/MarginEngine.sol",
    find: "return margin.equity < margin.maintenance.toInt256();",
    replace: "return margin.equity <= margin.maintenance.toInt256();",
    why: "an account exactly at the line is liquidated",
    tests: ["test/solidity/Lines.t.sol"],
  },
  {
    id: "price-cache-key",
    file: "contracts/types/MarketCache.sol",
    find: "if (self.markets[i].underlying == underlying) return self.markets[i];",
    replace: "if (self.markets[i].underlying >= underlying) return self.markets[i];",
    why: "one underlying is valued at the price of another",
  },
  {
    id: "nonce-reused",
    file: "contracts/Exchange.sol",
    find: "if (fill == left) {\n            _useNonce(order.account, order.nonce);",
    replace: "if (fill == left) {",
    why: "a filled order is filled again",
  },
  {
    id: "signer-permission",
    file: "contracts/Exchange.sol",
    find: "VAULT.isAuthorized(id, signer, TRADE)",
    replace: "VAULT.isAuthorized(id, signer, 15)",
    why: "any operator may trade",
  },
];
