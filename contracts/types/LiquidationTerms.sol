// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The terms on which an account is liquidated: prices are for the whole of it, whatever the slice.
struct LiquidationTerms {
    /// R: the account's equity [wad].
    int256 equity;
    /// M: its maintenance requirement [wad].
    uint256 maintenance;
    /// I: the liquidator's discount [wad].
    uint256 incentive;
    /// L: what the liquidator pays; negative when it is paid [wad].
    int256 payment;
    /// A: what the account receives [wad].
    uint256 toAccount;
    /// The slice that is taken of everything the account holds [wad].
    uint256 fraction;
}

/// @notice The terms turned into cash for the slice that is taken.
struct LiquidationSettlement {
    /// What the liquidator pays; negative when it is paid [wad].
    int256 payment;
    /// What the account receives [wad].
    uint256 toAccount;
    /// What the insurance fund receives; negative when it pays [wad].
    int256 toInsurance;
    /// What neither the account nor the fund could bear: it goes down the waterfall [wad].
    uint256 loss;
}
