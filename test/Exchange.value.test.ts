import { expect } from "chai";
import hre from "hardhat";
import { mulDown, parseWad } from "../sdk/index.js";
import { deployWithTraders, PRICE, type Trading } from "./fixtures/exchange.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import type { Trader } from "./fixtures/trading.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const UNIT = 10n ** 12n;

/** Two sub-accounts of one owner: one rich, one with little. */
async function deployWithPair(network: typeof connection) {
  const trading = await deployWithTraders(network);
  const { carol } = trading;
  const rich = { signer: carol, subAccount: 1n };
  const poor = { signer: carol, subAccount: 2n };
  await trading.fund(carol, 1n, 20_000);
  await trading.fund(carol, 2n, 2_000);
  return { ...trading, rich, poor };
}
const load = () => networkHelpers.loadFixture(deployWithPair);

/** What accounts are worth together [wad]. */
async function worthOf({ marginOf }: Trading, ...traders: Trader[]): Promise<bigint> {
  let worth = 0n;
  for (const trader of traders) worth += (await marginOf(trader)).equity;
  return worth;
}

/** Withdraws all that an account may, to its owner; returns how much [token]. */
async function withdrawAll(trading: Trading, trader: Trader): Promise<bigint> {
  const { clearinghouse, marginEngine, vault, usdc, accountOf, carol } = trading;
  const account = accountOf(trader);
  await clearinghouse.connect(carol).settleVariation(account);
  const amount = await marginEngine.withdrawable(account, usdc);
  if (amount !== 0n) await vault.connect(carol).withdraw(account, usdc, amount, carol.address);
  return amount;
}

