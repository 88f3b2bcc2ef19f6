// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TopUpHandler} from "./TopUpHandler.sol";
import {Plimsoll} from "../PlimsollSetup.sol";
import {StandingTopUp} from "../../../contracts/automation/StandingTopUp.sol";
import {Instruction, IStandingTopUp, SourceKind} from "../../../contracts/interfaces/IStandingTopUp.sol";
import {HostileShares} from "../../../contracts/mocks/HostileShares.sol";
import {MockShares} from "../../../contracts/mocks/MockShares.sol";
import {AccountId} from "../../../contracts/types/AccountId.sol";
import {Margin, Status} from "../../../contracts/types/Portfolio.sol";

/// @title TopUpChecks
/// @notice Executes instructions and asserts after each try that it moved what the instruction allows and its owner's
/// money only, or had a reason for not doing so that can be seen from outside.
contract TopUpChecks is TopUpHandler {
    /// @dev Sent beyond what was asked for by shares of the manner SendsMore [token].
    uint256 private constant TOO_MUCH = 5e6;

    /// @dev An attempt with all that was true before it.
    struct Attempt {
        uint256 owner;
        AccountId account;
        uint8 number;
        address caller;
        HostileShares.Manner manner;
        uint256 tip;
        uint256 amount;
        uint256 mostTip;
        uint256 budgetLeft;
        Margin margin;
        Instruction instruction;
        uint256[] holdings;
    }

    constructor(
        Plimsoll memory system,
        StandingTopUp topUps,
        MockShares honest,
        HostileShares hostile
    ) TopUpHandler(system, topUps, honest, hostile) {}

    /// @dev Most tips are those that are allowed; a few are one too much.
    function topUp(uint256 owner, uint256 number, uint256 tipSeed, uint256 callerSeed, uint256 mannerSeed) public {
        ++acts;
        Attempt memory attempt;
        (attempt.owner, attempt.number) = (owner % OWNERS, uint8(number % NUMBERS));
        attempt.account = _accountOf(attempt.owner, 0);
        attempt.caller = _callers[callerSeed % _callers.length];
        attempt.instruction = _left[attempt.account][attempt.number];
        if (attempt.instruction.source == bytes32(uint256(uint160(address(_hostile))))) {
            attempt.manner = HostileShares.Manner(mannerSeed % (uint256(type(HostileShares.Manner).max) + 1));
            _hostile.setManner(attempt.manner, this);
        }
        attempt.margin = _system.engine.marginOf(attempt.account);
        attempt.budgetLeft = _topUps.budgetLeftOf(attempt.account, attempt.number);
        (attempt.amount, attempt.mostTip) = _topUps.previewTopUp(attempt.account, attempt.number);
        attempt.tip = attempt.mostTip == 0 ? 0 : tipSeed % (attempt.mostTip + 1);
        if (tipSeed % 5 == 0) attempt.tip = attempt.mostTip + (tipSeed % 2);
        attempt.holdings = _holdings();

        vm.prank(attempt.caller);
        try _topUps.topUp(attempt.account, attempt.number, attempt.tip) returns (uint256 amount) {
            _verifyDone(attempt, amount);
        } catch (bytes memory reason) {
            _verifyRefused(attempt, bytes4(reason));
        }
        _hostile.setManner(HostileShares.Manner.Honest, this);
    }

    /// @dev What owners instructed while prices are low is executed at once: what makes a rare event frequent.
    function crash(uint256 owner, uint256 number, uint256 price, uint256 tipSeed, uint256 mannerSeed) external {
        _system.feeds[0].updateAnswer(int256(bound(price, 2_700e8, 2_860e8)));
        topUp(owner, number, tipSeed, tipSeed >> 8, mannerSeed);
    }

    /// @notice The hostile vault calls back: the lock is on, whoever's instruction it is.
    function onTransfer() external {
        for (uint256 i = 0; i < OWNERS; ++i) {
            try _topUps.topUp(_accountOf(i, 0), uint8(i % NUMBERS), 0) {
                assertTrue(false, "re-entered");
            } catch (bytes memory reason) {
                assertEq(bytes4(reason), bytes4(keccak256("ReentrancyGuardReentrantCall()")), "locked");
            }
        }
        ++calls["re-entered"];
    }

    /// @notice In its window no instruction moved more than its budget, by the handler's own ledger.
    function assertBudgets() external view {
        for (uint256 owner = 0; owner < OWNERS; ++owner) {
            for (uint8 number = 0; number < NUMBERS; ++number) {
                AccountId account = _accountOf(owner, 0);
                Instruction memory instruction = _left[account][number];
                assertLe(_movedSince(account, number, instruction.windowSeconds), instruction.budget, "budget");
            }
        }
    }

    /// @notice Accounts that hold everything but the insurance fund's and the treasury's part.
    function accounts() external view returns (AccountId[] memory all) {
        all = new AccountId[](2 * OWNERS + 1);
        for (uint256 i = 0; i < 2 * OWNERS; ++i) all[i] = _accountOf(i / 2, i % 2);
        all[2 * OWNERS] = _house;
    }

    // What was done

    function _verifyDone(Attempt memory attempt, uint256 amount) private {
        Instruction memory instruction = attempt.instruction;
        uint256 maintenance = attempt.margin.maintenance;
        int256 equity = attempt.margin.equity;
        assertTrue(instruction.kind != SourceKind.None && block.timestamp <= instruction.until, "in force");
        assertTrue(maintenance != 0 && equity * 1e18 < int256(uint256(instruction.triggerHealth) * maintenance), "due");

        uint256 need = _needOf(attempt.margin, instruction.targetHealth);
        assertLe(amount, need, "never above the target");
        assertGe(amount, attempt.amount, "I10: at least the preview's");
        if (attempt.tip == attempt.mostTip) assertEq(amount, attempt.amount, "I10: the preview's");
        assertLe(attempt.tip * need, uint256(instruction.tipLimit) * amount, "the part of the tip");
        assertLe(amount + attempt.tip, attempt.budgetLeft, "the budget's rest");
        _ledger[attempt.account][attempt.number].push(Entry(amount + attempt.tip, block.timestamp));
        uint256 moved = _movedSince(attempt.account, attempt.number, instruction.windowSeconds);
        assertLe(moved, instruction.budget, "the window's budget");

        uint256 surplus = attempt.manner == HostileShares.Manner.SendsMore ? TOO_MUCH : 0;
        _verifyMoved(attempt, amount, surplus);
        Margin memory now_ = _system.engine.marginOf(attempt.account);
        assertEq(now_.equity, equity + int256((amount + surplus) * UNIT), "equity one for one");
        assertEq(now_.maintenance, maintenance, "and nothing else");
        assertGe(now_.equity, int256(maintenance), "not for liquidators");
        _count(attempt, amount, need);
    }

    /// @dev Everything that anybody has is as before, but for the source, the account and the caller.
    function _verifyMoved(Attempt memory attempt, uint256 amount, uint256 surplus) private view {
        uint256[] memory expected = attempt.holdings;
        uint256[] memory found = _holdings();
        uint256 first = attempt.owner * 5;
        expected[first + 3] += (amount + surplus) * UNIT;
        expected[OWNERS * 5 + (attempt.caller == _callers[0] ? 0 : 1)] += attempt.tip;
        SourceKind kind = attempt.instruction.kind;
        if (kind == SourceKind.Wallet) expected[first] -= amount + attempt.tip;
        if (kind == SourceKind.SubAccount) {
            expected[first + 4] -= (amount + attempt.tip) * UNIT;
            assertTrue(
                _system.engine.statusOf(_accountOf(attempt.owner, 1)) == Status.Healthy,
                "the source is healthy"
            );
        }
        if (kind == SourceKind.Shares) {
            uint256 place = attempt.instruction.source == bytes32(uint256(uint160(address(_honest)))) ? 1 : 2;
            uint256 burnt = expected[first + place] - found[first + place];
            uint256 arrived = amount + attempt.tip + surplus;
            assertLe(burnt * attempt.instruction.leastAssetsPerShare, arrived * 1e18, "the least price");
            expected[first + place] = found[first + place];
        }
        for (uint256 i = 0; i < found.length; ++i) assertEq(found[i], expected[i], vm.toString(i));
    }

    function _count(Attempt memory attempt, uint256 amount, uint256 need) private {
        Instruction memory instruction = attempt.instruction;
        ++calls["topUp"];
        if (instruction.kind == SourceKind.Wallet) ++calls["wallet"];
        if (instruction.kind == SourceKind.SubAccount) ++calls["another account"];
        if (instruction.kind == SourceKind.Shares) {
            ++calls[
                instruction.source == bytes32(uint256(uint160(address(_honest))))
                    ? bytes32("shares")
                    : bytes32("hostile")
            ];
        }
        if (attempt.tip != 0) ++calls["tip"];
        if (amount < need) ++calls["in part"];
        if (attempt.margin.equity < int256(attempt.margin.maintenance)) ++calls["rescued"];
        if (attempt.manner == HostileShares.Manner.SendsMore) ++calls["too much"];
    }

    // What was not

    function _verifyRefused(Attempt memory attempt, bytes4 reason) private {
        assertEq(keccak256(abi.encode(_holdings())), keccak256(abi.encode(attempt.holdings)), "nothing moved");
        assertEq(_topUps.budgetLeftOf(attempt.account, attempt.number), attempt.budgetLeft, "nor counted");
        if (reason == IStandingTopUp.SharesTooCheap.selector) {
            ++calls["too cheap"];
            return assertTrue(attempt.instruction.kind == SourceKind.Shares);
        }
        if (attempt.amount != 0 && attempt.tip <= attempt.mostTip) {
            // A preview of something is kept, but for what a hostile vault does.
            ++calls["hostile refused"];
            bool ofSource =
                reason == IStandingTopUp.SourceFailed.selector || reason == IStandingTopUp.SourceFellShort.selector;
            return assertTrue(ofSource && attempt.manner != HostileShares.Manner.Honest, "without a reason");
        }
        Instruction memory instruction = attempt.instruction;
        bytes4 expected = IStandingTopUp.TopUpNotDue.selector;
        uint256 trigger = instruction.triggerHealth;
        bool isDue = attempt.margin.equity * 1e18 < int256(trigger * attempt.margin.maintenance);
        if (instruction.kind == SourceKind.None) expected = IStandingTopUp.NoSuchInstruction.selector;
        else if (block.timestamp > instruction.until) expected = IStandingTopUp.InstructionExpired.selector;
        else if (isDue && attempt.amount == 0) expected = IStandingTopUp.TooLittleToMove.selector;
        else if (isDue) expected = IStandingTopUp.TipTooHigh.selector;
        assertEq(reason, expected, "another reason");
        if (expected == IStandingTopUp.InstructionExpired.selector) ++calls["expired"];
        if (expected == IStandingTopUp.TooLittleToMove.selector) ++calls["too little"];
        if (expected == IStandingTopUp.TipTooHigh.selector) ++calls["tip too high"];
    }

    // Internals

    /// @dev The least that brings equity to health x maintenance, rounded up [token].
    function _needOf(Margin memory margin, uint256 health) private pure returns (uint256) {
        uint256 product = health * margin.maintenance;
        int256 lacking = int256(product / WAD + (product % WAD == 0 ? 0 : 1)) - margin.equity;
        return lacking > 0 ? (uint256(lacking) + UNIT - 1) / UNIT : 0;
    }

    function _movedSince(AccountId account, uint8 number, uint256 elapsed) private view returns (uint256 sum) {
        Entry[] storage entries = _ledger[account][number];
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].time + elapsed > block.timestamp) sum += entries[i].amount;
        }
    }

    /// @dev Of each owner: wallet, honest and hostile shares, and cash of both accounts, which is never negative here;
    /// then the callers' wallets, the house's cash, and what the contract has.
    function _holdings() private view returns (uint256[] memory all) {
        all = new uint256[](OWNERS * 5 + 4);
        for (uint256 i = 0; i < OWNERS; ++i) {
            all[i * 5] = _usdc.balanceOf(_owners[i]);
            all[i * 5 + 1] = _honest.balanceOf(_owners[i]);
            all[i * 5 + 2] = _hostile.balanceOf(_owners[i]);
            for (uint256 j = 0; j < 2; ++j) {
                all[i * 5 + 3 + j] = uint256(_system.vault.cashOf(_accountOf(i, j)) + int256(1e30));
            }
        }
        all[OWNERS * 5] = _usdc.balanceOf(_callers[0]);
        all[OWNERS * 5 + 1] = _usdc.balanceOf(_callers[1]);
        all[OWNERS * 5 + 2] = uint256(_system.vault.cashOf(_house) + int256(1e30));
        all[OWNERS * 5 + 3] = _usdc.balanceOf(address(_topUps));
    }
}
