// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AutomationCompatibleInterface} from "@chainlink/contracts/src/v0.8/automation/interfaces/AutomationCompatibleInterface.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {LibCall} from "solady/src/utils/LibCall.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {ILens} from "../interfaces/ILens.sol";
import {ILiquidationAutomation} from "../interfaces/ILiquidationAutomation.sol";
import {IMarginEngine} from "../interfaces/IMarginEngine.sol";
import {IVault} from "../interfaces/IVault.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {AccountId, accountIdOf} from "../types/AccountId.sol";
import {LiquidationTerms} from "../types/LiquidationTerms.sol";
import {KnownMarket} from "../types/MarketCache.sol";
import {ALL_PERMISSIONS} from "../types/Permissions.sol";
import {Margin} from "../types/Portfolio.sol";

/// @title LiquidationAutomation
/// @notice A liquidator that anybody may drive. See ILiquidationAutomation.
/// @dev The check is a view and may be wrong: what it proposes is only a hint, and every perform starts from nothing. A batch
/// names accounts by their ids, not by their places on the list, which a call just before it could change.
///
///   entry of a batch:  account (32 bytes) | share of the largest slice (2 bytes, bps)
contract LiquidationAutomation is ILiquidationAutomation, IERC1271, Ownable2Step, ERC165, ReentrancyGuardTransient {
    using EnumerableSet for EnumerableSet.Bytes32Set;
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev Where a check stands.
    struct Plan {
        IMarginEngine engine;
        /// What the account can still carry [wad].
        int256 free;
        /// What a perform can still use [gas].
        uint256 gasLeft;
        /// How many instruments and tokens the account holds.
        uint256 ownItems;
        bytes batch;
    }

    uint256 private constant BYTES_OF_ENTRY = 34;
    uint256 private constant MOST_ENTRIES = 16;
    uint256 private constant WHOLE_BPS = 10_000;
    /// @dev A smaller slice is not worth its gas, and each rounds collateral by up to a unit at the liquidator's cost
    /// [bps].
    uint256 private constant LEAST_SHARE_BPS = 100;
    /// @dev A slice that is too large for the account is tried again at half and at a quarter.
    uint256 private constant MOST_TRIES = 3;

    /// @dev What a perform uses at most, whatever it is given: 5,000,000 less the transaction itself and its data. With less,
    /// as behind a forwarder that verifies signatures, it takes less [gas].
    uint256 private constant GAS_OF_PERFORM = 4_950_000;
    /// @dev Kept back for what comes after a slice: the event, or taking the account from the list [gas].
    uint256 private constant GAS_KEPT = 80_000;
    /// @dev With less nothing can be taken [gas].
    uint256 private constant LEAST_GAS = 250_000;
    /// @dev For planning: what a slice costs by what the account holds, all of it new to the liquidator. See
    /// docs/automation.md for the measured figures [gas].
    uint256 private constant GAS_OF_SLICE = 200_000;
    uint256 private constant GAS_OF_TOKEN = 75_000;
    uint256 private constant GAS_OF_INSTRUMENT = 110_000;
    /// @dev More for each instrument where the liquidator is paid: the insurance fund and the other side may be charged.
    uint256 private constant GAS_OF_LOSS = 35_000;
    /// @dev What valuing one item costs that the liquidator holds: after each slice, and once more with a reserve.
    uint256 private constant GAS_OF_VALUING = 30_000;

    /// @dev With less a check looks at no further account [gas].
    uint256 private constant GAS_TO_ADD = 600_000;
    /// @dev Kept back by a check, to count what an account holds and to answer [gas].
    uint256 private constant GAS_TO_ANSWER = 300_000;

    /// @dev The least time between two checks [seconds].
    uint256 private constant PERIOD = 30;
    /// @dev What a check reads unless it is told otherwise: see ILens for what that costs.
    uint256 private constant PAGE = 250;
    uint256 private constant MOST_OF_PAGE = 1_000;
    uint256 private constant MOST_NAMED = 100;

    /// @dev `onReport(bytes,bytes)` alone: the identifier of Chainlink's IReceiver.
    bytes4 private constant RECEIVER_INTERFACE = ILiquidationAutomation.onReport.selector;

    IVault private immutable VAULT;
    IClearinghouse private immutable CLEARINGHOUSE;
    ILens private immutable LENS;
    AccountId private immutable ACCOUNT;

    bool private _stopped;
    /// @dev [wad]
    uint88 private _leastFreeMargin;
    EnumerableSet.Bytes32Set private _watched;

    constructor(address owner, IVault vault, IClearinghouse clearinghouse, ILens lens) Ownable(owner) {
        VAULT = vault;
        CLEARINGHOUSE = clearinghouse;
        LENS = lens;
        ACCOUNT = accountIdOf(address(this), 0);
        vault.setOperator(owner, ALL_PERMISSIONS, type(uint40).max);
    }

    // Anyone

    /// @inheritdoc AutomationCompatibleInterface
    /// @dev Reverts with NothingTaken when nothing was taken: whoever simulates first then does not send.
    function performUpkeep(bytes calldata performData) external {
        _perform(performData);
    }

    /// @inheritdoc ILiquidationAutomation
    function onReport(bytes calldata, bytes calldata report) external {
        _perform(report);
    }

    /// @inheritdoc ILiquidationAutomation
    function watch(AccountId[] calldata accounts) external returns (uint256 added) {
        _requireFew(accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (accounts[i] == ACCOUNT || !_isExposed(accounts[i])) continue;
            if (!_watched.add(AccountId.unwrap(accounts[i]))) continue;
            ++added;
            emit Watched(accounts[i], _watched.length());
        }
    }

    /// @inheritdoc ILiquidationAutomation
    function forget(AccountId[] calldata accounts) external returns (uint256 removed) {
        _requireFew(accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (_forget(accounts[i])) ++removed;
        }
    }

    // The contract itself

    /// @inheritdoc ILiquidationAutomation
    function take(AccountId sinking, uint256 shareBps) external returns (uint256 fraction) {
        if (msg.sender != address(this)) revert NotAutomation(msg.sender);
        IMarginEngine engine = CLEARINGHOUSE.marginEngine();
        (LiquidationTerms memory terms, ) = engine.liquidationTermsOf(sinking, WadMath.WAD);
        fraction = WadMath.bpsDown(terms.fraction, shareBps);
        // The whole incentive: what the insurance fund cannot pay of it would be taken from the liquidator.
        int256 payment = WadMath.mulUp(terms.payment, fraction.toInt256());
        CLEARINGHOUSE.liquidate(sinking, ACCOUNT, fraction, payment);

        uint256 least = _leastFreeMargin;
        if (least == 0) return fraction;
        Margin memory margin = engine.marginOf(ACCOUNT);
        int256 free = margin.equity - margin.initial.toInt256();
        if (free < least.toInt256()) revert FreeMarginTooSmall(free, least);
    }

    // The owner

    /// @inheritdoc ILiquidationAutomation
    function setTaking(bool isTaking) external onlyOwner {
        _stopped = !isTaking;
        emit TakingSet(isTaking);
    }

    /// @inheritdoc ILiquidationAutomation
    function setLeastFreeMargin(uint88 least) external onlyOwner {
        uint256 former = _leastFreeMargin;
        _leastFreeMargin = least;
        emit LeastFreeMarginSet(former, least);
    }

    /// @notice Reverts with OwnerRequired.
    function renounceOwnership() public pure override {
        revert OwnerRequired();
    }

    // Views

    /// @inheritdoc AutomationCompatibleInterface
    /// @dev Reads a page of the list: `checkData` is abi.encode(uint256 from, uint256 count), or empty for the page of the
    /// moment. It begins somewhere else every 30 seconds, so that accounts that cannot be taken, for a reason that is
    /// not foreseen here, are not always in front of the others.
    function checkUpkeep(bytes calldata checkData) external view returns (bool, bytes memory) {
        Plan memory plan;
        if (_stopped) return (false, plan.batch);
        AccountId[] memory accounts = _page(checkData);
        plan.engine = CLEARINGHOUSE.marginEngine();
        plan.free = _freeMargin(plan.engine);
        plan.gasLeft = GAS_OF_PERFORM;
        (uint256 ownTokens, uint256 ownInstruments) = _itemsOf(ACCOUNT);
        plan.ownItems = ownTokens + ownInstruments;
        if (accounts.length == 0 || plan.free <= 0) return (false, plan.batch);

        // A few accounts can use up all that the lens is given: the rest is for those that it finds.
        bytes memory liquidatable = LENS.liquidatable{gas: gasleft() - gasleft() / 4}(accounts);
        for (uint256 i = 0; i < accounts.length && _hasRoom(plan); ++i) {
            bool isBelow = (uint8(liquidatable[i / 8]) >> (i % 8)) & 1 == 1;
            if (isBelow) _add(plan, accounts[i]);
        }
        return (plan.batch.length != 0, plan.batch);
    }

    /// @inheritdoc ILiquidationAutomation
    function account() external view returns (AccountId) {
        return ACCOUNT;
    }

    /// @inheritdoc ILiquidationAutomation
    function taking() external view returns (bool) {
        return !_stopped;
    }

    /// @inheritdoc ILiquidationAutomation
    function leastFreeMargin() external view returns (uint256) {
        return _leastFreeMargin;
    }

    /// @inheritdoc ILiquidationAutomation
    function watchedCount() external view returns (uint256) {
        return _watched.length();
    }

    /// @inheritdoc ILiquidationAutomation
    function isWatched(AccountId listed) external view returns (bool) {
        return _watched.contains(AccountId.unwrap(listed));
    }

    /// @inheritdoc ILiquidationAutomation
    function watched(uint256 from, uint256 count) public view returns (AccountId[] memory accounts) {
        if (from >= _watched.length()) return accounts;
        bytes32[] memory ids = _watched.values(from, from + FixedPointMathLib.min(count, MOST_OF_PAGE));
        accounts = new AccountId[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) accounts[i] = AccountId.wrap(ids[i]);
    }

    /// @inheritdoc IERC1271
    /// @dev Whether an owner that is a contract has signed: the Exchange takes operators by their keys only, and such an owner
    /// could not reduce what was taken. The key of any other owner is an operator's, and signs without this.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bool isSigned = SignatureChecker.isValidERC1271SignatureNow(owner(), hash, signature);
        return isSigned ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @notice Says that it receives reports of a forwarder.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == RECEIVER_INTERFACE || super.supportsInterface(interfaceId);
    }

    // Performing

    /// @dev Takes what can be taken within the gas, whatever the data is.
    function _perform(bytes calldata data) private nonReentrant {
        // What is not to be touched: beyond the most that a perform may use, and for what comes after each slice.
        uint256 kept = FixedPointMathLib.zeroFloorSub(gasleft(), GAS_OF_PERFORM) + GAS_KEPT;
        uint256 entries = data.length / BYTES_OF_ENTRY;
        if (entries == 0 || entries > MOST_ENTRIES || data.length % BYTES_OF_ENTRY != 0) {
            revert InvalidPerformData(data.length);
        }
        if (_stopped) revert NotTaking();

        bool anyTaken;
        bytes4 reason;
        for (uint256 i = 0; i < entries && gasleft() > kept + LEAST_GAS; ++i) {
            bytes calldata entry = data[i * BYTES_OF_ENTRY:(i + 1) * BYTES_OF_ENTRY];
            AccountId sinking = AccountId.wrap(bytes32(entry));
            bool isTaken;
            (isTaken, reason) = _tryTake(sinking, uint16(bytes2(entry[32:])), kept);
            if (isTaken) anyTaken = true;
            else emit LiquidationFailed(sinking, reason);
        }
        if (!anyTaken) revert NothingTaken(entries, reason);
    }

    /// @dev Takes a share of an account's largest slice, or less where the liquidator's margin does not carry it.
    function _tryTake(AccountId sinking, uint256 shareBps, uint256 kept) private returns (bool isTaken, bytes4 reason) {
        shareBps = FixedPointMathLib.clamp(shareBps, LEAST_SHARE_BPS, WHOLE_BPS);
        for (uint256 i = 0; i < MOST_TRIES && shareBps >= LEAST_SHARE_BPS; ++i) {
            if (gasleft() <= kept + LEAST_GAS) break;
            bytes memory result;
            // Not more than a word is copied, however much is returned.
            (isTaken, , result) = LibCall.tryCall(
                address(this),
                0,
                gasleft() - kept,
                32,
                abi.encodeCall(this.take, (sinking, shareBps))
            );
            if (isTaken) {
                if (abi.decode(result, (uint256)) == WadMath.WAD) _forget(sinking);
                return (true, 0);
            }
            reason = bytes4(result);
            if (reason != IMarginEngine.BelowInitialMargin.selector && reason != FreeMarginTooSmall.selector) break;
            shareBps /= 2;
        }
    }

    // Checking

    /// @dev The part of the list that a check reads, in turn from the place where it begins: what the gas does not suffice
    /// for is at the end, and that is somewhere else each time.
    function _page(bytes calldata checkData) private view returns (AccountId[] memory accounts) {
        uint256 moment = block.timestamp / PERIOD;
        (uint256 from, uint256 count) = checkData.length == 0
            ? _pageAt(moment)
            : abi.decode(checkData, (uint256, uint256));
        AccountId[] memory page = watched(from, count);
        if (page.length == 0) return page;
        uint256 begin = uint256(keccak256(abi.encode(moment))) % page.length;
        accounts = new AccountId[](page.length);
        for (uint256 i = 0; i < page.length; ++i) accounts[i] = page[(begin + i) % page.length];
    }

    /// @dev Each page once in as many moments as there are pages, in an order that begins anew each time by chance: who looks
    /// only at every second moment does not miss always the same half.
    function _pageAt(uint256 moment) private view returns (uint256 from, uint256 count) {
        uint256 pages = FixedPointMathLib.divUp(_watched.length(), PAGE);
        if (pages == 0) return (0, 0);
        uint256 start = uint256(keccak256(abi.encode(moment / pages, pages))) % pages;
        return (((start + moment) % pages) * PAGE, PAGE);
    }

    /// @dev What the liquidator's account can carry [wad]. When that cannot be read: no limit, as the act itself decides;
    /// with a reserve nothing, as the act needs to read it.
    function _freeMargin(IMarginEngine engine) private view returns (int256) {
        int256 reserve = int256(uint256(_leastFreeMargin));
        try engine.marginOf(ACCOUNT) returns (Margin memory margin) {
            // With a reserve the add-on for open interest counts, as it does in the act.
            uint256 required = reserve == 0 ? _requiredOf(margin) : margin.initial;
            return margin.equity - required.toInt256() - reserve;
        } catch {
            return reserve == 0 ? type(int256).max : int256(0);
        }
    }

    /// @dev What a liquidator would need for what an account holds [wad]: the initial requirement, without the add-on for
    /// open interest, is up to twice the maintenance requirement.
    function _requiredOf(Margin memory margin) private pure returns (uint256) {
        return FixedPointMathLib.min(margin.initial, 2 * margin.maintenance);
    }

    /// @dev Whether one more account may fit into the batch, and the check has the gas to find out.
    function _hasRoom(Plan memory plan) private view returns (bool) {
        return
            plan.batch.length != MOST_ENTRIES * BYTES_OF_ENTRY &&
            plan.free > 0 &&
            plan.gasLeft > GAS_OF_SLICE &&
            gasleft() > GAS_TO_ADD;
    }

    /// @dev What a question of a check may use: what it asks next may cost more than is left, and then what it has found so
    /// far is its answer [gas].
    function _gasToAsk() private view returns (uint256) {
        return FixedPointMathLib.zeroFloorSub(gasleft(), GAS_TO_ANSWER);
    }

    /// @dev Puts an account into the batch unless it is known that it cannot be taken.
    function _add(Plan memory plan, AccountId sinking) private view {
        LiquidationTerms memory terms = _termsOf(plan.engine, sinking, WadMath.WAD);
        if (terms.fraction == 0) return;
        uint256 gasNeeded = _gasFor(plan, sinking, terms.payment < 0);
        if (gasNeeded > plan.gasLeft || !_isPaid(plan.engine, sinking, terms)) return;
        (uint256 shareBps, uint256 needed) = _shareOf(plan, sinking, terms);
        if (shareBps == 0) return;

        plan.gasLeft -= gasNeeded;
        plan.free -= needed.toInt256();
        plan.batch = bytes.concat(plan.batch, AccountId.unwrap(sinking), bytes2(uint16(shareBps)));
    }

    /// @dev What a slice costs, with what the liquidator must value afterwards: what it has taken and what it had, at least
    /// as much as the larger of the two.
    function _gasFor(Plan memory plan, AccountId sinking, bool isLoss) private view returns (uint256 gasNeeded) {
        (uint256 tokens, uint256 instruments) = _itemsOf(sinking);
        uint256 items = tokens + instruments;
        gasNeeded = GAS_OF_SLICE + tokens * GAS_OF_TOKEN + instruments * GAS_OF_INSTRUMENT;
        if (isLoss) gasNeeded += instruments * GAS_OF_LOSS;
        gasNeeded += FixedPointMathLib.zeroFloorSub(plan.ownItems, items) * GAS_OF_VALUING;
        if (_leastFreeMargin != 0) gasNeeded += FixedPointMathLib.max(plan.ownItems, items) * GAS_OF_VALUING;
    }

    function _itemsOf(AccountId holder) private view returns (uint256 tokens, uint256 instruments) {
        (, , uint256[] memory amounts) = VAULT.balancesOf(holder);
        return (amounts.length, CLEARINGHOUSE.instrumentsOf(holder).length);
    }

    /// @dev The share of an account's largest slice f that the free margin carries, and what it needs of it:
    ///
    ///     needed = max(required - I, 0) x f x share
    ///
    /// as the liquidator earns the incentive I. 0 when it carries too little.
    function _shareOf(
        Plan memory plan,
        AccountId sinking,
        LiquidationTerms memory terms
    ) private view returns (uint256 shareBps, uint256 needed) {
        uint256 required = 2 * terms.maintenance;
        try plan.engine.marginOf{gas: _gasToAsk()}(sinking) returns (Margin memory margin) {
            required = _requiredOf(margin);
        } catch {}
        needed = WadMath.mulUp(FixedPointMathLib.zeroFloorSub(required, terms.incentive), terms.fraction);
        uint256 free = plan.free <= 0 ? 0 : uint256(plan.free);
        if (needed <= free) return (WHOLE_BPS, needed);

        shareBps = FixedPointMathLib.fullMulDiv(WHOLE_BPS, free, needed);
        if (shareBps < LEAST_SHARE_BPS) return (0, 0);
        // A part may be refused: the account must be closed whole.
        terms = _termsOf(plan.engine, sinking, WadMath.bpsDown(terms.fraction, shareBps));
        return terms.fraction == 0 ? (0, 0) : (shareBps, free);
    }

    /// @dev Whether the largest slice can be had at its price: with the whole incentive.
    function _isPaid(
        IMarginEngine engine,
        AccountId sinking,
        LiquidationTerms memory terms
    ) private view returns (bool) {
        try engine.previewLiquidation{gas: _gasToAsk()}(sinking) returns (uint256, int256 payment, int256, int256) {
            return payment <= WadMath.mulUp(terms.payment, terms.fraction.toInt256());
        } catch {
            return false;
        }
    }

    /// @dev The terms for at most a fraction; those of nothing when it is refused.
    function _termsOf(
        IMarginEngine engine,
        AccountId sinking,
        uint256 maxFraction
    ) private view returns (LiquidationTerms memory terms) {
        try engine.liquidationTermsOf{gas: _gasToAsk()}(sinking, maxFraction) returns (
            LiquidationTerms memory found,
            KnownMarket[] memory
        ) {
            terms = found;
        } catch {}
    }

    // Internals

    /// @dev Whether there is anything to liquidate for: a position or a debt. No price is asked.
    function _isExposed(AccountId candidate) private view returns (bool) {
        return CLEARINGHOUSE.instrumentsOf(candidate).length != 0 || VAULT.cashOf(candidate) < 0;
    }

    function _forget(AccountId candidate) private returns (bool) {
        if (_isExposed(candidate) || !_watched.remove(AccountId.unwrap(candidate))) return false;
        emit Forgotten(candidate, _watched.length());
        return true;
    }

    function _requireFew(uint256 given) private pure {
        if (given > MOST_NAMED) revert TooManyNamed(given, MOST_NAMED);
    }

    /// @dev The rights over the account go with the ownership. The first owner gets them in the constructor: when the base's
    /// runs, the vault is not known yet.
    function _transferOwnership(address newOwner) internal override {
        address former = owner();
        super._transferOwnership(newOwner);
        if (former == address(0)) return;
        VAULT.setOperator(former, 0, 0);
        VAULT.setOperator(newOwner, ALL_PERMISSIONS, type(uint40).max);
    }
}
