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
import {CashPool} from "./clearing/CashPool.sol";
import {Custody} from "./clearing/Custody.sol";
import {Interest} from "./clearing/Interest.sol";
import {IMarginEngine} from "./interfaces/IMarginEngine.sol";
import {IRules} from "./interfaces/IRules.sol";
import {IVault} from "./interfaces/IVault.sol";
import {IWired} from "./interfaces/IWired.sol";
import {TokenUnits} from "./libraries/TokenUnits.sol";
import {WadMath} from "./libraries/WadMath.sol";
import {AccountId} from "./types/AccountId.sol";
import {CashFigures, CashParameters} from "./types/Cash.sol";
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
        /// Cash in units of the pool's indices: of the supply index above 0, of the borrow index below [wad].
        int128 principal;
        /// Bit i is set when the account holds the i-th token of the Rules' list.
        uint16 tokens;
    }

    struct Operator {
        uint8 permissions;
        /// Last second of the permissions [unix seconds].
        uint40 until;
    }

    /// @dev Governance cannot keep users from withdrawing this part of a token in each window [bps].
    uint256 private constant LEAST_OUTFLOW_BPS = 1_000;

    /// @inheritdoc IVault
    address public immutable SETTLEMENT_TOKEN;
    /// @inheritdoc IVault
    uint256 public immutable SETTLEMENT_DECIMALS;
    IRules private immutable RULES;

    IMarginEngine private _marginEngine;
    CashPool private _pool;
    mapping(AccountId account => Header header) private _headers;
    /// @dev [token]
    mapping(AccountId account => mapping(uint256 index => uint256 amount)) private _collateral;
    mapping(address token => Custody custody) private _custody;
    mapping(address token => TokenLimits limits) private _limits;
    mapping(address owner => mapping(address operator => Operator)) private _operators;

    modifier onlyClearinghouse() {
        if (msg.sender != _pool.clearinghouse) revert NotClearinghouse(msg.sender);
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
        _pool.open();
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

        int256 balance = _debit({account: account, token: token, amount: amount, mayBorrow: true});
        uint256 tracked = _custody[token].release(_limits[token], token, amount);
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

        int256 fromBalance = _debit({account: from, token: token, amount: amount, mayBorrow: false});
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
        _postAll(_accrue(), postings, 0);
    }

    /// @inheritdoc IVault
    function moveSlice(uint256 fraction, Posting[] calldata postings) external onlyClearinghouse nonReentrantView {
        (AccountId from, AccountId to) = (postings[0].account, postings[1].account);
        uint256 supplyIndex = _accrue();
        int256 cash = _pool.presentOf(_headers[from].principal);
        _postAll(supplyIndex, postings, WadMath.mulDown(cash, fraction.toInt256()));
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

    /// @inheritdoc IVault
    function collectInterest() external onlyClearinghouse nonReentrantView returns (uint256) {
        _accrue();
        return _pool.collect();
    }

    /// @inheritdoc IVault
    function chargeLenders(
        uint256 loss,
        uint256 capBps
    ) external onlyClearinghouse nonReentrantView returns (uint256 borne) {
        _accrue();
        return _pool.charge(_settlementTokens(), loss, capBps);
    }

    // Keepers

    /// @inheritdoc IVault
    function accrueInterest() external nonReentrantView {
        _accrue();
    }

    // Governance

    /// @inheritdoc IVault
    function wire(address clearinghouse, address marginEngine) external restricted {
        if (clearinghouse.code.length == 0) revert NotAContract(clearinghouse);
        if (marginEngine.code.length == 0) revert NotAContract(marginEngine);
        address current = _pool.clearinghouse;
        if (current != address(0) && current != clearinghouse) revert ClearinghouseAlreadySet(current);
        _pool.clearinghouse = clearinghouse;
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

    /// @inheritdoc IVault
    function setCashRules(CashParameters calldata parameters) external restricted {
        // The past is charged by the old rules.
        _accrue();
        _pool.setRules(parameters);
        emit CashRulesSet(parameters);
    }

    // Views

    /// @inheritdoc IVault
    function cashOf(AccountId account) external view nonReentrantView returns (int256) {
        return _presentOf(_headers[account].principal);
    }

    /// @inheritdoc IVault
    function collateralOf(AccountId account, address token) external view nonReentrantView returns (uint256) {
        return _collateral[account][RULES.collateralOf(token).index()];
    }

    /// @inheritdoc IVault
    function balancesOf(
        AccountId account
    ) external view nonReentrantView returns (int256 cash, uint256 tokens, uint256[] memory amounts) {
        Header storage header = _headers[account];
        int256 principal;
        (principal, tokens) = (header.principal, header.tokens);
        cash = _presentOf(principal);
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
        return _custody[token].releasable(_limits[token]);
    }

    /// @inheritdoc IVault
    function withdrawableAbove(
        AccountId account,
        int256 leastCash
    ) external view nonReentrantView returns (uint256 amount) {
        (Interest.Pool memory pool, ) = _poolNow();
        uint256 spare = _pool.spareOf(pool, _headers[account].principal, leastCash);
        amount = TokenUnits.toAmountDown(spare, SETTLEMENT_DECIMALS);
        return Math.min(amount, _custody[SETTLEMENT_TOKEN].releasable(_limits[SETTLEMENT_TOKEN]));
    }

    /// @inheritdoc IVault
    function interestReserve() external view nonReentrantView returns (uint256) {
        (, uint256 toFund) = _poolNow();
        return _pool.reserved + toFund;
    }

    /// @inheritdoc IVault
    function cashPool() external view nonReentrantView returns (CashFigures memory) {
        (Interest.Pool memory pool, ) = _poolNow();
        return _pool.figures(pool);
    }

    /// @inheritdoc IVault
    function loanRoom() external view nonReentrantView returns (uint256) {
        (Interest.Pool memory pool, ) = _poolNow();
        return _pool.loanRoom(pool);
    }

    /// @inheritdoc IVault
    function cashRules() external view returns (CashParameters memory) {
        return _pool.rules();
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
        if (!isCollateral) _accrue();
        _requireBelowCap(account, token, received, _custody[token].take(received));
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

    /// @dev Adds tokens to an account; returns its cash [wad] or collateral [token] afterwards.
    function _credit(AccountId account, address token, uint256 amount) private returns (int256) {
        if (token != SETTLEMENT_TOKEN) {
            CollateralRules rules = RULES.collateralOf(token);
            _engine().requirePriced(account, rules.collateralUnderlying());
            return _changeCollateral(account, rules.index(), amount.toInt256());
        }
        uint256 cash = TokenUnits.toWadDown(amount, SETTLEMENT_DECIMALS);
        if (cash == 0) revert ZeroAmount(token);
        // Accrued by the deposit or by the debit of whoever sends.
        return _changeCash(_pool.supplyIndex, account, cash.toInt256());
    }

    /// @dev Takes tokens from an account; returns its cash [wad] or collateral [token] afterwards.
    function _debit(AccountId account, address token, uint256 amount, bool mayBorrow) private returns (int256) {
        if (token != SETTLEMENT_TOKEN) {
            uint256 index = RULES.collateralOf(token).index();
            uint256 held = _collateral[account][index];
            if (amount > held) revert InsufficientBalance(account, token, amount, held);
            return _changeCollateral(account, index, -amount.toInt256());
        }
        uint256 supplyIndex = _accrue();
        int256 principal = _headers[account].principal;
        uint256 cash = principal > 0 ? Interest.cashOf(uint256(principal), supplyIndex) : 0;
        uint256 available = TokenUnits.toAmountDown(cash, SETTLEMENT_DECIMALS);
        // More tokens than this are nowhere: what is released is checked against those that are there.
        uint256 charged = TokenUnits.toWadUp(Math.min(amount, type(uint112).max), SETTLEMENT_DECIMALS);
        if (amount > available) {
            if (!mayBorrow || _pool.borrowCap == 0) revert InsufficientBalance(account, token, amount, available);
            _pool.requireLoan(principal, charged);
        }
        return _changeCash(supplyIndex, account, -charged.toInt256());
    }

    /// @dev Posts cash, and with it a slice of what the first account has, which the second receives.
    function _postAll(uint256 supplyIndex, Posting[] calldata postings, int256 slice) private {
        int256 sum;
        for (uint256 i = 0; i < postings.length; ++i) {
            (AccountId account, int256 change) = (postings[i].account, postings[i].cash);
            sum += change;
            if (i == 0) change -= slice;
            else if (i == 1) change += slice;
            if (change != 0) emit CashPosted(account, change, _changeCash(supplyIndex, account, change));
        }
        if (sum != 0) _pool.net = (_pool.net + sum).toInt104();
    }

    /// @dev The one way in which cash changes; returns it as it is afterwards [wad].
    function _changeCash(uint256 supplyIndex, AccountId account, int256 change) private returns (int256 cash) {
        Header storage header = _headers[account];
        int256 principal;
        (principal, cash) = _pool.change(supplyIndex, header.principal, change);
        header.principal = principal.toInt128();
    }

    /// @dev Comes first in every act that changes cash or the settlement tokens; returns the supply index [wad].
    function _accrue() private returns (uint256 supplyIndex) {
        supplyIndex = _pool.supplyIndex;
        if (_pool.indebted) return _pool.accrue(_settlementTokens());
    }

    /// @dev What a principal is worth at this moment [wad].
    function _presentOf(int256 principal) private view returns (int256) {
        (bool indebted, uint256 supplyIndex) = (_pool.indebted, _pool.supplyIndex);
        if (!indebted && supplyIndex == WadMath.WAD) return principal;
        if (!indebted) return Interest.presentOf(principal, supplyIndex, 0);
        (Interest.Pool memory pool, ) = _poolNow();
        return Interest.presentOf(principal, pool.supplyIndex, pool.borrowIndex);
    }

    /// @dev The pool at this moment, and what more waits for the insurance fund [wad].
    function _poolNow() private view returns (Interest.Pool memory pool, uint256 toFund) {
        return _pool.accrued(_settlementTokens());
    }

    /// @dev What the vault counts of the settlement token [wad].
    function _settlementTokens() private view returns (uint256) {
        return TokenUnits.toWadDown(_custody[SETTLEMENT_TOKEN].tracked, SETTLEMENT_DECIMALS);
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
