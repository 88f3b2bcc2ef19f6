// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IMarginEngine} from "./interfaces/IMarginEngine.sol";
import {IRules} from "./interfaces/IRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {IWired} from "./interfaces/IWired.sol";
import {TokenUnits} from "./libraries/TokenUnits.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {AccountId} from "./types/AccountId.sol";
import {CollateralRules} from "./types/CollateralRules.sol";
import {ALL_PERMISSIONS, TRANSFER, WITHDRAW} from "./types/Permissions.sol";
import {Margin} from "./types/Portfolio.sol";
import {TokenLimits} from "./types/TokenLimits.sol";
import {Posting} from "./types/Trade.sol";

/// @title Vault
/// @notice Holds the tokens of every account. See IVault.
/// @dev The reentrancy lock is on only while a token is being called. During that time every balance, and so every
/// valuation and every act of the clearinghouse, which posts its results here, is refused: one lock covers all
/// contracts.
contract Vault is IVault, IWired, AccessManaged, ReentrancyGuardTransient {
    using SafeCast for int256;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev An account's header: one slot, 112 bits free.
    struct Header {
        /// Signed cash [wad].
        int128 cash;
        /// Bit i is set when the account holds the i-th token of the Rules' list.
        uint16 tokens;
    }

    /// @dev What is kept for a token: one slot.
    struct Custody {
        /// Tokens that came in and did not leave: those sent here by mistake do not count [token].
        uint112 tracked;
        /// Withdrawn less deposited, forgotten evenly over a window from each change on; negative: more came [token].
        int112 netOutflow;
        /// When the two last changed [unix seconds].
        uint32 changedAt;
    }

    struct Operator {
        uint8 permissions;
        /// Last second of the permissions [unix seconds].
        uint40 until;
    }

    /// @dev What left or came is forgotten over this time; the next change begins it anew for what is left [seconds].
    uint256 private constant OUTFLOW_WINDOW = 1 days;
    /// @dev Governance cannot keep users from withdrawing this part of a token in each window [bps].
    uint256 private constant LEAST_OUTFLOW_BPS = 1_000;

    /// @inheritdoc IVault
    address public immutable SETTLEMENT_TOKEN;
    /// @inheritdoc IVault
    uint256 public immutable SETTLEMENT_DECIMALS;
    IRules private immutable RULES;

    address private _clearinghouse;
    IMarginEngine private _marginEngine;
    mapping(AccountId account => Header header) private _headers;
    /// @dev [token]
    mapping(AccountId account => mapping(uint256 index => uint256 amount)) private _collateral;
    mapping(address token => Custody custody) private _custody;
    mapping(address token => TokenLimits limits) private _limits;
    mapping(address owner => mapping(address operator => Operator)) private _operators;

    modifier onlyClearinghouse() {
        if (msg.sender != _clearinghouse) revert NotClearinghouse(msg.sender);
        _;
    }

    /// @param authority The AccessManager.
    /// @param settlementToken The token in which cash is counted, worth one dollar, with at most 24 decimals.
    /// @param rules The parameters of collateral.
    constructor(address authority, address settlementToken, IRules rules) AccessManaged(authority) {
        SETTLEMENT_TOKEN = settlementToken;
        SETTLEMENT_DECIMALS = IERC20Metadata(settlementToken).decimals();
        if (SETTLEMENT_DECIMALS > 24) revert IRules.RuleOutOfBounds("decimals", SETTLEMENT_DECIMALS, 0, 24);
        RULES = rules;
    }

    // Owners and operators

    /// @inheritdoc IVault
    function deposit(AccountId account, address token, uint256 amount) external {
        _deposit(account, token, amount);
    }

    /// @inheritdoc IVault
    function depositWithPermit(
        AccountId account,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // Only listed tokens are called, so that a stranger's contract never runs inside the vault.
        if (token != SETTLEMENT_TOKEN) RULES.collateralOf(token);
        _permit(token, amount, deadline, v, r, s);
        _deposit(account, token, amount);
    }

    /// @inheritdoc IVault
    function withdraw(AccountId account, address token, uint256 amount, address to) external nonReentrantView {
        IMarginEngine engine = _engine();
        requireAuthorized(account, msg.sender, WITHDRAW);
        if (amount == 0) revert ZeroAmount(token);
        if (to == address(0) || to == address(this)) revert InvalidReceiver(to);

        int256 balance = _debit(account, token, amount);
        uint256 tracked = _release(token, amount);
        engine.requireInitial(account);

        // Tokens lost from under the vault are shared by all who still have some there: each is paid its part of
        // (held / tracked), whoever leaves first.
        uint256 held = IERC20(token).balanceOf(address(this));
        uint256 paid = held < tracked ? Math.mulDiv(amount, held, tracked) : amount;
        emit Withdrawn(account, token, to, amount, paid, balance);
        _pay(token, to, paid);
    }

    /// @inheritdoc IVault
    function transfer(AccountId from, AccountId to, address token, uint256 amount) external nonReentrantView {
        IMarginEngine engine = _engine();
        requireAuthorized(from, msg.sender, TRANSFER);
        if (from == to) revert SameAccount(from);
        if (from.ownerOf() != to.ownerOf()) revert NotSameOwner(from, to);
        if (amount == 0) revert ZeroAmount(token);

        int256 fromBalance = _debit(from, token, amount);
        int256 toBalance = _credit(to, token, amount);
        emit Transferred(from, to, token, amount, fromBalance, toBalance);
        engine.requireInitial(from);
    }

    /// @inheritdoc IVault
    function setOperator(address operator, uint8 permissions, uint40 until) external nonReentrantView {
        if (permissions > ALL_PERMISSIONS) revert UnknownPermissions(permissions);
        _operators[msg.sender][operator] = Operator({permissions: permissions, until: until});
        emit OperatorSet(msg.sender, operator, permissions, until);
    }

    // Clearinghouse

    /// @inheritdoc IVault
    function post(Posting[] calldata postings) external onlyClearinghouse nonReentrantView {
        for (uint256 i = 0; i < postings.length; ++i) {
            if (postings[i].cash != 0) _post(postings[i].account, postings[i].cash);
        }
    }

    /// @inheritdoc IVault
    function moveSlice(AccountId from, AccountId to, uint256 fraction) external onlyClearinghouse nonReentrantView {
        int256 cash = WadMath.mulDown(int256(_headers[from].cash), fraction.toInt256());
        if (cash != 0) {
            _post(from, -cash);
            _post(to, cash);
        }
        uint256 tokens = _headers[from].tokens;
        for (uint256 index = 0; tokens >> index != 0; ++index) {
            if ((tokens >> index) & 1 == 0) continue;
            uint256 amount = WadMath.mulDown(_collateral[from][index], fraction);
            if (amount == 0) continue;
            (address token, ) = RULES.collateralAt(index);
            int256 fromBalance = _changeCollateral(from, index, -amount.toInt256());
            emit Transferred(from, to, token, amount, fromBalance, _changeCollateral(to, index, amount.toInt256()));
        }
    }

    // Governance

    /// @inheritdoc IVault
    function wire(address clearinghouse, address marginEngine) external restricted {
        if (clearinghouse.code.length == 0) revert NotAContract(clearinghouse);
        if (marginEngine.code.length == 0) revert NotAContract(marginEngine);
        address current = _clearinghouse;
        if (current != address(0) && current != clearinghouse) revert ClearinghouseAlreadySet(current);
        _clearinghouse = clearinghouse;
        _marginEngine = IMarginEngine(marginEngine);
        emit VaultWired(clearinghouse, marginEngine);
    }

    /// @inheritdoc IVault
    function setTokenLimits(address token, TokenLimits calldata limits) external restricted {
        _engine();
        uint256 leastCap = 0;
        // A role that could lower this cap could stop deposits.
        if (token == SETTLEMENT_TOKEN) leastCap = _limits[token].depositCap;
        else RULES.collateralOf(token);
        if (limits.depositCap < leastCap) {
            revert IRules.RuleOutOfBounds("depositCap", limits.depositCap, leastCap, type(uint112).max);
        }
        if (limits.outflowBps < LEAST_OUTFLOW_BPS || limits.outflowBps > 10_000) {
            revert IRules.RuleOutOfBounds("outflowBps", limits.outflowBps, LEAST_OUTFLOW_BPS, 10_000);
        }
        _limits[token] = limits;
        emit TokenLimitsSet(token, limits);
    }

    // Views

    /// @inheritdoc IVault
    function cashOf(AccountId account) external view nonReentrantView returns (int256) {
        return _headers[account].cash;
    }

    /// @inheritdoc IVault
    function collateralOf(AccountId account, address token) external view nonReentrantView returns (uint256) {
        return _collateral[account][RULES.collateralOf(token).index()];
    }

    /// @inheritdoc IVault
    function balancesOf(
        AccountId account
    ) external view nonReentrantView returns (int256 cash, uint256 tokens, uint256[] memory amounts) {
        Header memory header = _headers[account];
        cash = header.cash;
        tokens = header.tokens;
        if (tokens == 0) return (cash, 0, amounts);
        uint256 count;
        for (uint256 bits = tokens; bits != 0; bits &= bits - 1) ++count;
        amounts = new uint256[](count);
        count = 0;
        for (uint256 index = 0; tokens >> index != 0; ++index) {
            if ((tokens >> index) & 1 == 1) amounts[count++] = _collateral[account][index];
        }
    }

    /// @inheritdoc IVault
    function trackedOf(address token) external view nonReentrantView returns (uint256) {
        return _custody[token].tracked;
    }

    /// @inheritdoc IVault
    function releasableOf(address token) external view nonReentrantView returns (uint256) {
        Custody memory custody = _custody[token];
        return Math.min(custody.tracked, _outflowRoom(token, custody.tracked, _outflowNow(custody)));
    }

    /// @inheritdoc IVault
    function tokenLimitsOf(address token) external view returns (TokenLimits memory) {
        return _limits[token];
    }

    /// @inheritdoc IVault
    function operatorOf(address owner, address operator) external view returns (uint8 permissions, uint40 until) {
        Operator memory given = _operators[owner][operator];
        return (given.permissions, given.until);
    }

    /// @inheritdoc IVault
    function isAuthorized(AccountId account, address caller, uint8 permission) public view returns (bool) {
        address owner = account.ownerOf();
        if (caller == owner) return true;
        Operator memory given = _operators[owner][caller];
        return given.permissions & permission != 0 && block.timestamp <= given.until;
    }

    /// @inheritdoc IVault
    function requireAuthorized(AccountId account, address caller, uint8 permission) public view {
        if (!isAuthorized(account, caller, permission)) revert NotAuthorized(account, caller, permission);
    }

    // Internals

    function _deposit(AccountId account, address token, uint256 amount) private nonReentrantView {
        if (account.ownerOf() == address(0)) revert InvalidReceiver(address(0));
        bool isCollateral = token != SETTLEMENT_TOKEN;
        CollateralRules rules;
        if (isCollateral) {
            rules = RULES.collateralOf(token);
            if (!rules.accepted()) revert DepositsStopped(token);
            bool held = (_headers[account].tokens >> rules.index()) & 1 == 1;
            // Each token that an account holds raises its minimum margin and everyone's cost of valuing it.
            if (!held && !isAuthorized(account, msg.sender, TRANSFER)) {
                revert StrangerDepositRefused(account, token, msg.sender);
            }
        }

        uint256 received = _pull(token, amount);
        if (received == 0) revert ZeroAmount(token);
        _requireBelowCap(account, token, received, _take(token, received));
        int256 balance = _credit(account, token, received);
        emit Deposited(account, token, msg.sender, received, balance);
    }

    /// @dev The cap of the settlement token never keeps an account from defending itself: one below initial margin may
    /// bring as much again as it requires, and one whose margin cannot be read any amount. Before the vault is wired, all
    /// caps are 0.
    function _requireBelowCap(AccountId account, address token, uint256 received, uint256 total) private view {
        uint256 cap = _limits[token].depositCap;
        if (total <= cap) return;
        IMarginEngine engine = _engine();
        if (token == SETTLEMENT_TOKEN) {
            try engine.marginOf(account) returns (Margin memory margin) {
                bool isInDanger = margin.equity < margin.initial.toInt256();
                if (isInDanger && TokenUnits.toWadDown(received, SETTLEMENT_DECIMALS) <= margin.initial) return;
            } catch (bytes memory reason) {
                // Without a reason it ran out of gas, which a caller can arrange.
                if (reason.length != 0) return;
            }
        }
        revert DepositCapExceeded(token, total, cap);
    }

    /// @dev Counts tokens that arrived; returns how many there are now [token].
    function _take(address token, uint256 amount) private returns (uint256 tracked) {
        Custody memory custody = _custody[token];
        tracked = custody.tracked + amount;
        _custody[token] = Custody({
            tracked: tracked.toUint112(),
            netOutflow: (_outflowNow(custody) - amount.toInt256()).toInt112(),
            changedAt: uint32(block.timestamp)
        });
    }

    /// @dev Counts tokens that are about to leave; returns how many there were [token].
    function _release(address token, uint256 amount) private returns (uint256 tracked) {
        Custody memory custody = _custody[token];
        tracked = custody.tracked;
        if (amount > tracked) revert InsufficientTokens(token, amount, tracked);
        int256 outflow = _outflowNow(custody);
        uint256 room = _outflowRoom(token, tracked, outflow);
        if (amount > room) revert OutflowLimitExceeded(token, amount, room);
        _custody[token] = Custody({
            tracked: uint112(tracked - amount),
            netOutflow: (outflow + amount.toInt256()).toInt112(),
            changedAt: uint32(block.timestamp)
        });
    }

    /// @dev The net outflow that is not forgotten yet [token].
    function _outflowNow(Custody memory custody) private view returns (int256) {
        uint256 elapsed = Math.min(block.timestamp - custody.changedAt, OUTFLOW_WINDOW);
        return (custody.netOutflow * int256(OUTFLOW_WINDOW - elapsed)) / int256(OUTFLOW_WINDOW);
    }

    /// @dev How many tokens may leave now: the larger of an amount and a share of what there would be without the window's
    /// flows, less its net outflow. What came in may leave again, so whoever deposits takes no room from others; it is
    /// not part of what the share is of, so it makes none for what was there before.
    function _outflowRoom(address token, uint256 tracked, int256 outflow) private view returns (uint256) {
        TokenLimits memory limits = _limits[token];
        int256 before = tracked.toInt256() + outflow;
        uint256 share = before > 0 ? WadMath.bpsDown(uint256(before), limits.outflowBps) : 0;
        uint256 limit = Math.max(limits.outflowAmount, share);
        int256 room = limit.toInt256() - outflow;
        return room > 0 ? uint256(room) : 0;
    }

    /// @dev Adds tokens to an account; returns its cash [wad] or collateral [token] afterwards.
    function _credit(AccountId account, address token, uint256 amount) private returns (int256) {
        if (token != SETTLEMENT_TOKEN) {
            CollateralRules rules = RULES.collateralOf(token);
            _engine().requirePriced(account, rules.collateralUnderlying());
            return _changeCollateral(account, rules.index(), amount.toInt256());
        }
        uint256 cash = TokenUnits.toWadDown(amount, SETTLEMENT_DECIMALS);
        if (cash == 0) revert ZeroAmount(token);
        return _changeCash(account, cash.toInt256());
    }

    /// @dev Takes tokens from an account; returns its cash [wad] or collateral [token] afterwards.
    function _debit(AccountId account, address token, uint256 amount) private returns (int256) {
        if (token != SETTLEMENT_TOKEN) {
            uint256 index = RULES.collateralOf(token).index();
            uint256 held = _collateral[account][index];
            if (amount > held) revert InsufficientBalance(account, token, amount, held);
            return _changeCollateral(account, index, -amount.toInt256());
        }
        int256 cash = _headers[account].cash;
        uint256 available = cash > 0 ? TokenUnits.toAmountDown(uint256(cash), SETTLEMENT_DECIMALS) : 0;
        if (amount > available) revert InsufficientBalance(account, token, amount, available);
        return _changeCash(account, -TokenUnits.toWadUp(amount, SETTLEMENT_DECIMALS).toInt256());
    }

    function _post(AccountId account, int256 change) private {
        emit CashPosted(account, change, _changeCash(account, change));
    }

    /// @dev The one way in which cash changes.
    function _changeCash(AccountId account, int256 change) private returns (int256 cash) {
        Header storage header = _headers[account];
        cash = header.cash + change;
        header.cash = cash.toInt128();
    }

    /// @dev The one way in which collateral changes: it keeps the account's set of tokens.
    function _changeCollateral(AccountId account, uint256 index, int256 change) private returns (int256 balance) {
        uint256 before = _collateral[account][index];
        balance = before.toInt256() + change;
        _collateral[account][index] = balance.toUint256();
        Header storage header = _headers[account];
        uint16 bit = uint16(1 << index);
        if (before == 0) header.tokens |= bit;
        else if (balance == 0) header.tokens &= ~bit;
    }

    function _engine() private view returns (IMarginEngine engine) {
        engine = _marginEngine;
        if (address(engine) == address(0)) revert NotWired();
    }

    /// @dev A permit that was front-run has set the allowance all the same: only a missing allowance is a failure.
    function _permit(
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) private nonReentrant {
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {
            uint256 allowance = IERC20(token).allowance(msg.sender, address(this));
            if (allowance < amount) revert PermitFailed(token, msg.sender, allowance, amount);
        }
    }

    /// @dev Takes tokens from the caller; returns what arrived, which some tokens make less than what was asked for.
    function _pull(address token, uint256 amount) private nonReentrant returns (uint256) {
        uint256 before = IERC20(token).balanceOf(address(this));
        // Who brings tokens now would pay for those that were lost before.
        uint256 tracked = _custody[token].tracked;
        if (before < tracked) revert TokensMissing(token, before, tracked);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        return IERC20(token).balanceOf(address(this)) - before;
    }

    function _pay(address token, address to, uint256 amount) private nonReentrant {
        IERC20(token).safeTransfer(to, amount);
    }
}
