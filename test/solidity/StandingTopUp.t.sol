// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup} from "./PlimsollSetup.sol";
import {TopUpChecks} from "./handlers/TopUpChecks.sol";
import {TopUpHandler} from "./handlers/TopUpHandler.sol";
import {StandingTopUp} from "../../contracts/automation/StandingTopUp.sol";
import {HostileShares} from "../../contracts/mocks/HostileShares.sol";
import {MockShares} from "../../contracts/mocks/MockShares.sol";
import {AccountId} from "../../contracts/types/AccountId.sol";
import {OpenPosition} from "../../contracts/types/Position.sol";

/// @title TopUpSetup
/// @notice The system with the contract, and the handler that acts on both.
abstract contract TopUpSetup is PlimsollSetup {
    StandingTopUp internal _topUps;
    TopUpChecks internal _handler;

    function setUp() public {
        _deploy();
        _topUps = new StandingTopUp(vault, clearinghouse);
        _handler = new TopUpChecks(_plimsoll(), _topUps, new MockShares(usdc), new HostileShares(usdc));
        clearinghouse.setVenue(address(_handler), true);
        _handler.begin();

        bytes4[] memory selectors = new bytes4[](15);
        selectors[0] = TopUpHandler.instruct.selector;
        selectors[1] = TopUpHandler.cancel.selector;
        selectors[2] = TopUpHandler.fill.selector;
        selectors[3] = TopUpHandler.drain.selector;
        selectors[4] = TopUpHandler.trade.selector;
        selectors[5] = TopUpHandler.movePrice.selector;
        selectors[6] = TopUpHandler.moveSharePrice.selector;
        selectors[7] = TopUpHandler.passTime.selector;
        selectors[8] = TopUpHandler.donate.selector;
        selectors[9] = TopUpChecks.topUp.selector;
        // More likely.
        selectors[10] = TopUpChecks.crash.selector;
        selectors[11] = TopUpHandler.instruct.selector;
        selectors[12] = TopUpChecks.crash.selector;
        selectors[13] = TopUpChecks.lie.selector;
        selectors[14] = TopUpChecks.lie.selector;
        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: selectors}));
    }
}

/// @title StandingTopUpTest
/// @notice Proves that a top-up never violates its instruction, under any interleaving of owners, executors, prices and
/// sources, honest or not.
contract StandingTopUpTest is TopUpSetup {
    /// @notice In any window each instruction moved at most its budget; every single top-up is checked by the handler.
    function invariant_BudgetsHold() public view {
        _handler.assertBudgets();
    }

    /// @notice I2, I3: the vault's books are whole, and nothing stays in the contract but what was sent by mistake.
    function invariant_I2I3_NothingIsLost() public view {
        assertEq(usdc.balanceOf(address(_topUps)), _handler.donated(), "nothing stays");
        assertEq(usdc.balanceOf(address(vault)), vault.trackedOf(address(usdc)), "I3");
        AccountId[] memory accounts = _handler.accounts();
        int256 claims = int256(clearinghouse.reserve()) - int256(clearinghouse.deficit());
        claims += vault.cashOf(fund) + vault.cashOf(treasury);
        for (uint256 i = 0; i < accounts.length; ++i) {
            claims += vault.cashOf(accounts[i]);
            OpenPosition[] memory open = clearinghouse.openPositionsOf(accounts[i]);
            for (uint256 j = 0; j < open.length; ++j) claims += open[j].realQuote;
        }
        assertApproxEqAbs(claims, int256(vault.trackedOf(address(usdc)) * 1e12), 1e6, "I2");
    }

    /// @notice Whatever trigger, target, budget and tip limit: an account that is due has its target or all that the
    /// instruction allows.
    function testFuzz_TopUp(uint256 kind, uint256 trigger, uint256 seed, uint256 price, uint256 tip) public {
        _handler.instruct(0, 0, kind, trigger, seed);
        _handler.crash(0, 0, price, tip, seed);
        invariant_I2I3_NothingIsLost();
    }
}

/// @title StandingTopUpEventsTest
/// @notice What a campaign proves of an event it proves only if the event occurs. A campaign of its own, as in
/// RareEvents.t.sol: each run begins with the same state, so what happened is summed in the environment of the process.
contract StandingTopUpEventsTest is TopUpSetup {
    /// @dev So many that everything is expected to have happened.
    uint256 private constant ENOUGH_ACTS = 3_000;
    string private constant PREFIX = "PLIMSOLL_TOP_UP ";

    /// @notice Every act is asserted by the handler.
    /// hardhat-config: default.invariant.runs = 96
    function invariant_EverythingRareOccurs() public view {
        assertGt(_handler.accounts().length, 0);
    }

    /// @dev Adds what happened in a run; after the last, judges the sums.
    function afterInvariant() public {
        uint256 acts = _add("acts", _handler.acts());
        string[17] memory events = [
            "topUp",
            "wallet",
            "another account",
            "shares",
            "hostile",
            "tip",
            "in part",
            "rescued",
            "too cheap",
            "hostile refused",
            "too little",
            "cancelled",
            "replaced",
            "tip too high",
            "re-entered",
            "too much",
            "expired"
        ];
        string memory missing;
        for (uint256 i = 0; i < events.length; ++i) {
            uint256 sum = _add(events[i], _handler.calls(bytes32(bytes(events[i]))));
            if (sum == 0) missing = string.concat(missing, events[i], ", ");
        }
        if (acts >= ENOUGH_ACTS) assertEq(missing, "", "never happened");
    }

    function _add(string memory name, uint256 count) private returns (uint256 sum) {
        string memory variable = string.concat(PREFIX, name);
        sum = vm.envOr(variable, uint256(0)) + count;
        vm.setEnv(variable, vm.toString(sum));
    }
}
