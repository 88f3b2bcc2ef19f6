// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How a perpetual's funding follows its premium: 64 bits beside its underlying's size brackets in what a trade
/// reads. Ratios are of the index price, rates for a funding period of 8 hours.
/// @dev
///   bits     field           unit
///   0-15     interest        [signed, millionths per period]: what longs pay shorts without any premium
///   16-31    dead band       [millionths]: a premium so close to the interest does not count
///   32-47    cap             [millionths per period]: the highest rate, either way
///   48-63    depth share     [bps of open interest]: what must be traded to set the premium anew
/// A word of 0 is no funding.
type FundingRules is uint64;

using {interestMillionths, deadBandMillionths, capMillionths, depthShareBps} for FundingRules global;

/// @notice What longs pay shorts while the premium is within the dead band; negative: shorts pay [millionths per
/// period].
function interestMillionths(FundingRules rules) pure returns (int16) {
    return int16(uint16(FundingRules.unwrap(rules)));
}

/// @notice How far a trade's premium may be from the interest without any effect [millionths].
function deadBandMillionths(FundingRules rules) pure returns (uint256) {
    return uint16(FundingRules.unwrap(rules) >> 16);
}

/// @notice The highest rate that either side pays [millionths per period].
function capMillionths(FundingRules rules) pure returns (uint256) {
    return uint16(FundingRules.unwrap(rules) >> 32);
}

/// @notice The part of the open interest that must be traded to set the premium anew [bps].
function depthShareBps(FundingRules rules) pure returns (uint256) {
    return uint16(FundingRules.unwrap(rules) >> 48);
}

/// @notice The same rules by name, as governance sets them.
struct FundingParameters {
    int16 interestMillionths;
    uint16 deadBandMillionths;
    uint16 capMillionths;
    uint16 depthShareBps;
}

/// @notice Packs the rules into their word; the bounds are the caller's to check.
function packFundingRules(FundingParameters memory parameters) pure returns (FundingRules) {
    uint64 word = uint16(parameters.interestMillionths);
    word |= uint64(parameters.deadBandMillionths) << 16;
    word |= uint64(parameters.capMillionths) << 32;
    word |= uint64(parameters.depthShareBps) << 48;
    return FundingRules.wrap(word);
}
