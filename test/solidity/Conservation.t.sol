// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {PlimsollHandler} from "./handlers/PlimsollHandler.sol";
import {MockToken} from "../../contracts/mocks/MockToken.sol";
import {IMarginEngine} from "../../contracts/interfaces/IMarginEngine.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {InstrumentId} from "../../contracts/types/InstrumentId.sol";
import {Margin} from "../../contracts/types/Portfolio.sol";
import {OpenPosition} from "../../contracts/types/Position.sol";

/// @title ConservationTest
/// @notice Proves I1, I2, I3 and I5 of the design over random sequences of every act; I4, I6 and I8 are post-conditions
/// of each act and asserted by the handler.
contract ConservationTest is PlimsollSetup {
    PlimsollHandler private _handler;

    function setUp() public {
        _deploy();
        _insure(5_000e6);
        _handler = new PlimsollHandler(_plimsoll());
        clearinghouse.setVenue(address(_handler), true);

        bytes4[] memory selectors = new bytes4[](14);
        selectors[0] = PlimsollHandler.deposit.selector;
        selectors[1] = PlimsollHandler.withdraw.selector;
        selectors[2] = PlimsollHandler.transfer.selector;
        selectors[3] = PlimsollHandler.insure.selector;
        selectors[4] = PlimsollHandler.sendByMistake.selector;
        selectors[5] = PlimsollHandler.trade.selector;
        selectors[6] = PlimsollHandler.tradeSigned.selector;
        selectors[7] = PlimsollHandler.close.selector;
        selectors[8] = PlimsollHandler.settleVariation.selector;
        selectors[9] = PlimsollHandler.liquidate.selector;
        selectors[10] = PlimsollHandler.movePrice.selector;
        selectors[11] = PlimsollHandler.passTime.selector;
        // Twice as likely.
        selectors[12] = PlimsollHandler.trade.selector;
        selectors[13] = PlimsollHandler.liquidate.selector;
        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
    }

    /// @notice I1, I2 and I3 share a campaign: what costs time is the acts, not the looking.
    function invariant_I1_I2_I3_TheBooksBalance() public view {
        _assertFlat();
        _assertConserved();
        _assertCustody();
    }

    /// @dev I1: sizes sum to 0, and longs as well as shorts to the open interest.
    function _assertFlat() private view {
        for (uint256 i = 0; i < 3; ++i) {
            InstrumentId perpetual = _plimsoll().perpetuals[i];
            (int256 longs, int256 shorts) = (0, 0);
            for (uint256 j = 0; j < _handler.accountCount(); ++j) {
                int256 size = clearinghouse.positionOf(_handler.accountAt(j), perpetual).size;
                if (size > 0) longs += size;
                else shorts += size;
            }
            assertEq(longs + shorts, 0, "I1: sizes sum to 0");
            assertEq(uint256(longs), clearinghouse.openInterestOf(perpetual), "I1: open interest");
        }
    }

    /// @dev I2: tracked tokens == cash + real quotes + reserve - deficit, never less, and more only by counted roundings.
    function _assertConserved() private view {
        int256 claims = int256(clearinghouse.reserve()) - int256(clearinghouse.deficit());
        uint256 open;
        for (uint256 i = 0; i < _handler.accountCount(); ++i) {
            AccountId account = _handler.accountAt(i);
            claims += vault.cashOf(account);
            OpenPosition[] memory positions = clearinghouse.openPositionsOf(account);
            for (uint256 j = 0; j < positions.length; ++j) claims += positions[j].realQuote;
            open += positions.length;
        }
        int256 surplus = int256(vault.trackedOf(address(usdc)) * 1e12) - claims;
        // 2 wei for each position written, 1 for each read here, and 1 for each holder and index move.
        uint256 roundings = 2 * _handler.writes() + open + 8 * _handler.indexMoves();
        assertGe(surplus, 0, "I2: claims less deficit never exceed the balance");
        assertLe(surplus, int256(roundings), "I2: nothing is lost but by rounding");
    }

    /// @dev I3: the vault's books are the sum of its accounts', and its tokens are its books plus mistakes.
    function _assertCustody() private view {
        MockToken[] memory tokens = _plimsoll().tokens;
        for (uint256 i = 0; i < tokens.length; ++i) {
            address token = address(tokens[i]);
            uint256 tracked = vault.trackedOf(token);
            assertEq(tokens[i].balanceOf(address(vault)), tracked + _handler.donated(token), "I3: tokens held");
            if (i == 0) continue;
            uint256 sum;
            for (uint256 j = 0; j < _handler.accountCount(); ++j) {
                sum += vault.collateralOf(_handler.accountAt(j), token);
            }
            assertEq(tracked, sum, "I3: books");
        }
    }

    /// @notice I5: above the line nobody can liquidate, below it anybody with enough margin can. One account a call,
    /// all in turn.
    function invariant_I5_TheLineIsExact() public {
        AccountId account = _handler.accountAt(_handler.acts() % 8);
        Margin memory margin = engine.marginOf(account);
        uint256 snapshot = vm.snapshotState();
        AccountId anybody = accountIdOf(makeAddr("anybody"), 0);
        _fund(anybody, usdc, 1e16);
        bool below = margin.equity < int256(margin.maintenance);

        if (!below) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IMarginEngine.NotLiquidatable.selector,
                    account,
                    margin.equity,
                    margin.maintenance
                )
            );
        }
        vm.prank(anybody.ownerOf());
        clearinghouse.liquidate(account, anybody, WAD, type(int256).max);

        vm.revertToState(snapshot);
    }

    /// @dev A campaign in which nothing happened would prove nothing.
    function afterInvariant() public view {
        if (_handler.acts() < 24) return;
        assertGt(_handler.calls("trade"), 0, "nobody traded");
        assertGt(_handler.calls("liquidate"), 0, "nobody was liquidated");
    }
}
