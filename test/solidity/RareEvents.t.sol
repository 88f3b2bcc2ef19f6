// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CampaignSetup} from "./CampaignSetup.sol";

/// @title RareEventsTest
/// @notice What a campaign proves of an event it proves only if the event occurs: sums what happened in all runs, and
/// after so many acts everything must have.
/// @dev A campaign of its own, because whatever reads the environment cannot be replayed by the runner. Each run begins
/// with the same state, so the sums are kept where no state is: in the environment of the process.
contract RareEventsTest is CampaignSetup {
    uint256 private constant ENOUGH_ACTS = 9_600;
    string private constant PREFIX = "PLIMSOLL_CAMPAIGN ";

    /// @notice Every act is asserted by the handler. In the ci profile there are as many as it takes to expect
    /// everything; shorter ones judge nothing.
    /// hardhat-config: ci.invariant.runs = 96
    function invariant_EverythingRareOccurs() public view {
        assertGt(_handler.accountCount(), 0);
    }

    /// @dev Adds what happened in a run; after the last, judges the sums.
    function afterInvariant() public {
        uint256 acts = _add("acts", _handler.acts());
        string[] memory events = vm.split(_events(), "|");
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

    /// @dev Every name under which the handlers count.
    function _events() private pure returns (string memory) {
        return
            string.concat(
                "liquidate|partial slice|whole account|must close whole|bankrupt account|own liquidation|",
                "operator liquidated|liquidator refused|silent item moved|silence shields|",
                "fund paid|fund capped|incentive cut|haircut|deficit|deficit repaid|distributeFees|",
                "trade|batch|run of one taker|close|tradeSigned|partly filled|filled in two parts|trigger filled|",
                "trigger not reached|operator signed|reduced below initial|open interest add-on|closed at the last mark|",
                "trade refused|risk not reduced|frozen|open interest cap|trade waits for a price|",
                "flag|flag removed|flag refused|deleverage|deleveraged wholly|deleverage refused|deleverage not due|",
                "deleverage paid by the fund|deleverage with haircut|deleverage with lenders|",
                "deleverage with deficit|writeOff|write-off of some size|write-off refused|lenders charged|",
                "lenders capped|repayDeficit|deficit repaid by the fund|takeFromFund|taking from the fund refused|",
                "setFundingRules|accrueFunding|interest changed|longs paid funding|shorts paid funding|",
                "premium at the cap|accrueInterest|interest earned by lenders|interest for the fund|loan|",
                "borrow cap|fee tier|",
                "settleVariation|variation called by a stranger|loss called by a stranger|variation refused|",
                "deposit|deposit refused|deposit cap|stranger deposited|topped up above the cap|withdraw|",
                "withdrew too much|operator withdrew|outflow limit|withdrawal waits|transfer|",
                "transfer refused|operator transferred|sendByMistake|",
                "pokeVolatility|several rounds|rounds left|rounds bring down|fast above slow|rate at its cap|",
                "callMargin|margin call too soon|no margin call|changeParameters|ramp turned|ramp not over|ends and factors|",
                "movePrice|passTime|silence|revive|freeze|notePrice|setOperator|stranger refused"
            );
    }
}
