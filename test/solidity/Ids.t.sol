// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {IRules} from "../../contracts/interfaces/IRules.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {InstrumentId, KIND_PERPETUAL, perpetualOf} from "../../contracts/types/InstrumentId.sol";

/// @title IdsTest
/// @notice Proves OP2: distinct (owner, sub-account) are distinct accounts and nobody acts on one it does not own; and
/// that of all numbers only listed instruments' are instruments.
contract IdsTest is PlimsollSetup {
    function setUp() public {
        _deploy();
    }

    function testFuzz_AccountIdHoldsOwnerAndNumber(address owner, uint96 number) public pure {
        AccountId account = accountIdOf(owner, number);
        assertEq(account.ownerOf(), owner);
        assertEq(account.subAccountOf(), number);
    }

    function testFuzz_DistinctPairsAreDistinctAccounts(address a, uint96 i, address b, uint96 j) public pure {
        assertEq(accountIdOf(a, i) == accountIdOf(b, j), a == b && i == j);
        assertEq(accountIdOf(a, i) != accountIdOf(a, j), i != j);
    }

    function test_ExtremesAreDistinctAccounts() public pure {
        address[5] memory owners = [address(0), address(1), address(2), address(1 << 80), address(type(uint160).max)];
        uint96[6] memory numbers = [uint96(0), 1, 255, 256, 1 << 32, type(uint96).max];
        for (uint256 a = 0; a < 30; ++a) {
            for (uint256 b = 0; b < 30; ++b) {
                AccountId left = accountIdOf(owners[a / 6], numbers[a % 6]);
                assertEq(left == accountIdOf(owners[b / 6], numbers[b % 6]), a == b);
            }
        }
    }

    function testFuzz_OnlyTheOwnerActs(address owner, uint96 number, address stranger, uint8 permission) public view {
        AccountId account = accountIdOf(owner, number);
        assertTrue(vault.isAuthorized(account, owner, permission));
        if (stranger != owner) assertFalse(vault.isAuthorized(account, stranger, permission));
    }

    function testFuzz_PerpetualHoldsKindAndUnderlying(uint24 underlying) public pure {
        InstrumentId perpetual = perpetualOf(underlying);
        assertEq(perpetual.kindOf(), KIND_PERPETUAL);
        assertEq(perpetual.underlyingOf(), underlying);
        assertEq(InstrumentId.unwrap(perpetual) >> 200, 0, "the upper 56 bits are free");
    }

    function testFuzz_DistinctUnderlyingsAreDistinctPerpetuals(uint24 a, uint24 b) public pure {
        assertEq(perpetualOf(a) == perpetualOf(b), a == b);
        assertEq(perpetualOf(a) != perpetualOf(b), a != b);
    }

    /// @dev One bit more than a listed instrument has makes it unknown, wherever the bit is.
    function testFuzz_NearlyListedNumbersAreUnknown(uint8 bit) public {
        InstrumentId near = InstrumentId.wrap(InstrumentId.unwrap(ethPerpetual) ^ (1 << bit));
        if (near == btcPerpetual || near == widePerpetual) return;
        vm.expectRevert(abi.encodeWithSelector(IRules.UnknownInstrument.selector, near));
        rules.instrumentRules(near);
    }

    function testFuzz_OtherNumbersAreUnknown(uint256 number) public {
        InstrumentId instrument = InstrumentId.wrap(number);
        if (instrument == ethPerpetual || instrument == btcPerpetual || instrument == widePerpetual) return;
        vm.expectRevert(abi.encodeWithSelector(IRules.UnknownInstrument.selector, instrument));
        clearinghouse.markOf(instrument);
    }
}
