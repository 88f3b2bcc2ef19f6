// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AutomationCompatibleInterface} from "@chainlink/contracts/src/v0.8/automation/interfaces/AutomationCompatibleInterface.sol";
import {AccountId} from "../types/AccountId.sol";

/// @title ILiquidationAutomation
/// @notice A liquidator that anybody may drive: it has an account of its own, and takes over slices of accounts below the
/// line whenever it is told of them. `checkUpkeep` finds them, `performUpkeep` takes them; a decentralised network calls one
/// after the other, so that liquidation does not depend on any one keeper. docs/automation.md says how to register it.
/// @dev The account is (this contract, sub-account 0). Its owner funds it and bears its risk: deposits are anyone's, and the
/// vault knows the owner as an operator with every right over it, who trades, withdraws and so on as with an account
/// of his own. Callers choose which accounts are taken and when, nothing else:
/// - the price is the protocol's: the whole incentive, or the slice is not taken,
/// - afterwards the account has its initial margin, and `leastFreeMargin` more,
/// - the owner can stop it at once.
/// What it does not protect from is in docs/known-limits.md.
interface ILiquidationAutomation is AutomationCompatibleInterface {
    /// @notice The data is not a batch: 1 to 16 entries of 34 bytes [bytes].
    error InvalidPerformData(uint256 length);
    /// @notice Not one slice was taken of the accounts named; the last of them failed for this reason.
    error NothingTaken(uint256 named, bytes4 reason);
    /// @notice The owner has stopped it.
    error NotTaking();
    /// @notice Only the contract itself may call this, from within `performUpkeep`.
    error NotAutomation(address caller);
    /// @notice The account would keep less free margin than its owner wants [wad].
    error FreeMarginTooSmall(int256 free, uint256 least);
    /// @notice One call may name this many accounts at most.
    error TooManyNamed(uint256 given, uint256 most);
    /// @notice Without an owner nobody could reach what the account has.
    error OwnerRequired();

    /// @notice A slice of this account was not taken; the others of the batch were not affected.
    /// @param reason The selector of the error; 0 when it gave none, as when it ran out of the gas that was left.
    event LiquidationFailed(AccountId indexed account, bytes4 reason);
    /// @notice The account is on the list, which has this many now.
    event Watched(AccountId indexed account, uint256 count);
    /// @notice The account is no longer on the list, which has this many now.
    event Forgotten(AccountId indexed account, uint256 count);
    /// @notice The margin that is to stay free was changed [wad].
    event LeastFreeMarginSet(uint256 former, uint256 leastFreeMargin);
    /// @notice It takes nothing more, or takes again.
    event TakingSet(bool taking);

    // Anyone

    /// @notice Takes over a report of a forwarder: the same as `performUpkeep(report)`, and as little trusted.
    /// @dev The shape of Chainlink's keystone receiver, which the forwarder looks for by ERC-165.
    /// @param metadata Of the workflow that sent it; not looked at, for anyone may perform.
    /// @param report The data of `performUpkeep`.
    function onReport(bytes calldata metadata, bytes calldata report) external;

    /// @notice Puts accounts on the list that `checkUpkeep` reads. Left out are those that are there already, those that
    /// have neither position nor debt, and the liquidator's own account: so no other call can make this one fail.
    /// @param accounts At most 100.
    /// @return added How many are new.
    function watch(AccountId[] calldata accounts) external returns (uint256 added);

    /// @notice Takes accounts from the list that have neither position nor debt; others stay.
    /// @param accounts At most 100.
    /// @return removed How many were taken from it.
    function forget(AccountId[] calldata accounts) external returns (uint256 removed);

    // The contract itself

    /// @notice Takes one slice: a call of its own, so that what fails in it undoes only itself. Reverts with NotAutomation
    /// for any other caller.
    /// @param account Whose slice.
    /// @param shareBps Which part of the largest slice [bps].
    /// @return fraction What was taken [wad].
    function take(AccountId account, uint256 shareBps) external returns (uint256 fraction);

    // The owner

    /// @notice Stops it, or lets it go on. Only the owner.
    function setTaking(bool isTaking) external;

    /// @notice How much margin must stay free after each slice, beyond the initial requirement that `marginOf` tells. Only
    /// the owner.
    /// @param least 0 for the protocol's requirement alone, which leaves the open-interest add-on out [wad].
    function setLeastFreeMargin(uint88 least) external;

    // Views

    /// @notice The liquidator's account.
    function account() external view returns (AccountId);

    /// @notice Whether it takes anything now.
    function taking() external view returns (bool);

    /// @notice What must stay free after each slice [wad].
    function leastFreeMargin() external view returns (uint256);

    /// @notice How many accounts are on the list.
    function watchedCount() external view returns (uint256);

    /// @notice Whether an account is.
    function isWatched(AccountId account) external view returns (bool);

    /// @notice A part of the list. Places change when accounts are forgotten.
    /// @param from The first place, from 0.
    /// @param count At most 1,000.
    function watched(uint256 from, uint256 count) external view returns (AccountId[] memory);
}
