import { expect } from "chai";
import hre from "hardhat";
import { accountId, parseWad } from "../sdk/index.js";
import { deployWithVenue, PRICE, STAKE } from "./fixtures/exchange.js";
import { BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithVenue);

/** 5 % of the price [wad]. */
const BAND = parseWad(150);

describe("Clearinghouse", () => {
  describe("clear", () => {
    it("is refused to everyone but registered venues", async () => {
      const { clearinghouse, alice, bob, stranger, governance, tradeOf } = await load();
      for (const caller of [alice, stranger, governance]) {
        await expect(clearinghouse.connect(caller).clear([tradeOf(alice, bob, 1)]))
          .to.be.revertedWithCustomError(clearinghouse, "NotVenue")
          .withArgs(caller.address);
      }
    });

    it("is refused to a venue that governance removed", async () => {
      const { asGovernance, clearinghouse, exchange, alice, bob, ...trading } = await load();
      const { buy, sell, match } = trading;
      await expect(asGovernance(clearinghouse, "setVenue", [await exchange.getAddress(), false]))
        .to.emit(clearinghouse, "VenueSet")
        .withArgs(await exchange.getAddress(), false);
      expect(await clearinghouse.isVenue(exchange)).to.be.false;
      await expect(match(await buy(alice, 1), [await sell(bob, 1)], [1]))
        .to.be.revertedWithCustomError(clearinghouse, "NotVenue")
        .withArgs(await exchange.getAddress());
    });

    it("does nothing for no trades", async () => {
      const { clearinghouse, vault, clear } = await load();
      await expect(clear()).not.to.emit(vault, "CashPosted");
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(0n);
    });

    it("refuses a trade of size or price 0", async () => {
      const { clearinghouse, alice, bob, tradeOf, clear } = await load();
      await expect(clear(tradeOf(alice, bob, 0)))
        .to.be.revertedWithCustomError(clearinghouse, "EmptyTrade")
        .withArgs(ETH_PERP, 0n, PRICE);
      await expect(clear(tradeOf(alice, bob, 1, { price: 0n })))
        .to.be.revertedWithCustomError(clearinghouse, "EmptyTrade")
        .withArgs(ETH_PERP, parseWad(1), 0n);
    });

    it("MA4: refuses one account on both sides, also behind a good trade", async () => {
      const { clearinghouse, accountOf, alice, bob, tradeOf, clear } = await load();
      await expect(clear(tradeOf(alice, bob, 1), tradeOf(bob, bob, -1)))
        .to.be.revertedWithCustomError(clearinghouse, "SelfDealing")
        .withArgs(accountOf(bob));
    });

    it("refuses the insurance fund on either side", async () => {
      const { clearinghouse, alice, tradeOf, clear } = await load();
      const fund = await clearinghouse.insuranceFund();
      for (const trade of [tradeOf(fund, alice, 1), tradeOf(alice, fund, 1)]) {
        await expect(clear(trade)).to.be.revertedWithCustomError(clearinghouse, "FundIsNoParty");
      }
    });

    describe("when the price is far from the mark", () => {
      for (const [where, edge, away] of [
        ["above", PRICE + BAND, 1n],
        ["below", PRICE - BAND, -1n],
      ] as const) {
        it(`clears at the edge of the band ${where}, and refuses one wei beyond`, async () => {
          const { clearinghouse, alice, bob, tradeOf, clear, sizeOf } = await load();
          await clear(tradeOf(alice, bob, 1, { price: edge }));
          expect(await sizeOf(alice)).to.equal(parseWad(1));
          for (const size of [1, -1]) {
            await expect(clear(tradeOf(alice, bob, size, { price: edge + away })))
              .to.be.revertedWithCustomError(clearinghouse, "PriceOutsideBand")
              .withArgs(ETH_PERP, edge + away, PRICE, BAND);
          }
        });
      }

      it("measures the band at the price of the moment", async () => {
        const { clearinghouse, setPrice, alice, bob, tradeOf, clear } = await load();
        await setPrice(ETH, 2_800);
        await expect(clear(tradeOf(alice, bob, 1)))
          .to.be.revertedWithCustomError(clearinghouse, "PriceOutsideBand")
          .withArgs(ETH_PERP, PRICE, parseWad(2_800), parseWad(140));
      });
    });

    describe("when the instrument is malformed", () => {
      const malformed = {
        "no kind": BigInt(ETH) << 168n,
        "a future": (2n << 192n) | (BigInt(ETH) << 168n),
        "a kind beyond the known": (5n << 192n) | (BigInt(ETH) << 168n),
        "kind 255": (255n << 192n) | (BigInt(ETH) << 168n),
        "an underlying that is collateral only": (1n << 192n) | (3n << 168n),
        "an underlying that is not listed": (1n << 192n) | (99n << 168n),
        "a perpetual with an expiry": ETH_PERP | (1n << 128n),
        "a perpetual with a strike": ETH_PERP | 1n,
        "the bit above the kind": ETH_PERP | (1n << 200n),
        "the highest bit": ETH_PERP | (1n << 255n),
      };
      for (const [what, instrument] of Object.entries(malformed)) {
        it(`MT3: refuses ${what}`, async () => {
          const { rules, alice, bob, tradeOf, clear } = await load();
          await expect(clear(tradeOf(alice, bob, 1, { instrument })))
            .to.be.revertedWithCustomError(rules, "UnknownInstrument")
            .withArgs(instrument);
        });
      }
    });

    it("takes what a venue charges from the position: fees to the reserve, builders' to builders", async () => {
      const { clearinghouse, vault, alice, bob, carol, treasury, ...trading } = await load();
      const { tradeOf, clear, cashOf, excessOfClaims } = trading;
      const takerLeg = { fee: 10n, builderFee: 7n, builder: carol.address };
      await expect(clear(tradeOf(alice, bob, 1, { takerLeg, makerLeg: { fee: 5n } })))
        .to.emit(clearinghouse, "TradeCleared")
        .withArgs(
          ...[ETH_PERP, trading.accountOf(alice), trading.accountOf(bob), parseWad(1), PRICE],
          ...[17n, 5n],
        )
        .and.to.emit(clearinghouse, "FeesReserved")
        .withArgs(15n, 15n);
      const quoteOf = async (trader: typeof alice) =>
        (await clearinghouse.positionOf(trading.accountOf(trader), ETH_PERP)).quote;
      expect(await quoteOf(alice)).to.equal(-PRICE - 17n);
      expect(await quoteOf(bob)).to.equal(PRICE - 5n);
      expect(await cashOf(alice)).to.equal(STAKE);
      expect(await cashOf(bob)).to.equal(STAKE);
      expect(await cashOf(carol)).to.equal(STAKE + 7n);
      expect(await clearinghouse.reserve()).to.equal(15n);
      expect(await cashOf(treasury)).to.equal(0n);
      expect(await vault.cashOf(await clearinghouse.insuranceFund())).to.equal(0n);
      expect(await excessOfClaims()).to.equal(0n);
    });

    describe("when an account is above its means in between, but not at the end", () => {
      /** Bob has 2,000 dollars: enough for 10 ETH, not for 100. */
      async function loadWithPoor() {
        const trading = await load();
        const poor = { signer: trading.bob, subAccount: 1n };
        await trading.fund(trading.bob, 1n, 2_000);
        return { ...trading, poor };
      }

      it("is refused the first trade alone", async () => {
        const { marginEngine, accountOf, alice, poor, tradeOf, clear } = await loadWithPoor();
        const requirement = [parseWad(19_000) + 200_000n, parseWad(11_400)];
        await expect(clear(tradeOf(poor, alice, 100)))
          .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
          .withArgs(accountOf(poor), [parseWad(2_000), 0n, 0n], [parseWad(2_000), ...requirement]);
      });

      it("is checked once, over what all trades leave", async () => {
        const { alice, carol, poor, tradeOf, clear, sizeOf } = await loadWithPoor();
        await clear(tradeOf(poor, alice, 100), tradeOf(carol, poor, 90));
        expect(await sizeOf(poor)).to.equal(parseWad(10));
        expect(await sizeOf(carol)).to.equal(parseWad(90));
      });

      it("is refused when one of several accounts cannot bear what is left", async () => {
        const { marginEngine, alice, carol, dave, poor, tradeOf, clear, sizeOf } =
          await loadWithPoor();
        await expect(
          clear(tradeOf(dave, alice, 1), tradeOf(poor, alice, 100), tradeOf(carol, poor, 80)),
        ).to.be.revertedWithCustomError(marginEngine, "RiskNotReduced");
        expect(await sizeOf(dave)).to.equal(0n);
      });
    });

    it("checks 256 accounts at once, not one more", async () => {
      const { marginEngine, alice } = await load();
      const accounts = Array.from({ length: 257 }, (_, index) => accountId(alice.address, index));
      expect(await marginEngine.belowInitial(accounts.slice(1), [])).to.equal(0n);
      await expect(marginEngine.belowInitial(accounts, []))
        .to.be.revertedWithCustomError(marginEngine, "TooManyAccounts")
        .withArgs(257n, 256n);
    });

    it("keeps the instruments of an account apart", async () => {
      const { clearinghouse, accountOf, alice, bob, tradeOf, clear } = await load();
      const btc = { instrument: BTC_PERP, price: parseWad(100_000) };
      await clear(tradeOf(alice, bob, 1), tradeOf(alice, bob, "-0.1", btc));
      expect(await clearinghouse.instrumentsOf(accountOf(alice))).to.deep.equal([
        ETH_PERP,
        BTC_PERP,
      ]);
      expect(await clearinghouse.positionOf(accountOf(alice), BTC_PERP)).to.deep.equal([
        parseWad("-0.1"),
        parseWad(10_000),
      ]);
      expect(await clearinghouse.openInterestOf(BTC_PERP)).to.equal(parseWad("0.1"));
    });
  });
});
