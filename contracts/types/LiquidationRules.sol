// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {rampedField} from "./Ramp.sol";

/// @notice The rules of liquidation and of the minimum margin in one word.
/// @dev
///   bits      field                       unit
///   0-15      least incentive (rhoMin)    [bps of the maintenance requirement]
///   16-31     most incentive (rhoMax)     [bps of the maintenance requirement]
///   32-47     insurance fee (kappa)       [bps of the maintenance requirement]
///   48-63     buffer                      [bps of the maintenance requirement]
///   64-79     gains haircut cap           [bps of the index price, at once and in each hour]
///   80-95     minimum margin              [whole settlement currency]
///   96-111    minimum margin of an item   [whole settlement currency]
///   112-119   most instruments            [number for one account]
///   120-135   fund draw cap               [bps of the insurance fund, for one instrument, at once and in each day]
///   136-175   open interest base          [whole settlement currency]
///   176-191   deleverage delay            [seconds]
///   192-207   lenders' cap                [bps of all lent cash, at once and in each day]
///   208-223   fund floor                  [bps of all open interest]
///   224-255   end of the ramp             until then both minimum margins are on their way [unix seconds]
type LiquidationRules is uint256;

using {
    leastIncentiveBps,
    mostIncentiveBps,
    insuranceFeeBps,
    bufferBps,
    gainsHaircutCapBps,
    minimumMargin,
    minimumMarginOfItem,
    mostInstruments,
    fundDrawCapBps,
    openInterestBase,
    deleverageDelay,
    lendersCapBps,
    fundFloorBps,
    endOfRamp,
    withRampEnd,
    hasMarginsOf,
    onItsWayFrom
} for LiquidationRules global;

/// @notice rhoMin: the incentive at the line [bps of the maintenance requirement].
function leastIncentiveBps(LiquidationRules rules) pure returns (uint256) {
    return LiquidationRules.unwrap(rules) & 0xffff;
}

/// @notice rhoMax: the incentive at zero equity and below [bps of the maintenance requirement].
function mostIncentiveBps(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 16) & 0xffff;
}

/// @notice kappa: what the insurance fund takes of a slice, as far as the account can pay it [bps of maintenance].
function insuranceFeeBps(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 32) & 0xffff;
}

/// @notice How far above the line a liquidation brings the account [bps of the maintenance requirement].
function bufferBps(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 48) & 0xffff;
}

/// @notice The most that losses may move a side's index at once, and again in each hour [bps of the index price].
function gainsHaircutCapBps(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 64) & 0xffff;
}

/// @notice The least requirement of an account that has a position or a debt [wad].
function minimumMargin(LiquidationRules rules) pure returns (uint256) {
    // Unchecked: below 2^16 x 1e18.
    unchecked {
        return ((LiquidationRules.unwrap(rules) >> 80) & 0xffff) * 1e18;
    }
}

/// @notice What each instrument or token held adds to the minimum margin [wad].
function minimumMarginOfItem(LiquidationRules rules) pure returns (uint256) {
    // Unchecked: below 2^16 x 1e18.
    unchecked {
        return ((LiquidationRules.unwrap(rules) >> 96) & 0xffff) * 1e18;
    }
}

/// @notice How many instruments one account may hold.
function mostInstruments(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 112) & 0xff;
}

/// @notice The most that losses of one instrument's holders may draw from the insurance fund at once, and again in each
/// day [bps of the fund].
function fundDrawCapBps(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 120) & 0xffff;
}

/// @notice What an instrument's open interest is measured against, while the insurance fund is smaller: from ten times
/// it on the initial requirement rises [wad].
function openInterestBase(LiquidationRules rules) pure returns (uint256) {
    // Unchecked: below 2^40 x 1e18.
    unchecked {
        return ((LiquidationRules.unwrap(rules) >> 136) & 0xffffffffff) * 1e18;
    }
}

/// @notice How long after it was flagged a bankrupt account may be deleveraged [seconds].
function deleverageDelay(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 176) & 0xffff;
}

/// @notice The most that losses may take from those who have cash, at once and again in each day [bps of their cash].
function lendersCapBps(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 192) & 0xffff;
}

/// @notice What governance must leave in the insurance fund [bps of all open interest].
function fundFloorBps(LiquidationRules rules) pure returns (uint256) {
    return (LiquidationRules.unwrap(rules) >> 208) & 0xffff;
}

/// @notice When the last ramp of the minimum margins ends or ended; 0 before the first [unix seconds].
function endOfRamp(LiquidationRules rules) pure returns (uint256) {
    return LiquidationRules.unwrap(rules) >> 224;
}

/// @notice The same word with another end of the ramp [unix seconds].
function withRampEnd(LiquidationRules rules, uint256 end) pure returns (LiquidationRules) {
    uint256 others = LiquidationRules.unwrap(rules) & type(uint224).max;
    return LiquidationRules.wrap(others | (end << 224));
}

/// @notice Whether both minimum margins are the same in both.
function hasMarginsOf(LiquidationRules rules, LiquidationRules other) pure returns (bool) {
    return ((LiquidationRules.unwrap(rules) ^ LiquidationRules.unwrap(other)) >> 80) & 0xffffffff == 0;
}

/// @notice The rules of now: both minimum margins on their way from where they were when the ramp began.
function onItsWayFrom(LiquidationRules rules, LiquidationRules former) view returns (LiquidationRules) {
    uint256 end = rules.endOfRamp();
    (uint256 word, uint256 from) = (LiquidationRules.unwrap(rules), LiquidationRules.unwrap(former));
    word = rampedField({word: word, former: from, offset: 80, bits: 16, end: end});
    return LiquidationRules.wrap(rampedField({word: word, former: from, offset: 96, bits: 16, end: end}));
}

/// @notice The same rules by name, as governance sets them; minimum margins are in whole settlement currency.
struct LiquidationParameters {
    uint16 leastIncentiveBps;
    uint16 mostIncentiveBps;
    uint16 insuranceFeeBps;
    uint16 bufferBps;
    uint16 gainsHaircutCapBps;
    uint16 minimumMargin;
    uint16 minimumMarginOfItem;
    uint8 mostInstruments;
    uint16 fundDrawCapBps;
    /// [whole settlement currency]
    uint40 openInterestBase;
    uint16 deleverageDelay;
    uint16 lendersCapBps;
    uint16 fundFloorBps;
}

/// @notice Packs the rules into their word; the bounds are the caller's to check.
function packLiquidationRules(LiquidationParameters memory parameters) pure returns (LiquidationRules) {
    uint256 word = parameters.leastIncentiveBps;
    word |= uint256(parameters.mostIncentiveBps) << 16;
    word |= uint256(parameters.insuranceFeeBps) << 32;
    word |= uint256(parameters.bufferBps) << 48;
    word |= uint256(parameters.gainsHaircutCapBps) << 64;
    word |= uint256(parameters.minimumMargin) << 80;
    word |= uint256(parameters.minimumMarginOfItem) << 96;
    word |= uint256(parameters.mostInstruments) << 112;
    word |= uint256(parameters.fundDrawCapBps) << 120;
    word |= uint256(parameters.openInterestBase) << 136;
    word |= uint256(parameters.deleverageDelay) << 176;
    word |= uint256(parameters.lendersCapBps) << 192;
    word |= uint256(parameters.fundFloorBps) << 208;
    return LiquidationRules.wrap(word);
}
