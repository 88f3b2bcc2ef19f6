// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

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
///   128-255   cap                    most that the vault takes in all [token]
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
    cap
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

/// @notice The most that the vault takes of the token in all [token].
function cap(CollateralRules rules) pure returns (uint256) {
    return CollateralRules.unwrap(rules) >> 128;
}

/// @notice The same rules by name, as governance sets them.
struct CollateralParameters {
    uint24 underlying;
    uint16 maintenanceHaircutBps;
    uint16 initialHaircutBps;
    bool accepted;
    uint128 cap;
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
    word |= uint256(parameters.cap) << 128;
    return CollateralRules.wrap(word);
}
