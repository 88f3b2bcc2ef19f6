// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {IMarginModel} from "./IMarginModel.sol";
import {KnownMarket} from "../types/MarketCache.sol";
import {Acts, Delta, Margin, Status} from "../types/Portfolio.sol";
import {LiquidationTerms} from "../types/LiquidationTerms.sol";

/// @title IMarginEngine
/// @notice Reads an account, values it and asks its margin model: the one arithmetic behind every view and every check.
/// @dev When a price that the account depends on cannot be read, every view reverts with the oracle's reason. Liquidation
/// and the checks after trades go on with the last accepted price, as each says below.
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

    /// @notice This engine's margin model, for whoever asks it about a portfolio of his own.
    function MODEL() external view returns (IMarginModel);

    /// @notice The engine that this one succeeds, from whose model requirements move to its own; the zero address for the
    /// first.
    function FORMER_ENGINE() external view returns (IMarginEngine);

    /// @notice Until then requirements are on their way; 0 before the engine is in charge, when they are those of the former
    /// model, and for the first engine [unix seconds].
    function endOfBlend() external view returns (uint256);

    /// @notice Puts the engine in charge: requirements begin to move. The clearinghouse only.
    function begin() external;

    /// @notice What the account is worth and what it must be worth.
    function marginOf(AccountId account) external view returns (Margin memory);

    /// @notice Where the account stands.
    function statusOf(AccountId account) external view returns (Status);

    /// @notice The account as if trades and a change of cash were done.
    /// @param account The account.
    /// @param deltas Trades, applied in order; fees are part of `cash`.
    /// @param cash Change of the account's cash [wad].
    function marginWith(AccountId account, Delta[] calldata deltas, int256 cash) external view returns (Margin memory);

    /// @notice The most that can be withdrawn of a token now: what the account may spare and the vault lets go [token].
    /// @dev A token whose price cannot be read leaves whole or not at all.
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
    /// An account with an item that cannot be read is always among them.
    /// @param known What the caller has read in this call.
    function belowInitial(AccountId[] calldata accounts, KnownMarket[] calldata known) external view returns (uint256);

    /// @notice The same for the maintenance margin, items that cannot be read at their last accepted price.
    function belowMaintenance(
        AccountId[] calldata accounts,
        KnownMarket[] calldata known
    ) external view returns (uint256);

    /// @notice Reverts with BelowInitialMargin unless the account is worth its initial margin.
    function requireInitial(AccountId account) external view;

    /// @notice Reverts with the oracle's reason when the account has a position or a debt and a price cannot be read: what
    /// the price values must not be added to such an account.
    function requirePriced(AccountId account, uint24 underlying) external view;

    /// @notice `requireInitial` for an account that took over a slice: what it took over was open before, so the initial
    /// margin has no open-interest add-on. Items that cannot be read count for nothing, or as what they would lose at their last
    /// price and their initial requirement.
    /// @param known What the caller has read in this call.
    function requireInitialOfLiquidator(AccountId liquidator, KnownMarket[] calldata known) external view;

    /// @notice Reverts with RiskNotReduced unless the account, as it is now, is no worse than before the given trades and
    /// fees: no position grown or flipped, maintenance not raised, health not lowered. With an item that cannot be read,
    /// counted at its last accepted price, equity must not be lowered by anything but the venue's fees.
    /// @param account The account after the act.
    /// @param acts Its trades and fees.
    /// @param known What the caller has read in this call.
    function requireSafer(AccountId account, Acts calldata acts, KnownMarket[] calldata known) external view;

    /// @notice What an account is worth as a liquidation sees it [wad], with what was read for it. Reverts with the oracle's
    /// reason when too much of it cannot be read.
    function equityForLiquidation(AccountId account) external view returns (int256 equity, KnownMarket[] memory known);

    /// @notice The terms of a liquidation, for at most `maxFraction` [wad]. Reverts with NotLiquidatable,
    /// MustCloseWhole or FractionTooSmall.
    /// @dev An item that cannot be read counts at its last accepted price less its maintenance requirement, as far as the
    /// account has equity to pay for the doubt, and requires nothing: the line stays where it was. Only while such items
    /// are at most a tenth of the requirement; else this reverts with the oracle's reason.
    /// @return terms The terms, with the fraction to take.
    /// @return known What was read for it.
    function liquidationTermsOf(
        AccountId account,
        uint256 maxFraction
    ) external view returns (LiquidationTerms memory terms, KnownMarket[] memory known);
}
