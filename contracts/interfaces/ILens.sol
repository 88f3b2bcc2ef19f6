// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MarginRates} from "../types/MarginRates.sol";
import {AccountId} from "../types/AccountId.sol";

/// @title ILens
/// @notice Margins of many accounts in one call, for keepers and frontends. One account that cannot be read never fails
/// the others.
/// @dev For `eth_call`. An account may use an equal share of the gas that is left, or 200,000 where that is more; those
/// that did not answer are asked once more with what the others left over. Measured: 50,000,000 gas, which nodes allow
/// by default, read 1,410 accounts with one perpetual each (35,000 gas an account), or 860 with two perpetuals and a
/// token (57,000). A page of 500 leaves room for accounts with many instruments; one of 250 has 200,000 gas for each,
/// so that even feeds that burn whatever they are given take none from accounts that do not depend on them.
interface ILens {
    /// @notice An underlying's margin rates of now, and what volatility alone has made of them.
    struct RateMovement {
        MarginRates current;
        /// One to two days ago, or since the feed is followed; 0 while it is not [unix seconds].
        uint256 before;
        /// Volatility at that time [wad].
        uint256 slowSigma;
        /// [wad]
        uint256 fastSigma;
        /// What today's rules would have required then [wad of notional].
        uint256 initial;
        /// [wad of notional]
        uint256 maintenance;
    }

    /// @notice How an underlying's margin rates come about, where a ramp will bring them, and how fast they moved. Reverts with
    /// UnknownInstrument of the Rules.
    function ratesOf(uint24 underlying) external view returns (RateMovement memory);

    /// @notice Equity and requirements of each account, as `MarginEngine.marginOf` says, with the status.
    /// @param accounts Any accounts, also repeated ones.
    /// @return 49 bytes for each account, in the order given: equity as int128 [wad], initial as uint128 [wad],
    /// maintenance as uint128 [wad], all big-endian, and one byte with bit 0 set, bits 1 and 2 the Status and the others
    /// 0. Figures beyond 128 bits are given as the nearest that fits; the status is that of the exact ones. 49 zeros for
    /// an account that could not be read: a price is missing, or its share of the gas was too small, which is to be told
    /// apart by asking for it alone.
    function marginsOf(AccountId[] calldata accounts) external view returns (bytes memory);

    /// @notice Which accounts `Clearinghouse.liquidate` would find below the line now.
    /// @param accounts Any accounts, also repeated ones.
    /// @return A bit for each account, 1 when `MarginEngine.previewLiquidation` says that there is something to take:
    /// account i has bit i mod 8, counted from the least significant, of byte i / 8; bits beyond the last account are 0.
    /// 0 is also the answer for an account that could not be read: only `marginsOf` tells it from a healthy one.
    function liquidatable(AccountId[] calldata accounts) external view returns (bytes memory);
}
