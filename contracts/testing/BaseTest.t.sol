// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {StdAssertions} from "forge-std/StdAssertions.sol";
import {StdCheats} from "forge-std/StdCheats.sol";
import {StdInvariant} from "forge-std/StdInvariant.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

/// @title BaseTest
/// @notice What every Solidity test inherits: forge-std without its console, which would cost 14,000 lines of
/// compiling.
/// @dev The remapping of forge-std points into a package of Chainlink; this file is the only one that imports it.
abstract contract BaseTest is CommonBase, StdAssertions, StdCheats, StdInvariant, StdUtils {
    /// @notice Tells the runner that this is a test.
    // solhint-disable-next-line var-name-mixedcase, -- the runner looks for this name
    bool public IS_TEST = true;

    /// @dev As in forge-std, but silent: one line printed for each input would bury what a run has to say.
    function bound(uint256 x, uint256 min, uint256 max) internal pure override returns (uint256) {
        return _bound(x, min, max);
    }

    /// @dev As in forge-std, but silent.
    function bound(int256 x, int256 min, int256 max) internal pure override returns (int256) {
        return _bound(x, min, max);
    }
}
