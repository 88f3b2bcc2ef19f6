// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FundingRules} from "./FundingRules.sol";
import {UnderlyingParameters} from "./RateRules.sol";

/// @notice What only trades need of an underlying, in one word.
/// @dev
///   bits     field               unit
///   0-63     funding rules       see FundingRules
///   64-71    noted by            number of the volatility oracle that has noted something last
///   128-143  trade band          [bps of the mark]
///   144-159  least trade band    [bps of the underlying's price]
///   168-207  open interest cap   [whole settlement currency], of each instrument
///   208-247  frozen until        last second of the guardian's freeze [unix seconds]
/// The fields from bit 128 on stand where UnderlyingRules has them.
type TradingLimits is uint256;

using {
    fundingRules,
    notedBy,
    frozenUntil,
    upperHalf,
    withFundingRules,
    withNotedBy,
    withFreeze
} for TradingLimits global;

/// @notice How funding follows the premium.
function fundingRules(TradingLimits limits) pure returns (FundingRules) {
    return FundingRules.wrap(uint64(TradingLimits.unwrap(limits)));
}

/// @notice The number of the volatility oracle that has noted something last; 0 before the first.
function notedBy(TradingLimits limits) pure returns (uint8) {
    return uint8(TradingLimits.unwrap(limits) >> 64);
}

/// @notice The last second of the guardian's latest freeze; 0 when there was none [unix seconds].
function frozenUntil(TradingLimits limits) pure returns (uint256) {
    return uint40(TradingLimits.unwrap(limits) >> 208);
}

/// @notice Bits 128-247 alone.
function upperHalf(TradingLimits limits) pure returns (uint256) {
    return (TradingLimits.unwrap(limits) >> 128) << 128;
}

/// @notice The same word with other funding rules.
function withFundingRules(TradingLimits limits, FundingRules rules) pure returns (TradingLimits) {
    uint256 others = TradingLimits.unwrap(limits) & ~uint256(type(uint64).max);
    return TradingLimits.wrap(others | FundingRules.unwrap(rules));
}

/// @notice The same word with another number of the volatility oracle.
function withNotedBy(TradingLimits limits, uint8 generation) pure returns (TradingLimits) {
    uint256 others = TradingLimits.unwrap(limits) & ~(uint256(0xff) << 64);
    return TradingLimits.wrap(others | (uint256(generation) << 64));
}

/// @notice The same word with another end of the freeze [unix seconds].
function withFreeze(TradingLimits limits, uint256 until) pure returns (TradingLimits) {
    uint256 others = TradingLimits.unwrap(limits) & ~(uint256(type(uint40).max) << 208);
    return TradingLimits.wrap(others | (uint256(uint40(until)) << 208));
}

/// @notice The same word with what governance sets anew: bands and cap.
function packTradingLimits(TradingLimits current, UnderlyingParameters memory parameters) pure returns (TradingLimits) {
    uint256 kept = (uint256(type(uint40).max) << 208) | type(uint128).max;
    uint256 word = TradingLimits.unwrap(current) & kept;
    word |= uint256(parameters.tradeBandBps) << 128;
    word |= uint256(parameters.leastTradeBandBps) << 144;
    word |= uint256(parameters.openInterestCap) << 168;
    return TradingLimits.wrap(word);
}
