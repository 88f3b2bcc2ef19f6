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
import {StandardRates} from "./margin/StandardRates.sol";
import {RealisedVolatility} from "./oracle/RealisedVolatility.sol";
import {MarginRates} from "./types/MarginRates.sol";
import {NotedVolatility, packNotedVolatility} from "./types/NotedVolatility.sol";
import {rampEnd, ramped} from "./types/Ramp.sol";
import {RateRules, UnderlyingParameters, constantRates, packRateRules} from "./types/RateRules.sol";
import {BracketParameters, SizeBrackets, packSizeBrackets} from "./types/SizeBrackets.sol";
import {TradingLimits, packTradingLimits} from "./types/TradingLimits.sol";
import {UnderlyingRules, packUnderlyingRules} from "./types/UnderlyingRules.sol";

/// @title Rules
/// @notice Every parameter of instruments, underlyings, collateral and liquidation, each group in one packed word.
/// @dev Whatever could raise a maintenance requirement, or a haircut, moves in a straight line for RAMP_SECONDS from what it
/// is when it is set to what it was set to: an underlying's rates, or its brackets, the haircuts of a token, the minimum
/// margins, and the rates that follow from a new volatility oracle. A read gives the value of now, so no change makes an
/// account liquidatable in the block in which it is made. Of an underlying one thing moves at a time, so that what an
/// account requires never leaves what lies between the old rules and the new ones.
///
/// Nothing that an account may hold is ever unlisted: an account whose rules cannot be read could be neither
/// valued nor liquidated. A kind's bit and a token's place are therefore set once; a token leaves by `accepted`.
contract Rules is IRules, AccessManaged {
    using SafeERC20 for IERC20;

    /// @dev Five slots. A margin reads the first, a trade two; a position beyond the first bracket the third as well, and
    /// whoever reads while a ramp runs one of the others.
    struct Underlying {
        RateRules rates;
        TradingLimits limits;
        SizeBrackets brackets;
        /// What the rates come from; 0 while they stand still.
        RateRules formerRates;
        /// What the brackets come from; 0 while they stand still.
        SizeBrackets formerBrackets;
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
        _requireKinds(parameters.kinds, current);

        RateRules given = packRateRules(parameters);
        given = given.withVolatility(current.volatility()).withEndOfFirstBracket(uint40(current.endOfFirstBracket()));
        uint256 end = current.endOfRamp();
        // Before it is listed and has brackets, nobody holds anything of the underlying.
        if (_isOpen(current) && !given.hasRatesOf(current)) {
            _requireNoRamp(underlying, end);
            end = rampEnd();
            (stored.formerRates, stored.formerBrackets) = (current, SizeBrackets.wrap(0));
        }
        stored.rates = given.withEndOfRamp(end);
        stored.limits = packTradingLimits(stored.limits, parameters);

        emit UnderlyingSet(underlying, parameters, end);
    }

    /// @inheritdoc IRules
    function setBrackets(uint24 underlying, BracketParameters calldata parameters) external restricted {
        _requireBounds("underlying", underlying, 1, type(uint24).max);
        _requireBrackets(parameters);

        Underlying storage stored = _underlyings[underlying];
        (RateRules rates, SizeBrackets current) = (stored.rates, stored.brackets);
        SizeBrackets given = packSizeBrackets(parameters);
        uint256 end = rates.endOfRamp();
        (bool sameEnds, bool sameFactors) = (given.hasEndsOf(current), given.hasFactorsOf(current));
        if (_isOpen(rates) && !(sameEnds && sameFactors)) {
            if (!sameEnds && !sameFactors) revert EndsAndFactors(underlying);
            _requireNoRamp(underlying, end);
            end = rampEnd();
            (stored.formerRates, stored.formerBrackets) = (RateRules.wrap(0), current);
        }
        stored.rates = rates.withEndOfFirstBracket(parameters.firstEnd).withEndOfRamp(end);
        stored.brackets = given;

        emit BracketsSet(underlying, parameters, end);
    }

    /// @inheritdoc IRules
    function setFundingRules(uint24 underlying, FundingParameters calldata parameters) external restricted {
        Underlying storage stored = _underlyings[underlying];
        if (stored.rates.endOfFirstBracket() == 0) revert UnknownInstrument(perpetualOf(underlying));
        _requireFunding(parameters);

        stored.limits = stored.limits.withFundingRules(packFundingRules(parameters));

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
        TradingLimits limits = stored.limits;
        if (!_lists(stored.rates)) revert UnknownInstrument(perpetualOf(underlying));
        uint256 until = _nextFreeze(limits.frozenUntil());
        stored.limits = limits.withFreeze(until);
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
        RateRules rates = _listedRates(perpetualOf(underlying), stored);
        NotedVolatility noted = packNotedVolatility(slowBps, fastBps, roundAt);
        TradingLimits limits = stored.limits;
        if (limits.notedBy() != volatility.generation) {
            stored.limits = limits.withNotedBy(volatility.generation);
            // Who begins with the prior goes on from what everybody has read until now.
            uint256 priorBps = rates.priorSigmaPercent() * 100;
            bool isFresh = NotedVolatility.unwrap(rates.volatility()) == 0;
            if (!isFresh || slowBps != priorBps || fastBps != priorBps) rates = _beginBlend(stored, rates);
        }
        stored.rates = rates.withVolatility(noted);
        emit VolatilityNoted(underlying, slowBps, fastBps, roundAt);
    }

    // Views

    /// @inheritdoc IRules
    function instrumentRules(
        InstrumentId instrument
    ) public view returns (UnderlyingRules rules, SizeBrackets brackets) {
        Underlying storage stored = _underlyings[instrument.underlyingOf()];
        RateRules rates = _listedRates(instrument, stored);
        (uint256 initial, uint256 maintenance) = _marginRates(stored, rates);
        rules = packUnderlyingRules(rates.kinds() << 160, initial, maintenance);
        brackets = _firstBracket(stored, rates);
    }

    /// @inheritdoc IRules
    function marginRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets, LiquidationRules liquidation) {
        (rules, brackets) = instrumentRules(instrument);
        liquidation = liquidationRules();
    }

    /// @inheritdoc IRules
    function tradingRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets) {
        Underlying storage stored = _underlyings[instrument.underlyingOf()];
        RateRules rates = _listedRates(instrument, stored);
        (uint256 initial, uint256 maintenance) = _marginRates(stored, rates);
        TradingLimits limits = stored.limits;
        rules = packUnderlyingRules(limits.upperHalf() | (rates.kinds() << 160), initial, maintenance);
        brackets = _firstBracket(stored, rates).withFundingRules(limits.fundingRules());
    }

    /// @inheritdoc IRules
    function bracketsOf(InstrumentId instrument) external view returns (SizeBrackets) {
        Underlying storage stored = _underlyings[instrument.underlyingOf()];
        return _bracketsNow(stored, _listedRates(instrument, stored));
    }

    /// @inheritdoc IRules
    function marginRatesOf(uint24 underlying) external view returns (MarginRates memory rates) {
        Underlying storage stored = _underlyings[underlying];
        RateRules rules = _listedRates(perpetualOf(underlying), stored);
        (rates.initial, rates.maintenance) = _marginRates(stored, rules);
        rates.brackets = _bracketsNow(stored, rules);
        rates.priorSigma = rules.priorSigmaPercent() * 1e16;
        (rates.slowSigma, rates.fastSigma) = RealisedVolatility.sigmasNow(
            rules.volatility(),
            rules.priorSigmaPercent()
        );
        rates.lastRoundAt = rules.volatility().roundAt();
        (rates.rules, rates.endOfRamp) = (rules, rules.endOfRamp());
        if (block.timestamp < rates.endOfRamp) rates.formerRules = stored.formerRates;
        if (rates.formerRules.priorSigmaPercent() != 0) {
            rates.priorSigma = ramped(rates.formerRules.priorSigmaPercent() * 1e16, rates.priorSigma, rates.endOfRamp);
        }
        (rates.targetInitial, rates.targetMaintenance) = StandardRates.ratesOf(rules, rates.slowSigma, rates.fastSigma);
        rates.targetBrackets = stored.brackets;
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

    /// @dev What governance has set for a listed instrument's underlying.
    function _listedRates(InstrumentId instrument, Underlying storage stored) private view returns (RateRules rates) {
        rates = stored.rates;
        // The first comparison refuses every other kind and every bit that a perpetual has not.
        if (!instrument.isPerpetual() || !_isOpen(rates)) revert UnknownInstrument(instrument);
    }

    /// @dev Whether an underlying has all that it takes to hold a position.
    function _isOpen(RateRules rates) private pure returns (bool) {
        return _lists(rates) && rates.endOfFirstBracket() != 0;
    }

    function _lists(RateRules rates) private pure returns (bool) {
        return (rates.kinds() >> KIND_PERPETUAL) & 1 == 1;
    }

    /// @dev The margin rates of now: between those of the former rules and those of the present ones while a ramp runs, both
    /// at the volatility of now [wad of notional].
    function _marginRates(
        Underlying storage stored,
        RateRules rates
    ) private view returns (uint256 initial, uint256 maintenance) {
        (initial, maintenance) = _ratesAt(rates, rates.volatility());
        uint256 end = rates.endOfRamp();
        if (block.timestamp >= end) return (initial, maintenance);
        RateRules former = stored.formerRates;
        if (RateRules.unwrap(former) == 0) return (initial, maintenance);
        (uint256 formerInitial, uint256 formerMaintenance) = _ratesAt(
            former,
            former.hasOwnVolatility() ? former.volatility() : rates.volatility()
        );
        initial = ramped(formerInitial, initial, end);
        maintenance = ramped(formerMaintenance, maintenance, end);
    }

    function _ratesAt(RateRules rates, NotedVolatility noted) private view returns (uint256, uint256) {
        (uint256 slow, uint256 fast) = RealisedVolatility.sigmasNow(noted, rates.priorSigmaPercent());
        return StandardRates.ratesOf(rates, slow, fast);
    }

    /// @dev The end of the first bracket alone, which is all that most positions need; all of them on their way.
    function _firstBracket(Underlying storage stored, RateRules rates) private view returns (SizeBrackets) {
        if (block.timestamp < rates.endOfRamp()) return _bracketsNow(stored, rates);
        return SizeBrackets.wrap(rates.endOfFirstBracket());
    }

    function _bracketsNow(Underlying storage stored, RateRules rates) private view returns (SizeBrackets brackets) {
        brackets = stored.brackets;
        uint256 end = rates.endOfRamp();
        if (block.timestamp >= end) return brackets;
        SizeBrackets former = stored.formerBrackets;
        if (SizeBrackets.unwrap(former) != 0) brackets = brackets.onItsWayFrom(former, end);
    }

    /// @dev The rates that follow from a new oracle begin to depart from those of now. It cannot wait for a ramp that runs:
    /// then the rates of now are what is left, whatever the volatility, and the brackets go on from where they are.
    function _beginBlend(Underlying storage stored, RateRules rates) private returns (RateRules) {
        uint256 end = rates.endOfRamp();
        if (block.timestamp < end) {
            (uint256 initial, uint256 maintenance) = _marginRates(stored, rates);
            bool brackets = SizeBrackets.unwrap(stored.formerBrackets) != 0;
            if (brackets) stored.formerBrackets = _bracketsNow(stored, rates);
            stored.formerRates = constantRates(initial, maintenance);
        } else {
            (stored.formerRates, stored.formerBrackets) = (rates.withOwnVolatility(), SizeBrackets.wrap(0));
        }
        return rates.withEndOfRamp(rampEnd());
    }

    function _requireNoRamp(uint24 underlying, uint256 end) private view {
        if (block.timestamp < end) revert RampNotOver(underlying, end);
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
    function _requireKinds(uint8 kinds, RateRules current) private pure {
        uint256 least = _lists(current) ? KNOWN_KINDS : 0;
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
