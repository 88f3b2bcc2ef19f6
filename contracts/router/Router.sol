// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IExchange, SignedOrder} from "../interfaces/IExchange.sol";
import {IRouter} from "../interfaces/IRouter.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVault} from "../interfaces/IVault.sol";
import {AccountId} from "../types/AccountId.sol";
import {LIQUIDATE, TRADE, TRANSFER, WITHDRAW} from "../types/Permissions.sol";

/// @title Router
/// @notice Several acts in one transaction. See IRouter.
/// @dev Owners may trust the router with every right, so this is all that it does: it calls four contracts that are fixed
/// for ever, and a token once it is known to be listed. It has no storage, no owner, no payable function and, between
/// calls, no token and no allowance. Multicall calls the router itself by delegatecall: the caller of each act is the
/// caller of the whole, however deeply nested.
contract Router is IRouter, Multicall, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    IVault private immutable VAULT;
    IRules private immutable RULES;
    IClearinghouse private immutable CLEARINGHOUSE;
    IExchange private immutable EXCHANGE;
    address private immutable SETTLEMENT_TOKEN;

    /// @dev The caller itself must have the right that the target will ask of the router.
    modifier onlyAuthorized(AccountId account, uint8 permission) {
        VAULT.requireAuthorized(account, msg.sender, permission);
        _;
    }

    constructor(IVault vault, IRules rules, IClearinghouse clearinghouse, IExchange exchange) {
        VAULT = vault;
        RULES = rules;
        CLEARINGHOUSE = clearinghouse;
        EXCHANGE = exchange;
        SETTLEMENT_TOKEN = vault.SETTLEMENT_TOKEN();
    }

    // Tokens

    /// @inheritdoc IRouter
    function deposit(AccountId account, address token, uint256 amount) external nonReentrant {
        _requireListed(token);
        _deposit(account, token, amount);
    }

    /// @inheritdoc IRouter
    function depositWithPermit(
        AccountId account,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        _requireListed(token);
        _permit(token, amount, deadline, v, r, s);
        _deposit(account, token, amount);
    }

    /// @inheritdoc IRouter
    function withdraw(
        AccountId account,
        address token,
        uint256 amount,
        address to
    ) external onlyAuthorized(account, WITHDRAW) {
        if (to == address(this)) revert IVault.InvalidReceiver(to);
        VAULT.withdraw(account, token, amount, to);
    }

    /// @inheritdoc IRouter
    function transfer(
        AccountId from,
        AccountId to,
        address token,
        uint256 amount
    ) external onlyAuthorized(from, TRANSFER) {
        VAULT.transfer(from, to, token, amount);
    }

    // Positions and orders

    /// @inheritdoc IRouter
    function settleVariation(AccountId account) external onlyAuthorized(account, TRADE) {
        CLEARINGHOUSE.settleVariation(account);
    }

    /// @inheritdoc IRouter
    function cancel(AccountId account, uint64[] calldata nonces) external onlyAuthorized(account, TRADE) {
        EXCHANGE.cancel(AccountId.unwrap(account), nonces);
    }

    /// @inheritdoc IRouter
    function cancelUpTo(AccountId account, uint64 nonce) external onlyAuthorized(account, TRADE) {
        EXCHANGE.cancelUpTo(AccountId.unwrap(account), nonce);
    }

    /// @inheritdoc IRouter
    function matchOrders(SignedOrder calldata taker, SignedOrder[] calldata makers, uint128[] calldata sizes) external {
        EXCHANGE.matchOrders(taker, makers, sizes);
    }

    /// @inheritdoc IRouter
    function liquidate(
        AccountId account,
        AccountId liquidator,
        uint256 maxFraction,
        int256 maxPayment
    ) external onlyAuthorized(liquidator, LIQUIDATE) returns (uint256 fraction, int256 payment) {
        return CLEARINGHOUSE.liquidate(account, liquidator, maxFraction, maxPayment);
    }

    // Internals

    /// @dev Takes tokens from the caller and deposits what arrived: the vault takes exactly what it is allowed.
    function _deposit(AccountId account, address token, uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        IERC20(token).forceApprove(address(VAULT), received);
        // Last, so that nothing that a token calls can change the answer before the vault acts on it.
        _requireWelcome(account, token);
        VAULT.deposit(account, token, received);
    }

    /// @dev A permit that was front-run has set the allowance all the same: only a missing allowance is a failure.
    function _permit(address token, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) private {
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {
            uint256 allowance = IERC20(token).allowance(msg.sender, address(this));
            if (allowance < amount) revert IVault.PermitFailed(token, msg.sender, allowance, amount);
        }
    }

    /// @dev Reverts with UnknownToken: a stranger's contract never runs inside the router.
    function _requireListed(address token) private view {
        if (token != SETTLEMENT_TOKEN) RULES.collateralOf(token);
    }

    /// @dev The vault's rule for strangers, asked of the caller: the vault asks it of the router, which may have more
    /// rights.
    function _requireWelcome(AccountId account, address token) private view {
        if (token == SETTLEMENT_TOKEN || VAULT.collateralOf(account, token) != 0) return;
        if (!VAULT.isAuthorized(account, msg.sender, TRANSFER)) {
            revert IVault.StrangerDepositRefused(account, token, msg.sender);
        }
    }
}
