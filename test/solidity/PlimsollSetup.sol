// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {BaseTest} from "../../contracts/testing/BaseTest.t.sol";
import {Clearinghouse} from "../../contracts/Clearinghouse.sol";
import {Exchange} from "../../contracts/Exchange.sol";
import {MarginEngine} from "../../contracts/MarginEngine.sol";
import {Rules} from "../../contracts/Rules.sol";
import {Vault} from "../../contracts/Vault.sol";
import {IMarginEngine} from "../../contracts/interfaces/IMarginEngine.sol";
import {IPriceOracle} from "../../contracts/interfaces/IPriceOracle.sol";
import {MockToken} from "../../contracts/mocks/MockToken.sol";
import {PriceOracle} from "../../contracts/oracle/PriceOracle.sol";
import {AccountId, accountIdOf} from "../../contracts/types/AccountId.sol";
import {CashParameters} from "../../contracts/types/Cash.sol";
import {CollateralParameters} from "../../contracts/types/CollateralRules.sol";
import {InstrumentId, KIND_PERPETUAL, perpetualOf} from "../../contracts/types/InstrumentId.sol";
import {LiquidationParameters} from "../../contracts/types/LiquidationRules.sol";
import {OpenPosition} from "../../contracts/types/Position.sol";
import {BracketParameters} from "../../contracts/types/SizeBrackets.sol";
import {Trade} from "../../contracts/types/Trade.sol";
import {TokenLimits} from "../../contracts/types/TokenLimits.sol";
import {UnderlyingParameters} from "../../contracts/types/RateRules.sol";

/// @notice What cash costs by the design's section 9.
/// @param borrowCap The most that loans may make of all debts [whole settlement currency].
function cashRulesOfDesign(uint48 borrowCap) pure returns (CashParameters memory) {
    return
        CashParameters({
            baseBps: 200,
            slopeBps: 800,
            kinkBps: 8_500,
            slopeAboveBps: 9_000,
            reservePercent: 20,
            borrowCap: borrowCap
        });
}

/// @notice The deployed system, to hand on to handlers.
struct Plimsoll {
    Vault vault;
    Clearinghouse clearinghouse;
    MarginEngine engine;
    Exchange exchange;
    PriceOracle oracle;
    Rules rules;
    AccessManager authority;
    /// The settlement token, then collateral in the order of the Rules' list.
    MockToken[] tokens;
    /// feeds[i] prices underlying i + 1.
    MockV3Aggregator[] feeds;
    /// perpetuals[i] is that on underlying i + 1.
    InstrumentId[] perpetuals;
    AccountId fund;
    AccountId treasury;
}

