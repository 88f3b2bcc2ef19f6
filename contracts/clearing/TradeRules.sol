// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {KnownMarket} from "../types/MarketCache.sol";
import {Trade} from "../types/Trade.sol";

/// @notice Reverts with PriceOutsideBand when a price is too far from the mark: it would carry value from one side to the
/// other, whoever signed it.
/// @dev A perpetual's mark is the index price, so the band's two widths are of the same price. At the last mark there is
/// no band.
function requireInBand(Trade calldata trade, KnownMarket memory market) pure {
    uint256 bandBps =
        market.isLast ? 0 : FixedPointMathLib.max(market.rules.tradeBandBps(), market.rules.leastTradeBandBps());
    uint256 band = WadMath.bpsDown(market.price, bandBps);
    if (FixedPointMathLib.dist(uint256(trade.price), market.price) > band) {
        revert IClearinghouse.PriceOutsideBand(trade.instrument, trade.price, market.price, band);
    }
}

/// @notice Reverts with OpenInterestCapExceeded when trades opened more than the instrument's cap allows.
/// @dev The book is flat, so one number bounds both sides. Trades that open nothing pass however far the cap is exceeded.
function requireBelowCap(InstrumentId instrument, uint256 openBefore, uint256 open, KnownMarket memory market) pure {
    if (open <= openBefore) return;
    uint256 notional = WadMath.mulUp(open, market.price);
    uint256 cap = market.rules.openInterestCap();
    if (notional > cap) revert IClearinghouse.OpenInterestCapExceeded(instrument, notional, cap);
}
