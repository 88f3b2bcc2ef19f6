// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BracketParameters, SizeBrackets} from "../types/SizeBrackets.sol";
import {CollateralParameters, CollateralRules} from "../types/CollateralRules.sol";
import {FundingParameters} from "../types/FundingRules.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {LiquidationParameters, LiquidationRules} from "../types/LiquidationRules.sol";
import {UnderlyingParameters, UnderlyingRules} from "../types/UnderlyingRules.sol";

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

    /// @notice A freeze ends by itself, and the next one may begin only as long after it [unix seconds].
    error FreezeTooSoon(uint256 earliest);

    /// @notice New risk in an underlying's instruments is stopped up to and including this time [unix seconds].
    event UnderlyingFrozen(uint24 indexed underlying, uint256 until);
    /// @notice New risk against a token is stopped up to and including this time [unix seconds].
    event CollateralFrozen(address indexed token, uint256 until);
    /// @notice An underlying's rates were set.
    event UnderlyingSet(uint24 indexed underlying, UnderlyingParameters parameters);
    /// @notice An underlying's size brackets were set.
    event BracketsSet(uint24 indexed underlying, BracketParameters parameters);
    /// @notice How an underlying's funding follows its premium was set.
    event FundingRulesSet(uint24 indexed underlying, FundingParameters parameters);
    /// @notice A token's rules were set; `index` is its place in the list.
    event CollateralSet(address indexed token, uint256 index, uint8 decimals, CollateralParameters parameters);
    /// @notice The rules of liquidation were set.
    event LiquidationRulesSet(LiquidationParameters parameters);

    /// @notice The rates and brackets of a listed instrument's underlying. Reverts with UnknownInstrument.
    function instrumentRules(
        InstrumentId instrument
    ) external view returns (UnderlyingRules rules, SizeBrackets brackets);

    /// @notice The rules of a listed token. Reverts with UnknownToken.
    function collateralOf(address token) external view returns (CollateralRules);

    /// @notice The token at a place in the list, with its rules; the zero address and 0 beyond the end.
    function collateralAt(uint256 index) external view returns (address token, CollateralRules rules);

    /// @notice How many tokens are listed.
    function collateralCount() external view returns (uint256);

    /// @notice The rules of liquidation and minimum margin.
    function liquidationRules() external view returns (LiquidationRules);

    /// @notice Lists an underlying or changes its rates. Governance only. Reverts with RuleOutOfBounds.
    function setUnderlying(uint24 underlying, UnderlyingParameters calldata parameters) external;

    /// @notice Sets an underlying's size brackets. Governance only. Reverts with RuleOutOfBounds.
    function setBrackets(uint24 underlying, BracketParameters calldata parameters) external;

    /// @notice Sets how the funding of an underlying's perpetual follows its premium: from its next trade, or
    /// `accrueFunding`, on; what has accrued until then stays as it was. Governance only. Reverts with RuleOutOfBounds, or
    /// with UnknownInstrument before the underlying has size brackets.
    function setFundingRules(uint24 underlying, FundingParameters calldata parameters) external;

    /// @notice Lists a token as collateral. Governance only. Reverts with TokenAlreadyListed, TooManyTokens or
    /// RuleOutOfBounds.
    function listCollateral(address token, CollateralParameters calldata parameters) external;

    /// @notice Changes a listed token's rules. Governance only. Reverts with UnknownToken or RuleOutOfBounds.
    function setCollateral(address token, CollateralParameters calldata parameters) external;

    /// @notice Sets the rules of liquidation and minimum margin. Governance only. Reverts with RuleOutOfBounds.
    function setLiquidationRules(LiquidationParameters calldata parameters) external;

    /// @notice Stops new risk in all instruments of an underlying for three days: trades may only reduce both sides.
    /// Liquidation, deposits and withdrawals go on. Guardian only. Reverts with UnknownInstrument or FreezeTooSoon.
    function freezeUnderlying(uint24 underlying) external;

    /// @notice Stops new risk against a token for three days: it is not deposited, and counts nothing for initial
    /// margin; maintenance margin stays as it is, so nobody is liquidated by it. Guardian only. Reverts with
    /// UnknownToken or FreezeTooSoon.
    function freezeCollateral(address token) external;
}
