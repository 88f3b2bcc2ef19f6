// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {FamilyHandler} from "./handlers/FamilyHandler.sol";

/// @title SelfLiquidationTest
/// @notice Proves LQ1: with prices fixed, nothing that one owner of three accounts does among them makes it richer, but
/// for the incentive floor of section 6.1.
contract SelfLiquidationTest is PlimsollSetup {
    FamilyHandler private _family;

    function setUp() public {
        _deploy();
        _insure(100_000e6);
        _family = new FamilyHandler(_plimsoll());
        clearinghouse.setVenue(address(_family), true);
        _family.begin();
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = FamilyHandler.deposit.selector;
        selectors[1] = FamilyHandler.withdraw.selector;
        selectors[2] = FamilyHandler.transfer.selector;
        selectors[3] = FamilyHandler.trade.selector;
        selectors[4] = FamilyHandler.liquidate.selector;
        selectors[5] = FamilyHandler.shock.selector;
        targetContract(address(_family));
        targetSelector(FuzzSelector({addr: address(_family), selectors: selectors}));
    }

    /// @dev The campaign begins where there is something to gain.
    function test_TheFamilyCanLiquidateItself() public {
        _family.liquidate(1, 1, WAD);
        _family.liquidate(2, 0, WAD);
        assertEq(_family.liquidations(), 2);
        invariant_LQ1_NobodyGetsRicherAlone();
    }

    /// @notice LQ1: wallets and accounts, debts that nobody can collect not counted, since the last move of prices.
    function invariant_LQ1_NobodyGetsRicherAlone() public view {
        int256 gain = _family.wealth() - _family.baseline();
        assertLe(gain, _family.allowance(), "LQ1");
    }
}
