// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {CashFigures, CashParameters} from "../types/Cash.sol";
import {Interest} from "./Interest.sol";

/// @dev Losses never bring the supply index below this, so that principals of new cash stay in their type [wad].
uint256 constant LEAST_SUPPLY_INDEX = 1e12;
/// @dev After this time lenders may lose their whole capped share again [seconds].
uint256 constant LOSS_WINDOW = 1 days;
/// @dev The highest borrow rate that governance can set [bps per year].
uint256 constant MOST_RATE_BPS = 30_000;

/// @notice All cash together: four slots. The first is all that is read while nobody is in debt; deposits and withdrawals
/// write none of them then, and postings the second when they do not sum to 0.
struct CashPool {
    /// The only one who posts cash.
    address clearinghouse;
    /// Positive cash for a unit of its principal [wad].
    uint72 supplyIndex;
    /// Whether `debt` is not 0: only then does anything accrue.
    bool indebted;
    /// The insurance fund's share of interest [percent].
    uint8 reservePercent;
    /// The sum of all cash less the tokens: the sum of all postings, less what waits for the insurance fund and what
    /// lenders lost [wad].
    int104 net;
    /// The other rules, as in CashParameters [bps per year, bps per year, bps, bps per year].
    uint16 baseBps;
    uint16 slopeBps;
    uint16 kinkBps;
    uint16 slopeAboveBps;
    /// The sum of the principals of debts, as a positive number [wad].
    uint104 debt;
    /// Debt for a unit of its principal [wad].
    uint80 borrowIndex;
    /// When the indices last moved, or the first debt arose [unix seconds].
    uint32 accruedAt;
    /// The insurance fund's part of the interest, which it has not got yet [wad].
    uint112 reserved;
    /// The share that lenders have lost and that is not forgotten yet [wad].
    uint64 lostShare;
    /// When they last lost [unix seconds].
    uint32 lostAt;
    /// The most that all debts together may be after a loan [whole settlement currency].
    uint48 borrowCap;
}

using {
    open,
    accrue,
    change,
    collect,
    charge,
    setRules,
    accrued,
    presentOf,
    spareOf,
    loanRoom,
    requireLoan,
    figures,
    rules
} for CashPool global;

/// @notice Starts both indices at 1.
function open(CashPool storage self) {
    self.supplyIndex = uint72(WadMath.WAD);
    self.borrowIndex = uint80(WadMath.WAD);
}

/// @notice Brings a pool that is indebted to this moment. To be called before anything changes that the rate depends on: the time
/// since the last accrual is charged by the state that held.
/// @param tokens What the vault counts of the settlement token [wad].
/// @return supplyIndex The pool's at this moment [wad].
function accrue(CashPool storage self, uint256 tokens) returns (uint256 supplyIndex) {
    supplyIndex = self.supplyIndex;
    if (self.accruedAt == block.timestamp) return supplyIndex;
    (Interest.Pool memory pool, uint256 toFund) = self.accrued(tokens);
    self.accruedAt = uint32(block.timestamp);
    if (pool.borrowIndex == self.borrowIndex) return supplyIndex;
    // Casts: `accrued` keeps each within its type.
    self.net = int104(pool.net);
    self.supplyIndex = uint72(pool.supplyIndex);
    self.borrowIndex = uint80(pool.borrowIndex);
    uint112 reserved = self.reserved + uint112(toFund);
    self.reserved = reserved;
    emit IVault.InterestAccrued(pool.supplyIndex, pool.borrowIndex, reserved);
    return pool.supplyIndex;
}

/// @notice Changes an account's cash; the pool must have been accrued. The account's cash may change by less than
/// index + 1 wei more than that to its disadvantage, never to its advantage.
/// @param supplyIndex The pool's, which the caller reads once for several changes [wad].
/// @param principal The account's [wad].
/// @param amount What its cash changes by [wad].
/// @return principalAfter Its principal afterwards [wad].
/// @return cash What that is worth [wad].
function change(
    CashPool storage self,
    uint256 supplyIndex,
    int256 principal,
    int256 amount
) returns (int256 principalAfter, int256 cash) {
    principalAfter = principal + amount;
    if (supplyIndex == WadMath.WAD && principal >= 0 && principalAfter >= 0) return (principalAfter, principalAfter);
    uint256 borrowIndex = self.borrowIndex;
    cash = Interest.presentOf(principal, supplyIndex, borrowIndex) + amount;
    principalAfter = Interest.principalOf(cash, supplyIndex, borrowIndex);
    cash = Interest.presentOf(principalAfter, supplyIndex, borrowIndex);
    _moveDebt(self, FixedPointMathLib.min(principal, int256(0)) - FixedPointMathLib.min(principalAfter, int256(0)));
}

