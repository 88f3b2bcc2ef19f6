// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {AutomationHandler} from "./handlers/AutomationHandler.sol";
import {LiquidationAutomation} from "../../contracts/automation/LiquidationAutomation.sol";
import {Lens} from "../../contracts/lens/Lens.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";

/// @title LiquidationAutomationTest
/// @notice Whatever data strangers send: only accounts below the line change, nobody stops the others of a batch, the
/// liquidator stays at its margin and never pays more than something is worth, within a fixed amount of gas.
contract LiquidationAutomationTest is PlimsollSetup {
    LiquidationAutomation private _automation;
    AutomationHandler private _handler;

    function setUp() public {
        _deploy();
        Lens lens = new Lens(clearinghouse, rules);
        _automation = new LiquidationAutomation(address(this), vault, clearinghouse, lens);
        _handler = new AutomationHandler(_plimsoll(), _automation);
        clearinghouse.setVenue(address(_handler), true);
        _automation.transferOwnership(address(_handler));
        vm.prank(address(_handler));
        _automation.acceptOwnership();

        bytes4[] memory selectors = new bytes4[](13);
        selectors[0] = AutomationHandler.open.selector;
        selectors[1] = AutomationHandler.deposit.selector;
        selectors[2] = AutomationHandler.movePrice.selector;
        selectors[3] = AutomationHandler.passTime.selector;
        selectors[4] = AutomationHandler.own.selector;
        selectors[5] = AutomationHandler.watch.selector;
        selectors[6] = AutomationHandler.forget.selector;
        selectors[7] = AutomationHandler.runOnce.selector;
        selectors[8] = AutomationHandler.perform.selector;
        selectors[9] = AutomationHandler.garbage.selector;
        // Twice as likely.
        selectors[10] = AutomationHandler.open.selector;
        selectors[11] = AutomationHandler.movePrice.selector;
        selectors[12] = AutomationHandler.perform.selector;
        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
    }

    /// @notice Every act is asserted by the handler.
    /// hardhat-config: ci.invariant.runs = 24
    function invariant_TheAutomationHarmsNobody() public view {
        assertEq(_automation.owner(), address(_handler));
    }

    /// @dev What the campaign is about does happen: accounts sink, are found, taken in part and whole, and forgotten.
    function test_TheCampaignReachesItsEvents() public {
        for (uint256 i = 0; i < 6; ++i) _handler.open(i, i, i % 2 == 0 ? int256(40_000) : int256(-40_000));
        _handler.watch(type(uint256).max);
        _handler.watch(0x05040302010003);
        _handler.watch(0x0302010003);
        _handler.movePrice(0, -700);
        _handler.runOnce();
        _handler.perform(0x050403020100, 6, type(uint256).max);
        _handler.movePrice(0, -900);
        _handler.movePrice(1, 900);
        _handler.own(0, 0, 1);
        _handler.perform(0x050403020100, 6, type(uint256).max);
        _handler.runOnce();
        _handler.forget(0x0302010003);
        assertGt(_handler.calls("taken"), 0, "taken");
        assertGt(_handler.calls("proposed"), 0, "proposed");
        assertGt(_handler.calls("watched"), 0, "watched");
        assertGt(_handler.calls("taken whole") + _handler.calls("forgotten"), 0, "off the list");
    }

    /// @notice Any bytes at all, with any gas: no harm, and never more gas than the limit.
    function testFuzz_AnyDataIsBounded(bytes calldata data, uint256 gas) public {
        gas = bound(gas, 30_000, 15_000_000);
        uint256 before = gasleft();
        // solhint-disable-next-line avoid-low-level-calls, -- how it fails does not matter
        (bool done, ) = address(_automation).call{gas: gas}(abi.encodeCall(_automation.performUpkeep, (data)));
        assertFalse(done, "there is nothing to take");
        assertLe(before - gasleft(), 5_000_000);
        AccountId own = accountIdOf(address(_automation), 0);
        assertEq(clearinghouse.instrumentsOf(own).length, 0);
    }
}
