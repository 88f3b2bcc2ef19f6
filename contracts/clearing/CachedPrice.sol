// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {KnownMarket} from "../types/MarketCache.sol";

/// @notice The underlying's price, asked of the oracle at most once in a call [wad].
/// @dev Reverts with the oracle's reason when it has to ask and there is no price.
function cachedPrice(IPriceOracle oracle, KnownMarket memory market) view returns (uint256) {
    if (market.price == 0) market.price = oracle.price(market.underlying);
    return market.price;
}

/// @notice Reads the underlying's price into its entry, the last accepted one where there is none now: `isLast` tells.
/// @dev Reverts with the oracle's first reason when there is not even that. Nobody can starve the oracle of gas to get
/// the last price: what a caller keeps of the gas of a failed read is far less than the second read needs.
function cachedOrLastPrice(IPriceOracle oracle, KnownMarket memory market) view {
    if (market.price != 0) return;
    try oracle.price(market.underlying) returns (uint256 current) {
        market.price = current;
    } catch (bytes memory reason) {
        try oracle.lastPrice(market.underlying) returns (uint256 last) {
            (market.price, market.isLast) = (last, true);
        } catch {
            Address.verifyCallResult(false, reason);
        }
    }
}