/// @notice Takes what waits for the insurance fund out of the pool; the caller must post it [wad].
function collect(CashPool storage self) returns (uint256 collected) {
    collected = self.reserved;
    self.reserved = 0;
    emit IVault.InterestCollected(collected);
}

/// @notice Charges a loss to all positive cash by the supply index; the pool must have been accrued.
/// @dev The share of a charge counts against the cap, which is regained evenly over a day: many small losses bear on
/// lenders as one does. S is what bears: an account's own rounding, of which the sum of positive cash falls short of
/// S, bears its share too.
/// @param tokens What the vault counts of the settlement token [wad].
/// @param loss What is to be borne [wad].
/// @param capBps The largest share of their cash that lenders lose at once and again in each day [bps].
/// @return borne What positive cash and its rounding fell by, rounded down; at most `loss` [wad].
function charge(CashPool storage self, uint256 tokens, uint256 loss, uint256 capBps) returns (uint256 borne) {
    Interest.Pool memory pool = _load(self, tokens);
    uint256 positive = Interest.positiveCash(pool);
    if (positive == 0) return 0;
    uint256 cap = WadMath.bpsDown(WadMath.WAD, FixedPointMathLib.min(capBps, 10_000));
    uint256 forgotten = FixedPointMathLib.mulDiv(cap, block.timestamp - self.lostAt, LOSS_WINDOW);
    uint256 lost = FixedPointMathLib.zeroFloorSub(self.lostShare, forgotten);

    uint256 share = WadMath.divDown(FixedPointMathLib.min(loss, positive), positive);
    share = FixedPointMathLib.min(share, FixedPointMathLib.zeroFloorSub(cap, lost));
    uint256 index = pool.supplyIndex;
    uint256 fall = FixedPointMathLib.min(
        WadMath.mulDown(index, share),
        FixedPointMathLib.zeroFloorSub(index, LEAST_SUPPLY_INDEX)
    );
    borne = FixedPointMathLib.mulDiv(positive, fall, index);
    if (borne == 0) return 0;
    self.supplyIndex = uint72(index - fall);
    self.net = SafeCast.toInt104(pool.net - SafeCast.toInt256(borne));
    self.lostShare = SafeCast.toUint64(lost + WadMath.divUp(fall, index));
    self.lostAt = uint32(block.timestamp);
    emit IVault.LendersCharged(borne, index - fall);
}

/// @notice Sets the rules, within their bounds; the pool must have been accrued.
function setRules(CashPool storage self, CashParameters memory parameters) {
    if (parameters.kinkBps > 10_000) revert IRules.RuleOutOfBounds("kinkBps", parameters.kinkBps, 0, 10_000);
    if (parameters.reservePercent > 100) {
        revert IRules.RuleOutOfBounds("reservePercent", parameters.reservePercent, 0, 100);
    }
    uint256 highest =
        parameters.baseBps +
            WadMath.bpsUp(parameters.kinkBps, parameters.slopeBps) +
            WadMath.bpsUp(10_000 - parameters.kinkBps, parameters.slopeAboveBps);
    if (highest > MOST_RATE_BPS) revert IRules.RuleOutOfBounds("highestRateBps", highest, 0, MOST_RATE_BPS);
    self.baseBps = parameters.baseBps;
    self.slopeBps = parameters.slopeBps;
    self.kinkBps = parameters.kinkBps;
    self.slopeAboveBps = parameters.slopeAboveBps;
    self.reservePercent = parameters.reservePercent;
    self.borrowCap = parameters.borrowCap;
}

/// @notice The pool as it is at this moment: what `accrue` would store.
/// @param tokens What the vault counts of the settlement token [wad].
/// @return pool The pool with its indices moved.
/// @return toFund What `reserved` grows by [wad].
function accrued(CashPool storage self, uint256 tokens) view returns (Interest.Pool memory pool, uint256 toFund) {
    pool = _load(self, tokens);
    if (!self.indebted || self.accruedAt == block.timestamp) return (pool, 0);
    uint256 rate = Interest.borrowRate(_curve(self), Interest.utilisation(pool));
    uint256 g = Interest.growth(rate, block.timestamp - self.accruedAt);
    toFund = Interest.grow(pool, g, self.reservePercent);
    // What the types cannot hold is nobody's.
    toFund = FixedPointMathLib.min(toFund, type(uint112).max - self.reserved);
    toFund = FixedPointMathLib.min(toFund, uint256(pool.net - type(int104).min));
    pool.net -= int256(toFund);
}

/// @notice What a principal is worth by the indices as they are stored [wad].
function presentOf(CashPool storage self, int256 principal) view returns (int256) {
    return Interest.presentOf(principal, self.supplyIndex, principal < 0 ? self.borrowIndex : 0);
}

