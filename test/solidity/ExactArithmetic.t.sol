// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {Ledger} from "../../contracts/clearing/Ledger.sol";
import {Liquidation} from "../../contracts/clearing/Liquidation.sol";
import {WadMath} from "../../contracts/libraries/WadMath.sol";
import {StandardMargin} from "../../contracts/margin/StandardMargin.sol";
import {CollateralParameters, packCollateralRules} from "../../contracts/types/CollateralRules.sol";
import {
    LiquidationParameters,
    LiquidationRules,
    packLiquidationRules
} from "../../contracts/types/LiquidationRules.sol";
import {LiquidationSettlement, LiquidationTerms} from "../../contracts/types/LiquidationTerms.sol";
import {CollateralHolding, Holding, Portfolio} from "../../contracts/types/Portfolio.sol";
import {Position} from "../../contracts/types/Position.sol";
import {BracketParameters, packSizeBrackets} from "../../contracts/types/SizeBrackets.sol";
import {StandardRates} from "../../contracts/margin/StandardRates.sol";
import {RateRules, UnderlyingParameters, packRateRules} from "../../contracts/types/RateRules.sol";
import {packUnderlyingRules} from "../../contracts/types/UnderlyingRules.sol";

/// @title ExactArithmeticTest
/// @notice RD3: more than 100,000 random cases of margin, profit and loss, fees and liquidation against exact rationals.
/// @dev A rational is kept as its numerator over a fixed denominator: sizes and prices are bounded so that no numerator
/// leaves 256 bits, and nothing is ever divided on the exact side. Each result is compared with the numerator by
/// multiplication: which side of the exact value it is on, and how far.
contract ExactArithmeticTest is BaseTest {
    uint256 private constant WAD = 1e18;
    int256 private constant SIGNED_WAD = 1e18;
    /// @dev Of each run: the 64 runs of a property are 25,600 cases, the five properties 128,000.
    uint256 private constant CASES = 400;
    uint256 private constant MOST_SIZE = 1e26;
    uint256 private constant MOST_PRICE = 1e24;

    /// @dev A position's requirement is rounded up at its notional, in each of three brackets, and at its rate: with
    /// factors up to 5 and rates up to 1 below 5 + 3 + 1 wei.
    uint256 private constant POSITION_ROUNDING = 9;

    StandardMargin private _model = new StandardMargin();
    uint256 private _seed;

    // Margin

    function testFuzz_MarginIsTheExactOneRoundedUp(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < CASES; ++i) {
            UnderlyingParameters memory rates = _rates();
            (uint256 slow, uint256 fast) = (_draw(10e18), _draw(10e18));
            uint256 size = _size();
            uint256 price = _price();
            Portfolio memory portfolio;
            portfolio.positions = new Holding[](1);
            portfolio.positions[0].size = _draw(2) == 0 ? int256(size) : -int256(size);
            portfolio.positions[0].mark = price;
            RateRules rules = packRateRules(rates);
            (uint256 initialGiven, uint256 maintenanceGiven) = StandardRates.ratesOf(rules, slow, fast);
            portfolio.positions[0].rules = packUnderlyingRules(RateRules.unwrap(rules), initialGiven, maintenanceGiven);
            portfolio.positions[0].brackets = packSizeBrackets(_brackets());
            (uint256 initial, uint256 maintenance) = _model.requirement(portfolio);

            // [1e-40]
            uint256 charged = _charged(size * price);
            (uint256 initialRate, uint256 maintenanceRate) = _exactRates(rates, slow, fast);
            _assertUp(maintenance, charged * maintenanceRate, 1e40, POSITION_ROUNDING);
            _assertUp(initial, charged * initialRate, 1e40, POSITION_ROUNDING);
        }
    }

    /// @dev Haircuts are of the value that equity counts, which is rounded down: exact on that value, and together never
    /// more than the exact value less the exact haircut.
    function testFuzz_CollateralIsCountedAtMostAtItsExactWorth(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < CASES; ++i) {
            uint256 quantity = _size();
            uint256 price = _price();
            CollateralParameters memory parameters;
            parameters.maintenanceHaircutBps = uint16(_draw(10_000));
            parameters.initialHaircutBps = uint16(
                parameters.maintenanceHaircutBps + _draw(10_000 - parameters.maintenanceHaircutBps)
            );
            Portfolio memory portfolio;
            portfolio.collateral = new CollateralHolding[](1);
            portfolio.collateral[0].quantity = quantity;
            portfolio.collateral[0].price = price;
            portfolio.collateral[0].rules = packCollateralRules(parameters, 18, 0);
            (uint256 initial, uint256 maintenance) = _model.requirement(portfolio);

            uint256 value = WadMath.mulDown(quantity, price);
            _assertDown(value, quantity * price, WAD, 1);
            _assertUp(maintenance, value * parameters.maintenanceHaircutBps, 10_000, 1);
            _assertUp(initial, value * parameters.initialHaircutBps, 10_000, 1);
            uint256 worth = quantity * price * (10_000 - parameters.maintenanceHaircutBps);
            assertLe((value - maintenance) * WAD * 10_000, worth, "never counted for more than it is");
        }
    }

    // Profit and loss

    /// @dev A trade, an index move and another mark: what the position is worth is never above the exact value, and
    /// below it by less than the two roundings of a write and one of a value.
    function testFuzz_ProfitIsTheExactOneRoundedDown(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < CASES; ++i) {
            int256 size = _draw(2) == 0 ? int256(_size()) : -int256(_size());
            uint256 price = _price();
            int256 quote = Ledger.tradeQuote(size, price);
            _assertTowardsZero(quote, size * int256(price));

            int256 indexBefore = _index();
            int256 indexAfter = _index();
            uint256 mark = _price();
            Position memory position = Ledger.stored(size, -quote, indexBefore);
            int256 real = Ledger.realQuote(size, position.quote, indexAfter);
            int256 value = Ledger.valueOf(size, real, mark);

            int256 exact = size * int256(mark) - quote * SIGNED_WAD - size * (indexAfter - indexBefore);
            assertLe(value * SIGNED_WAD, exact, "never above");
            assertGt((value + 3) * SIGNED_WAD, exact, "less than 3 wei below");
        }
    }

    // Fees

    /// @dev As the Exchange charges: the notional up, the fee of it up.
    function testFuzz_FeesAreTheExactOnesRoundedUp(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < CASES; ++i) {
            uint256 size = _size();
            uint256 price = _price();
            uint256 rate = _draw(0.01e18 + 1);
            uint256 fee = WadMath.mulUp(WadMath.mulUp(size, price), rate);
            _assertUp(fee, size * price * rate, 1e36, 2);
        }
    }

    // Liquidation

    /// @dev I is below its exact value, so the price of the slice above it; what the insurance fund receives is never
    /// less than its exact fee.
    function testFuzz_LiquidationTermsAreTheExactOnesForTheFund(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < CASES; ++i) {
            LiquidationParameters memory rules = _liquidation();
            uint256 maintenance = 1e18 + _draw(1e30);
            int256 equity = int256(_draw(3 * maintenance)) - int256(2 * maintenance);
            LiquidationTerms memory terms = Liquidation.termsOf(equity, maintenance, packLiquidationRules(rules));

            // rho M and max(R, rhoMin M), of which I is the lesser [1e-22].
            uint256 missing = equity > 0 ? maintenance - uint256(equity) : maintenance;
            uint256 least = maintenance * rules.leastIncentiveBps;
            uint256 exact = least + missing * (rules.mostIncentiveBps - rules.leastIncentiveBps);
            if (equity > 0 && uint256(equity) * 10_000 > least) least = uint256(equity) * 10_000;
            if (least < exact) exact = least;
            _assertDown(terms.incentive, exact, 10_000, 2);
            assertEq(terms.payment, equity - int256(terms.incentive), "L = R - I");

            uint256 fee = maintenance * rules.insuranceFeeBps;
            if (terms.toAccount != 0) {
                _assertUp(uint256(terms.payment) - terms.toAccount, fee, 10_000, 1);
            } else {
                assertLt(terms.payment * 10_000, int256(fee) + 10_000, "nothing is left for the account");
            }
            _checkFraction(terms, rules);
        }
    }

    /// @dev The fraction up, what is paid up, what is received down, and the sum of all without a rest.
    function _checkFraction(LiquidationTerms memory terms, LiquidationParameters memory rules) private {
        LiquidationRules packed = packLiquidationRules(rules);
        uint256 target = Liquidation.targetOf(terms.maintenance, packed);
        _assertUp(target, terms.maintenance * (10_000 + uint256(rules.bufferBps)), 10_000, 1);
        uint256 fraction = Liquidation.proportionalFraction(terms, target);
        uint256 gap = uint256(int256(target) - terms.equity);
        if (terms.toAccount == 0) assertEq(fraction, WAD, "whole");
        else _assertUp(fraction, gap * WAD, gap + terms.toAccount, 1);

        terms.fraction = 1e12 + _draw(fraction - 1e12 + 1);
        uint256 fundPays = _draw(Liquidation.dueFromFund(terms) + 1);
        LiquidationSettlement memory settled = Liquidation.settlementOf(terms, fundPays);
        _assertDown(settled.toAccount, terms.toAccount * terms.fraction, WAD, 1);
        int256 exact = terms.payment * int256(terms.fraction);
        if (settled.toInsurance >= 0) {
            assertGe(settled.payment * SIGNED_WAD, exact, "never below L x f");
            assertLt((settled.payment - 1) * SIGNED_WAD, exact, "less than 1 wei above");
        } else {
            // Whatever the fund lacks, the liquidator pays at most for the slice's whole equity.
            int256 worth = terms.equity > 0 ? terms.equity * int256(terms.fraction) : int256(0);
            assertGe(settled.payment * SIGNED_WAD, exact, "never below L x f");
            assertLt((settled.payment - 1) * SIGNED_WAD, worth, "never above R x f");
        }
        int256 sum = int256(settled.toAccount) + settled.toInsurance - settled.payment;
        assertEq(sum, int256(settled.loss), "account + fund - liquidator = loss");
    }

    // Exact values

    /// @dev `result` >= numerator / denominator, by less than `most`.
    function _assertUp(uint256 result, uint256 numerator, uint256 denominator, uint256 most) private pure {
        assertGe(result * denominator, numerator, "never below the exact value");
        assertLt(result * denominator, numerator + most * denominator, "too far above");
    }

    /// @dev `result` <= numerator / denominator, by less than `most`.
    function _assertDown(uint256 result, uint256 numerator, uint256 denominator, uint256 most) private pure {
        assertLe(result * denominator, numerator, "never above the exact value");
        assertGt((result + most) * denominator, numerator, "too far below");
    }

    function _assertTowardsZero(int256 result, int256 numerator) private pure {
        uint256 magnitude = WadMath.abs(result);
        _assertDown(magnitude, WadMath.abs(numerator), WAD, 1);
        assertTrue(result == 0 || (result > 0) == (numerator > 0), "the sign");
    }

    /// @dev sum over the brackets of (notional inside it) x (its factor), of a notional in [1e-36] [1e-40].
    function _charged(uint256 notional) private pure returns (uint256 charged) {
        BracketParameters memory brackets = _brackets();
        uint256[4] memory ends = [
            uint256(brackets.firstEnd) * 1e36,
            uint256(brackets.secondEnd) * 1e36,
            uint256(brackets.thirdEnd) * 1e36,
            type(uint256).max
        ];
        uint256[4] memory factors = [
            uint256(10_000),
            brackets.secondFactorBps,
            brackets.thirdFactorBps,
            brackets.lastFactorBps
        ];
        uint256 start;
        for (uint256 i = 0; i < 4 && notional > start; ++i) {
            charged += ((notional < ends[i] ? notional : ends[i]) - start) * factors[i];
            start = ends[i];
        }
    }

    /// @dev Rates as WADs: each is the least that is not below its quotient.
    function _exactRates(
        UnderlyingParameters memory rates,
        uint256 slow,
        uint256 fast
    ) private pure returns (uint256 initial, uint256 maintenance) {
        maintenance = _exactRate(rates, slow);
        uint256 ofFast = _exactRate(rates, fast);
        uint256 higher = ofFast > maintenance ? ofFast : maintenance;
        uint256 ratio = rates.maintenanceToInitialBps;
        initial = (higher * 10_000) / ratio + ((higher * 10_000) % ratio == 0 ? 0 : 1);
        if (initial < uint256(rates.initialFloorBps) * 1e14) initial = uint256(rates.initialFloorBps) * 1e14;
    }

    function _exactRate(UnderlyingParameters memory rates, uint256 sigma) private pure returns (uint256 rate) {
        // [1e-22]
        uint256 product = rates.maintenanceSlopeBps * sigma;
        rate = uint256(rates.maintenanceBaseBps) * 1e14 + product / 10_000 + (product % 10_000 == 0 ? 0 : 1);
        uint256 floor = uint256(rates.maintenanceFloorBps) * 1e14;
        uint256 cap = uint256(rates.maintenanceCapBps) * 1e14;
        if (rate < floor) return floor;
        if (rate > cap) return cap;
    }

    // Random numbers

    function _draw(uint256 below) private returns (uint256) {
        uint256 seed = uint256(keccak256(abi.encode(_seed)));
        _seed = seed;
        return seed % below;
    }

    /// @dev Of any order of magnitude: between 1 and ten to the given exponent.
    function _magnitude(uint256 exponent) private returns (uint256) {
        uint256 most = 10 ** (1 + _draw(exponent));
        return 1 + _draw(most);
    }

    function _size() private returns (uint256 size) {
        size = _magnitude(26);
        if (size > MOST_SIZE) size = MOST_SIZE;
    }

    function _price() private returns (uint256 price) {
        price = _magnitude(24);
        if (price > MOST_PRICE) price = MOST_PRICE;
    }

    function _index() private returns (int256) {
        if (_draw(4) == 0) return 0;
        int256 index = int256(_magnitude(22));
        return _draw(2) == 0 ? index : -index;
    }

    /// @dev Any rates within the bounds of the Rules contract whose initial rate is at most 1.
    function _rates() private returns (UnderlyingParameters memory rates) {
        rates.maintenanceFloorBps = uint16(1 + _draw(2_000));
        rates.maintenanceCapBps = uint16(rates.maintenanceFloorBps + _draw(3_000));
        rates.maintenanceBaseBps = uint16(_draw(uint256(rates.maintenanceCapBps) + 1));
        rates.maintenanceSlopeBps = uint16(_draw(10_001));
        rates.maintenanceToInitialBps = uint16(5_000 + _draw(5_001));
        rates.initialFloorBps = uint16(rates.maintenanceFloorBps + _draw(5_000));
    }

    function _brackets() private pure returns (BracketParameters memory) {
        return
            BracketParameters({
                firstEnd: 1_000_000,
                secondEnd: 5_000_000,
                thirdEnd: 20_000_000,
                secondFactorBps: 15_000,
                thirdFactorBps: 25_000,
                lastFactorBps: 50_000
            });
    }

    /// @dev Any rules within the bounds of the Rules contract.
    function _liquidation() private returns (LiquidationParameters memory rules) {
        uint256 least = 100 + _draw(4_901);
        uint256 mostFee = 9_999 - least < 5_000 ? 9_999 - least : 5_000;
        rules.leastIncentiveBps = uint16(least);
        rules.mostIncentiveBps = uint16(least + _draw(9_001 - least));
        rules.insuranceFeeBps = uint16(_draw(mostFee + 1));
        rules.bufferBps = uint16(100 + _draw(9_901));
    }
}
