import { expect } from "chai";
import { type ContractTransactionResponse, encodeBytes32String } from "ethers";
import hre from "hardhat";
import { accountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks, interestRounding } from "./fixtures/books.js";
import { deployWithLenders } from "./fixtures/cash.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";
import { afterSeconds, borrowRateOf, type CashPool } from "./reference/interest.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;
const { time } = networkHelpers;

const DOLLAR = 10n ** 6n;
const MILLION = 1_000_000n * DOLLAR;
const YEAR = 365 * 86_400;
const HALF = parseWad("0.5");

/** All cash after Bob borrowed 200,000 dollars of the 1,010,000 that are there. */
const DEBT = parseWad(200_000);
function poolAtFirst(): CashPool {
  const indices = { supplyIndex: WAD, borrowIndex: WAD };
  return { tokens: parseWad(810_000), net: 0n, debt: DEBT, ...indices, reserved: 0n };
}

type Scene = Awaited<ReturnType<typeof deployWithLenders>>;

/** Every act that changes cash or the settlement tokens. */
const ACTS: Record<string, (scene: Scene) => Promise<ContractTransactionResponse>> = {
  "a deposit": async ({ vault, usdc, carol, third }) => {
    await usdc.mint(carol, DOLLAR);
    await usdc.connect(carol).approve(vault, DOLLAR);
    return vault.connect(carol).deposit(third, usdc, DOLLAR);
  },
  "a withdrawal": async ({ vault, usdc, carol, third }) =>
    vault.connect(carol).withdraw(third, usdc, DOLLAR, carol),
  "a transfer": async ({ vault, usdc, carol, third }) =>
    vault.connect(carol).transfer(third, accountId(carol.address, 1n), usdc, DOLLAR),
  "the clearinghouse's postings": async ({ vault, asClearinghouse, third }) =>
    vault.connect(asClearinghouse).post([{ account: third, cash: 1n }]),
  "a slice": async ({ vault, asClearinghouse, third, lender }) =>
    vault.connect(asClearinghouse).moveSlice(third, lender, HALF),
  "a charge to lenders": async ({ vault, asClearinghouse }) =>
    vault.connect(asClearinghouse).chargeLenders(WAD, 1_000n),
  "a collection for the fund": async ({ vault, asClearinghouse }) =>
    vault.connect(asClearinghouse).collectInterest(),
};