/// @notice What can be taken from an account's cash so that afterwards it is not below `least`, and all debts
/// together not above their cap: `change` then keeps both, with its rounding.
/// @param pool The pool at this moment.
/// @param principal The account's [wad].
/// @param least What must be left; negative: what it may owe [wad].
function spareOf(
    CashPool storage self,
    Interest.Pool memory pool,
    int256 principal,
    int256 least
) view returns (uint256) {
    int256 cash = Interest.presentOf(principal, pool.supplyIndex, pool.borrowIndex);
    if (cash <= least) return 0;
    // The lowest cash that becomes a principal which is worth enough.
    int256 lowest;
    if (least >= 0) {
        uint256 kept = WadMath.divUp(uint256(least), pool.supplyIndex);
        lowest = SafeCast.toInt256(WadMath.mulUp(kept, pool.supplyIndex));
    } else {
        uint256 others = pool.debt - (principal < 0 ? WadMath.abs(principal) : 0);
        uint256 room = FixedPointMathLib.zeroFloorSub(_mostDebt(self, pool.borrowIndex), others);
        uint256 allowed = FixedPointMathLib.min(WadMath.abs(least), self.borrowCap * WadMath.WAD);
        uint256 debt = FixedPointMathLib.min(WadMath.divDown(allowed, pool.borrowIndex), room);
        lowest = -SafeCast.toInt256(WadMath.mulDown(debt, pool.borrowIndex));
    }
    return cash > lowest ? uint256(cash - lowest) : 0;
}

/// @notice How much more may be borrowed [wad].
function loanRoom(CashPool storage self, Interest.Pool memory pool) view returns (uint256) {
    uint256 room = FixedPointMathLib.zeroFloorSub(_mostDebt(self, pool.borrowIndex), pool.debt);
    return WadMath.mulDown(room, pool.borrowIndex);
}

/// @notice Refuses a loan after which all debts together would be above their cap; the pool must have been accrued.
/// @param principal The account's, before [wad].
/// @param amount What its cash is about to fall by, to below 0 [wad].
function requireLoan(CashPool storage self, int256 principal, uint256 amount) view {
    uint256 borrowIndex = self.borrowIndex;
    int256 cash = self.presentOf(principal) - SafeCast.toInt256(amount);
    uint256 others = self.debt - (principal < 0 ? WadMath.abs(principal) : 0);
    uint256 total = Interest.debtOf(others + Interest.principalOfDebt(WadMath.abs(cash), borrowIndex), borrowIndex);
    uint256 cap = self.borrowCap * WadMath.WAD;
    if (total > cap) revert IVault.BorrowCapExceeded(total, cap);
}

/// @notice What there is to know of a pool.
/// @param pool The pool at this moment.
function figures(CashPool storage self, Interest.Pool memory pool) view returns (CashFigures memory known) {
    known.supplyIndex = pool.supplyIndex;
    known.borrowIndex = pool.borrowIndex;
    known.utilisation = Interest.utilisation(pool);
    known.borrowRate = Interest.borrowRate(_curve(self), known.utilisation);
    known.supplyRate = Interest.supplyRate(pool, known.borrowRate, self.reservePercent);
    known.positiveCash = Interest.positiveCash(pool);
    known.debt = WadMath.mulUp(pool.debt, pool.borrowIndex);
}

/// @notice The rules as they were set.
function rules(CashPool storage self) view returns (CashParameters memory) {
    return
        CashParameters({
            baseBps: self.baseBps,
            slopeBps: self.slopeBps,
            kinkBps: self.kinkBps,
            slopeAboveBps: self.slopeAboveBps,
            reservePercent: self.reservePercent,
            borrowCap: self.borrowCap
        });
}

/// @dev Keeps the sum of debts. Time counts from the first debt on.
function _moveDebt(CashPool storage self, int256 more) {
    if (more == 0) return;
    uint256 before = self.debt;
    uint256 debt = SafeCast.toUint256(SafeCast.toInt256(before) + more);
    self.debt = SafeCast.toUint104(debt);
    if (before == 0) self.accruedAt = uint32(block.timestamp);
    if (before == 0 || debt == 0) self.indebted = debt != 0;
}

/// @dev The principal of the most debt that loans may make [wad].
function _mostDebt(CashPool storage self, uint256 borrowIndex) view returns (uint256) {
    return WadMath.divDown(self.borrowCap * WadMath.WAD, borrowIndex);
}

function _load(CashPool storage self, uint256 tokens) view returns (Interest.Pool memory) {
    return
        Interest.Pool({
            tokens: tokens,
            net: self.net,
            debt: self.debt,
            supplyIndex: self.supplyIndex,
            borrowIndex: self.borrowIndex
        });
}

function _curve(CashPool storage self) view returns (Interest.Curve memory) {
    return
        Interest.Curve({
            baseBps: self.baseBps,
            slopeBps: self.slopeBps,
            kinkBps: self.kinkBps,
            slopeAboveBps: self.slopeAboveBps
        });
}
