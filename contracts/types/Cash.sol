// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What cash costs and how much of it may be borrowed, as governance sets it.
struct CashParameters {
    /// The borrow rate while all cash is there [bps per year].
    uint16 baseBps;
    /// What it rises by from no utilisation to all, up to the kink [bps per year].
    uint16 slopeBps;
    /// The utilisation above which it rises faster [bps].
    uint16 kinkBps;
    /// The same as `slopeBps` above the kink [bps per year].
    uint16 slopeAboveBps;
    /// The insurance fund's share of the interest that lenders would have [percent].
    uint8 reservePercent;
    /// The most that all accounts together may owe after a loan; 0: nothing can be borrowed [whole settlement currency].
    uint48 borrowCap;
}

/// @notice The state of all cash, accrued to this moment.
struct CashFigures {
    /// What a unit of positive principal is worth [wad].
    uint256 supplyIndex;
    /// What a unit of debt's principal owes [wad].
    uint256 borrowIndex;
    /// The part of all positive cash that is not in the vault as tokens: 0 to 1 [wad].
    uint256 utilisation;
    /// What debts pay [wad per year].
    uint256 borrowRate;
    /// What positive cash receives [wad per year].
    uint256 supplyRate;
    /// The sum of all positive cash [wad].
    uint256 positiveCash;
    /// The sum of all debts [wad].
    uint256 debt;
}
