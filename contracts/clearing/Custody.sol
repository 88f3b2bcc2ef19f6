// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IVault} from "../interfaces/IVault.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {TokenLimits} from "../types/TokenLimits.sol";

/// @dev What left or came is forgotten over this time; the next change begins it anew for what is left [seconds].
uint256 constant OUTFLOW_WINDOW = 1 days;

/// @notice What the vault keeps for a token: one slot.
struct Custody {
    /// Tokens that came in and did not leave: those sent here by mistake do not count [token].
    uint112 tracked;
    /// Withdrawn less deposited, forgotten evenly over a window from each change on; negative: more came [token].
    int112 netOutflow;
    /// When the two last changed [unix seconds].
    uint32 changedAt;
}

using {take, release, releasable} for Custody global;

/// @notice Counts tokens that arrived.
/// @param amount How many [token].
/// @return tracked How many there are now [token].
function take(Custody storage self, uint256 amount) returns (uint256 tracked) {
    Custody memory custody = self;
    tracked = custody.tracked + amount;
    _write(self, tracked, _outflowNow(custody) - SafeCast.toInt256(amount));
}

/// @notice Counts tokens that are about to leave. What it says when it refuses is how many could leave.
/// @param limits The token's limits.
/// @param token Which token it is, for the reason of a refusal.
/// @param amount How many [token].
/// @return tracked How many there were [token].
function release(
    Custody storage self,
    TokenLimits memory limits,
    address token,
    uint256 amount
) returns (uint256 tracked) {
    Custody memory custody = self;
    tracked = custody.tracked;
    int256 outflow = _outflowNow(custody);
    uint256 room = _outflowRoom(limits, tracked, outflow);
    if (amount > room && room < tracked) revert IVault.OutflowLimitExceeded(token, amount, room);
    if (amount > tracked) revert IVault.InsufficientTokens(token, amount, tracked);
    _write(self, tracked - amount, outflow + SafeCast.toInt256(amount));
}

/// @notice How many tokens could leave now [token].
function releasable(Custody storage self, TokenLimits memory limits) view returns (uint256) {
    Custody memory custody = self;
    return FixedPointMathLib.min(custody.tracked, _outflowRoom(limits, custody.tracked, _outflowNow(custody)));
}

function _write(Custody storage self, uint256 tracked, int256 netOutflow) {
    // Narrowed first: then the three become one write.
    (uint112 newTracked, int112 newOutflow) = (SafeCast.toUint112(tracked), SafeCast.toInt112(netOutflow));
    self.tracked = newTracked;
    self.netOutflow = newOutflow;
    self.changedAt = uint32(block.timestamp);
}

/// @dev The net outflow that is not forgotten yet [token].
function _outflowNow(Custody memory custody) view returns (int256) {
    uint256 elapsed = FixedPointMathLib.min(block.timestamp - custody.changedAt, OUTFLOW_WINDOW);
    return (custody.netOutflow * int256(OUTFLOW_WINDOW - elapsed)) / int256(OUTFLOW_WINDOW);
}

/// @dev How many tokens may leave now: the larger of an amount and a share of what there would be without the window's
/// flows, less its net outflow. What came in may leave again, so whoever deposits takes no room from others; it is
/// not part of what the share is of, so it makes none for what was there before.
function _outflowRoom(TokenLimits memory limits, uint256 tracked, int256 outflow) pure returns (uint256) {
    int256 before = SafeCast.toInt256(tracked) + outflow;
    uint256 share = before > 0 ? WadMath.bpsDown(uint256(before), limits.outflowBps) : 0;
    uint256 limit = FixedPointMathLib.max(limits.outflowAmount, share);
    int256 room = SafeCast.toInt256(limit) - outflow;
    return room > 0 ? uint256(room) : 0;
}
