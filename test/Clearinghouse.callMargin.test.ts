import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, mulUp, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { bearersOf, deployDefaultMarket, sinkBelow, sinkToDebt } from "./fixtures/default.js";
import type { LiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { DEATHS, deployUnreadMarket, sinkWithSpeck, SPECKS } from "./fixtures/unread.js";

const { networkHelpers } = await hre.network.create();
const { time } = networkHelpers;

/** Between two margin calls of an account [seconds]. */
const CALL_INTERVAL = 3_600n;
/** In which the time of a call is kept, rounded up [seconds]. */
const CALL_UNIT = 256n;

/** Long 10 ETH at 2,700 dollars: 3.8 % of 27,000, and by 0.6 more. */
const MAINTENANCE = parseWad(1_026);
const INITIAL = mulUp(parseWad(27_000), 63_333_333_333_333_334n);

const [HEALTHY, MARGIN_CALL, LIQUIDATABLE, BANKRUPT] = [0n, 1n, 2n, 3n] as const;

describe("Clearinghouse.callMargin", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployDefaultMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const callMargin = (account: AccountId) =>
    market.clearinghouse.connect(market.stranger).callMargin(account);
  const statusOf = (account: AccountId) => market.marginEngine.statusOf(account);
  const calledAt = (account: AccountId) => market.clearinghouse.calledAt(account);
  const now = async () => BigInt(await time.latest());
  /** As what a call at a time is kept. */
  const keptAs = (at: bigint) => ((at + CALL_UNIT - 1n) / CALL_UNIT) * CALL_UNIT;

  /** An account of Alice's that is long 10 ETH at 2,700 dollars, and worth exactly so much. */
  async function sinkTo(equity: bigint, subAccount = 0n): Promise<AccountId> {
    await market.setPrice(ETH, 3_000);
    const account = await market.fund(market.alice, subAccount, 20_000);
    const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
    await market.sink(account, legs, { prices: { [ETH]: 2_700 }, equity: () => equity });
    return account;
  }

  /** Anybody brings an account cash: millionths of a dollar. */
  async function bring(account: AccountId, amount: bigint): Promise<void> {
    const { vault, usdc, stranger } = market;
    await usdc.mint(stranger, amount);
    await usdc.connect(stranger).approve(vault, amount);
    await vault.connect(stranger).deposit(account, usdc, amount);
  }

  /** Brings the next transaction to a time, with prices that are fresh then. */
  async function goTo(at: bigint): Promise<void> {
    await time.increaseTo(at - 60n);
    await market.refreshPrices();
    await time.setNextBlockTimestamp(at);
  }

  async function expectHealthy(account: AccountId): Promise<void> {
    const { equity, initial } = await market.marginOf(account);
    expect(await statusOf(account)).to.equal(HEALTHY);
    await expect(callMargin(account))
      .to.be.revertedWithCustomError(market.clearinghouse, "NoMarginCall")
      .withArgs(account, equity, initial);
  }

  async function expectTooSoon(account: AccountId, earliest: bigint): Promise<void> {
    await expect(callMargin(account))
      .to.be.revertedWithCustomError(market.clearinghouse, "MarginCallTooSoon")
      .withArgs(account, earliest);
  }

  describe("when the account has its initial margin", () => {
    it("is refused with what it is worth and what it must be, at the line and above it", async () => {
      for (const [subAccount, equity] of [INITIAL, INITIAL + 1n, 2n * INITIAL].entries()) {
        const account = await sinkTo(equity, BigInt(subAccount));
        await expect(callMargin(account))
          .to.be.revertedWithCustomError(market.clearinghouse, "NoMarginCall")
          .withArgs(account, equity, INITIAL);
        expect(await calledAt(account)).to.equal(0n);
      }
    });

    it("is refused for one with cash and collateral alone, or with nothing", async () => {
      const { alice, weth, accountNumbered, stranger } = market;
      const account = await market.fund(alice, 0n, 1);
      await market.deposit(alice, { token: weth, amount: 1 });
      await expectHealthy(account);
      await expectHealthy(accountNumbered(stranger, 3n));
    });

    it("is refused for the insurance fund, without and with cash", async () => {
      await expectHealthy(market.fundAccount);
      await market.endow(1_000);
      await expect(callMargin(market.fundAccount))
        .to.be.revertedWithCustomError(market.clearinghouse, "NoMarginCall")
        .withArgs(market.fundAccount, parseWad(1_000), 0n);
    });
  });

  describe("when it has less", () => {
    for (const [status, equity, name] of [
      [MARGIN_CALL, INITIAL - 1n, "in MarginCall by one wei"],
      [MARGIN_CALL, MAINTENANCE, "in MarginCall, at the line of liquidation"],
      [LIQUIDATABLE, MAINTENANCE - 1n, "Liquidatable"],
      [LIQUIDATABLE, 0n, "Liquidatable, with nothing left"],
      [BANKRUPT, -1n, "Bankrupt by one wei"],
      [BANKRUPT, -parseWad(1_000), "Bankrupt"],
    ] as const) {
      it(`calls an account that is ${name}, with the amount that is missing`, async () => {
        const { clearinghouse } = market;
        const account = await sinkTo(equity);
        expect(await statusOf(account)).to.equal(status);
        await expect(callMargin(account))
          .to.emit(clearinghouse, "MarginCalled")
          .withArgs(account, equity, INITIAL, MAINTENANCE, INITIAL - equity);
        expect(await calledAt(account)).to.equal(keptAs(await now()));
      });
    }

    it("changes nothing of what anybody has", async () => {
      const { vault, clearinghouse, house } = market;
      const account = await sinkTo(-parseWad(300));
      const state = async () => [
        ...(await Promise.all([account, house].map((each) => vault.cashOf(each)))),
        ...(await clearinghouse.positionOf(account, ETH_PERP)),
        ...Object.values(await bearersOf(market)),
      ];
      const before = await state();
      await callMargin(account);
      expect(await state()).to.deep.equal(before);
    });

    for (const missing of [parseWad(210), parseWad(900), parseWad(2_500)]) {
      it(`is answered by a deposit of ${missing / WAD} dollars that are missing, and of nothing less`, async () => {
        const account = await sinkTo(INITIAL - missing);
        await callMargin(account);
        await bring(account, missing / 10n ** 12n - 1n);
        expect(await statusOf(account)).to.equal(MARGIN_CALL);
        await bring(account, 1n);
        await goTo((await calledAt(account)) + CALL_INTERVAL);
        await expectHealthy(account);
      });

      it(`is not answered by ${missing / WAD} dollars when a wei more is missing`, async () => {
        const account = await sinkTo(INITIAL - missing - 1n);
        await callMargin(account);
        await bring(account, missing / 10n ** 12n);
        expect(await statusOf(account)).to.equal(MARGIN_CALL);
        await goTo((await calledAt(account)) + CALL_INTERVAL);
        await expect(callMargin(account))
          .to.emit(market.clearinghouse, "MarginCalled")
          .withArgs(account, INITIAL - 1n, INITIAL, MAINTENANCE, 1n);
      });
    }

    it("asks a debt without positions for the least margin as well", async () => {
      const account = await sinkToDebt(market, 300);
      const required = parseWad(market.parameters.liquidation.minimumMargin);
      await expect(callMargin(account))
        .to.emit(market.clearinghouse, "MarginCalled")
        .withArgs(account, -parseWad(300), required, required, parseWad(300) + required);
    });

    it("asks a debt against collateral for the haircut of it", async () => {
      const { alice, weth } = market;
      const account = await market.fund(alice, 0n, 20_000);
      await market.deposit(alice, { token: weth, amount: 1 });
      const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
      const options = { prices: { [ETH]: 2_700 }, equity: () => parseWad(300) };
      await market.sink(account, legs, options);
      await market.clear({ account, instrument: ETH_PERP, size: -10n * WAD });
      expect(await market.vault.cashOf(account)).to.equal(-parseWad(2_400));
      // 20 % and 15 % of 2,700 dollars.
      const [initial, maintenance] = [parseWad(540), parseWad(405)];
      await expect(callMargin(account))
        .to.emit(market.clearinghouse, "MarginCalled")
        .withArgs(account, parseWad(300), initial, maintenance, parseWad(240));
      await bring(account, 239_999_999n);
      expect(await statusOf(account)).to.equal(MARGIN_CALL);
      await bring(account, 1n);
      expect(await statusOf(account)).to.equal(HEALTHY);
    });
  });

  describe("when it was called before", () => {
    it("is refused for an hour from the next multiple of 256 seconds on, to the second", async () => {
      const account = await sinkTo(parseWad(1_500));
      const multiple = keptAs(await now()) + CALL_UNIT;
      for (const [early, earliest] of [
        [0n, multiple + CALL_INTERVAL],
        // An hour is 14 units and 16 seconds: the next multiple is 240 seconds later.
        [0n, multiple + 2n * CALL_INTERVAL + 240n],
        [240n, multiple + 3n * CALL_INTERVAL + 480n],
        // A second later it is the one after that.
        [241n, multiple + 4n * CALL_INTERVAL + 720n + CALL_UNIT],
      ] as const) {
        const before = await calledAt(account);
        await goTo(before === 0n ? multiple : before + CALL_INTERVAL + early);
        await callMargin(account);
        const kept = await calledAt(account);
        expect(kept - (await now())).to.be.within(0n, CALL_UNIT - 1n);
        expect(kept + CALL_INTERVAL).to.equal(earliest);
        await expectTooSoon(account, earliest);
      }
    });

    it("is refused for that hour, and not longer", async () => {
      const account = await sinkTo(parseWad(1_500));
      await callMargin(account);
      const first = await calledAt(account);
      await expectTooSoon(account, first + CALL_INTERVAL);
      await goTo(first + CALL_INTERVAL - 1n);
      await expectTooSoon(account, first + CALL_INTERVAL);
      await time.setNextBlockTimestamp(first + CALL_INTERVAL);
      await expect(callMargin(account)).to.emit(market.clearinghouse, "MarginCalled");
      const second = keptAs(first + CALL_INTERVAL);
      expect(await calledAt(account)).to.equal(second);
      await expectTooSoon(account, second + CALL_INTERVAL);
    });

    it("is refused whoever asks, also when it sank deeper, is healthy or cannot be read", async () => {
      const { clearinghouse, alice } = market;
      const account = await sinkTo(parseWad(1_500));
      await callMargin(account);
      const earliest = (await calledAt(account)) + CALL_INTERVAL;
      await expect(clearinghouse.connect(alice).callMargin(account))
        .to.be.revertedWithCustomError(clearinghouse, "MarginCallTooSoon")
        .withArgs(account, earliest);
      await market.setPrice(ETH, 2_400);
      expect(await statusOf(account)).to.equal(BANKRUPT);
      await expectTooSoon(account, earliest);
      await market.setPrice(ETH, 3_000);
      expect(await statusOf(account)).to.equal(HEALTHY);
      await expectTooSoon(account, earliest);
      await market.setFeed("ETH/USD", 0);
      await expectTooSoon(account, earliest);
      await market.setPrice(ETH, 3_000);
    });

    it("counts each account's hour by itself", async () => {
      const first = await sinkTo(parseWad(1_500));
      await callMargin(first);
      const second = await market.fund(market.alice, 1n, 1_000);
      await market.clear({ account: second, instrument: ETH_PERP, size: 4n * WAD });
      await market.passTime(CALL_UNIT);
      await market.setPrice(ETH, 2_600);
      await expect(callMargin(second)).to.emit(market.clearinghouse, "MarginCalled");
      const [firstAt, secondAt] = [await calledAt(first), await calledAt(second)];
      expect(secondAt).to.be.greaterThan(firstAt);
      await expectTooSoon(first, firstAt + CALL_INTERVAL);
      await expectTooSoon(second, secondAt + CALL_INTERVAL);
      await goTo(firstAt + CALL_INTERVAL);
      await expect(callMargin(first)).to.emit(market.clearinghouse, "MarginCalled");
      expect(await calledAt(second)).to.equal(secondAt);
    });
  });

  describe("when a price cannot be read", () => {
    for (const death of DEATHS) {
      it(`is refused for the oracle's reason, be it of a speck alone: a feed ${death}`, async () => {
        const unread = await networkHelpers.loadFixture(deployUnreadMarket);
        market = unread;
        const speck = SPECKS["a perpetual"];
        const { account } = await sinkWithSpeck(unread, "a perpetual", () => parseWad(-300));
        const { error, args } = await unread.kill(speck, death);
        await expect(callMargin(account))
          .to.be.revertedWithCustomError(unread.oracle, error)
          .withArgs(...args);
        expect(await calledAt(account)).to.equal(0n);
      });
    }
  });

  describe("with a flag, which is kept beside it", () => {
    const delay = () => BigInt(market.parameters.liquidation.deleverageDelay);
    const flag = (account: AccountId) => market.clearinghouse.flag(account);
    const flaggedAt = (account: AccountId) => market.clearinghouse.flaggedAt(account);
    const deleverage = (account: AccountId) =>
      market.clearinghouse.deleverage(account, market.house, ETH_PERP, 10n * WAD);

    it("leaves the flag, its delay and its day as they are", async () => {
      const { clearinghouse } = market;
      const account = await sinkBelow(market, 300);
      await flag(account);
      const flagged = await flaggedAt(account);
      await goTo(flagged + delay() - 10n);
      await callMargin(account);
      expect(await flaggedAt(account)).to.equal(flagged);
      const called = keptAs(flagged + delay() - 10n);
      expect(await calledAt(account)).to.equal(called);
      await expect(flag(account))
        .to.be.revertedWithCustomError(clearinghouse, "AlreadyFlagged")
        .withArgs(account, flagged);
      await time.setNextBlockTimestamp(flagged + delay() - 1n);
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(clearinghouse, "DeleverageNotDue")
        .withArgs(account, flagged + delay());
      await time.setNextBlockTimestamp(flagged + delay());
      await deleverage(account);
      // The flag went with the bankruptcy, the call stays.
      expect(await flaggedAt(account)).to.equal(0n);
      expect(await calledAt(account)).to.equal(called);
    });

    it("is left as it is by a flag, and by what ends one", async () => {
      const { clearinghouse } = market;
      const account = await sinkBelow(market, 300);
      await callMargin(account);
      const called = await calledAt(account);
      await flag(account);
      expect(await flaggedAt(account)).to.equal(await now());
      expect(await calledAt(account)).to.equal(called);
      await expectTooSoon(account, called + CALL_INTERVAL);
      await market.setPrice(ETH, 2_730);
      await expect(flag(account)).to.emit(clearinghouse, "FlagRemoved").withArgs(account, 0n);
      expect(await flaggedAt(account)).to.equal(0n);
      expect(await calledAt(account)).to.equal(called);
      await expectTooSoon(account, called + CALL_INTERVAL);
    });

    it("is left as it is by the liquidation that ends a bankruptcy", async () => {
      const account = await sinkBelow(market, 300);
      await flag(account);
      await callMargin(account);
      const called = await calledAt(account);
      await market.fund(market.liquidator, 0n, 100_000);
      await expect(market.liquidate(account)).to.emit(market.clearinghouse, "FlagRemoved");
      expect(await flaggedAt(account)).to.equal(0n);
      expect(await calledAt(account)).to.equal(called);
      await goTo(called + CALL_INTERVAL);
      await expectHealthy(account);
    });

    it("does not make an account that was never flagged ready to be deleveraged", async () => {
      const account = await sinkBelow(market, 300);
      await callMargin(account);
      await market.passTime(delay());
      await expect(deleverage(account))
        .to.be.revertedWithCustomError(market.clearinghouse, "DeleverageNotDue")
        .withArgs(account, 0n);
    });
  });
});
