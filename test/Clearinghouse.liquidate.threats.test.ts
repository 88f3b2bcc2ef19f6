import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, accountId, mulDown, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import { takeOver } from "./fixtures/takeover.js";
import { referenceTerms } from "./reference/liquidation.js";

const { ethers, networkHelpers } = await hre.network.create();

const ALL_RIGHTS = 15;
const FOREVER = 2n ** 40n - 1n;
const MILLIONTH = 10n ** 12n;

describe("Clearinghouse.liquidate: threats", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  /** The account is long 10 ETH from 3,000, worth so many percent of its line at 2,700. */
  async function sinkTo(account: AccountId, percent: bigint) {
    return market.sink(account, [{ instrument: ETH_PERP, size: 10n * WAD }], {
      prices: { [ETH]: 2_700 },
      equity: ({ maintenance }) => (maintenance * percent) / 100n,
    });
  }

  async function deployActor() {
    const actor = await ethers.deployContract("MockActor");
    return { actor, address: await actor.getAddress() };
  }

  describe("LQ3: what the owner controls cannot stop it", () => {
    it("completes with a frozen token and an owner that reverts on every call (LQ3)", async () => {
      const { vault, rules, weth, wbtc, dave, usdc } = market;
      const token = await ethers.deployContract("MockFreezableToken", ["Frozen", "ICE", 18]);
      await market.asGovernance(rules, "listCollateral", [
        await token.getAddress(),
        {
          underlying: ETH,
          maintenanceHaircutBps: 1_500,
          initialHaircutBps: 2_000,
          accepted: true,
        },
      ]);
      const { actor, address } = await deployActor();
      const setOperator = vault.interface.encodeFunctionData("setOperator", [
        dave.address,
        ALL_RIGHTS,
        FOREVER,
      ]);
      await actor.run([{ target: vault, data: setOperator }]);
      const account = accountId(address);
      for (const [held, amount] of [
        [token, WAD],
        [weth, WAD],
        [wbtc, 10_000_000n],
        [usdc, 3_000_000_000n],
      ] as const) {
        await held.mint(dave, amount);
        await held.connect(dave).approve(vault, amount);
        await vault.connect(dave).deposit(account, held, amount);
      }
      await market.clear({ account, instrument: ETH_PERP, size: 40n * WAD });
      await market.setPrice(ETH, 2_690);
      await token.freeze();
      await expect(token.transfer(dave, 0n)).to.be.revertedWithCustomError(
        token,
        "TransfersFrozen",
      );
      await expect(ethers.provider.call({ to: address, data: "0x12345678" })).to.revert(ethers);

      const [fraction] = await market.marginEngine.previewLiquidation(account);
      expect(fraction).to.be.above(0n);
      await market.liquidate(account);
      // The seized part is the liquidator's claim in the vault, whatever the token does.
      expect(await vault.collateralOf(market.rescuer, token)).to.equal(mulDown(WAD, fraction));
      expect(await vault.collateralOf(account, token)).to.equal(WAD - mulDown(WAD, fraction));
      const { equity, maintenance } = await market.marginOf(account);
      expect(equity).to.be.at.least(maintenance);
    });
  });

  describe("LQ4: one-wei acts of the owner", () => {
    /** Everything that the owner of a sinking account may do with next to nothing. */
    function oneWeiActs(account: AccountId, other: AccountId) {
      const { vault, exchange, clearinghouse, alice, usdc, weth } = market;
      const [asOwner, nonce] = [vault.connect(alice), 1n << 40n];
      return {
        "deposits one unit of cash": () => asOwner.deposit(account, usdc, 1n),
        "deposits one wei of a new token": () => asOwner.deposit(account, weth, 1n),
        "cancels an order": () => exchange.connect(alice).cancel(account, [nonce]),
        "cancels all orders": () => exchange.connect(alice).cancelUpTo(account, nonce),
        "settles its variation": () => clearinghouse.connect(alice).settleVariation(account),
        "liquidates a millionth of itself": () =>
          clearinghouse.connect(alice).liquidate(account, other, MILLIONTH, WAD),
        "moves one unit in": () => asOwner.transfer(other, account, usdc, 1n),
        "sells one wei": () => market.clear({ account, instrument: ETH_PERP, size: -1n }),
        "names an operator": () => asOwner.setOperator(market.dave, ALL_RIGHTS, FOREVER),
      };
    }

    for (const percent of [80n, 20n]) {
      it(`executes whatever one-wei act came before, 50 times, at ${percent} % of the line (LQ4)`, async () => {
        const { alice, usdc, weth, vault } = market;
        const account = await market.fund(alice, 0n, 10_000);
        const other = await market.fund(alice, 1n, 10_000);
        await sinkTo(account, percent);
        for (const token of [usdc, weth]) {
          await token.mint(alice, WAD);
          await token.connect(alice).approve(vault, WAD);
        }
        const [, payment] = await market.marginEngine.previewLiquidation(account);
        const maxPayment = payment + parseWad("0.01");
        const acts = Object.entries(oneWeiActs(account, other));
        const { pick } = randomFrom(Number(percent));
        const snapshot = await networkHelpers.takeSnapshot();
        for (let repetition = 0; repetition < 50; ++repetition) {
          const [name, act] =
            repetition < acts.length ? (acts[repetition] ?? pick(acts)) : pick(acts);
          await act();
          const { after } = await takeOver(market, account, { maxPayment });
          expect(after.equity, `after it ${name}`).to.be.at.least(after.maintenance);
          await snapshot.restore();
        }
      });
    }

    it("cannot be undercut by moving collateral or cash out (LQ4)", async () => {
      const { alice, vault, usdc, weth, marginEngine } = market;
      const account = await market.fund(alice, 0n, 10_000);
      await market.deposit(alice, { token: weth, amount: 1 });
      const { equity } = await sinkTo(account, 80n);
      const { initial } = await market.marginOf(account);
      const other = accountId(alice.address, 1n);
      await expect(vault.connect(alice).transfer(account, other, usdc, 1n))
        .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
        .withArgs(account, equity - MILLIONTH, initial);
      await expect(vault.connect(alice).transfer(account, other, weth, 1n))
        .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
        .withArgs(account, equity - 2_700n, initial - 540n);
      await takeOver(market, account);
    });
  });

  describe("RE3: several acts of a liquidator in one transaction", () => {
    async function prepare() {
      const { vault, clearinghouse, usdc, stranger } = market;
      const first = await market.fund(market.alice, 0n, 10_000);
      const second = await market.fund(market.alice, 1n, 10_000);
      await sinkTo(second, 90n);
      await market.setPrice(ETH, 3_000);
      const margin = await sinkTo(first, 60n);
      const { actor, address } = await deployActor();
      const into = accountId(address);
      await usdc.mint(stranger, 50_000_000_000n);
      await usdc.connect(stranger).approve(vault, 50_000_000_000n);
      await vault.connect(stranger).deposit(into, usdc, 50_000_000_000n);
      const liquidate = (account: AccountId) => ({
        target: clearinghouse,
        data: clearinghouse.interface.encodeFunctionData("liquidate", [
          account,
          into,
          WAD,
          parseWad(10_000),
        ]),
      });
      return { first, second, margin, actor, address, into, liquidate };
    }

    it("wins the single discounts and nothing else (RE3)", async () => {
      const { vault, venue, usdc, marginEngine } = market;
      const { first, second, margin, actor, address, into, liquidate } = await prepare();
      const other = await market.marginOf(second);
      const [firstPart] = await marginEngine.previewLiquidation(first);
      const [secondPart] = await marginEngine.previewLiquidation(second);
      const taken = mulDown(10n * WAD, firstPart) + mulDown(10n * WAD, secondPart);
      const trade = await market.tradeOf({ account: into, instrument: ETH_PERP, size: -taken });

      await actor.run([
        liquidate(first),
        liquidate(second),
        {
          target: vault,
          data: vault.interface.encodeFunctionData("withdraw", [
            into,
            await usdc.getAddress(),
            1_000_000_000n,
            address,
          ]),
        },
        { target: venue, data: venue.interface.encodeFunctionData("clear", [[trade]]) },
      ]);

      const { liquidation: rules } = market.parameters;
      const discounts =
        mulDown(referenceTerms(margin.equity, margin.maintenance, rules).incentive, firstPart) +
        mulDown(referenceTerms(other.equity, other.maintenance, rules).incentive, secondPart);
      const { equity } = await market.marginOf(into);
      const wealth = equity + (await usdc.balanceOf(address)) * MILLIONTH;
      expect(wealth - parseWad(50_000)).to.be.closeTo(discounts, 20n);
      expect(wealth - parseWad(50_000)).to.be.at.most(discounts);
    });

    it("cannot take the same account twice (RE3)", async () => {
      const { first, actor, liquidate } = await prepare();
      const snapshot = await networkHelpers.takeSnapshot();
      await actor.run([liquidate(first)]);
      const { equity, maintenance } = await market.marginOf(first);
      await snapshot.restore();
      const reason = market.marginEngine.interface.encodeErrorResult("NotLiquidatable", [
        first,
        equity,
        maintenance,
      ]);
      await expect(actor.run([liquidate(first), liquidate(first)]))
        .to.be.revertedWithCustomError(actor, "ActFailed")
        .withArgs(1, reason);
    });
  });
});
