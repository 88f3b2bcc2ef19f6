// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LiquidationRules} from "./LiquidationRules.sol";
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
    /// 0 while they were not asked for.
    LiquidationRules liquidationRules;
}

using {entryOf, known} for MarketCache global;

/// @notice An empty cache with room for so many underlyings; it grows when that is not enough.
function newMarketCache(uint256 room) pure returns (MarketCache memory cache) {
    cache.markets = new KnownMarket[](room);
}

/// @notice A cache of what somebody else has read in the same call.
function cacheOf(KnownMarket[] memory given) pure returns (MarketCache memory cache) {
    cache.markets = given;
    cache.count = given.length;
}

/// @notice The underlying's entry, made if there is none.
/// @dev The result has no name: one with a name would be allocated before it is found.
function entryOf(MarketCache memory self, uint24 underlying) pure returns (KnownMarket memory) {
    uint256 count = self.count;
    for (uint256 i = 0; i < count; ++i) {
        KnownMarket memory found = self.markets[i];
        if (found.underlying == underlying) return found;
    }
    if (count == self.markets.length) {
        KnownMarket[] memory longer = new KnownMarket[](2 * count + 2);
        for (uint256 i = 0; i < count; ++i) longer[i] = self.markets[i];
        self.markets = longer;
    }
    self.count = count + 1;
    KnownMarket memory entry = self.markets[count];
    entry.underlying = underlying;
    return entry;
}

/// @notice The entries alone, to hand on.
function known(MarketCache memory self) pure returns (KnownMarket[] memory markets) {
    if (self.count == self.markets.length) return self.markets;
    markets = new KnownMarket[](self.count);
    for (uint256 i = 0; i < markets.length; ++i) markets[i] = self.markets[i];
}
