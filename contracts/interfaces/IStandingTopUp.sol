// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "../types/AccountId.sol";

/// @notice Where the tokens of a top-up come from. None: there is no instruction.
enum SourceKind {
    None,
    Wallet,
    SubAccount,
    Shares
}

/// @notice What an owner lets anyone do for one of its accounts.
struct Instruction {
    /// Where the tokens come from: the owner's wallet, another of its accounts, or an ERC-4626 vault whose shares it holds.
    SourceKind kind;
    /// Last second in which it may be executed [unix seconds].
    uint40 until;
    /// It is due while health, equity / maintenance requirement, is below this: 1 to 100 [wad].
    uint80 triggerHealth;
    /// Health to which a top-up brings the account: at least 0.05 above the trigger, at most 100 [wad].
    uint80 targetHealth;
    /// In any interval of this length at most the budget is moved: a minute to a year [seconds].
    uint48 windowSeconds;
    /// Zero for the wallet; the other account's id; the ERC-4626 vault's address as a number.
    bytes32 source;
    /// The most that leaves the source in a window, tips included [token].
    uint128 budget;
    /// What whoever executes it may ask for at most, for a top-up that reaches the target [token].
    uint128 tipLimit;
    /// Of shares: the least that 1e18 of their smallest units must bring, at least 1; 0 for the other kinds [token].
    uint128 leastAssetsPerShare;
}

/// @title IStandingTopUp
/// @notice Standing instructions of owners to top up their accounts, which anyone executes when they are due.
/// @dev Only the settlement token is moved: it is always accepted, needs no price and adds to equity one for one. Other
/// collateral would need prices, limits and a haircut to be weighed, could be refused, and what is held of it in an
/// account raises the cost of valuing it.
///
/// Assumed and not enforced: the settlement token takes no fee from transfers and does not change balances by itself. A
/// share vault is its owner's choice and not trusted: what it returns is never believed, only balances are.
///
/// What the owner gives beside the instruction. Wallet: an allowance of the settlement token for this contract. Another
/// account: TRANSFER in the Vault, and WITHDRAW if the tip limit is not 0. Shares: an allowance of them.
///
/// A top-up that would leave the account below its maintenance requirement is refused: liquidators would take a slice of
/// what it brought. So is one of a dearer tip than the part of the need that it covers.
interface IStandingTopUp {
    /// @notice Only the account's owner may leave or cancel instructions for it; operators may not.
    error NotAccountOwner(AccountId account, address caller);
    /// @notice A field of the instruction is outside of its bounds, in the field's unit.
    error InstructionOutOfBounds(bytes32 field, uint256 value, uint256 least, uint256 most);
    /// @notice The source is not one of this kind that the account's owner could use for it.
    error InvalidSource(SourceKind kind, bytes32 source);
    /// @notice There is no instruction of this number: there never was, or it was cancelled.
    error NoSuchInstruction(AccountId account, uint8 number);
    /// @notice The instruction's last second has passed [unix seconds].
    error InstructionExpired(AccountId account, uint8 number, uint256 until);
    /// @notice The account's health is not below the trigger [wad].
    error TopUpNotDue(AccountId account, uint8 number, int256 equity, uint256 maintenance);
    /// @notice What the source has, the budget leaves and the vault takes is less than what brings the account to its
    /// maintenance requirement, however its cash is rounded; or is nothing [token].
    error TooLittleToMove(AccountId account, uint8 number, uint256 available, uint256 least);
    /// @notice The tip is above the limit, which falls with the part of the need that is covered [token].
    error TipTooHigh(AccountId account, uint8 number, uint256 tip, uint256 most);
    /// @notice The share vault reverted. Its reason is not copied: it could be of any length.
    error SourceFailed(AccountId account, uint8 number, bytes32 source);
    /// @notice Fewer tokens arrived than were asked for [token].
    error SourceFellShort(AccountId account, uint8 number, uint256 asked, uint256 arrived);
    /// @notice More shares were burnt than what arrived is worth at the least price; in the shares' smallest units and
    /// [token].
    error SharesTooCheap(AccountId account, uint8 number, uint256 burnt, uint256 arrived);

    /// @notice An owner left an instruction, in place of any of the same number; `budgetLeft` is what may be moved now
    /// [token].
    event InstructionSet(AccountId indexed account, uint8 indexed number, Instruction instruction, uint256 budgetLeft);
    /// @notice An owner took an instruction back.
    event InstructionCancelled(AccountId indexed account, uint8 indexed number);
    /// @notice An instruction was executed: `amount` for the account and `tip` for the caller left the source [token].
    /// Equity and maintenance requirement are those before [wad]; `budgetLeft` is what may be moved now [token].
    event ToppedUp(
        AccountId indexed account,
        uint8 indexed number,
        address indexed caller,
        uint256 amount,
        uint256 tip,
        int256 equity,
        uint256 maintenance,
        uint256 budgetLeft
    );

    /// @notice Leaves an instruction, in place of any of the same number. The account's owner only. Reverts with
    /// NotAccountOwner, InstructionOutOfBounds or InvalidSource.
    /// @dev What an earlier instruction of this number moved counts against the new budget, within the new window and as
    /// far as it is known: otherwise whoever executes the old one just before it is replaced would move two budgets. An
    /// owner who wants to allow more says a larger budget, or takes another number.
    /// @param account Who is to be topped up.
    /// @param number Which of the account's instructions.
    /// @param instruction What is allowed.
    function instruct(AccountId account, uint8 number, Instruction calldata instruction) external;

    /// @notice Takes an instruction back, at once and whatever the state of prices and sources. The account's owner only.
    /// Reverts with NoSuchInstruction when there is none. What it moved is not forgotten.
    function cancel(AccountId account, uint8 number) external;

    /// @notice Executes an instruction that is due. Anyone.
    /// @dev Moves the least that brings the account to the target health, or what the source has, the budget leaves and
    /// the vault's deposit cap lets in.
    /// The tip is paid from the same source on top, at most tip limit x amount / need. Reverts with NoSuchInstruction,
    /// InstructionExpired, TopUpNotDue, TooLittleToMove, TipTooHigh, SourceFailed, SourceFellShort or SharesTooCheap, with
    /// the oracle's reason when a price of the account, or of the account that is the source, cannot be read, and with
    /// what the Vault or the settlement token refuses.
    /// @param account Who is topped up.
    /// @param number Which of its instructions.
    /// @param tip What the caller asks for itself [token].
    /// @return amount What was asked of the source for the account [token].
    function topUp(AccountId account, uint8 number, uint256 tip) external returns (uint256 amount);

    /// @notice What `topUp` would move now; zeros when it would be refused for the instruction, the account's health, the
    /// budget, the vault's deposit cap or what the source says that it has. Rights that the contract has not, and a source
    /// that lies, are seen by a simulation only. Reverts with the oracle's reason when a price cannot be read.
    /// @return amount What the account would receive if the caller asked for the most tip; with less, at least as much
    /// [token].
    /// @return mostTip The most that the caller can ask for [token].
    function previewTopUp(AccountId account, uint8 number) external view returns (uint256 amount, uint256 mostTip);

    /// @notice An instruction as it was left; all 0 when there is none.
    function instructionOf(AccountId account, uint8 number) external view returns (Instruction memory);

    /// @notice How much of an instruction's budget the last window leaves, expired or not; 0 when there is none [token].
    function budgetLeftOf(AccountId account, uint8 number) external view returns (uint256);
}
