// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {PriceCache} from "../types/PriceCache.sol";

/// @notice The underlying's price, asked of the oracle at most once in a call [wad].
/// @dev Reverts with the oracle's reason when it has to ask and there is no price.
function cachedPrice(IPriceOracle oracle, PriceCache memory cache, uint24 underlying) view returns (uint256 price) {
    price = cache.find(underlying);
    if (price != 0) return price;
    price = oracle.price(underlying);
    cache.remember(underlying, price);
}
