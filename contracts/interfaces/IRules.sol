// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BracketParameters, SizeBrackets} from "../types/SizeBrackets.sol";
import {CollateralParameters, CollateralRules} from "../types/CollateralRules.sol";
import {FundingParameters} from "../types/FundingRules.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {MarginRates} from "../types/MarginRates.sol";
import {UnderlyingParameters} from "../types/RateRules.sol";
import {LiquidationParameters, LiquidationRules} from "../types/LiquidationRules.sol";
import {UnderlyingRules} from "../types/UnderlyingRules.sol";

/// @title IRules
/// @notice Every parameter of instruments, underlyings, collateral and liquidation, each group in one packed word.
interface IRules {
    /// @notice No instrument of this id is listed: its kind or underlying is unknown, or it has bits that its kind has
    /// not.
    error UnknownInstrument(InstrumentId instrument);
    /// @notice The token was never listed as collateral.
    error UnknownToken(address token);
    /// @notice The token is listed already.
    error TokenAlreadyListed(address token);
    /// @notice The list of tokens is full.
    error TooManyTokens(uint256 most);
    /// @notice A parameter is outside of its bounds.
    error RuleOutOfBounds(bytes32 name, uint256 value, uint256 least, uint256 most);
    /// @notice The underlying's rates or brackets are on their way: they may be set again when they have arrived
    /// [unix seconds].
    error RampNotOver(uint24 underlying, uint256 end);
    /// @notice The ends of brackets and their factors are set one after the other: moving both at once would ask for more on
    /// the way than before and after.
    error EndsAndFactors(uint24 underlying);
    /// @notice Only the volatility oracle says how much prices move.
    error NotVolatilityOracle(address caller);
    /// @notice There is no contract at the address.
    error NotAVolatilityOracle(address oracle);
    /// @notice A freeze ends by itself, and the next one may begin only as long after it [unix seconds].
    error FreezeTooSoon(uint256 earliest);

    /// @notice New risk in an underlying's instruments is stopped up to and including this time [unix seconds].
    event UnderlyingFrozen(uint24 indexed underlying, uint256 until);
    /// @notice New risk against a token is stopped up to and including this time [unix seconds].
    event CollateralFrozen(address indexed token, uint256 until);
    /// @notice An underlying's rates were set; rates, prior and brackets are on their way until `endOfRamp`
    /// [unix seconds].
    event UnderlyingSet(uint24 indexed underlying, UnderlyingParameters parameters, uint256 endOfRamp);
    /// @notice An underlying's size brackets were set; rates, prior and brackets are on their way until `endOfRamp`
    /// [unix seconds].
    event BracketsSet(uint24 indexed underlying, BracketParameters parameters, uint256 endOfRamp);
    /// @notice How an underlying's funding follows its premium was set.
    event FundingRulesSet(uint24 indexed underlying, FundingParameters parameters);
    /// @notice A token's rules were set; `index` is its place in the list, and its haircuts are on their way until
    /// `endOfRamp` [unix seconds].
    event CollateralSet(
        address indexed token,
        uint256 index,
        uint8 decimals,
        CollateralParameters parameters,
        uint256 endOfRamp
    );
    /// @notice The rules of liquidation were set; the minimum margins are on their way until `endOfRamp` [unix seconds].
    event LiquidationRulesSet(LiquidationParameters parameters, uint256 endOfRamp);
    /// @notice How much an underlying's price moves, as of the feed's last round that counts
    /// [bps per year, bps per year, unix seconds].
    event VolatilityNoted(uint24 indexed underlying, uint256 slowBps, uint256 fastBps, uint256 roundAt);
    /// @notice Another oracle says how much prices move; what it says of an underlying blends in over a ramp, from the
    /// first time that it says something.
    event VolatilityOracleSet(address indexed oracle, uint8 generation);

