// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IMarginEngine} from "../../contracts/interfaces/IMarginEngine.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";

/// @title LinesTest
/// @notice Where exactly the two requirements lie: what no campaign hits by chance.
contract LinesTest is PlimsollSetup {
    AccountId private _alice = accountIdOf(makeAddr("alice"), 0);
    AccountId private _bob = accountIdOf(makeAddr("bob"), 0);

    function setUp() public {
        _deploy();
        _fund(_bob, usdc, 1_000_000e6);
    }

    /// @notice I5: equity equal to the requirement is enough.
    function test_RevertWhen_AnAccountExactlyAtTheLineIsLiquidated() public {
        _fund(_alice, usdc, 210.2e6);
        _trade(_alice, _bob, ethPerpetual, 1e18, 3_000e18);
        _setPrice(ETH, 2_900e8);
        Margin memory margin = engine.marginOf(_alice);
        assertEq(margin.equity, 110.2e18, "equity");
        assertEq(margin.maintenance, 110.2e18, "3.8 % of 2,900");

        vm.expectRevert(
            abi.encodeWithSelector(IMarginEngine.NotLiquidatable.selector, _alice, margin.equity, margin.maintenance)
        );
        vm.prank(_bob.ownerOf());
        clearinghouse.liquidate(_alice, _bob, WAD, type(int256).max);
    }

    /// @notice Section 9: from 10 to 40 times the base, initial margin rises to the whole notional; maintenance does not.
    function test_InitialMarginRisesWithOpenInterest() public {
        LiquidationParameters memory parameters = _liquidationParameters();
        parameters.openInterestBase = 3_000;
        rules.setLiquidationRules(parameters);
        _fund(_alice, usdc, 1_000_000e6);
        _trade(_alice, _bob, ethPerpetual, 25e18, 3_000e18);

        // 75,000 open, half of the way from 30,000 to 120,000.
        Margin memory margin = engine.marginOf(_alice);
        uint256 rate = (uint256(0.038e18) * 10_000 + 5_999) / 6_000;
        uint256 required = (75_000e18 * rate) / WAD;
        assertEq(margin.initial, required + (75_000e18 - required) / 2, "half of the way to the notional");
        assertEq(margin.maintenance, 2_850e18, "3.8 % as ever");
    }
}
