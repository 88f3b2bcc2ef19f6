// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SizeBrackets} from "./SizeBrackets.sol";
import {UnderlyingRules} from "./UnderlyingRules.sol";

/// @notice What has been read of an underlying in this call, so that it need not be read again.
struct KnownMarket {
    uint24 underlying;
    /// 0 while it was not asked for [wad].
    uint256 price;
    /// It could not be read: this is the last one that was accepted.
    bool isLast;
    /// 0 while they were not asked for.
    UnderlyingRules rules;
    SizeBrackets brackets;
}

/// @notice Everything that has been read in this call. Memory, not transient storage: it cannot outlive the call, so a
/// later act in the same transaction can never see an old price.
struct MarketCache {
    KnownMarket[] markets;
    uint256 count;
}

using {entryOf, known} for MarketCache global;

/// @notice An empty cache with room for so many underlyings.
function newMarketCache(uint256 room) pure returns (MarketCache memory cache) {
    cache.markets = new KnownMarket[](room);
}

/// @notice The underlying's entry, made if there is none. Without room it is kept nowhere and simply read again.
function entryOf(MarketCache memory self, uint24 underlying) pure returns (KnownMarket memory entry) {
    uint256 count = self.count;
    for (uint256 i = 0; i < count; ++i) {
        if (self.markets[i].underlying == underlying) return self.markets[i];
    }
    if (count < self.markets.length) {
        entry = self.markets[count];
        self.count = count + 1;
    }
    entry.underlying = underlying;
}

/// @notice The entries alone, to hand on.
function known(MarketCache memory self) pure returns (KnownMarket[] memory markets) {
    markets = new KnownMarket[](self.count);
    for (uint256 i = 0; i < markets.length; ++i) markets[i] = self.markets[i];
}
