// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlimsollSetup, cashRulesOfDesign} from "./PlimsollSetup.sol";
import {PlimsollHandler} from "./handlers/PlimsollHandler.sol";
import {VolatilityOracle} from "../../contracts/oracle/VolatilityOracle.sol";
import {AccountId} from "../../contracts/types/AccountId.sol";
import {FundingParameters} from "../../contracts/types/FundingRules.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {TokenLimits} from "../../contracts/types/TokenLimits.sol";
import {UnderlyingParameters} from "../../contracts/types/RateRules.sol";

/// @title CampaignSetup
/// @notice The system with caps and limits low enough to be reached, and the handler that acts on it.
abstract contract CampaignSetup is PlimsollSetup {
    PlimsollHandler internal _handler;

    function setUp() public {
        _deploy();
        _listen();
        _handler = new PlimsollHandler(_plimsoll());
        clearinghouse.setVenue(address(_handler), true);
        // The handler is the guardian.
        authority.grantRole(authority.ADMIN_ROLE(), address(_handler), 0);
        _setLowLimits();
        _handler.begin();

        targetContract(address(_handler));
        targetSelector(FuzzSelector({addr: address(_handler), selectors: _selectors()}));
    }

    /// @dev Volatility comes from the feeds of everything that is traded, as in the deployment.
    function _listen() private {
        VolatilityOracle volatility = new VolatilityOracle(oracle, rules);
        rules.setVolatilityOracle(address(volatility));
        for (uint24 underlying = ETH; underlying <= WIDE; ++underlying) volatility.follow(underlying);
    }

    /// @dev Every cap and limit is low enough to be reached.
    function _setLowLimits() private {
        vault.setTokenLimits(address(weth), TokenLimits(type(uint112).max, 0.5e18, 1_000));
        vault.setTokenLimits(address(wide), TokenLimits(type(uint112).max, 0, 2_000));
        UnderlyingParameters memory parameters = _underlyingParameters(300, 500);
        parameters.openInterestCap = 250_000;
        rules.setUnderlying(WIDE, parameters);
        LiquidationParameters memory liquidation = _liquidationParameters();
        liquidation.openInterestBase = 20_000;
        liquidation.lendersCapBps = 20;
        rules.setLiquidationRules(liquidation);
        _setRates();
    }

    /// @dev Debts cost and earn, little may be borrowed, and one account has a fee tier of its own. Funding begins
    /// without interest: the handler sets it (`FundingModel` knows the rest).
    function _setRates() private {
        vault.setCashRules(cashRulesOfDesign(12_000));
        rules.setFundingRules(ETH, FundingParameters(0, 500, 7_500, 3_200));
        rules.setFundingRules(BTC, FundingParameters(0, 500, 7_500, 3_200));
        rules.setFundingRules(WIDE, FundingParameters(0, 0, 500, 209));
        exchange.setFeeRates(1, 0.0003e18, 0);
        bytes32[] memory favoured = new bytes32[](1);
        favoured[0] = AccountId.unwrap(_handler.accountAt(3));
        exchange.setFeeTier(favoured, 1);
    }

    /// @dev The rates of the prior are those of the design. Prices here move by a quarter in no time, so a sigma is 5 and
    /// more: a rate follows it a fifth as far, and has its cap where it can be reached and carried.
    function _underlyingParameters(
        uint16 maintenanceFloorBps,
        uint16 initialFloorBps
    ) internal pure override returns (UnderlyingParameters memory parameters) {
        parameters = super._underlyingParameters(maintenanceFloorBps, initialFloorBps);
        (parameters.maintenanceBaseBps, parameters.maintenanceSlopeBps) = (344, 60);
        parameters.maintenanceCapBps = 700;
    }

    function _settlementLimits() internal pure override returns (TokenLimits memory) {
        return TokenLimits(5_150_000e6, 20_000e6, 1_000);
    }

    function _selectors() private pure returns (bytes4[] memory selectors) {
        selectors = new bytes4[](35);
        selectors[0] = PlimsollHandler.deposit.selector;
        selectors[1] = PlimsollHandler.withdraw.selector;
        selectors[2] = PlimsollHandler.transfer.selector;
        selectors[3] = PlimsollHandler.insure.selector;
        selectors[4] = PlimsollHandler.sendByMistake.selector;
        selectors[5] = PlimsollHandler.trade.selector;
        selectors[6] = PlimsollHandler.tradeBatch.selector;
        selectors[7] = PlimsollHandler.tradeSigned.selector;
        selectors[8] = PlimsollHandler.close.selector;
        selectors[9] = PlimsollHandler.settleVariation.selector;
        selectors[10] = PlimsollHandler.liquidate.selector;
        selectors[11] = PlimsollHandler.distributeFees.selector;
        selectors[12] = PlimsollHandler.movePrice.selector;
        selectors[13] = PlimsollHandler.passTime.selector;
        selectors[14] = PlimsollHandler.silence.selector;
        selectors[15] = PlimsollHandler.freeze.selector;
        selectors[16] = PlimsollHandler.notePrice.selector;
        selectors[17] = PlimsollHandler.setOperator.selector;
        selectors[18] = PlimsollHandler.flag.selector;
        selectors[19] = PlimsollHandler.deleverage.selector;
        selectors[20] = PlimsollHandler.deleverageWrongly.selector;
        selectors[21] = PlimsollHandler.writeOff.selector;
        selectors[22] = PlimsollHandler.repayDeficit.selector;
        selectors[23] = PlimsollHandler.takeFromFund.selector;
        selectors[24] = PlimsollHandler.setFundingRules.selector;
        selectors[25] = PlimsollHandler.accrueFunding.selector;
        selectors[26] = PlimsollHandler.accrueInterest.selector;
        selectors[32] = PlimsollHandler.pokeVolatility.selector;
        selectors[33] = PlimsollHandler.callMargin.selector;
        selectors[34] = PlimsollHandler.changeParameters.selector;
        // Twice as likely.
        selectors[27] = PlimsollHandler.trade.selector;
        selectors[28] = PlimsollHandler.liquidate.selector;
        selectors[29] = PlimsollHandler.withdraw.selector;
        selectors[30] = PlimsollHandler.close.selector;
        selectors[31] = PlimsollHandler.passTime.selector;
    }
}
