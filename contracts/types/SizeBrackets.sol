// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WadMath} from "../libraries/WadMath.sol";
import {FundingRules} from "./FundingRules.sol";
import {rampedField} from "./Ramp.sol";

/// @notice How the margin rate grows with a position's notional: progressive brackets, as in an income tax.
/// @dev
///   bits      field
///   0-39      end of bracket 1   [whole settlement currency]
///   40-79     end of bracket 2   [whole settlement currency]
///   80-119    end of bracket 3   [whole settlement currency]
///   120-143   factor in bracket 2  [bps]; the factor in bracket 1 is 10,000
///   144-167   factor in bracket 3  [bps]
///   168-191   factor above         [bps]
///   192-255   funding rules        of the underlying's perpetual, see FundingRules: only in what a trade reads
/// A word with nothing but the end of bracket 1 is all that most positions need; `suffices` says whether one does.
/// The factor is marginal: only the notional inside a bracket is charged at its factor, so the requirement is
/// continuous and convex in size.
type SizeBrackets is uint256;

using {
    chargedNotional,
    firstEnd,
    suffices,
    fundingRules,
    withFundingRules,
    onItsWayFrom,
    hasEndsOf,
    hasFactorsOf
} for SizeBrackets global;

/// @notice The notional after the size factor: sum over the brackets of (notional inside it) x (its factor),
/// rounded up [wad].
/// @param brackets The underlying's brackets.
/// @param notional Absolute quote value of the position [wad].
function chargedNotional(SizeBrackets brackets, uint256 notional) pure returns (uint256 charged) {
    uint256 word = SizeBrackets.unwrap(brackets);
    uint256 end = (word & 0xffffffffff) * WadMath.WAD;
    // Nearly every position is inside the first bracket.
    if (notional <= end) return notional;
    charged = notional;
    // Each bracket adds (its factor - the factor below) on all that lies above its start.
    uint256 factorBelow = 10_000;
    for (uint256 i = 0; i < 3; ++i) {
        uint256 start = ((word >> (40 * i)) & 0xffffffffff) * WadMath.WAD;
        if (notional <= start) break;
        uint256 factor = (word >> (120 + 24 * i)) & 0xffffff;
        charged += WadMath.bpsUp(notional - start, factor - factorBelow);
        factorBelow = factor;
    }
}

/// @notice The end of bracket 1 [whole settlement currency].
function firstEnd(SizeBrackets brackets) pure returns (uint40) {
    return uint40(SizeBrackets.unwrap(brackets));
}

/// @notice Whether the word says what a size at a price is charged [wad].
function suffices(SizeBrackets brackets, uint256 size, uint256 price) pure returns (bool) {
    uint256 word = SizeBrackets.unwrap(brackets);
    // Not divided: a notional that is rounded up is above the end if and only if the product is.
    return size * price <= (word & 0xffffffffff) * 1e36 || uint192(word) >> 40 != 0;
}

/// @notice How funding follows the premium, in what a trade reads.
function fundingRules(SizeBrackets brackets) pure returns (FundingRules) {
    return FundingRules.wrap(uint64(SizeBrackets.unwrap(brackets) >> 192));
}

/// @notice The same brackets with other funding rules.
function withFundingRules(SizeBrackets brackets, FundingRules rules) pure returns (SizeBrackets) {
    uint256 others = uint192(SizeBrackets.unwrap(brackets));
    return SizeBrackets.wrap(others | (uint256(FundingRules.unwrap(rules)) << 192));
}

/// @notice The brackets of now: on their way from where they were when the ramp began. The order of ends and factors stays
/// what it is at both ends of the ramp.
/// @param end The end of the ramp [unix seconds].
function onItsWayFrom(SizeBrackets brackets, SizeBrackets former, uint256 end) view returns (SizeBrackets) {
    (uint256 word, uint256 from) = (SizeBrackets.unwrap(brackets), SizeBrackets.unwrap(former));
    for (uint256 i = 0; i < 3; ++i) {
        word = rampedField({word: word, former: from, offset: 40 * i, bits: 40, end: end});
        word = rampedField({word: word, former: from, offset: 120 + 24 * i, bits: 24, end: end});
    }
    return SizeBrackets.wrap(word);
}

/// @notice Whether the ends are the same in both.
function hasEndsOf(SizeBrackets brackets, SizeBrackets other) pure returns (bool) {
    return uint120(SizeBrackets.unwrap(brackets)) == uint120(SizeBrackets.unwrap(other));
}

/// @notice Whether the factors are the same in both.
function hasFactorsOf(SizeBrackets brackets, SizeBrackets other) pure returns (bool) {
    return uint192(SizeBrackets.unwrap(brackets)) >> 120 == uint192(SizeBrackets.unwrap(other)) >> 120;
}

/// @notice The same brackets by name, as governance sets them; the ends are in whole settlement currency.
struct BracketParameters {
    uint40 firstEnd;
    uint40 secondEnd;
    uint40 thirdEnd;
    uint24 secondFactorBps;
    uint24 thirdFactorBps;
    uint24 lastFactorBps;
}

/// @notice Packs brackets into their word; the bounds are the caller's to check.
function packSizeBrackets(BracketParameters memory parameters) pure returns (SizeBrackets) {
    uint256 word = parameters.firstEnd;
    word |= uint256(parameters.secondEnd) << 40;
    word |= uint256(parameters.thirdEnd) << 80;
    word |= uint256(parameters.secondFactorBps) << 120;
    word |= uint256(parameters.thirdFactorBps) << 144;
    word |= uint256(parameters.lastFactorBps) << 168;
    return SizeBrackets.wrap(word);
}