/** Interest on cash; the pool's arithmetic alone is fuzzed in test/solidity/Interest.t.sol. */
describe("Vault", () => {
  describe("interest", () => {
    it("agrees with the reference to the wei, over accruals of very different lengths", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, lender, borrower, borrow, parameters } = scene;
      await borrow(200_000);
      let pool: CashPool = poolAtFirst();
      for (const seconds of [1, 12, 3_600, 86_400, 30 * 86_400, YEAR, 3 * YEAR]) {
        const start = await time.latest();
        await time.setNextBlockTimestamp(start + seconds);
        pool = afterSeconds(pool, parameters.cash, BigInt(seconds));
        await expect(vault.accrueInterest())
          .to.emit(vault, "InterestAccrued")
          .withArgs(pool.supplyIndex, pool.borrowIndex, pool.reserved);
        expect(await vault.interestReserve()).to.equal(pool.reserved);
        expect(await vault.cashOf(borrower)).to.equal(-(DEBT * pool.borrowIndex + WAD - 1n) / WAD);
        expect(await vault.cashOf(lender)).to.equal((parseWad(1e6) * pool.supplyIndex) / WAD);
        await expectBooks(scene);
      }
    });

    it("is counted by views without anybody's act", async () => {
      const { vault, marginEngine, lender, borrower, borrow, third } =
        await networkHelpers.loadFixture(deployWithLenders);
      await borrow(200_000);
      await networkHelpers.mine(2, { interval: YEAR });
      const [cash] = await vault.balancesOf(lender);
      expect(cash).to.equal(await vault.cashOf(lender));
      expect(cash).to.be.above(parseWad(1_000_000));
      expect(await vault.cashOf(borrower)).to.be.below(parseWad(-200_000));
      expect((await marginEngine.marginOf(third)).equity).to.equal(await vault.cashOf(third));
      expect(await vault.interestReserve()).to.be.above(0n);
    });

    it("nothing accrues while nobody is in debt, and nothing is said of it", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, lender } = scene;
      await time.increase(YEAR);
      await expect(vault.accrueInterest()).to.not.emit(vault, "InterestAccrued");
      expect(await vault.cashOf(lender)).to.equal(parseWad(1_000_000));
      const { supplyIndex, borrowIndex, utilisation } = await vault.cashPool();
      expect([supplyIndex, borrowIndex, utilisation]).to.deep.equal([WAD, WAD, 0n]);
    });

    it("is divided between lenders and the fund: four fifths and one fifth", async () => {
      const { vault, lender, third, borrower, borrow } =
        await networkHelpers.loadFixture(deployWithLenders);
      await borrow(200_000);
      await time.increase(YEAR);
      await vault.accrueInterest();
      const paid = -(await vault.cashOf(borrower)) - parseWad(200_000);
      const earned =
        (await vault.cashOf(lender)) + (await vault.cashOf(third)) - parseWad(1_010_000);
      const reserve = await vault.interestReserve();
      expect(earned + reserve).to.be.within(paid - 4n, paid);
      expect(reserve).to.be.closeTo(paid / 5n, 10n ** 7n);
    });

    it("is paid by whoever is in debt, by a loss as by a loan", async () => {
      const { vault, asClearinghouse, lender, third } =
        await networkHelpers.loadFixture(deployWithLenders);
      const loss = { account: third, cash: parseWad(-110_000) };
      await vault.connect(asClearinghouse).post([loss, { account: lender, cash: parseWad(1e5) }]);
      await time.increase(YEAR);
      expect(await vault.cashOf(third)).to.be.below(parseWad(-102_000));
      expect(await vault.cashOf(lender)).to.be.above(parseWad(1_101_600));
    });

    for (const [name, act] of Object.entries(ACTS)) {
      it(`is counted first by ${name}`, async () => {
        const scene = await networkHelpers.loadFixture(deployWithLenders);
        await scene.borrow(200_000);
        await time.increase(YEAR);
        await scene.refreshPrices();
        await expect(act(scene)).to.emit(scene.vault, "InterestAccrued");
      });
    }

    it("tells the wait from the change: a large deposit lowers the rate from then on only", async () => {
      const { vault, borrower, borrow, fund, dave, parameters } =
        await networkHelpers.loadFixture(deployWithLenders);
      await borrow(200_000);
      const start = await time.latest();
      await time.increase(YEAR - 100);
      await fund(dave, 0n, 100_000_000);
      const elapsed = BigInt((await time.latest()) - start);
      const pool = poolAtFirst();
      const { borrowIndex } = afterSeconds(pool, parameters.cash, elapsed);
      expect(await vault.cashOf(borrower)).to.equal(-(DEBT * borrowIndex + WAD - 1n) / WAD);
      const { borrowRate } = await vault.cashPool();
      expect(borrowRate).to.be.below(parseWad("0.0204"));
    });

    it("does not change when tokens are sent to the vault", async () => {
      const { vault, usdc, borrow, lender } = await networkHelpers.loadFixture(deployWithLenders);
      await borrow(200_000);
      const [figures, cash] = [await vault.cashPool(), await vault.cashOf(lender)];
      const { timestamp } = (await connection.ethers.provider.getBlock("latest"))!;
      await time.setNextBlockTimestamp(timestamp + 1);
      await usdc.mint(vault, 1_000n * MILLION);
      const later = await vault.cashPool();
      expect(later.utilisation).to.be.closeTo(figures.utilisation, 10n ** 10n);
      expect(later.borrowRate).to.be.closeTo(figures.borrowRate, 10n ** 9n);
      expect((await vault.cashOf(lender)) - cash).to.be.below(parseWad("0.01"));
    });

    it("is what cashPool says: rate by utilisation, supply rate by what is lent", async () => {
      const { vault, borrow, parameters } = await networkHelpers.loadFixture(deployWithLenders);
      await borrow(202_000);
      const figures = await vault.cashPool();
      expect(figures.utilisation).to.equal(parseWad("0.2"));
      expect(figures.borrowRate).to.equal(parseWad("0.036"));
      expect(figures.borrowRate).to.equal(borrowRateOf(parseWad("0.2"), parameters.cash));
      expect(figures.supplyRate).to.equal(parseWad("0.00576"));
      expect(figures.positiveCash).to.equal(parseWad(1_010_000));
      expect(figures.debt).to.equal(parseWad(202_000));
    });
  });

  describe("cash with indices that are not 1", () => {
    it("changes by what is said, or less by a few wei, never more", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, asClearinghouse, lender, borrower, borrow } = scene;
      await borrow(200_000);
      await time.increase(5 * YEAR);
      for (const account of [lender, borrower]) {
        for (const cash of [1n, -1n, parseWad("12.345"), parseWad(-777), 987_654_321n]) {
          await vault.accrueInterest();
          const before = await vault.cashOf(account);
          await time.setNextBlockTimestamp((await time.latest()) + 1);
          await vault.connect(asClearinghouse).post([{ account, cash }]);
          const [event] = (await vault.queryFilter(vault.filters.CashPosted())).slice(-1);
          expect(event!.args.cash).to.equal(await vault.cashOf(account));
          // One second of interest lies between.
          expect((await vault.cashOf(account)) - before - cash).to.be.closeTo(0n, parseWad("0.01"));
        }
      }
    });

    it("moves the part of what a debt is now, not of what was borrowed", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, asClearinghouse, borrower, third, borrow } = scene;
      await borrow(200_000);
      await time.increase(YEAR);
      await vault.connect(asClearinghouse).moveSlice(borrower, third, HALF);
      const left = await vault.cashOf(borrower);
      expect(left).to.be.below(parseWad(-103_000));
      const taken = await vault.cashOf(third);
      const [event] = await vault.queryFilter(vault.filters.CashPosted());
      expect(event!.args.change).to.be.closeTo(-left, 3n);
      expect(taken).to.be.below(parseWad(-92_000));
      await expectBooks(scene);
    });

    it("moves all of it with a fraction of 1, and leaves exactly nothing", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, asClearinghouse, borrower, lender, third, borrow } = scene;
      await borrow(200_000);
      await time.increase(YEAR);
      await vault.connect(asClearinghouse).moveSlice(borrower, third, WAD);
      await vault.connect(asClearinghouse).moveSlice(lender, third, WAD);
      expect(await vault.cashOf(borrower)).to.equal(0n);
      expect(await vault.cashOf(lender)).to.equal(0n);
      await expectBooks(scene);
    });

    it("stays backed through trades, settlements and repayments (I2)", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, clearinghouse, alice, bob, carol, trade, setPrice, usdc } = scene;
      const { borrow, borrower, third, passTime } = scene;
      await borrow(150_000);
      const size = parseWad(20);
      await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price: parseWad(3000) });
      for (const price of [3_100, 2_950, 3_020]) {
        await passTime(40 * 86_400);
        await setPrice(1, price);
        await clearinghouse.connect(alice).settleVariation(scene.lender);
        await clearinghouse.connect(bob).settleVariation(borrower);
        await expectBooks(scene);
      }
      await clearinghouse.distributeFees();
      await usdc.mint(carol, MILLION);
      await usdc.connect(carol).approve(vault, MILLION);
      await vault.connect(carol).deposit(borrower, usdc, 200_000n * DOLLAR);
      expect(await vault.cashOf(borrower)).to.be.above(0n);
      await vault.connect(carol).withdraw(third, usdc, 10_000n * DOLLAR, carol);
      await expectBooks(scene);
      expect(await interestRounding(scene)).to.be.below(200n);
    });
  });

  describe("collectInterest", () => {
    it("gives the clearinghouse what waits for the fund, once", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, asClearinghouse, borrow, insuranceFund } = scene;
      await borrow(200_000);
      await time.increase(YEAR);
      await vault.connect(asClearinghouse).collectInterest();
      const [event] = await vault.queryFilter(vault.filters.InterestCollected());
      const collected = event!.args.collected;
      expect(collected).to.be.above(parseWad(1_400));
      expect(await vault.interestReserve()).to.equal(0n);

      await vault.connect(asClearinghouse).post([{ account: insuranceFund, cash: collected }]);
      expect(await vault.cashOf(insuranceFund)).to.be.closeTo(collected, 3n);
      await expectBooks(scene);
    });

    it("is the clearinghouse's only", async () => {
      const { vault, alice } = await networkHelpers.loadFixture(deployWithLenders);
      await expect(vault.connect(alice).collectInterest())
        .to.be.revertedWithCustomError(vault, "NotClearinghouse")
        .withArgs(alice.address);
    });
  });

  describe("chargeLenders", () => {
    it("charges a loss to all positive cash, pro rata, and to no debt", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, asClearinghouse, lender, third, borrower, borrow } = scene;
      await borrow(200_000);
      const act = await vault.connect(asClearinghouse).chargeLenders(parseWad(10_100), 1_000n);
      // A hundredth of what all lenders have, which has grown for a second.
      const [event] = await vault.queryFilter(vault.filters.LendersCharged());
      expect(event!.args.borne).to.be.within(parseWad(10_100) - 10n ** 7n, parseWad(10_100));
      await expect(act)
        .to.emit(vault, "LendersCharged")
        .withArgs(event!.args.borne, (await vault.cashPool()).supplyIndex);
      expect(await vault.cashOf(lender)).to.be.closeTo(parseWad(990_000), parseWad("0.01"));
      expect(await vault.cashOf(third)).to.be.closeTo(parseWad(9_900), parseWad("0.01"));
      expect(await vault.cashOf(borrower)).to.be.at.most(parseWad(-200_000));
    });

    it("charges its cap at most, and says what was borne", async () => {
      const { vault, asClearinghouse, lender } =
        await networkHelpers.loadFixture(deployWithLenders);
      const asks = vault.connect(asClearinghouse);
      expect(await asks.chargeLenders.staticCall(parseWad(1e6), 1_000n)).to.equal(
        parseWad(101_000),
      );
      await asks.chargeLenders(parseWad(1e6), 1_000n);
      expect(await vault.cashOf(lender)).to.equal(parseWad(900_000));
      expect(await asks.chargeLenders.staticCall(parseWad(1e6), 1_000n)).to.be.below(parseWad(3));
      await time.increase(86_400);
      expect(await asks.chargeLenders.staticCall(parseWad(1e6), 1_000n)).to.equal(parseWad(90_900));
    });

    it("charges nobody when nobody has cash, and says nothing", async () => {
      const { vault, asClearinghouse, alice, carol, usdc, lender, third } =
        await networkHelpers.loadFixture(deployWithLenders);
      await vault.connect(alice).withdraw(lender, usdc, MILLION, alice);
      await vault.connect(carol).withdraw(third, usdc, 10_000n * DOLLAR, carol);
      await expect(vault.connect(asClearinghouse).chargeLenders(parseWad(1), 10_000n)).to.not.emit(
        vault,
        "LendersCharged",
      );
    });

    it("is the clearinghouse's only", async () => {
      const { vault, alice } = await networkHelpers.loadFixture(deployWithLenders);
      await expect(vault.connect(alice).chargeLenders(1n, 1n))
        .to.be.revertedWithCustomError(vault, "NotClearinghouse")
        .withArgs(alice.address);
    });
  });

  describe("setCashRules", () => {
    it("FI2: leaves the past to the old rules", async () => {
      const { vault, borrow, borrower, parameters, schedule, governance, accessManager } =
        await networkHelpers.loadFixture(deployWithLenders);
      await borrow(200_000);
      const start = await time.latest();
      const rules = { ...parameters.cash, baseBps: 20_000 };
      const { target, data } = await schedule(vault, "setCashRules", [rules]);
      await time.increase(100 * 3_600);
      await expect(accessManager.connect(governance).execute(target, data))
        .to.emit(vault, "CashRulesSet")
        .withArgs(Object.values(rules));
      const elapsed = BigInt((await time.latest()) - start);
      const pool = poolAtFirst();
      const before = afterSeconds(pool, parameters.cash, elapsed);
      expect(await vault.cashOf(borrower)).to.equal(-(DEBT * before.borrowIndex + WAD - 1n) / WAD);
      expect(await vault.cashRules()).to.deep.equal(Object.values(rules).map(BigInt));

      await time.setNextBlockTimestamp((await time.latest()) + 1_000);
      const after = afterSeconds(before, rules, 1_000n);
      await vault.accrueInterest();
      expect(await vault.cashOf(borrower)).to.equal(-(DEBT * after.borrowIndex + WAD - 1n) / WAD);
    });

    for (const [name, changes, value, most] of [
      ["kinkBps", { kinkBps: 10_001 }, 10_001, 10_000],
      ["reservePercent", { reservePercent: 101 }, 101, 100],
      // 29,000 + 8 % x 85 % + 90 % x 15 % = 31,030
      ["highestRateBps", { baseBps: 29_000 }, 31_030, 30_000],
      ["highestRateBps", { slopeBps: 40_000 }, 35_550, 30_000],
    ] as const) {
      it(`refuses ${name} of ${value}`, async () => {
        const { vault, rules, setRules } = await networkHelpers.loadFixture(deployWithLenders);
        await expect(setRules(changes))
          .to.be.revertedWithCustomError(rules.attach(vault) as typeof rules, "RuleOutOfBounds")
          .withArgs(encodeBytes32String(name), value, 0, most);
      });
    }

    it("takes the highest values of each", async () => {
      const { vault, setRules } = await networkHelpers.loadFixture(deployWithLenders);
      const rules = {
        baseBps: 30_000,
        slopeBps: 0,
        kinkBps: 10_000,
        slopeAboveBps: 65_535,
        reservePercent: 100,
        borrowCap: 2 ** 48 - 1,
      };
      await setRules(rules);
      expect(await vault.cashRules()).to.deep.equal(Object.values(rules).map(BigInt));
    });
  });
});
