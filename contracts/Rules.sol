// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {Funding} from "./clearing/Funding.sol";
import {IRules} from "./interfaces/IRules.sol";
import {CollateralParameters, CollateralRules, packCollateralRules} from "./types/CollateralRules.sol";
import {FundingParameters, FundingRules, packFundingRules} from "./types/FundingRules.sol";
import {InstrumentId, KIND_PERPETUAL, perpetualOf} from "./types/InstrumentId.sol";
import {LiquidationParameters, LiquidationRules, packLiquidationRules} from "./types/LiquidationRules.sol";
import {StandardRates} from "./margin/StandardRates.sol";
import {RealisedVolatility} from "./oracle/RealisedVolatility.sol";
import {MarginRates} from "./types/MarginRates.sol";
import {NotedVolatility, packNotedVolatility} from "./types/NotedVolatility.sol";
import {rampEnd, ramped} from "./types/Ramp.sol";
import {RateRules, UnderlyingParameters, packRateRules} from "./types/RateRules.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "./types/SizeBrackets.sol";
import {UnderlyingRules, packUnderlyingRules} from "./types/UnderlyingRules.sol";

/// @title Rules
/// @notice Every parameter of instruments, underlyings, collateral and liquidation, each group in one packed word.
/// @dev Whatever could raise a maintenance requirement, or a haircut, moves in a straight line for RAMP_SECONDS from what it
/// is when it is set to what it was set to: rates, brackets and the prior of an underlying together, the haircuts of a
/// token, the minimum margins, and the volatility that a new volatility oracle says. A read gives the value of now, so
/// no change makes an account liquidatable in the block in which it is made; a second change begins where the first one
/// is. Each field moves by itself, in its own unit.
///
/// Nothing that an account may hold is ever unlisted: an account whose rules cannot be read could be neither
/// valued nor liquidated. A kind's bit and a token's place are therefore set once; a token leaves by `accepted`.
contract Rules is IRules, AccessManaged {
    using SafeERC20 for IERC20;

    /// @dev Five slots, of which a margin reads two and a trade three, but for the time of a ramp.
    struct Underlying {
        RateRules rates;
        /// With what the volatility oracle has noted.
        SizeBrackets brackets;
        FundingRules funding;
        /// The number of the volatility oracle that has noted something last.
        uint8 notedBy;
        /// Where the ramp began.
        RateRules formerRates;
        /// With the sigmas from which those of a new volatility oracle depart; 0 when it is no new one.
        SizeBrackets formerBrackets;
    }

    /// @dev What an underlying's words say now.
    struct Today {
        RateRules rates;
        SizeBrackets brackets;
        /// [wad]
        uint256 slow;
        /// [wad]
        uint256 fast;
    }

    /// @dev One slot.
    struct Volatility {
        address oracle;
        /// The number of the oracle, from 1.
        uint8 generation;
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
    /// @dev With the minimum margins from which the ramp began.
    LiquidationRules private _formerLiquidation;
    Volatility private _volatility;

    constructor(address authority) AccessManaged(authority) {}

    // Governance

    /// @inheritdoc IRules
    function setUnderlying(uint24 underlying, UnderlyingParameters calldata parameters) external restricted {
        _requireBounds("underlying", underlying, 1, type(uint24).max);
        _requireRates(parameters);
        Underlying storage stored = _underlyings[underlying];
        RateRules current = stored.rates;
        UnderlyingRules tradable = packUnderlyingRules(RateRules.unwrap(current), 0, 0);
        _requireKinds(parameters.kinds, tradable);

        RateRules given = packRateRules(parameters).withFreeze(tradable.frozenUntil());
        uint256 end = current.endOfRamp();
        if (RateRules.unwrap(current) != 0 && !given.hasRatesOf(current)) end = _beginRamp(stored);
        stored.rates = given.withRampEnd(end);

        emit UnderlyingSet(underlying, parameters, end);
    }

    /// @inheritdoc IRules
    function setBrackets(uint24 underlying, BracketParameters calldata parameters) external restricted {
        _requireBounds("underlying", underlying, 1, type(uint24).max);
        _requireBrackets(parameters);

        Underlying storage stored = _underlyings[underlying];
        (RateRules rates, SizeBrackets current) = (stored.rates, stored.brackets);
        SizeBrackets given = packSizeBrackets(parameters).withVolatility(current.volatility());
        uint256 end = rates.endOfRamp();
        // Before it has both, nobody holds anything of the underlying.
        if (RateRules.unwrap(rates) != 0 && _hasBrackets(current) && !given.hasBracketsOf(current)) {
            end = _beginRamp(stored);
            stored.rates = rates.withRampEnd(end);
        }
        stored.brackets = given;

        emit BracketsSet(underlying, parameters, end);
    }

    /// @inheritdoc IRules
    function setFundingRules(uint24 underlying, FundingParameters calldata parameters) external restricted {
        Underlying storage stored = _underlyings[underlying];
        if (!_hasBrackets(stored.brackets)) revert UnknownInstrument(perpetualOf(underlying));
        _requireFunding(parameters);

        stored.funding = packFundingRules(parameters);

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

        emit CollateralSet(token, place, decimals, parameters, 0);
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

        CollateralRules given = packCollateralRules(parameters, decimals, uint8(place));
        uint256 end = rules.endOfRamp();
        if (given.hasHaircutsOf(rules)) {
            given = given.withRampOf(rules);
        } else {
            end = rampEnd();
            given = given.withRamp(rules.withFreeze(0).today(), end);
        }
        _collateral[token] = given.withFreeze(rules.frozenUntil());

        emit CollateralSet(token, place, decimals, parameters, end);
    }

    /// @inheritdoc IRules
    function setLiquidationRules(LiquidationParameters calldata parameters) external restricted {
        _requireLiquidation(parameters);

        LiquidationRules current = _liquidation;
        LiquidationRules given = packLiquidationRules(parameters);
        uint256 end = current.endOfRamp();
        if (LiquidationRules.unwrap(current) != 0 && !given.hasMarginsOf(current)) {
            _formerLiquidation = liquidationRules();
            end = rampEnd();
        }
        _liquidation = given.withRampEnd(end);

        emit LiquidationRulesSet(parameters, end);
    }

    /// @inheritdoc IRules
    function setVolatilityOracle(address oracle) external restricted {
        if (oracle.code.length == 0) revert NotAVolatilityOracle(oracle);
        Volatility storage volatility = _volatility;
        uint8 generation = volatility.generation + 1;
        (volatility.oracle, volatility.generation) = (oracle, generation);
        emit VolatilityOracleSet(oracle, generation);
    }

    // The guardian

    /// @inheritdoc IRules
    function freezeUnderlying(uint24 underlying) external restricted {
        Underlying storage stored = _underlyings[underlying];
        RateRules rates = stored.rates;
        UnderlyingRules tradable = packUnderlyingRules(RateRules.unwrap(rates), 0, 0);
        if (!tradable.lists(KIND_PERPETUAL)) revert UnknownInstrument(perpetualOf(underlying));
        uint256 until = _nextFreeze(tradable.frozenUntil());
        stored.rates = rates.withFreeze(until);
        emit UnderlyingFrozen(underlying, until);
    }

    /// @inheritdoc IRules
    function freezeCollateral(address token) external restricted {
        CollateralRules rules = _listedRules(token);
        uint256 until = _nextFreeze(rules.frozenUntil());
        _collateral[token] = rules.withFreeze(until);
        emit CollateralFrozen(token, until);
    }

    // The volatility oracle

    /// @inheritdoc IRules
    function noteVolatility(uint24 underlying, uint16 slowBps, uint16 fastBps, uint32 roundAt) external {
        Volatility memory volatility = _volatility;
        if (msg.sender != volatility.oracle) revert NotVolatilityOracle(msg.sender);
        _requireBounds("roundAt", roundAt, 1, block.timestamp);
        Underlying storage stored = _underlyings[underlying];
        if (stored.notedBy != volatility.generation) {
            stored.notedBy = volatility.generation;
            // The first oracle begins with the prior, as everybody who reads did until now.
            if (volatility.generation != 1) _beginBlend(stored);
        }
        NotedVolatility noted = packNotedVolatility(slowBps, fastBps, roundAt);
        stored.brackets = stored.brackets.withVolatility(noted);
        emit VolatilityNoted(underlying, slowBps, fastBps, roundAt);
    }

    // Views

    /// @inheritdoc IRules
    function instrumentRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets) {
        (rules, brackets) = _rulesOf(instrument, _underlyings[instrument.underlyingOf()]);
    }

    /// @inheritdoc IRules
    function tradingRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets) {
        Underlying storage stored = _underlyings[instrument.underlyingOf()];
        (rules, brackets) = _rulesOf(instrument, stored);
        brackets = brackets.withFundingRules(stored.funding);
    }

    /// @inheritdoc IRules
    function marginRatesOf(uint24 underlying) external view returns (MarginRates memory rates) {
        Underlying storage stored = _underlyings[underlying];
        (RateRules target, SizeBrackets targetBrackets) = (stored.rates, stored.brackets);
        if (RateRules.unwrap(target) == 0) revert UnknownInstrument(perpetualOf(underlying));
        Today memory today = _today(stored);
        (rates.rules, rates.brackets) = (today.rates, today.brackets.withVolatility(NotedVolatility.wrap(0)));
        (rates.slowSigma, rates.fastSigma) = (today.slow, today.fast);
        rates.priorSigma = today.rates.priorSigmaPercent() * 1e16;
        rates.lastRoundAt = targetBrackets.volatility().roundAt();
        (rates.initial, rates.maintenance) = StandardRates.ratesOf(today.rates, today.slow, today.fast);
        rates.endOfRamp = target.endOfRamp();
        rates.targetRules = target;
        rates.targetBrackets = targetBrackets.withVolatility(NotedVolatility.wrap(0));
        (rates.targetInitial, rates.targetMaintenance) = StandardRates.ratesOf(target, today.slow, today.fast);
    }

    /// @inheritdoc IRules
    function volatilityOracle() external view returns (address oracle, uint8 generation) {
        return (_volatility.oracle, _volatility.generation);
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
    function liquidationRules() public view returns (LiquidationRules rules) {
        rules = _liquidation;
        if (block.timestamp < rules.endOfRamp()) rules = rules.onItsWayFrom(_formerLiquidation);
    }

    /// @dev The rules of an instrument as they are now, without funding rules.
    function _rulesOf(
        InstrumentId instrument,
        Underlying storage stored
    ) private view returns (UnderlyingRules rules, SizeBrackets brackets) {
        Today memory today = _today(stored);
        brackets = today.brackets.withVolatility(NotedVolatility.wrap(0));
        uint256 word = RateRules.unwrap(today.rates);
        // The first comparison refuses every other kind and every bit that a perpetual has not.
        bool isListed = instrument.isPerpetual() && packUnderlyingRules(word, 0, 0).lists(KIND_PERPETUAL);
        if (!isListed || SizeBrackets.unwrap(brackets) == 0) revert UnknownInstrument(instrument);
        (uint256 initial, uint256 maintenance) = StandardRates.ratesOf(today.rates, today.slow, today.fast);
        rules = packUnderlyingRules(word, initial, maintenance);
    }

    /// @dev What an underlying's rates, brackets and sigmas are now.
    function _today(Underlying storage stored) private view returns (Today memory today) {
        (RateRules rates, SizeBrackets brackets) = (stored.rates, stored.brackets);
        NotedVolatility noted = brackets.volatility();
        uint256 end = rates.endOfRamp();
        if (block.timestamp < end) {
            SizeBrackets former = stored.formerBrackets;
            rates = rates.onItsWayFrom(stored.formerRates);
            brackets = brackets.onItsWayFrom(former, end);
            (today.slow, today.fast) = RealisedVolatility.sigmasNow(noted, rates.priorSigmaPercent());
            NotedVolatility left = former.volatility();
            if (NotedVolatility.unwrap(left) != 0) {
                today.slow = ramped(left.slowSigmaBps() * 1e14, today.slow, end);
                today.fast = ramped(left.fastSigmaBps() * 1e14, today.fast, end);
            }
        } else {
            (today.slow, today.fast) = RealisedVolatility.sigmasNow(noted, rates.priorSigmaPercent());
        }
        (today.rates, today.brackets) = (rates, brackets);
    }

    /// @dev Rates and brackets begin to move from where they are now; returns when they arrive [unix seconds].
    function _beginRamp(Underlying storage stored) private returns (uint256 end) {
        Today memory today = _today(stored);
        bool isBlending =
            block.timestamp < stored.rates.endOfRamp() &&
                NotedVolatility.unwrap(stored.formerBrackets.volatility()) != 0;
        (stored.formerRates, stored.formerBrackets) = (today.rates, _leaving(today, isBlending));
        return rampEnd();
    }

    /// @dev The sigmas of a new oracle begin to depart from those of now, and with them whatever else is on its way.
    function _beginBlend(Underlying storage stored) private {
        Today memory today = _today(stored);
        (stored.formerRates, stored.formerBrackets) = (today.rates, _leaving(today, true));
        stored.rates = stored.rates.withRampEnd(rampEnd());
    }

    /// @dev The brackets of now, as those that a ramp leaves; with the sigmas of now when these are left as well. What does
    /// not fit, or is a part of one bps, is cut off.
    function _leaving(Today memory today, bool sigmas) private view returns (SizeBrackets) {
        NotedVolatility noted = NotedVolatility.wrap(0);
        if (sigmas) {
            uint256 most = type(uint16).max;
            noted = packNotedVolatility(
                uint16(FixedPointMathLib.min(today.slow / 1e14, most)),
                uint16(FixedPointMathLib.min(today.fast / 1e14, most)),
                uint32(block.timestamp)
            );
        }
        return today.brackets.withVolatility(noted);
    }

    function _hasBrackets(SizeBrackets brackets) private pure returns (bool) {
        return uint192(SizeBrackets.unwrap(brackets)) != 0;
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
        _requireBounds("priorSigmaPercent", parameters.priorSigmaPercent, 1, type(uint8).max);
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
