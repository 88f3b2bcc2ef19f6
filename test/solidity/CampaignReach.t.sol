// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CampaignSetup} from "./CampaignSetup.sol";

/// @title CampaignReachTest
/// @notice One long run, at the end of which every act and every rare event has happened: a campaign that never gets
/// there would prove nothing about it.
/// @dev A run and not a unit test: the traces of a failing call that does as much would not fit into memory.
contract CampaignReachTest is CampaignSetup {
    /// @notice Nothing by itself; what each act must change is asserted by the handler.
    /// forge-config: default.invariant.runs = 1
    /// forge-config: default.invariant.depth = 600
    /// forge-config: ci.invariant.runs = 1
    /// forge-config: ci.invariant.depth = 600
    /// forge-config: deep.invariant.runs = 1
    /// forge-config: deep.invariant.depth = 600
    function invariant_TheCampaignGoesOn() public view {
        assertGt(address(_handler).code.length, 0);
    }

    /// @dev Shorter runs, as shrinking makes them, are not judged.
    function afterInvariant() public view {
        if (_handler.acts() < 600) return;
        string[41] memory events = [
            "deposit",
            "withdraw",
            "transfer",
            "sendByMistake",
            "trade",
            "batch",
            "tradeSigned",
            "close",
            "settleVariation",
            "liquidate",
            "distributeFees",
            "movePrice",
            "passTime",
            "silence",
            "revive",
            "freeze",
            "notePrice",
            "setOperator",
            "partial slice",
            "whole account",
            "bankrupt account",
            "own liquidation",
            "operator liquidated",
            "operator withdrew",
            "operator transferred",
            "operator signed",
            "stranger refused",
            "fund paid",
            "fund capped",
            "haircut",
            "deficit",
            "deficit repaid",
            "outflow limit",
            "open interest cap",
            "open interest add-on",
            "frozen",
            "closed at the last mark",
            "topped up above the cap",
            "deposit cap",
            "silent item moved",
            "variation called by a stranger"
        ];
        for (uint256 i = 0; i < events.length; ++i) {
            assertGt(_handler.calls(bytes32(bytes(events[i]))), 0, events[i]);
        }
    }
}
