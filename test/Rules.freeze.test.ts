import { expect } from "chai";
import { encodeBytes32String } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad, perpetual, WAD } from "../sdk/index.js";
import { deployWithVenue, PRICE } from "./fixtures/exchange.js";
import { RAMP_SECONDS } from "./fixtures/governance.js";
import { BTC_PERP, ETH, ETH_PERP, WSTETH } from "./fixtures/plimsoll.js";
import { ratesOf } from "./fixtures/rates.js";

const { networkHelpers } = await hre.network.create();
const { time } = networkHelpers;

/** How long a freeze lasts, and how long after it the next one must wait. */
const FREEZE_SECONDS = 259_200n;

const DOLLAR = 10n ** 6n;
const AT_100_000 = { instrument: BTC_PERP, price: parseWad(100_000) };

/** Alice is long 10 ETH against Bob and has 2 WETH beside her cash. */
async function deployWithPositions(network: NetworkConnection) {
  const trading = await deployWithVenue(network);
  const { alice, bob, tradeOf, clear, deposit, weth } = trading;
  await deposit(alice, { token: weth, amount: 2 });
  await clear(tradeOf(alice, bob, 10));
  return trading;
}

async function deployFrozenMarket(network: NetworkConnection) {
  const trading = await deployWithPositions(network);
  await trading.rules.connect(trading.guardian).freezeUnderlying(ETH);
  return { ...trading, until: BigInt(await time.latest()) + FREEZE_SECONDS };
}

async function deployFrozenToken(network: NetworkConnection) {
  const trading = await deployWithPositions(network);
  const before = await trading.marginOf(trading.alice);
  await trading.rules.connect(trading.guardian).freezeCollateral(trading.weth);
  return { ...trading, before, until: BigInt(await time.latest()) + FREEZE_SECONDS };
}