describe("Exchange", () => {
  describe("matchOrders between two accounts of one owner (MA1)", () => {
    it("MA1: refuses a fill at twice the index, though margin at that price is there", async () => {
      const { clearinghouse, rich, poor, buy, sell, match } = await load();
      const limitPrice = 2n * PRICE;
      const changes = { limitPrice };
      await expect(match(await buy(poor, 1, changes), [await sell(rich, 1, changes)], [1]))
        .to.be.revertedWithCustomError(clearinghouse, "PriceOutsideBand")
        .withArgs(ETH_PERP, limitPrice, PRICE, parseWad(150));
    });

    it("MA1: counts the instant loss of a fill inside the band", async () => {
      const { marginEngine, rich, poor, buy, sell, match, accountOf } = await load();
      const changes = { limitPrice: parseWad(3_150) };
      // 8 ETH need 1,520 of 2,000 dollars, but 1,200 are lost at once.
      await expect(match(await buy(poor, 8, changes), [await sell(rich, 8, changes)], [8]))
        .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
        .withArgs(
          accountOf(poor),
          [parseWad(2_000), 0n, 0n],
          [parseWad(2_000 - 1_200 - 12.6), parseWad(1_520) + 16_000n, parseWad(912)],
        );
    });

    it("MA1: never lets one side withdraw a gain while the other is below initial margin", async () => {
      const random = randomFrom(7);
      const outcomes = { filled: 0, refused: 0 };
      for (let round = 0; round < 60; round++) {
        const trading = await load();
        const { exchange, usdc, stranger, carol, rich, poor, buy, sell, marginOf } = trading;
        const price = mulDown(PRICE, random.between(parseWad("0.9"), parseWad("1.1")));
        const size = random.between(1n, parseWad(12));
        const [buyer, seller] = random.pick([
          [rich, poor],
          [poor, rich],
        ]);
        const taker = await buy(buyer, 1, { size, limitPrice: price });
        const maker = await sell(seller, 1, { size: -size, limitPrice: price });
        const before = await worthOf(trading, rich, poor);
        const wallet = await usdc.balanceOf(carol);
        try {
          await exchange.connect(stranger).matchOrders(taker, [maker], [size]);
          outcomes.filled += 1;
        } catch (error) {
          expect(String(error)).to.match(/PriceOutsideBand|RiskNotReduced/);
          outcomes.refused += 1;
          expect(await worthOf(trading, rich, poor)).to.equal(before);
          continue;
        }
        for (const trader of [rich, poor]) {
          const { equity, initial } = await marginOf(trader);
          expect(equity >= initial).to.be.true;
        }
        const withdrawn = (await withdrawAll(trading, rich)) + (await withdrawAll(trading, poor));
        expect(await usdc.balanceOf(carol)).to.equal(wallet + withdrawn);
        const after = (await worthOf(trading, rich, poor)) + withdrawn * UNIT;
        expect(after < before, `round ${round}`).to.be.true;
        for (const trader of [rich, poor]) {
          const { equity, initial } = await marginOf(trader);
          expect(equity >= initial, `round ${round}`).to.be.true;
        }
      }
      expect(outcomes.filled > 10 && outcomes.refused > 10, JSON.stringify(outcomes)).to.be.true;
    });
  });

  describe("one account on both sides (MA4)", () => {
    it("MA4: is refused by matchOrders, for one maker among others", async () => {
      const { clearinghouse, accountOf, alice, bob, buy, sell, match } = await load();
      const makers = [await sell(bob, 1), await sell(alice, 1)];
      await expect(match(await buy(alice, 2), makers, [1, 1]))
        .to.be.revertedWithCustomError(clearinghouse, "SelfDealing")
        .withArgs(accountOf(alice));
    });

    it("MA4: is refused by transfer", async () => {
      const { vault, usdc, accountOf, alice } = await load();
      const account = accountOf(alice);
      await expect(vault.connect(alice).transfer(account, account, usdc, 1n))
        .to.be.revertedWithCustomError(vault, "SameAccount")
        .withArgs(account);
    });

    it("MA4: is refused by liquidate, also when the account is below its line", async () => {
      const { clearinghouse, setPrice, accountOf, carol, alice, poor, ...trading } = await load();
      await trading.match(await trading.buy(poor, 10), [await trading.sell(alice, 10)], [10]);
      const account = accountOf(poor);
      for (const price of [3_000, 2_880]) {
        await setPrice(ETH, price);
        await expect(
          clearinghouse.connect(carol).liquidate(account, account, parseWad(1), parseWad(10_000)),
        )
          .to.be.revertedWithCustomError(clearinghouse, "SelfDealing")
          .withArgs(account);
      }
    });
  });

  describe("two accounts of one owner (MA4)", () => {
    it("MA4: trade with each other for nothing but the fees", async () => {
      const trading = await load();
      const { rich, poor, buy, sell, match, sizeOf, excessOfClaims } = trading;
      const before = await worthOf(trading, rich, poor);
      await match(await buy(poor, 5), [await sell(rich, 5)], [5]);
      expect(await worthOf(trading, rich, poor)).to.equal(before - parseWad("10.5"));
      await match(await sell(poor, 5), [await buy(rich, 5)], [5]);
      expect(await worthOf(trading, rich, poor)).to.equal(before - parseWad(21));
      expect(await sizeOf(rich)).to.equal(0n);
      expect(await excessOfClaims(rich, poor)).to.equal(0n);
    });

    it("MA4: move money between them to the unit", async () => {
      const trading = await load();
      const { vault, usdc, carol, rich, poor, accountOf, cashOf, excessOfClaims } = trading;
      await vault.connect(carol).transfer(accountOf(rich), accountOf(poor), usdc, 1_234_567n);
      expect(await cashOf(rich)).to.equal(parseWad("19998.765433"));
      expect(await cashOf(poor)).to.equal(parseWad("2001.234567"));
      expect(await excessOfClaims(rich, poor)).to.equal(0n);
    });

    it("MA4: win nothing when one liquidates the other", async () => {
      const trading = await load();
      const { clearinghouse, vault, carol, alice, rich, poor, buy, sell, match } = trading;
      await match(await buy(poor, 10), [await sell(alice, 10)], [10]);
      await trading.setPrice(ETH, 2_880);
      const fund = await clearinghouse.insuranceFund();
      const [before, fundBefore] = [await worthOf(trading, rich, poor), await vault.cashOf(fund)];
      await clearinghouse
        .connect(carol)
        .liquidate(trading.accountOf(poor), trading.accountOf(rich), parseWad(1), parseWad(10_000));
      const lost = before - (await worthOf(trading, rich, poor));
      const paid = (await vault.cashOf(fund)) - fundBefore;
      expect(paid > 0n).to.be.true;
      // Roundings of a slice: a few wei, lost by the owner.
      expect(lost - paid >= 0n && lost - paid < 10n, (lost - paid).toString()).to.be.true;
    });
  });
});