    /// @notice The rates of a listed instrument's underlying as they are now, without what only trades need, and of its
    /// brackets at least the first, which is all that most positions need (`SizeBrackets.suffices`). Reverts with
    /// UnknownInstrument.
    function instrumentRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets);

    /// @notice The same together with the rules of liquidation and minimum margin. Reverts with UnknownInstrument.
    function marginRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets, LiquidationRules liquidation);

    /// @notice The same with everything that trades need: bands, cap and freeze, and the funding rules beside the brackets.
    /// Reverts with UnknownInstrument.
    function tradingRules(InstrumentId instrument) external view returns (UnderlyingRules rules, SizeBrackets brackets);

    /// @notice All brackets of a listed instrument's underlying as they are now. Reverts with UnknownInstrument.
    function bracketsOf(InstrumentId instrument) external view returns (SizeBrackets);

    /// @notice An underlying's margin rates with all that they follow from, and where a ramp will bring them. Reverts with
    /// UnknownInstrument.
    function marginRatesOf(uint24 underlying) external view returns (MarginRates memory);

    /// @notice Who says how much prices move, and its number, from 1; nobody before the first.
    function volatilityOracle() external view returns (address oracle, uint8 generation);

    /// @notice The rules of a listed token as they are now. Reverts with UnknownToken.
    function collateralOf(address token) external view returns (CollateralRules);

    /// @notice The token at a place in the list, with its rules; the zero address and 0 beyond the end.
    function collateralAt(uint256 index) external view returns (address token, CollateralRules rules);

    /// @notice How many tokens are listed.
    function collateralCount() external view returns (uint256);

    /// @notice The rules of liquidation and minimum margin as they are now.
    function liquidationRules() external view returns (LiquidationRules);

    /// @notice Lists an underlying or changes its rates: the margin rates and the prior move to their new values over a
    /// ramp, the rest changes at once. Governance only. Reverts with RuleOutOfBounds, or RampNotOver.
    function setUnderlying(uint24 underlying, UnderlyingParameters calldata parameters) external;

    /// @notice Sets an underlying's size brackets, which move there over a ramp. Governance only. Reverts with RuleOutOfBounds,
    /// EndsAndFactors or RampNotOver.
    function setBrackets(uint24 underlying, BracketParameters calldata parameters) external;

    /// @notice Sets how the funding of an underlying's perpetual follows its premium: from its next trade, or
    /// `accrueFunding`, on; what has accrued until then stays as it was. Governance only. Reverts with RuleOutOfBounds, or
    /// with UnknownInstrument before the underlying has size brackets.
    function setFundingRules(uint24 underlying, FundingParameters calldata parameters) external;

    /// @notice Lists a token as collateral. Governance only. Reverts with TokenAlreadyListed, TooManyTokens or
    /// RuleOutOfBounds.
    function listCollateral(address token, CollateralParameters calldata parameters) external;

    /// @notice Changes a listed token's rules; its haircuts move there over a ramp. Governance only. Reverts with UnknownToken or RuleOutOfBounds.
    function setCollateral(address token, CollateralParameters calldata parameters) external;

    /// @notice Sets the rules of liquidation and minimum margin; the minimum margins move there over a ramp. Governance
    /// only. Reverts with RuleOutOfBounds.
    function setLiquidationRules(LiquidationParameters calldata parameters) external;

    /// @notice Sets who says how much prices move. What the former one has said stays until the new one says something of
    /// the underlying, and is then left over a ramp. Governance only. Reverts with NotAVolatilityOracle.
    function setVolatilityOracle(address oracle) external;

    /// @notice Keeps how much an underlying's price moves, so that a read of its rules is enough. The volatility oracle
    /// only. Reverts with NotVolatilityOracle, RuleOutOfBounds or UnknownInstrument.
    /// @param underlying Number of the underlying.
    /// @param slowBps sigma with the slow half-life [bps per year].
    /// @param fastBps sigma with the fast half-life [bps per year].
    /// @param roundAt When the last round that counts was written, not in the future [unix seconds].
    function noteVolatility(uint24 underlying, uint16 slowBps, uint16 fastBps, uint32 roundAt) external;

    /// @notice Stops new risk in all instruments of an underlying for three days: trades may only reduce both sides.
    /// Liquidation, deposits and withdrawals go on. Guardian only. Reverts with UnknownInstrument or FreezeTooSoon.
    function freezeUnderlying(uint24 underlying) external;

    /// @notice Stops new risk against a token for three days: it is not deposited, and counts nothing for initial
    /// margin; maintenance margin stays as it is, so nobody is liquidated by it. Guardian only. Reverts with
    /// UnknownToken or FreezeTooSoon.
    function freezeCollateral(address token) external;
}
