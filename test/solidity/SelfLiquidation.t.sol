// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup, cashRulesOfDesign} from "./PlimsollSetup.sol";
import {FamilyHandler} from "./handlers/FamilyHandler.sol";
import {FundingParameters} from "../../contracts/types/FundingRules.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";

/// @title SelfLiquidationTest
/// @notice Proves LQ1: with prices fixed, nothing that one owner of three accounts does among them makes it richer, but
/// for the incentive floor of section 6.1.
contract SelfLiquidationTest is PlimsollSetup {
    FamilyHandler private _family;

    function setUp() public {
        _deploy();
        _insure(100_000e6);
        _setRates();
        _family = new FamilyHandler(_plimsoll());
        clearinghouse.setVenue(address(_family), true);
        _family.begin();
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = FamilyHandler.deposit.selector;
        selectors[1] = FamilyHandler.withdraw.selector;
        selectors[2] = FamilyHandler.transfer.selector;
        selectors[3] = FamilyHandler.trade.selector;
        selectors[4] = FamilyHandler.liquidate.selector;
        selectors[5] = FamilyHandler.shock.selector;
        selectors[6] = FamilyHandler.settleVariation.selector;
        selectors[7] = FamilyHandler.deleverage.selector;
        selectors[8] = FamilyHandler.writeOff.selector;
        selectors[9] = FamilyHandler.wait.selector;
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

    /// @dev And what nobody took over can be closed against anyone who holds the other side.
    function test_TheFamilyIsDeleveraged() public {
        _family.wait(1 hours);
        _family.deleverage(2, 0, 1, 1e18);
        assertEq(_family.deleveraged(), 1);
        invariant_LQ1_NobodyGetsRicherAlone();
    }

    /// @dev Funding, interest on loans, and lenders who bear losses.
    function _setRates() private {
        vault.setCashRules(cashRulesOfDesign(100_000));
        rules.setFundingRules(ETH, FundingParameters(100, 500, 7_500, 3_200));
        rules.setFundingRules(BTC, FundingParameters(-100, 500, 6_000, 2_500));
        LiquidationParameters memory parameters = _liquidationParameters();
        parameters.lendersCapBps = 20;
        rules.setLiquidationRules(parameters);
    }

    /// @notice LQ1: wallets and accounts, debts that nobody can collect not counted, since the last move of prices.
    function invariant_LQ1_NobodyGetsRicherAlone() public view {
        int256 gain = _family.wealth() - _family.baseline();
        assertLe(gain, _family.allowance(), "LQ1");
    }
}
