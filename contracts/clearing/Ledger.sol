// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {Position} from "../types/Position.sol";

/// @title Ledger
/// @notice What a position is worth and how trades change it: section 1 of the design, in five lines of arithmetic.
/// @dev
///   real quote  r     = quote - size x index(side)
///   value             = size x mark + r
///   a trade of d at p : r -= d x p, size += d
///   stored      quote = r + size x index(side)
/// `index(side)` is what the side has been charged for one unit of size since the beginning, so a charge to any number
/// of holders is one addition to the index. Both products are rounded against the account, so that the sum of real
/// quotes never exceeds what is behind it: a write loses the account at most 2 wei, and nothing while the index is 0.
library Ledger {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @notice The quote with all index moves taken in, rounded down [wad].
    function realQuote(int256 size, int256 quote, int256 index) internal pure returns (int256) {
        return index == 0 ? quote : quote + _floor(-size, index);
    }

    /// @notice The position to store for a size and a real quote, the quote rounded down [wad].
    function stored(int256 size, int256 real, int256 index) internal pure returns (Position memory) {
        int256 quote = index == 0 ? real : real + _floor(size, index);
        return Position({size: size.toInt128(), quote: quote.toInt128()});
    }

    /// @notice What a position is worth at a mark, rounded down [wad].
    function valueOf(int256 size, int256 real, uint256 mark) internal pure returns (int256) {
        return WadMath.mulDown(size, mark.toInt256()) + real;
    }

    /// @notice The quote that a trade takes from the side whose size changes by `size`; the other side is given exactly
    /// the same [wad].
    /// @dev Rounded towards 0, so that undoing a trade is exact.
    function tradeQuote(int256 size, uint256 price) internal pure returns (int256) {
        int256 quote = WadMath.mulDown(WadMath.abs(size), price).toInt256();
        return size < 0 ? -quote : quote;
    }

    /// @dev size x index, rounded towards minus infinity.
    function _floor(int256 size, int256 index) private pure returns (int256 product) {
        // Unchecked: a stored size is below 2^127 and an index below 2^104.
        unchecked {
            product = size * index;
            int256 remainder = product % 1e18;
            product /= 1e18;
            if (remainder < 0) --product;
        }
    }
}
