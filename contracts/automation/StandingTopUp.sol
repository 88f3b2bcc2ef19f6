// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {Instruction, IStandingTopUp, SourceKind} from "../interfaces/IStandingTopUp.sol";
import {IVault} from "../interfaces/IVault.sol";
import {BoundedCall} from "../libraries/BoundedCall.sol";
import {TokenUnits} from "../libraries/TokenUnits.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {AccountId} from "../types/AccountId.sol";
import {Margin} from "../types/Portfolio.sol";

/// @title StandingTopUp
/// @notice Executes what owners instructed for their accounts. See IStandingTopUp.
/// @dev Owners trust this contract with allowances and rights, so this is all that it does with them: what it takes
/// always belongs to the owner of the account that it tops up, and goes to that account, but for the tip. It has no
/// owner, no role, no payable function and, between calls, no token; its one allowance is the vault's, which takes
/// tokens from its caller only. The one address called that an owner chose is a vault of shares: it is called with the lock on
/// and after every write, and can take nothing from here, for what is sent on is what it sent itself.
contract StandingTopUp is IStandingTopUp, ReentrancyGuardTransient {
    using RateLimiter for RateLimiter.SlidingWindow;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev An instruction and what was moved by those of its number.
    struct Standing {
        Instruction instruction;
        RateLimiter.SlidingWindow moved;
    }

    /// @dev What an instruction comes to at this moment; `need` is 0 while it is not due.
    struct Plan {
        /// [wad]
        int256 equity;
        /// [wad]
        uint256 maintenance;
        /// What brings the account to the target [token].
        uint256 need;
        /// What brings it to its maintenance requirement however its cash is rounded, at least 1 [token].
        uint256 least;
        /// [token]
        uint256 budgetLeft;
        /// What can leave the source: what it has, within the budget and what the vault takes [token].
        uint256 bound;
        /// [token]
        uint256 mostTip;
    }

    /// @dev Between trigger and target lies what the price must move for a second tip [wad].
    uint256 private constant LEAST_GAP = 0.05e18;
    uint256 private constant LEAST_HEALTH = 1e18;
    uint256 private constant MOST_HEALTH = 100e18;
    uint256 private constant LEAST_WINDOW = 1 minutes;
    uint256 private constant MOST_WINDOW = 365 days;

    /// @dev Cash is stored in units of an index, above 0 of at most 4,722: a change may be off by as many wei [wad].
    int256 private constant CASH_ROUNDING = 5_000;

    /// @dev Each instruction has a window of its own, so each has one entry only.
    bytes32 private constant ENTRY = 0;

    IVault private immutable VAULT;
    IClearinghouse private immutable CLEARINGHOUSE;
    IERC20 private immutable SETTLEMENT_TOKEN;
    uint256 private immutable SETTLEMENT_DECIMALS;

    mapping(AccountId account => mapping(uint8 number => Standing standing)) private _standings;

    modifier onlyOwnerOf(AccountId account) {
        if (msg.sender != account.ownerOf()) revert NotAccountOwner(account, msg.sender);
        _;
    }

    constructor(IVault vault, IClearinghouse clearinghouse) {
        VAULT = vault;
        CLEARINGHOUSE = clearinghouse;
        SETTLEMENT_TOKEN = IERC20(vault.SETTLEMENT_TOKEN());
        SETTLEMENT_DECIMALS = vault.SETTLEMENT_DECIMALS();
        SETTLEMENT_TOKEN.forceApprove(address(vault), type(uint256).max);
    }

    // Owners

    /// @inheritdoc IStandingTopUp
    function instruct(
        AccountId account,
        uint8 number,
        Instruction calldata instruction
    ) external nonReentrant onlyOwnerOf(account) {
        _requireSource(account, instruction);
        _requireBounds(instruction);

        Standing storage standing = _standings[account][number];
        standing.instruction = instruction;
        standing.moved.updateSettings(instruction.windowSeconds, instruction.budget);
        emit InstructionSet(account, number, instruction, standing.moved.available(ENTRY));
    }

    /// @inheritdoc IStandingTopUp
    function cancel(AccountId account, uint8 number) external nonReentrant onlyOwnerOf(account) {
        Standing storage standing = _standings[account][number];
        if (standing.instruction.kind == SourceKind.None) revert NoSuchInstruction(account, number);

        delete standing.instruction;
        emit InstructionCancelled(account, number);
    }

    // Anyone

    /// @inheritdoc IStandingTopUp
    function topUp(AccountId account, uint8 number, uint256 tip) external nonReentrant returns (uint256 amount) {
        Standing storage standing = _standings[account][number];
        _requireInForce(account, number, standing.instruction);
        Plan memory plan = _planOf(account, standing);
        if (plan.need == 0) revert TopUpNotDue(account, number, plan.equity, plan.maintenance);
        if (plan.bound < plan.least) revert TooLittleToMove(account, number, plan.bound, plan.least);
        if (tip > plan.mostTip) revert TipTooHigh(account, number, tip, plan.mostTip);

        amount = Math.min(plan.need, plan.bound - tip);
        standing.moved.consume(ENTRY, amount + tip);
        emit ToppedUp({
            account: account,
            number: number,
            caller: msg.sender,
            amount: amount,
            tip: tip,
            equity: plan.equity,
            maintenance: plan.maintenance,
            budgetLeft: plan.budgetLeft - amount - tip
        });

        if (standing.instruction.kind == SourceKind.SubAccount) {
            _moveCash(AccountId.wrap(standing.instruction.source), account, amount, tip);
        } else {
            _moveTokens(account, number, amount, tip);
        }
    }

    // Views

    /// @inheritdoc IStandingTopUp
    function previewTopUp(AccountId account, uint8 number) external view returns (uint256 amount, uint256 mostTip) {
        Standing storage standing = _standings[account][number];
        if (standing.instruction.kind == SourceKind.None || block.timestamp > standing.instruction.until) return (0, 0);

        Plan memory plan = _planOf(account, standing);
        if (plan.bound < plan.least) return (0, 0);
        return (Math.min(plan.need, plan.bound - plan.mostTip), plan.mostTip);
    }

    /// @inheritdoc IStandingTopUp
    function instructionOf(AccountId account, uint8 number) external view returns (Instruction memory) {
        return _standings[account][number].instruction;
    }

    /// @inheritdoc IStandingTopUp
    function budgetLeftOf(AccountId account, uint8 number) external view returns (uint256) {
        Standing storage standing = _standings[account][number];
        return standing.instruction.kind == SourceKind.None ? 0 : standing.moved.available(ENTRY);
    }

    // What is allowed

    /// @dev An owner can name its wallet, another of its accounts, or a contract.
    function _requireSource(AccountId account, Instruction calldata instruction) private view {
        (SourceKind kind, bytes32 source) = (instruction.kind, instruction.source);
        bool valid = kind == SourceKind.Wallet && source == 0;
        if (kind == SourceKind.SubAccount) {
            AccountId other = AccountId.wrap(source);
            valid = other != account && other.ownerOf() == account.ownerOf();
        } else if (kind == SourceKind.Shares) {
            valid = uint256(source) <= type(uint160).max && _addressOf(source).code.length != 0;
        }
        if (!valid) revert InvalidSource(kind, source);
    }

    function _requireBounds(Instruction calldata instruction) private view {
        uint256 trigger = instruction.triggerHealth;
        _requireWithin("until", instruction.until, block.timestamp, type(uint40).max);
        _requireWithin("triggerHealth", trigger, LEAST_HEALTH, MOST_HEALTH - LEAST_GAP);
        _requireWithin("targetHealth", instruction.targetHealth, trigger + LEAST_GAP, MOST_HEALTH);
        _requireWithin("windowSeconds", instruction.windowSeconds, LEAST_WINDOW, MOST_WINDOW);
        _requireWithin("budget", instruction.budget, 1, type(uint128).max);
        _requireWithin("tipLimit", instruction.tipLimit, 0, instruction.budget);
        bool isOfShares = instruction.kind == SourceKind.Shares;
        (uint256 least, uint256 most) = isOfShares ? (1, uint256(type(uint128).max)) : (0, 0);
        _requireWithin("leastAssetsPerShare", instruction.leastAssetsPerShare, least, most);
    }

    function _requireWithin(bytes32 field, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert InstructionOutOfBounds(field, value, least, most);
    }

    function _requireInForce(AccountId account, uint8 number, Instruction storage instruction) private view {
        if (instruction.kind == SourceKind.None) revert NoSuchInstruction(account, number);
        uint256 until = instruction.until;
        if (block.timestamp > until) revert InstructionExpired(account, number, until);
    }

    // What is to be moved

    /// @dev With N the need, L the tip limit and B the bound, the amount is min(N, B - tip) and the tip at most
    /// L x amount / N. That is a tip of at most min(L, B x L / (N + L)); and what is left must reach the line.
    function _planOf(AccountId account, Standing storage standing) private view returns (Plan memory plan) {
        IMarginEngine engine = CLEARINGHOUSE.marginEngine();
        Margin memory margin = engine.marginOf(account);
        (plan.equity, plan.maintenance) = (margin.equity, margin.maintenance);
        uint256 trigger = standing.instruction.triggerHealth;
        // Health is not below the trigger, without dividing: an account that requires nothing has none.
        if (margin.maintenance == 0 || margin.equity * 1e18 >= (trigger * margin.maintenance).toInt256()) return plan;

        plan.need = _amountTo(margin, standing.instruction.targetHealth);
        plan.budgetLeft = standing.moved.available(ENTRY);
        plan.bound = Math.min(plan.budgetLeft, _availableOf(engine, account, standing.instruction));
        if (standing.instruction.kind != SourceKind.SubAccount) {
            plan.bound = Math.min(plan.bound, _roomFor(margin, plan.need));
        }
        // At the line itself the account could be liquidated as soon as its cash is rounded down.
        margin.equity -= CASH_ROUNDING;
        plan.least = Math.max(1, _amountTo(margin, LEAST_HEALTH));
        if (plan.bound < plan.least) return plan;
        // Neither factor is above the budget: the product fits.
        uint256 limit = standing.instruction.tipLimit;
        uint256 share = (plan.bound * limit) / (plan.need + limit);
        plan.mostTip = Math.min(Math.min(limit, share), plan.bound - plan.least);
    }

    /// @dev What brings an account to a health, rounded up; 0 when it is there [token].
    function _amountTo(Margin memory margin, uint256 health) private view returns (uint256) {
        int256 lacking = WadMath.mulUp(health, margin.maintenance).toInt256() - margin.equity;
        return lacking > 0 ? TokenUnits.toAmountUp(uint256(lacking), SETTLEMENT_DECIMALS) : 0;
    }

    /// @dev What the source has, and this contract may take [token].
    function _availableOf(
        IMarginEngine engine,
        AccountId account,
        Instruction storage instruction
    ) private view returns (uint256) {
        SourceKind kind = instruction.kind;
        if (kind == SourceKind.SubAccount) return _spareOf(engine, AccountId.wrap(instruction.source));
        address owner = account.ownerOf();
        if (kind == SourceKind.Shares) return _redeemable(_addressOf(instruction.source), owner);
        uint256 allowed = SETTLEMENT_TOKEN.allowance(owner, address(this));
        return Math.min(SETTLEMENT_TOKEN.balanceOf(owner), allowed);
    }

    /// @dev What the vault takes for an account with such a margin: up to its cap, and below initial margin at least as
    /// much as it requires. Were more asked for, whoever fills the vault up to its cap would stop the whole top-up. What
    /// is needed mostly fits without asking [token].
    function _roomFor(Margin memory margin, uint256 need) private view returns (uint256) {
        bool isInDanger = margin.equity < margin.initial.toInt256();
        uint256 required = isInDanger ? TokenUnits.toAmountDown(margin.initial, SETTLEMENT_DECIMALS) : 0;
        if (need <= required) return type(uint256).max;
        address token = address(SETTLEMENT_TOKEN);
        uint256 cap = VAULT.tokenLimitsOf(token).depositCap;
        return Math.max(required, Math.saturatingSub(cap, VAULT.trackedOf(token)));
    }

    /// @dev What leaves an account with cash and at its initial requirement, so that it stays healthy and borrows
    /// nothing, whatever its cash is rounded to by two changes [token].
    function _spareOf(IMarginEngine engine, AccountId source) private view returns (uint256) {
        int256 spare = VAULT.cashOf(source);
        if (spare <= 0) return 0;
        Margin memory margin = engine.marginOf(source);
        int256 aboveInitial = margin.equity - margin.initial.toInt256();
        if (aboveInitial < spare) spare = aboveInitial;
        spare -= 2 * CASH_ROUNDING;
        return spare > 0 ? TokenUnits.toAmountDown(uint256(spare), SETTLEMENT_DECIMALS) : 0;
    }

    /// @dev What the shares that this contract may burn bring, by what their vault says. If that is a lie the
    /// redemption fails, or the owner is topped up in part.
    function _redeemable(address shares, address owner) private view returns (uint256 most) {
        (, most) = BoundedCall.oneWord(shares, abi.encodeCall(IERC4626.maxWithdraw, (owner)));
        (, uint256 held) = BoundedCall.oneWord(shares, abi.encodeCall(IERC20.balanceOf, (owner)));
        (, uint256 allowed) = BoundedCall.oneWord(shares, abi.encodeCall(IERC20.allowance, (owner, address(this))));
        if (allowed >= held) return most;
        // Not `convertToAssets`, which leaves out what the vault charges for leaving.
        (, uint256 worth) = BoundedCall.oneWord(shares, abi.encodeCall(IERC4626.previewRedeem, (allowed)));
        return Math.min(most, worth);
    }

    // Moving it

    /// @dev The vault checks both rights, and the source's margin after each. The tip comes last: it may call its receiver.
    function _moveCash(AccountId source, AccountId account, uint256 amount, uint256 tip) private {
        VAULT.transfer(source, account, address(SETTLEMENT_TOKEN), amount);
        if (tip != 0) VAULT.withdraw(source, address(SETTLEMENT_TOKEN), tip, msg.sender);
    }

    /// @dev Brings tokens here, and sends on what arrived and nothing else: more than was asked for is the account's,
    /// and what was sent here by mistake stays. The tip comes last: it may call its receiver.
    function _moveTokens(AccountId account, uint8 number, uint256 amount, uint256 tip) private {
        uint256 before = SETTLEMENT_TOKEN.balanceOf(address(this));
        if (_standings[account][number].instruction.kind == SourceKind.Wallet) {
            SETTLEMENT_TOKEN.safeTransferFrom(account.ownerOf(), address(this), amount + tip);
        } else {
            _redeem(account, number, amount + tip);
        }
        uint256 arrived = SETTLEMENT_TOKEN.balanceOf(address(this)) - before;
        if (arrived < amount + tip) revert SourceFellShort(account, number, amount + tip, arrived);

        VAULT.deposit(account, address(SETTLEMENT_TOKEN), arrived - tip);
        if (tip != 0) SETTLEMENT_TOKEN.safeTransfer(msg.sender, tip);
    }

    /// @dev Burns shares of the owner for so many tokens, and looks at what that cost: whoever moved the price of shares
    /// for the duration of this call gets none of them below the owner's least price.
    function _redeem(AccountId account, uint8 number, uint256 amount) private {
        Instruction storage instruction = _standings[account][number].instruction;
        bytes32 source = instruction.source;
        (address shares, address owner) = (_addressOf(source), account.ownerOf());
        uint256 tokensBefore = SETTLEMENT_TOKEN.balanceOf(address(this));
        (, uint256 sharesBefore) = BoundedCall.oneWord(shares, abi.encodeCall(IERC20.balanceOf, (owner)));

        bytes memory call = abi.encodeCall(IERC4626.withdraw, (amount, address(this), owner));
        if (!BoundedCall.attempt(shares, call)) revert SourceFailed(account, number, source);

        (, uint256 sharesAfter) = BoundedCall.oneWord(shares, abi.encodeCall(IERC20.balanceOf, (owner)));
        uint256 arrived = SETTLEMENT_TOKEN.balanceOf(address(this)) - tokensBefore;
        uint256 burnt = Math.saturatingSub(sharesBefore, sharesAfter);
        // Rounded by nothing: burnt x least price <= arrived x 1e18.
        if (Math.saturatingMul(burnt, instruction.leastAssetsPerShare) > Math.saturatingMul(arrived, 1e18)) {
            revert SharesTooCheap(account, number, burnt, arrived);
        }
    }

    function _addressOf(bytes32 source) private pure returns (address) {
        return address(uint160(uint256(source)));
    }
}
