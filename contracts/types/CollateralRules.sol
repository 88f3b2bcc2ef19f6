// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {rampedField} from "./Ramp.sol";

/// @notice A collateral token's rules in one word.
/// @dev
///   bits      field                  unit
///   0-23      underlying             number of the price that values the token
///   24-31     decimals               [0 to 24]
///   32-47     maintenance haircut    [bps of value]
///   48-63     initial haircut        [bps of value], never below the maintenance haircut
///   64-71     index                  place in the list of tokens [0 to 15]
///   72        accepted               whether new deposits are taken
///   80        listed                 set once, never cleared
///   88-127    frozen until           last second of the guardian's latest freeze [unix seconds]
///   128-143   former maintenance haircut   where the last ramp began [bps of value]
///   144-159   former initial haircut       [bps of value]
///   160-191   end of the ramp              until then the haircuts are on their way from there [unix seconds]
/// A word of 0 is a token that is not listed.
type CollateralRules is uint256;

using {
    collateralUnderlying,
    tokenDecimals,
    maintenanceHaircutBps,
    initialHaircutBps,
    index,
    accepted,
    listed,
    frozenUntil,
    withFreeze,
    withRamp,
    withRampOf,
    hasHaircutsOf,
    endOfRamp,
    today,
    forLiquidator
} for CollateralRules global;

/// @notice The number of the underlying whose price values one whole token.
function collateralUnderlying(CollateralRules rules) pure returns (uint24) {
    return uint24(CollateralRules.unwrap(rules));
}

/// @notice The token's decimals.
function tokenDecimals(CollateralRules rules) pure returns (uint256) {
    return (CollateralRules.unwrap(rules) >> 24) & 0xff;
}

/// @notice The share of the token's value that counts as maintenance requirement [bps].
function maintenanceHaircutBps(CollateralRules rules) pure returns (uint256) {
    return (CollateralRules.unwrap(rules) >> 32) & 0xffff;
}

/// @notice The share of the token's value that counts as initial requirement [bps].
function initialHaircutBps(CollateralRules rules) pure returns (uint256) {
    return (CollateralRules.unwrap(rules) >> 48) & 0xffff;
}

/// @notice The token's place in the list, which is its bit in an account's set of tokens.
function index(CollateralRules rules) pure returns (uint256) {
    return (CollateralRules.unwrap(rules) >> 64) & 0xff;
}

/// @notice Whether deposits of the token are taken.
function accepted(CollateralRules rules) pure returns (bool) {
    return (CollateralRules.unwrap(rules) >> 72) & 1 == 1;
}

/// @notice Whether the token is or ever was collateral.
function listed(CollateralRules rules) pure returns (bool) {
    return (CollateralRules.unwrap(rules) >> 80) & 1 == 1;
}

/// @notice The last second of the guardian's latest freeze; 0 when there was none [unix seconds].
function frozenUntil(CollateralRules rules) pure returns (uint256) {
    return uint40(CollateralRules.unwrap(rules) >> 88);
}

/// @notice The same word with another end of the freeze [unix seconds].
function withFreeze(CollateralRules rules, uint256 until) pure returns (CollateralRules) {
    uint256 others = CollateralRules.unwrap(rules) & ~(uint256(type(uint40).max) << 88);
    return CollateralRules.wrap(others | (uint256(uint40(until)) << 88));
}

/// @notice When the last ramp of the haircuts ends or ended; 0 before the first [unix seconds].
function endOfRamp(CollateralRules rules) pure returns (uint256) {
    return uint32(CollateralRules.unwrap(rules) >> 160);
}

/// @notice The same word with haircuts that begin to move from those of another.
/// @param end The end of the ramp [unix seconds].
function withRamp(CollateralRules rules, CollateralRules former, uint256 end) pure returns (CollateralRules) {
    uint256 others = uint128(CollateralRules.unwrap(rules));
    uint256 haircuts = (CollateralRules.unwrap(former) >> 32) & 0xffffffff;
    return CollateralRules.wrap(others | (haircuts << 128) | (uint256(uint32(end)) << 160));
}

/// @notice The same word with the ramp of another.
function withRampOf(CollateralRules rules, CollateralRules other) pure returns (CollateralRules) {
    uint256 ramp = (CollateralRules.unwrap(other) >> 128) << 128;
    return CollateralRules.wrap(uint128(CollateralRules.unwrap(rules)) | ramp);
}

/// @notice Whether both haircuts are the same in both.
function hasHaircutsOf(CollateralRules rules, CollateralRules other) pure returns (bool) {
    return ((CollateralRules.unwrap(rules) ^ CollateralRules.unwrap(other)) >> 32) & 0xffffffff == 0;
}

/// @notice The rules as they are now: haircuts on their way, and while the guardian has stopped new risk against the token
/// it is not deposited and counts nothing for initial margin; maintenance stays as it is.
function today(CollateralRules rules) view returns (CollateralRules) {
    uint256 word = CollateralRules.unwrap(rules);
    uint256 end = rules.endOfRamp();
    if (block.timestamp < end) {
        uint256 former = (word >> 96) & (uint256(0xffffffff) << 32);
        word = rampedField({word: word, former: former, offset: 32, bits: 16, end: end});
        word = rampedField({word: word, former: former, offset: 48, bits: 16, end: end});
    }
    if (block.timestamp <= rules.frozenUntil()) {
        word &= ~((uint256(1) << 72) | (uint256(0xffff) << 48));
        word |= uint256(10_000) << 48;
    }
    return CollateralRules.wrap(word);
}

/// @notice The rules for who takes tokens over in a liquidation: while they are frozen their initial haircut is that of
/// maintenance, for the risk is not new, and no role can keep liquidators away.
/// @param rules The rules as they are now.
function forLiquidator(CollateralRules rules) view returns (CollateralRules) {
    if (block.timestamp > rules.frozenUntil()) return rules;
    uint256 others = CollateralRules.unwrap(rules) & ~(uint256(0xffff) << 48);
    return CollateralRules.wrap(others | (rules.maintenanceHaircutBps() << 48));
}

/// @notice The same rules by name, as governance sets them.
struct CollateralParameters {
    uint24 underlying;
    uint16 maintenanceHaircutBps;
    uint16 initialHaircutBps;
    bool accepted;
}

/// @notice Packs a token's rules into their word; the bounds are the caller's to check.
/// @param parameters What governance sets.
/// @param decimals The token's decimals.
/// @param place The token's place in the list of tokens.
function packCollateralRules(
    CollateralParameters memory parameters,
    uint8 decimals,
    uint8 place
) pure returns (CollateralRules) {
    uint256 word = parameters.underlying;
    word |= uint256(decimals) << 24;
    word |= uint256(parameters.maintenanceHaircutBps) << 32;
    word |= uint256(parameters.initialHaircutBps) << 48;
    word |= uint256(place) << 64;
    if (parameters.accepted) word |= uint256(1) << 72;
    word |= uint256(1) << 80;
    return CollateralRules.wrap(word);
}
