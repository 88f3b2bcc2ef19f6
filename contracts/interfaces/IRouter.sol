// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {SignedOrder} from "./IExchange.sol";

/// @title IRouter
/// @notice Several acts of one caller in one transaction, such as "deposit and trade" or "cancel and withdraw": all or
/// none of what is given to `multicall`.
/// @dev The targets know the router, not its caller: they let it do what owners gave it by `Vault.setOperator`. So the
/// router demands of its caller, with `Vault.requireAuthorized`, what the target would demand: it adds to nobody's
/// rights. Deposits of the settlement token or of a token that the account holds, and `matchOrders`, need no rights.
interface IRouter {
    /// @notice Brings tokens into an account, as `Vault.deposit` would for the caller.
    /// @dev The tokens are the caller's and go through the router: the caller allows the router to take them. What
    /// arrives is deposited; a token that takes a fee from transfers takes it twice. Bringing a token that the account
    /// does not hold takes TRANSFER, of the caller and of the router. Reverts with IVault.StrangerDepositRefused.
    /// @param account Who is credited.
    /// @param token The settlement token or listed collateral.
    /// @param amount Taken from the caller by its allowance for the router [token].
    function deposit(AccountId account, address token, uint256 amount) external;

    /// @notice As `deposit`, with an EIP-2612 permit of the caller for the router; a permit that somebody else has
    /// already used does no harm. Reverts with IVault.PermitFailed.
    function depositWithPermit(
        AccountId account,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice As `Vault.withdraw`: takes WITHDRAW, of the caller and of the router.
    /// @param account Who is charged.
    /// @param token The settlement token or listed collateral.
    /// @param amount What is charged [token].
    /// @param to Who receives the tokens; not the router, which keeps none. Reverts with IVault.InvalidReceiver.
    function withdraw(AccountId account, address token, uint256 amount, address to) external;

    /// @notice As `Vault.transfer`, between two accounts of one owner: takes TRANSFER, of the caller and of the router.
    /// @param amount What is moved [token].
    function transfer(AccountId from, AccountId to, address token, uint256 amount) external;

    /// @notice As `Clearinghouse.settleVariation`, for those who may at any time: takes TRADE, of the caller and of the
    /// router. Who settles the variation of a stranger's account below initial margin calls the clearinghouse itself.
    function settleVariation(AccountId account) external;

    /// @notice As `Exchange.cancel`: takes TRADE, of the caller and of the router.
    function cancel(AccountId account, uint64[] calldata nonces) external;

    /// @notice As `Exchange.cancelUpTo`: takes TRADE, of the caller and of the router.
    function cancelUpTo(AccountId account, uint64 nonce) external;

    /// @notice As `Exchange.matchOrders`: anyone, for the orders carry their signatures.
    /// @param taker The order that takes.
    /// @param makers The orders that rest, best first.
    /// @param sizes How much of each is filled [wad].
    function matchOrders(SignedOrder calldata taker, SignedOrder[] calldata makers, uint128[] calldata sizes) external;

    /// @notice As `Clearinghouse.liquidate`: takes LIQUIDATE on the liquidator's account, of the caller and of the
    /// router.
    /// @param account Who is below the line.
    /// @param liquidator Who takes the slice and pays for it.
    /// @param maxFraction The most to take [wad].
    /// @param maxPayment The most to pay for what is taken; negative: the least to be paid [wad].
    /// @return fraction What was taken [wad].
    /// @return payment What the liquidator paid; negative when it was paid [wad].
    function liquidate(
        AccountId account,
        AccountId liquidator,
        uint256 maxFraction,
        int256 maxPayment
    ) external returns (uint256 fraction, int256 payment);
}
