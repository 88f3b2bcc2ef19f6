// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {InstrumentId} from "./InstrumentId.sol";
import {CollateralRules} from "./CollateralRules.sol";
import {SizeBrackets} from "./SizeBrackets.sol";
import {UnderlyingRules} from "./UnderlyingRules.sol";

/// @notice A position with all that a margin model may want to know of it.
struct Holding {
    InstrumentId instrument;
    /// Signed size [wad].
    int256 size;
    /// Price at which the position is valued [wad].
    uint256 mark;
    /// Price of the underlying [wad].
    uint256 indexPrice;
    /// The underlying's margin rates of today.
    UnderlyingRules rules;
    /// The underlying's size factor.
    SizeBrackets brackets;
    /// How far the initial requirement has risen towards the whole notional, because too much is open: 0 to 1 [wad].
    uint256 crowding;
}

/// @notice An amount of a collateral token with its price.
struct CollateralHolding {
    /// Whole tokens, whatever the token's decimals; rounded down [wad].
    uint256 quantity;
    /// Price of one whole token [wad].
    uint256 price;
    /// The token's haircuts of today.
    CollateralRules rules;
}

/// @notice Everything a margin model is given: it reads nothing by itself.
struct Portfolio {
    Holding[] positions;
    CollateralHolding[] collateral;
}

/// @notice What an account is worth and what it must be worth, in the settlement currency.
struct Margin {
    /// cash + value of the positions + collateral at its full price; negative when the account is bankrupt [wad].
    int256 equity;
    /// What it takes to add risk or withdraw [wad].
    uint256 initial;
    /// The line: below it anyone may liquidate; never above `initial` [wad].
    uint256 maintenance;
}

/// @notice Where an account stands; the order is part of the public face.
enum Status {
    Healthy,
    MarginCall,
    Liquidatable,
    Bankrupt
}

/// @notice Where an account with such a margin stands.
function statusOf(Margin memory margin) pure returns (Status) {
    if (margin.equity < 0) return Status.Bankrupt;
    if (uint256(margin.equity) < margin.maintenance) return Status.Liquidatable;
    return uint256(margin.equity) < margin.initial ? Status.MarginCall : Status.Healthy;
}

/// @notice A change of one position that has been or might be made.
struct Delta {
    InstrumentId instrument;
    /// What is bought (positive) or sold (negative) [wad].
    int128 size;
    /// At which price [wad].
    uint128 price;
}

/// @notice What an account did in one call.
struct Acts {
    /// Its trades; those of others are changes of 0.
    Delta[] trades;
    /// What the venue charged it [wad].
    uint256 venueFees;
    /// What builders charged it [wad].
    uint256 builderFees;
}
