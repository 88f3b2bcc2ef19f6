// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {KnownPrice} from "./Portfolio.sol";

/// @notice Prices read in this call. Memory, not transient storage: it cannot outlive the call, so a later act in the
/// same transaction can never see an old price.
struct PriceCache {
    KnownPrice[] prices;
    uint256 count;
}

using {find, remember, known} for PriceCache global;

/// @notice An empty cache with room for so many prices.
function newPriceCache(uint256 room) pure returns (PriceCache memory cache) {
    cache.prices = new KnownPrice[](room);
}

/// @notice The underlying's price if it is known, else 0 (no price is ever 0) [wad].
function find(PriceCache memory self, uint24 underlying) pure returns (uint256) {
    for (uint256 i = 0; i < self.count; ++i) {
        if (self.prices[i].underlying == underlying) return self.prices[i].price;
    }
    return 0;
}

/// @notice Keeps a price while there is room; without room it is simply read again.
function remember(PriceCache memory self, uint24 underlying, uint256 price) pure {
    if (self.count == self.prices.length) return;
    KnownPrice memory slot = self.prices[self.count++];
    slot.underlying = underlying;
    slot.price = price;
}

/// @notice The known prices alone, to hand on.
function known(PriceCache memory self) pure returns (KnownPrice[] memory prices) {
    prices = new KnownPrice[](self.count);
    for (uint256 i = 0; i < self.count; ++i) prices[i] = self.prices[i];
}
