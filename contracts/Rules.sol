// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Funding} from "./clearing/Funding.sol";
import {IRules} from "./interfaces/IRules.sol";
import {CollateralParameters, CollateralRules, packCollateralRules} from "./types/CollateralRules.sol";
import {FundingParameters, packFundingRules} from "./types/FundingRules.sol";
import {InstrumentId, KIND_PERPETUAL, perpetualOf} from "./types/InstrumentId.sol";
import {LiquidationParameters, LiquidationRules, packLiquidationRules} from "./types/LiquidationRules.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "./types/SizeBrackets.sol";
import {UnderlyingParameters, UnderlyingRules, packUnderlyingRules} from "./types/UnderlyingRules.sol";

/// @title Rules
/// @notice Every parameter of instruments, underlyings, collateral and liquidation, each group in one packed word.
/// @dev Nothing that an account may hold is ever unlisted: an account whose rules cannot be read could be neither
/// valued nor liquidated. A kind's bit and a token's place are therefore set once; a token leaves by `accepted`.
contract Rules is IRules, AccessManaged {
    using SafeERC20 for IERC20;

    /// @dev Two slots.
    struct Underlying {
        UnderlyingRules rates;
        SizeBrackets brackets;
    }

    uint256 private constant ONE_BPS = 10_000;
    /// @dev Tokens are bits of an account's 16-bit set.
    uint256 private constant MOST_TOKENS = 16;
    uint256 private constant MOST_DECIMALS = 24;
    uint256 private constant KNOWN_KINDS = 1 << KIND_PERPETUAL;
    /// @dev Longer than RISK's delay: a freeze lasts until governance can make it lasting.
    uint256 private constant FREEZE_SECONDS = 3 days;

    mapping(uint24 underlying => Underlying rules) private _underlyings;
    mapping(address token => CollateralRules rules) private _collateral;
    address[] private _tokens;
    LiquidationRules private _liquidation;

    constructor(address authority) AccessManaged(authority) {}

    // Governance

    /// @inheritdoc IRules
    function setUnderlying(uint24 underlying, UnderlyingParameters calldata parameters) external restricted {
        _requireBounds("underlying", underlying, 1, type(uint24).max);
        _requireRates(parameters);
        Underlying storage stored = _underlyings[underlying];
        _requireKinds(parameters.kinds, stored.rates);

        stored.rates = packUnderlyingRules(parameters).withFreeze(stored.rates.frozenUntil());

        emit UnderlyingSet(underlying, parameters);
    }

    /// @inheritdoc IRules
    function setBrackets(uint24 underlying, BracketParameters calldata parameters) external restricted {
        _requireBounds("underlying", underlying, 1, type(uint24).max);
        _requireBrackets(parameters);

        Underlying storage stored = _underlyings[underlying];
        stored.brackets = packSizeBrackets(parameters).withFundingRules(stored.brackets.fundingRules());

        emit BracketsSet(underlying, parameters);
    }

    /// @inheritdoc IRules
    function setFundingRules(uint24 underlying, FundingParameters calldata parameters) external restricted {
        Underlying storage stored = _underlyings[underlying];
        if (SizeBrackets.unwrap(stored.brackets) == 0) revert UnknownInstrument(perpetualOf(underlying));
        _requireFunding(parameters);

        stored.brackets = stored.brackets.withFundingRules(packFundingRules(parameters));

        emit FundingRulesSet(underlying, parameters);
    }

    /// @inheritdoc IRules
    /// @dev A token that does not say its decimals is refused as one of 2^256 - 1 decimals. The settlement token is not
    /// known here: the Vault refuses it.
    function listCollateral(address token, CollateralParameters calldata parameters) external restricted {
        if (_collateral[token].listed()) revert TokenAlreadyListed(token);
        uint256 place = _tokens.length;
        if (place == MOST_TOKENS) revert TooManyTokens(MOST_TOKENS);
        _requireCollateral(parameters);
        (bool answered, uint8 decimals) = IERC20(token).tryGetDecimals();
        _requireBounds("decimals", answered ? decimals : type(uint256).max, 0, MOST_DECIMALS);

        _tokens.push(token);
        _collateral[token] = packCollateralRules(parameters, decimals, uint8(place));

        emit CollateralSet(token, place, decimals, parameters);
    }

    /// @inheritdoc IRules
    function setCollateral(address token, CollateralParameters calldata parameters) external restricted {
        CollateralRules rules = _listedRules(token);
        _requireCollateral(parameters);
        // Another price source for a token that accounts hold would revalue them in one step.
        uint256 underlying = rules.collateralUnderlying();
        _requireBounds("underlying", parameters.underlying, underlying, underlying);
        uint256 place = rules.index();
        uint8 decimals = uint8(rules.tokenDecimals());

        _collateral[token] = packCollateralRules(parameters, decimals, uint8(place)).withFreeze(rules.frozenUntil());

        emit CollateralSet(token, place, decimals, parameters);
    }

    /// @inheritdoc IRules
    function setLiquidationRules(LiquidationParameters calldata parameters) external restricted {
        _requireLiquidation(parameters);

        _liquidation = packLiquidationRules(parameters);

        emit LiquidationRulesSet(parameters);
    }

    // The guardian

    /// @inheritdoc IRules
    function freezeUnderlying(uint24 underlying) external restricted {
        Underlying storage stored = _underlyings[underlying];
        if (!stored.rates.lists(KIND_PERPETUAL)) revert UnknownInstrument(perpetualOf(underlying));
        uint256 until = _nextFreeze(stored.rates.frozenUntil());
        stored.rates = stored.rates.withFreeze(until);
        emit UnderlyingFrozen(underlying, until);
    }

    /// @inheritdoc IRules
    function freezeCollateral(address token) external restricted {
        CollateralRules rules = _listedRules(token);
        uint256 until = _nextFreeze(rules.frozenUntil());
        _collateral[token] = rules.withFreeze(until);
        emit CollateralFrozen(token, until);
    }

    // Views

    /// @inheritdoc IRules
    function instrumentRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets) {
        uint24 underlying = instrument.underlyingOf();
        Underlying storage stored = _underlyings[underlying];
        rules = stored.rates;
        brackets = stored.brackets;
        // The first comparison refuses every other kind and every bit that a perpetual has not.
        bool isListed = instrument.isPerpetual() && rules.lists(KIND_PERPETUAL) && SizeBrackets.unwrap(brackets) != 0;
        if (!isListed) revert UnknownInstrument(instrument);
    }

    /// @inheritdoc IRules
    function collateralOf(address token) external view returns (CollateralRules) {
        return _listedRules(token).today();
    }

    /// @inheritdoc IRules
    function collateralAt(uint256 index) external view returns (address token, CollateralRules rules) {
        if (index >= _tokens.length) return (address(0), rules);
        token = _tokens[index];
        rules = _collateral[token].today();
    }

    /// @inheritdoc IRules
    function collateralCount() external view returns (uint256) {
        return _tokens.length;
    }

    /// @inheritdoc IRules
    function liquidationRules() external view returns (LiquidationRules) {
        return _liquidation;
    }

    function _listedRules(address token) private view returns (CollateralRules rules) {
        rules = _collateral[token];
        if (!rules.listed()) revert UnknownToken(token);
    }

    /// @dev The end of a freeze that begins now. Between two of them lies the same time, so that a guardian who stays
    /// at it can stop a market for at most half of the time.
    function _nextFreeze(uint256 last) private view returns (uint256) {
        if (block.timestamp <= last + FREEZE_SECONDS && last != 0) revert FreezeTooSoon(last + FREEZE_SECONDS);
        return block.timestamp + FREEZE_SECONDS;
    }

    // Bounds

    function _requireRates(UnderlyingParameters calldata parameters) private pure {
        uint256 floor = parameters.maintenanceFloorBps;
        uint256 cap = parameters.maintenanceCapBps;
        _requireBounds("maintenanceFloorBps", floor, 1, 5_000);
        _requireBounds("maintenanceCapBps", cap, floor, 5_000);
        _requireBounds("maintenanceBaseBps", parameters.maintenanceBaseBps, 0, cap);
        _requireBounds("maintenanceSlopeBps", parameters.maintenanceSlopeBps, 0, ONE_BPS);
        _requireBounds("initialFloorBps", parameters.initialFloorBps, floor, ONE_BPS);
        _requireBounds("maintenanceToInitialBps", parameters.maintenanceToInitialBps, 1_000, ONE_BPS);
        _requireBounds("slowSigmaBps", parameters.slowSigmaBps, 0, 50_000);
        _requireBounds("fastSigmaBps", parameters.fastSigmaBps, 0, 50_000);
        _requireBounds("tradeBandBps", parameters.tradeBandBps, 1, 2_000);
        _requireBounds("leastTradeBandBps", parameters.leastTradeBandBps, 0, 500);
    }

    /// @dev The kinds of today are the least, as a set: a bit that is set stays set.
    function _requireKinds(uint8 kinds, UnderlyingRules current) private pure {
        uint256 least = current.lists(KIND_PERPETUAL) ? KNOWN_KINDS : 0;
        if (kinds & ~KNOWN_KINDS != 0 || kinds & least != least) {
            revert RuleOutOfBounds("kinds", kinds, least, KNOWN_KINDS);
        }
    }

    function _requireBrackets(BracketParameters calldata parameters) private pure {
        uint256 mostEnd = type(uint40).max;
        _requireBounds("firstEnd", parameters.firstEnd, 1, mostEnd);
        _requireBounds("secondEnd", parameters.secondEnd, uint256(parameters.firstEnd) + 1, mostEnd);
        _requireBounds("thirdEnd", parameters.thirdEnd, uint256(parameters.secondEnd) + 1, mostEnd);
        // Factors that never fall keep the requirement convex: a larger position is never charged a lower rate.
        uint256 mostFactor = 20 * ONE_BPS;
        _requireBounds("secondFactorBps", parameters.secondFactorBps, ONE_BPS, mostFactor);
        _requireBounds("thirdFactorBps", parameters.thirdFactorBps, parameters.secondFactorBps, mostFactor);
        _requireBounds("lastFactorBps", parameters.lastFactorBps, parameters.thirdFactorBps, mostFactor);
    }

    /// @dev The least depth share is what makes a false premium cost more than it earns: see Funding.
    function _requireFunding(FundingParameters calldata parameters) private pure {
        uint256 cap = parameters.capMillionths;
        _requireBounds("capMillionths", cap, 0, 20_000);
        _requireBounds("interestMillionths", FixedPointMathLib.abs(parameters.interestMillionths), 0, cap);
        _requireBounds("deadBandMillionths", parameters.deadBandMillionths, 0, 10_000);
        uint256 least = Funding.leastDepthShareBps(cap);
        _requireBounds("depthShareBps", parameters.depthShareBps, least, type(uint16).max);
    }

    function _requireCollateral(CollateralParameters calldata parameters) private pure {
        uint256 maintenance = parameters.maintenanceHaircutBps;
        _requireBounds("underlying", parameters.underlying, 1, type(uint24).max);
        _requireBounds("maintenanceHaircutBps", maintenance, 0, ONE_BPS - 1);
        _requireBounds("initialHaircutBps", parameters.initialHaircutBps, maintenance, ONE_BPS - 1);
    }

    function _requireLiquidation(LiquidationParameters calldata parameters) private view {
        uint256 least = parameters.leastIncentiveBps;
        _requireBounds("leastIncentiveBps", least, 100, 5_000);
        _requireBounds("mostIncentiveBps", parameters.mostIncentiveBps, least, 9_000);
        // rhoMin + kappa < 1: an account at the line receives something for the slice that it gives.
        uint256 mostFee = ONE_BPS - 1 - least;
        _requireBounds("insuranceFeeBps", parameters.insuranceFeeBps, 0, mostFee < 5_000 ? mostFee : 5_000);
        _requireBounds("bufferBps", parameters.bufferBps, 100, ONE_BPS);
        _requireBounds("gainsHaircutCapBps", parameters.gainsHaircutCapBps, 1, 2_000);
        _requireBounds("minimumMargin", parameters.minimumMargin, 1, 10_000);
        _requireBounds("minimumMarginOfItem", parameters.minimumMarginOfItem, 0, 1_000);
        // Never lowered: an account that holds more than a liquidator may hold could not be taken over.
        uint256 leastInstruments = _liquidation.mostInstruments();
        _requireBounds("mostInstruments", parameters.mostInstruments, leastInstruments == 0 ? 1 : leastInstruments, 64);
        _requireBounds("fundDrawCapBps", parameters.fundDrawCapBps, 100, ONE_BPS);
        _requireBounds("openInterestBase", parameters.openInterestBase, 1, type(uint40).max);
        _requireBounds("deleverageDelay", parameters.deleverageDelay, 10 minutes, 12 hours);
        _requireBounds("lendersCapBps", parameters.lendersCapBps, 0, 1_000);
        _requireBounds("fundFloorBps", parameters.fundFloorBps, 50, 2_000);
    }

    function _requireBounds(bytes32 name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert RuleOutOfBounds(name, value, least, most);
    }
}