/// @title PlimsollSetup
/// @notice Deploys and wires the real system with the numbers of the design's section 9, and funds accounts.
/// @dev The test contract is governance and, as a venue, clears trades without orders. Underlyings: 1 ETH, 2 BTC, 3 and
/// 4 are those of the odd tokens with 24 and 0 decimals; the first three have a perpetual.
abstract contract PlimsollSetup is BaseTest {
    uint256 internal constant WAD = 1e18;
    uint24 internal constant ETH = 1;
    uint24 internal constant BTC = 2;
    uint24 internal constant WIDE = 3;
    uint24 internal constant WHOLE = 4;
    uint64 internal constant FUND_SHARE = 0.4e18;

    Vault internal vault;
    Clearinghouse internal clearinghouse;
    MarginEngine internal engine;
    Exchange internal exchange;
    PriceOracle internal oracle;
    Rules internal rules;
    AccessManager internal authority;
    MockToken internal usdc;
    MockToken internal weth;
    MockToken internal wbtc;
    MockToken internal wide;
    MockToken internal whole;
    MockV3Aggregator[] internal feeds;
    InstrumentId internal ethPerpetual = perpetualOf(ETH);
    InstrumentId internal btcPerpetual = perpetualOf(BTC);
    InstrumentId internal widePerpetual = perpetualOf(WIDE);
    AccountId internal fund;
    AccountId internal treasury;

    /// @dev Deploys in the order of the design's section 3.
    function _deploy() internal {
        vm.warp(1_790_000_000);
        authority = new AccessManager(address(this));
        oracle = new PriceOracle(address(authority));
        rules = new Rules(address(authority));
        usdc = new MockToken("USD Coin", "USDC", 6);
        vault = new Vault(address(authority), address(usdc), rules);
        clearinghouse = new Clearinghouse(address(authority), vault, oracle, rules);
        engine = new MarginEngine(vault, clearinghouse, oracle, rules, IMarginEngine(address(0)));
        exchange = new Exchange(address(authority), clearinghouse, vault, oracle);

        vault.wire(address(clearinghouse), address(engine));
        clearinghouse.setMarginEngine(address(engine));
        clearinghouse.setVenue(address(exchange), true);
        clearinghouse.setVenue(address(this), true);
        clearinghouse.setFeeShares(makeAddr("treasury"), FUND_SHARE);
        exchange.setFeeRates(0, 0.0005e18, 0.0001e18);
        fund = clearinghouse.insuranceFund();
        treasury = accountIdOf(makeAddr("treasury"), 0);
        vault.setTokenLimits(address(usdc), _settlementLimits());
        _setRules();
    }

    function _setRules() private {
        _addFeed(3_000e8);
        _addFeed(60_000e8);
        _addFeed(150e8);
        _addFeed(50e8);
        _listUnderlying(ETH, 300, 500);
        _listUnderlying(BTC, 250, 400);
        _listUnderlying(WIDE, 300, 500);
        rules.setLiquidationRules(_liquidationParameters());
        weth = _listToken("WETH", 18, ETH, 1_500, 2_000);
        wbtc = _listToken("WBTC", 8, BTC, 2_000, 2_500);
        wide = _listToken("WIDE", 24, WIDE, 2_000, 2_500);
        whole = _listToken("WHOLE", 0, WHOLE, 2_000, 2_500);
    }

    function _liquidationParameters() internal pure returns (LiquidationParameters memory) {
        return
            LiquidationParameters({
                leastIncentiveBps: 1_000,
                mostIncentiveBps: 6_000,
                insuranceFeeBps: 1_000,
                bufferBps: 1_500,
                gainsHaircutCapBps: 500,
                minimumMargin: 20,
                minimumMarginOfItem: 5,
                mostInstruments: 32,
                fundDrawCapBps: 5_000,
                openInterestBase: 10_000_000,
                deleverageDelay: 1 hours,
                lendersCapBps: 0,
                fundFloorBps: 200
            });
    }

    function _bracketParameters() internal pure returns (BracketParameters memory) {
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

    function _underlyingParameters(
        uint16 maintenanceFloorBps,
        uint16 initialFloorBps
    ) internal pure virtual returns (UnderlyingParameters memory) {
        return
            UnderlyingParameters({
                maintenanceBaseBps: 200,
                maintenanceSlopeBps: 300,
                maintenanceFloorBps: maintenanceFloorBps,
                maintenanceCapBps: 2_000,
                initialFloorBps: initialFloorBps,
                maintenanceToInitialBps: 6_000,
                priorSigmaPercent: 60,
                tradeBandBps: 500,
                leastTradeBandBps: 50,
                kinds: uint8(1 << KIND_PERPETUAL),
                openInterestCap: 300_000_000
            });
    }

    function _addFeed(int256 answer) private {
        MockV3Aggregator feed = new MockV3Aggregator(8, answer);
        feeds.push(feed);
        IPriceOracle.Feed[] memory primary = new IPriceOracle.Feed[](1);
        primary[0] = IPriceOracle.Feed({aggregator: address(feed), maximumAge: 3_900, minimum: 1e10, maximum: 1e26});
        oracle.setSources(uint24(feeds.length), primary, new IPriceOracle.Feed[](0), 0);
    }

    function _listUnderlying(uint24 underlying, uint16 maintenanceFloorBps, uint16 initialFloorBps) private {
        rules.setUnderlying(underlying, _underlyingParameters(maintenanceFloorBps, initialFloorBps));
        rules.setBrackets(underlying, _bracketParameters());
    }

    function _listToken(
        string memory name,
        uint8 decimals,
        uint24 underlying,
        uint16 maintenanceHaircutBps,
        uint16 initialHaircutBps
    ) internal returns (MockToken token) {
        token = new MockToken(name, name, decimals);
        rules.listCollateral(
            address(token),
            CollateralParameters({
                underlying: underlying,
                maintenanceHaircutBps: maintenanceHaircutBps,
                initialHaircutBps: initialHaircutBps,
                accepted: true
            })
        );
        _setLimits(address(token));
    }

    /// @dev Limits that nothing here reaches: those who test them set others.
    function _setLimits(address token) internal {
        vault.setTokenLimits(token, TokenLimits(type(uint112).max, type(uint112).max, 10_000));
    }

    /// @dev The settlement token's deposit cap is never lowered, so whoever wants a low one says so here.
    function _settlementLimits() internal pure virtual returns (TokenLimits memory) {
        return TokenLimits(type(uint112).max, type(uint112).max, 10_000);
    }

    /// @dev The system as one value.
    function _plimsoll() internal view returns (Plimsoll memory system) {
        system.vault = vault;
        system.clearinghouse = clearinghouse;
        system.engine = engine;
        system.exchange = exchange;
        system.oracle = oracle;
        system.rules = rules;
        system.authority = authority;
        system.tokens = new MockToken[](5);
        (system.tokens[0], system.tokens[1], system.tokens[2]) = (usdc, weth, wbtc);
        (system.tokens[3], system.tokens[4]) = (wide, whole);
        system.feeds = feeds;
        system.perpetuals = new InstrumentId[](3);
        (system.perpetuals[0], system.perpetuals[1]) = (ethPerpetual, btcPerpetual);
        system.perpetuals[2] = widePerpetual;
        system.fund = fund;
        system.treasury = treasury;
    }

    /// @dev Mints and deposits for an account's owner [token].
    function _fund(AccountId account, MockToken token, uint256 amount) internal {
        address owner = account.ownerOf();
        token.mint(owner, amount);
        vm.startPrank(owner);
        token.approve(address(vault), amount);
        vault.deposit(account, address(token), amount);
        vm.stopPrank();
    }

    /// @dev Mints and deposits for an account without a key: the insurance fund [token].
    function _insure(uint256 amount) internal {
        usdc.mint(address(this), amount);
        usdc.approve(address(vault), amount);
        vault.deposit(fund, address(usdc), amount);
    }

    /// @dev Sets a price, fresh now [8 decimals].
    function _setPrice(uint24 underlying, uint256 answer) internal {
        feeds[underlying - 1].updateAnswer(int256(answer));
    }

    /// @dev Clears one trade without fees [wad].
    function _trade(AccountId taker, AccountId maker, InstrumentId instrument, int256 size, uint256 price) internal {
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = instrument;
        trades[0].size = int128(size);
        trades[0].price = uint128(price);
        trades[0].taker.account = taker;
        trades[0].maker.account = maker;
        clearinghouse.clear(trades);
    }

    /// @dev Cash and real quotes of three accounts, the insurance fund and the treasury, the reserve, and the interest that
    /// waits for the fund, less the deficit [wad].
    function _claimsOf(AccountId[3] memory parties) internal view returns (int256 claims) {
        AccountId[5] memory accounts = [parties[0], parties[1], parties[2], fund, treasury];
        claims = int256(clearinghouse.reserve() + vault.interestReserve()) - int256(clearinghouse.deficit());
        for (uint256 i = 0; i < accounts.length; ++i) {
            claims += vault.cashOf(accounts[i]);
            OpenPosition[] memory open = clearinghouse.openPositionsOf(accounts[i]);
            for (uint256 j = 0; j < open.length; ++j) claims += open[j].realQuote;
        }
    }

    function _equityOf(AccountId account) internal view returns (int256) {
        return engine.marginOf(account).equity;
    }
}