describe("Rules", () => {
  describe("freezeUnderlying", () => {
    it("is the guardian's, at once, and tells until when (GV4)", async () => {
      const { rules, guardian } = await networkHelpers.loadFixture(deployWithPositions);
      const at = BigInt(await time.latest()) + 10n;
      await time.setNextBlockTimestamp(at);
      await expect(rules.connect(guardian).freezeUnderlying(ETH))
        .to.emit(rules, "UnderlyingFrozen")
        .withArgs(ETH, at + FREEZE_SECONDS);
    });

    it("is nobody else's, governance included", async () => {
      const { rules, ...signers } = await networkHelpers.loadFixture(deployWithPositions);
      const { governance, deployer, treasury, alice, stranger } = signers;
      for (const caller of [governance, deployer, treasury, alice, stranger]) {
        await expect(rules.connect(caller).freezeUnderlying(ETH))
          .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
          .withArgs(caller.address);
      }
    });

    it("knows only what is traded", async () => {
      const { rules, guardian } = await networkHelpers.loadFixture(deployWithPositions);
      await expect(rules.connect(guardian).freezeUnderlying(WSTETH))
        .to.be.revertedWithCustomError(rules, "UnknownInstrument")
        .withArgs(perpetual(WSTETH));
    });

    it("stops new risk on either side, up to and including its last second (SQ3)", async () => {
      const { clearinghouse, accountOf, alice, bob, carol, tradeOf, clear, until, ...trading } =
        await networkHelpers.loadFixture(deployFrozenMarket);
      await time.increaseTo(until - 100n);
      await trading.refreshPrices();
      const held = parseWad(10);
      for (const [trade, account, size, change] of [
        // The maker's side is looked at first.
        [tradeOf(alice, bob, 1), bob, -held, -WAD],
        [tradeOf(carol, alice, 1), carol, 0n, WAD],
        [tradeOf(alice, carol, -1), carol, 0n, WAD],
        [tradeOf(alice, bob, "-10.000000000000000001"), bob, -held, held + 1n],
      ] as const) {
        await time.setNextBlockTimestamp(until);
        await expect(clear(trade))
          .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
          .withArgs(accountOf(account), ETH_PERP, size, change);
      }
      await time.setNextBlockTimestamp(until + 1n);
      await clear(tradeOf(alice, bob, 1));
      expect(await trading.sizeOf(alice)).to.equal(parseWad(11));
    });

    for (const seconds of [-15n, 15n]) {
      it(`moves a trade by those ${seconds} s around its end and nothing else (SQ3)`, async () => {
        const { alice, bob, tradeOf, clear, until, refreshPrices, ...trading } =
          await networkHelpers.loadFixture(deployFrozenMarket);
        await time.increaseTo(until - 100n);
        await refreshPrices();
        const equity = (await trading.marginOf(alice)).equity;
        await time.setNextBlockTimestamp(until + seconds);
        if (seconds < 0n) {
          await expect(clear(tradeOf(alice, bob, 1))).to.be.revertedWithCustomError(
            trading.clearinghouse,
            "NotReducing",
          );
        } else {
          await clear(tradeOf(alice, bob, 1));
        }
        expect((await trading.marginOf(alice)).equity).to.equal(equity);
      });
    }

    it("lets both sides reduce and close, anywhere in the band (GV2, I9)", async () => {
      const { alice, bob, tradeOf, clear, sizeOf } =
        await networkHelpers.loadFixture(deployFrozenMarket);
      await clear(tradeOf(alice, bob, -4, { price: (PRICE * 105n) / 100n }));
      await clear(tradeOf(bob, alice, 6, { price: (PRICE * 95n) / 100n }));
      expect(await sizeOf(alice)).to.equal(0n);
      expect(await sizeOf(bob)).to.equal(0n);
    });

    it("lets reductions be matched through the Exchange, and orders be cancelled (I9)", async () => {
      const { exchange, alice, bob, accountOf, buy, sell, match, sizeOf } =
        await networkHelpers.loadFixture(deployFrozenMarket);
      await match(await sell(alice, 3), [await buy(bob, 3)], [3]);
      expect(await sizeOf(alice)).to.equal(parseWad(7));
      await exchange.connect(alice).cancel(accountOf(alice), [99n]);
      await exchange.connect(alice).cancelUpTo(accountOf(alice), 100n);
    });

    it("lets deposits, withdrawals, transfers and settlements go on (I9)", async () => {
      const { vault, clearinghouse, usdc, weth, alice, accountOf, fund, deposit } =
        await networkHelpers.loadFixture(deployFrozenMarket);
      await fund(alice, 0n, 1);
      await deposit(alice, { token: weth, amount: 1 });
      const account = accountOf(alice);
      await vault.connect(alice).withdraw(account, usdc, DOLLAR, alice);
      await vault.connect(alice).withdraw(account, weth, WAD, alice);
      await vault.connect(alice).transfer(account, accountId(alice.address, 1n), usdc, DOLLAR);
      await clearinghouse.connect(alice).settleVariation(account);
    });

    it("lets an account below the line be liquidated, its position grow its liquidator's (I5)", async () => {
      const { clearinghouse, alice, dave, accountOf, setPrice, vault, usdc, sizeOf, ...trading } =
        await networkHelpers.loadFixture(deployWithPositions);
      const { rules, guardian, marginEngine } = trading;
      await vault.connect(alice).withdraw(accountOf(alice), usdc, 97_000n * DOLLAR, alice);
      await rules.connect(guardian).freezeUnderlying(ETH);
      await setPrice(ETH, 2_350);
      const [fraction, ...sums] = await marginEngine.previewLiquidation(accountOf(alice));
      const { equity, maintenance } = await trading.marginOf(alice);
      const liquidate = clearinghouse
        .connect(dave)
        .liquidate(accountOf(alice), accountOf(dave), WAD, 2n ** 255n - 1n);
      await expect(liquidate)
        .to.emit(clearinghouse, "Liquidated")
        .withArgs(accountOf(alice), accountOf(dave), fraction, equity, maintenance, ...sums);
      expect(await sizeOf(dave)).to.be.greaterThan(0n);
    });

    it("changes nobody's margin, and no other market (I5)", async () => {
      const { rules, guardian, alice, bob, carol, dave, marginOf, tradeOf, clear, sizeOf } =
        await networkHelpers.loadFixture(deployWithPositions);
      const before = [await marginOf(alice), await marginOf(bob)];
      await rules.connect(guardian).freezeUnderlying(ETH);
      expect([await marginOf(alice), await marginOf(bob)]).to.deep.equal(before);
      await clear(tradeOf(carol, dave, "0.1", AT_100_000));
      expect(await sizeOf(carol, BTC_PERP)).to.equal(parseWad("0.1"));
    });

    it("can be repeated only after as long a time without it, to the second", async () => {
      const { rules, guardian, until } = await networkHelpers.loadFixture(deployFrozenMarket);
      const freeze = () => rules.connect(guardian).freezeUnderlying(ETH);
      const earliest = until + FREEZE_SECONDS;
      for (const at of [until - FREEZE_SECONDS + 60n, until, until + 1n, earliest]) {
        await time.setNextBlockTimestamp(at);
        await expect(freeze())
          .to.be.revertedWithCustomError(rules, "FreezeTooSoon")
          .withArgs(earliest);
        await networkHelpers.mine();
      }
      await time.setNextBlockTimestamp(earliest + 1n);
      await expect(freeze())
        .to.emit(rules, "UnderlyingFrozen")
        .withArgs(ETH, earliest + 1n + FREEZE_SECONDS);
    });

    it("leaves another market's freeze free", async () => {
      const { rules, guardian } = await networkHelpers.loadFixture(deployFrozenMarket);
      await expect(rules.connect(guardian).freezeUnderlying(2)).to.emit(rules, "UnderlyingFrozen");
    });

    it("is not ended by governance's next change of the market's rates", async () => {
      const { rules, clearinghouse, accountOf, alice, bob, ...trading } =
        await networkHelpers.loadFixture(deployFrozenMarket);
      await trading.asGovernance(rules, "setUnderlying", [ETH, ratesOf(trading, ETH)]);
      const [word] = await rules.tradingRules(ETH_PERP);
      expect((word >> 208n) & (2n ** 40n - 1n)).to.equal(trading.until);
      await expect(trading.clear(trading.tradeOf(alice, bob, 1)))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(bob), ETH_PERP, parseWad(-10), -WAD);
    });
  });

  describe("freezeCollateral", () => {
    it("is the guardian's, at once, and tells until when (GV4)", async () => {
      const { rules, guardian, weth } = await networkHelpers.loadFixture(deployWithPositions);
      const at = BigInt(await time.latest()) + 10n;
      await time.setNextBlockTimestamp(at);
      await expect(rules.connect(guardian).freezeCollateral(weth))
        .to.emit(rules, "CollateralFrozen")
        .withArgs(weth, at + FREEZE_SECONDS);
    });

    it("is nobody else's, governance included", async () => {
      const { rules, weth, ...signers } = await networkHelpers.loadFixture(deployWithPositions);
      const { governance, deployer, treasury, alice, stranger } = signers;
      for (const caller of [governance, deployer, treasury, alice, stranger]) {
        await expect(rules.connect(caller).freezeCollateral(weth))
          .to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized")
          .withArgs(caller.address);
      }
    });

    it("cannot stop the settlement token, nor one that is not listed (GV2, I9)", async () => {
      const { rules, guardian, usdc } = await networkHelpers.loadFixture(deployWithPositions);
      await expect(rules.connect(guardian).freezeCollateral(usdc))
        .to.be.revertedWithCustomError(rules, "UnknownToken")
        .withArgs(usdc);
    });

    it("stops deposits of the token, up to and including its last second, and no other's", async () => {
      const { vault, weth, wsteth, alice, accountOf, deposit, until, refreshPrices } =
        await networkHelpers.loadFixture(deployFrozenToken);
      await deposit(alice, { token: wsteth, amount: 1 });
      await weth.mint(alice, WAD);
      await weth.connect(alice).approve(vault, WAD);
      const bring = () => vault.connect(alice).deposit(accountOf(alice), weth, WAD);
      await time.increaseTo(until - 100n);
      await refreshPrices();
      await time.setNextBlockTimestamp(until);
      await expect(bring()).to.be.revertedWithCustomError(vault, "DepositsStopped").withArgs(weth);
      await time.setNextBlockTimestamp(until + 1n);
      await expect(bring()).to.emit(vault, "Deposited");
    });

    it("counts the token nothing for initial margin, and for maintenance as before", async () => {
      const { alice, marginOf, before, until, refreshPrices } =
        await networkHelpers.loadFixture(deployFrozenToken);
      // 2 WETH of 3,000 dollars: the haircut of 20 % becomes 100 %.
      const now = await marginOf(alice);
      expect(now.equity).to.equal(before.equity);
      expect(now.maintenance).to.equal(before.maintenance);
      expect(now.initial).to.equal(before.initial + parseWad(4_800));
      await time.increaseTo(until + 1n);
      await refreshPrices();
      expect(await marginOf(alice)).to.deep.equal(before);
    });

    it("makes nobody liquidatable: not even who was at the line (I5)", async () => {
      const { rules, guardian, vault, clearinghouse, marginEngine, weth, usdc, ...trading } =
        await networkHelpers.loadFixture(deployWithPositions);
      const { alice, dave, accountOf, marginOf, setPrice } = trading;
      await vault.connect(alice).withdraw(accountOf(alice), usdc, 97_000n * DOLLAR, alice);
      // 9,000 dollars less 10 x the fall, against 3.8 % of the position and 15 % of WETH: the line.
      const line = await marginEngine.liquidationPrice(accountOf(alice), ETH_PERP);
      await setPrice(ETH, String(Number((line + 10n ** 16n) / 10n ** 10n) / 1e8));
      const before = await marginOf(alice);
      expect(before.equity - before.maintenance).to.be.within(0n, parseWad(1));
      await rules.connect(guardian).freezeCollateral(weth);
      const { equity, maintenance } = await marginOf(alice);
      expect([equity, maintenance]).to.deep.equal([before.equity, before.maintenance]);
      expect(await marginEngine.statusOf(accountOf(alice))).to.equal(1n);
      await expect(
        clearinghouse.connect(dave).liquidate(accountOf(alice), accountOf(dave), WAD, WAD),
      )
        .to.be.revertedWithCustomError(marginEngine, "NotLiquidatable")
        .withArgs(accountOf(alice), equity, maintenance);
    });

    it("lets who does not depend on the token withdraw it, and who does only what it can spare (I9)", async () => {
      const { vault, weth, usdc, alice, carol, accountOf, marginEngine, ...trading } =
        await networkHelpers.loadFixture(deployWithPositions);
      await trading.deposit(carol, { token: weth, amount: 1 });
      await vault.connect(alice).withdraw(accountOf(alice), usdc, 99_000n * DOLLAR, alice);
      await trading.rules.connect(trading.guardian).freezeCollateral(weth);
      await vault.connect(carol).withdraw(accountOf(carol), weth, WAD, carol);
      const { equity, initial } = await trading.marginOf(alice);
      expect(equity).to.be.lessThan(initial);
      expect(await marginEngine.withdrawable(accountOf(alice), weth)).to.equal(0n);
      await expect(vault.connect(alice).withdraw(accountOf(alice), weth, 1n, alice))
        .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
        .withArgs(accountOf(alice), equity - 3_000n, initial - 3_000n);
    });

    it("lets an account with the token reduce, be liquidated and take over (I5, I9)", async () => {
      const { clearinghouse, vault, rules, guardian, weth, usdc, alice, bob, dave, ...trading } =
        await networkHelpers.loadFixture(deployWithPositions);
      const { accountOf, tradeOf, clear, setPrice } = trading;
      await trading.deposit(dave, { token: weth, amount: 1 });
      await vault.connect(alice).withdraw(accountOf(alice), usdc, 97_000n * DOLLAR, alice);
      await rules.connect(guardian).freezeCollateral(weth);
      await clear(tradeOf(alice, bob, -1));
      await setPrice(ETH, 2_200);
      await expect(
        clearinghouse
          .connect(dave)
          .liquidate(accountOf(alice), accountOf(dave), WAD, 2n ** 255n - 1n),
      ).to.emit(clearinghouse, "Liquidated");
      expect(await vault.collateralOf(accountOf(dave), weth)).to.be.greaterThan(WAD);
    });

    it("can be repeated only after as long a time without it, to the second", async () => {
      const { rules, guardian, weth, until } = await networkHelpers.loadFixture(deployFrozenToken);
      const freeze = () => rules.connect(guardian).freezeCollateral(weth);
      const earliest = until + FREEZE_SECONDS;
      await time.setNextBlockTimestamp(earliest);
      await expect(freeze())
        .to.be.revertedWithCustomError(rules, "FreezeTooSoon")
        .withArgs(earliest);
      await networkHelpers.mine();
      await expect(freeze())
        .to.emit(rules, "CollateralFrozen")
        .withArgs(weth, earliest + 1n + FREEZE_SECONDS);
    });

    it("is not ended by governance's next change of the token's rules, which count afterwards", async () => {
      const { rules, weth, alice, marginOf, before, until, ...trading } =
        await networkHelpers.loadFixture(deployFrozenToken);
      const terms = {
        underlying: ETH,
        maintenanceHaircutBps: 1_500,
        initialHaircutBps: 3_000,
        accepted: true,
      };
      await trading.asGovernance(rules, "setCollateral", [await weth.getAddress(), terms]);
      const began = BigInt(await time.latest());
      expect((await marginOf(alice)).initial).to.equal(before.initial + parseWad(4_800));
      await time.increaseTo(until + 1n);
      await trading.refreshPrices();
      // The haircut went on its way while the token was frozen; a basis point of 6,000 dollars is 0.6.
      const passed = BigInt(await time.latest()) - began;
      const bps = (1_000n * passed) / RAMP_SECONDS;
      expect(bps).to.be.within(300n, 350n);
      expect((await marginOf(alice)).initial).to.equal(before.initial + bps * parseWad("0.6"));
      await trading.passTime(RAMP_SECONDS);
      expect((await marginOf(alice)).initial).to.equal(before.initial + parseWad(600));
    });

    it("does not bring back a token that governance stopped", async () => {
      const { rules, vault, weth, alice, accountOf, until, ...trading } =
        await networkHelpers.loadFixture(deployFrozenToken);
      const terms = {
        underlying: ETH,
        maintenanceHaircutBps: 1_500,
        initialHaircutBps: 2_000,
        accepted: false,
      };
      await trading.asGovernance(rules, "setCollateral", [await weth.getAddress(), terms]);
      await time.increaseTo(until + 1n);
      await expect(vault.connect(alice).deposit(accountOf(alice), weth, 1n))
        .to.be.revertedWithCustomError(vault, "DepositsStopped")
        .withArgs(weth);
    });
  });

  it("refuses numbers beyond the bounds of the limits", async () => {
    const { rules, accessManager, schedule, passTime, governance, parameters } =
      await networkHelpers.loadFixture(deployWithPositions);
    for (const [change, name, value, least, most] of [
      [{ fundDrawCapBps: 99 }, "fundDrawCapBps", 99n, 100n, 10_000n],
      [{ fundDrawCapBps: 10_001 }, "fundDrawCapBps", 10_001n, 100n, 10_000n],
      [{ openInterestBase: 0 }, "openInterestBase", 0n, 1n, 2n ** 40n - 1n],
    ] as const) {
      const given = { ...parameters.liquidation, ...change };
      const { target, data, delay } = await schedule(rules, "setLiquidationRules", [given]);
      await passTime(delay);
      await expect(accessManager.connect(governance).execute(target, data))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(encodeBytes32String(name), value, least, most);
    }
  });
});
