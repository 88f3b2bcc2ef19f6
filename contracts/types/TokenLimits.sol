// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What bounds the vault's holdings of a token: one slot.
struct TokenLimits {
    /// The most that the vault takes in all [token].
    uint112 depositCap;
    /// What may leave, net of what comes in, at once and again in each window of a day, whatever the share [token].
    uint112 outflowAmount;
    /// The same as a share of what the vault has; never below 1,000 [bps].
    uint16 outflowBps;
}
