// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {MockToken} from "../../contracts/mocks/MockToken.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";

/// @title RoundTripTest
/// @notice Proves RD2: what is deposited comes back to the unit and never more, for tokens of 0 to 24 decimals, however
/// often.
contract RoundTripTest is PlimsollSetup {
    address private _owner = makeAddr("owner");
    AccountId private _account = accountIdOf(_owner, 0);

    function setUp() public {
        _deploy();
        // Others hold tokens too: a gain could be paid from theirs.
        AccountId other = accountIdOf(makeAddr("other"), 0);
        _fund(other, usdc, 1e12);
        _fund(other, weth, 1e24);
        _fund(other, wbtc, 1e14);
        _fund(other, wide, 1e30);
        _fund(other, whole, 1e6);
    }

    function test_ThousandRoundTripsNeverGainAUnit() public {
        MockToken[] memory tokens = _plimsoll().tokens;
        for (uint256 i = 0; i < tokens.length; ++i) _thousandRoundTrips(tokens[i]);
    }

    function testFuzz_RoundTripReturnsWhatCame(uint256 which, uint256 amount) public {
        MockToken token = _plimsoll().tokens[which % 5];
        amount = bound(amount, 1, 1e25);
        uint256 tracked = vault.trackedOf(address(token));
        _fund(_account, token, amount);

        vm.prank(_owner);
        vault.withdraw(_account, address(token), amount, _owner);

        assertEq(token.balanceOf(_owner), amount, "the owner has what it had");
        assertEq(vault.trackedOf(address(token)), tracked, "the vault has what it had");
    }

    function testFuzz_MoreThanDepositedIsRefused(uint256 which, uint256 amount) public {
        MockToken token = _plimsoll().tokens[which % 5];
        amount = bound(amount, 1, 1e25);
        _fund(_account, token, amount);

        vm.prank(_owner);
        vm.expectRevert();
        vault.withdraw(_account, address(token), amount + 1, _owner);
    }

    function _thousandRoundTrips(MockToken token) private {
        token.mint(_owner, 1_000);
        vm.startPrank(_owner);
        token.approve(address(vault), type(uint256).max);
        for (uint256 i = 0; i < 1_000; ++i) {
            uint256 amount = 1 + ((i * i) % 1_000);
            vault.deposit(_account, address(token), amount);
            vault.withdraw(_account, address(token), amount, _owner);
        }
        vm.stopPrank();
        assertEq(token.balanceOf(_owner), 1_000, "not a unit is won or lost");
    }
}
