// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "./AccountId.sol";
import {InstrumentId} from "./InstrumentId.sol";

/// @notice One side of a trade and what it is charged.
struct Leg {
    AccountId account;
    /// The venue's fee, paid in cash to the insurance fund and the treasury [wad].
    uint128 fee;
    /// The builder's fee, paid in cash to the builder's first account [wad].
    uint128 builderFee;
    /// Who receives `builderFee`; unused when that is 0.
    address builder;
    /// Whether the trade may only bring this side's position closer to 0.
    bool reduceOnly;
}

/// @notice A match of two accounts, to be cleared.
struct Trade {
    InstrumentId instrument;
    /// What the taker's position changes by; the maker's changes by the opposite [wad].
    int128 size;
    /// Settlement currency for one unit of the underlying [wad].
    uint128 price;
    Leg taker;
    Leg maker;
}

/// @notice A change of one account's cash [wad, signed].
struct Posting {
    AccountId account;
    int256 cash;
}
