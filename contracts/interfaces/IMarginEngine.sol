// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {Delta, KnownPrice, Margin, Status} from "../types/Portfolio.sol";
import {LiquidationTerms} from "../types/LiquidationTerms.sol";

/// @title IMarginEngine
/// @notice Reads an account, values it and asks its margin model: the one arithmetic behind every view and every check.
/// @dev Every function reverts with the oracle's reason when a price that the account depends on cannot be read.
interface IMarginEngine {
    /// @notice The account would be worth less than its initial margin [wad].
    error BelowInitialMargin(AccountId account, int256 equity, uint256 initial);
    /// @notice The account was below its initial margin and the act would not leave it safer [wad].
    error RiskNotReduced(AccountId account, Margin before, Margin afterwards);
    /// @notice The account is at or above its maintenance margin [wad].
    error NotLiquidatable(AccountId account, int256 equity, uint256 maintenance);
    /// @notice What would be left is below the minimum margin: the whole account must be taken [wad].
    error MustCloseWhole(AccountId account, uint256 fraction);
    /// @notice The fraction asked for is too small to be told from rounding [wad].
    error FractionTooSmall(uint256 fraction, uint256 least);
    /// @notice At most 256 accounts can be checked at once.
    error TooManyAccounts(uint256 given, uint256 most);

    /// @notice What the account is worth and what it must be worth.
    function marginOf(AccountId account) external view returns (Margin memory);

    /// @notice Where the account stands.
    function statusOf(AccountId account) external view returns (Status);

    /// @notice The account as if trades and a change of cash were done.
    /// @param account The account.
    /// @param deltas Trades, applied in order; fees are part of `cash`.
    /// @param cash Change of the account's cash [wad].
    function marginWith(AccountId account, Delta[] calldata deltas, int256 cash) external view returns (Margin memory);

    /// @notice The most that can be withdrawn of a token now: what the account may spare and the vault has [token].
    function withdrawable(AccountId account, address token) external view returns (uint256);

    /// @notice What a liquidation would do now, at its largest slice; zeros for an account that cannot be liquidated.
    /// @return maxFraction The slice [wad].
    /// @return payment What the liquidator pays, negative when it is paid [wad].
    /// @return toAccount What the account receives [wad].
    /// @return toInsurance What the insurance fund receives, negative when it pays [wad].
    function previewLiquidation(
        AccountId account
    ) external view returns (uint256 maxFraction, int256 payment, int256 toAccount, int256 toInsurance);

    /// @notice The price of the instrument's underlying at which the account meets its maintenance margin exactly, all
    /// other prices unchanged; 0 where none exists [wad].
    /// @dev For frontends: a search of up to some hundred valuations, not meant to be called in a transaction.
    function liquidationPrice(AccountId account, InstrumentId instrument) external view returns (uint256);

    /// @notice Which of the accounts are worth less than their initial margin: bit i for the i-th.
    /// @param accounts At most 256; each is valued once.
    /// @param known Prices that the caller has read in this call.
    function belowInitial(AccountId[] calldata accounts, KnownPrice[] calldata known) external view returns (uint256);

    /// @notice The same for the maintenance margin.
    function belowMaintenance(
        AccountId[] calldata accounts,
        KnownPrice[] calldata known
    ) external view returns (uint256);

    /// @notice Reverts with BelowInitialMargin unless the account is worth its initial margin.
    function requireInitial(AccountId account) external view;

    /// @notice Reverts with RiskNotReduced unless the account, as it is now, is no worse than before the given trades
    /// and change of cash: no position grown or flipped, maintenance not raised, health not lowered.
    /// @param account The account after the act.
    /// @param done The trades of the act.
    /// @param cash What else the act changed of the account's cash: fees [wad].
    /// @param known Prices that the caller has read in this call.
    function requireSafer(
        AccountId account,
        Delta[] calldata done,
        int256 cash,
        KnownPrice[] calldata known
    ) external view;

    /// @notice The terms of a liquidation, for at most `maxFraction` [wad]. Reverts with NotLiquidatable,
    /// MustCloseWhole or FractionTooSmall.
    function liquidationTermsOf(AccountId account, uint256 maxFraction) external view returns (LiquidationTerms memory);
}
