import { expect } from "chai";
import hre from "hardhat";
import { parseWad } from "../sdk/index.js";
import { deployWithVenue, PRICE, STAKE } from "./fixtures/exchange.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithVenue);

/** Alice buys 10 ETH from Bob at 3,000, then `size` (negative: sells) at 3,100. */
async function afterTrade(size: number) {
  const trading = await load();
  const { clearinghouse, accountOf, alice, bob, tradeOf, clear } = trading;
  await clear(tradeOf(alice, bob, 10));
  const transaction = await clear(tradeOf(alice, bob, size, { price: parseWad(3_100) }));
  const [long, short] = await Promise.all(
    [alice, bob].map((trader) => clearinghouse.positionOf(accountOf(trader), ETH_PERP)),
  );
  const openInterest = await clearinghouse.openInterestOf(ETH_PERP);
  return { ...trading, transaction, long, short, openInterest };
}

/**
 * Shorts are charged 100 dollars for one ETH: Carol is long 10 ETH with nothing behind them at 2,700, the fund is empty, and
 * Bob is the other side.
 */
async function deployWithHaircut(network: typeof connection, price: number | string = 2_700) {
  const trading = await deployWithVenue(network);
  const { clearinghouse, accountOf, alice, bob, carol, liquidator, tradeOf, clear } = trading;
  const reckless = { signer: carol, subAccount: 1n };
  await trading.fund(carol, 1n, 2_000);
  const taker = await trading.fund(liquidator, 0n, 50_000);
  await clear(tradeOf(reckless, bob, 10));
  await trading.setPrice(ETH, price);
  const most = 2n ** 255n - 1n;
  await clearinghouse.connect(liquidator).liquidate(accountOf(reckless), taker, parseWad(1), most);
  return { ...trading, alice };
}

/** The same with 99.99999999 dollars, so that products with odd sizes are rounded. */
async function deployWithOddHaircut(network: typeof connection) {
  return deployWithHaircut(network, "2700.00000001");
}

describe("Clearinghouse", () => {
  describe("clear, positions", () => {
    it("opens: the buyer's quote is what it paid, the seller's what it received", async () => {
      const { clearinghouse, accountOf, alice, bob, tradeOf, clear, cashOf } = await load();
      await expect(clear(tradeOf(alice, bob, 10)))
        .to.emit(clearinghouse, "PositionChanged")
        .withArgs(accountOf(alice), ETH_PERP, parseWad(10), -10n * PRICE)
        .and.to.emit(clearinghouse, "PositionChanged")
        .withArgs(accountOf(bob), ETH_PERP, parseWad(-10), 10n * PRICE);
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(parseWad(10));
      expect([await cashOf(alice), await cashOf(bob)]).to.deep.equal([STAKE, STAKE]);
    });

    it("increases: sizes and quotes add up", async () => {
      const { long, short, openInterest } = await afterTrade(5);
      expect(long).to.deep.equal([parseWad(15), -parseWad(30_000 + 15_500)]);
      expect(short).to.deep.equal([parseWad(-15), parseWad(30_000 + 15_500)]);
      expect(openInterest).to.equal(parseWad(15));
    });

    it("reduces: nothing becomes cash while a position is left", async () => {
      const { long, short, openInterest, alice, cashOf } = await afterTrade(-4);
      expect(long).to.deep.equal([parseWad(6), -parseWad(30_000 - 12_400)]);
      expect(short).to.deep.equal([parseWad(-6), parseWad(30_000 - 12_400)]);
      expect(openInterest).to.equal(parseWad(6));
      expect(await cashOf(alice)).to.equal(STAKE);
    });

    it("flips: the other side, with the gain in the quote", async () => {
      const { long, short, openInterest } = await afterTrade(-14);
      expect(long).to.deep.equal([parseWad(-4), parseWad(43_400 - 30_000)]);
      expect(short).to.deep.equal([parseWad(4), -parseWad(43_400 - 30_000)]);
      expect(openInterest).to.equal(parseWad(4));
    });

    it("closes: the real quote becomes cash and nothing is left", async () => {
      const trading = await afterTrade(-10);
      const { clearinghouse, accountOf, alice, bob, cashOf, transaction } = trading;
      await expect(transaction)
        .to.emit(clearinghouse, "PositionChanged")
        .withArgs(accountOf(alice), ETH_PERP, 0n, 0n)
        .and.to.emit(clearinghouse, "PositionChanged")
        .withArgs(accountOf(bob), ETH_PERP, 0n, 0n);
      expect([trading.long, trading.short]).to.deep.equal([
        [0n, 0n],
        [0n, 0n],
      ]);
      expect(trading.openInterest).to.equal(0n);
      expect(await clearinghouse.instrumentsOf(accountOf(alice))).to.deep.equal([]);
      expect(await cashOf(alice)).to.equal(STAKE + parseWad(1_000));
      expect(await cashOf(bob)).to.equal(STAKE - parseWad(1_000));
    });

    it("hands a position from one long to another without new open interest", async () => {
      const { clearinghouse, alice, bob, carol, tradeOf, clear, sizeOf, excessOfClaims } =
        await load();
      await clear(tradeOf(alice, bob, 10));
      await clear(tradeOf(carol, alice, 10, { price: parseWad("3033.333333333333333333") }));
      expect(await sizeOf(alice)).to.equal(0n);
      expect(await sizeOf(carol)).to.equal(parseWad(10));
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(parseWad(10));
      expect(await excessOfClaims()).to.equal(0n);
    });

    it("gives one side to the wei what it takes from the other, however odd the numbers", async () => {
      const { clearinghouse, accountOf, alice, bob, tradeOf, clear } = await load();
      const price = PRICE + 1n;
      for (const size of ["1.000000000000000007", "-0.333333333333333333", "0.1"]) {
        await clear(tradeOf(alice, bob, size, { price }));
      }
      const [long, short] = await Promise.all(
        [alice, bob].map((trader) => clearinghouse.positionOf(accountOf(trader), ETH_PERP)),
      );
      expect([long?.size, long?.quote]).to.deep.equal([
        -(short?.size ?? 0n),
        -(short?.quote ?? 0n),
      ]);
    });

    describe("when one side has been charged for a loss", () => {
      const loadHaircut = () => networkHelpers.loadFixture(deployWithHaircut);

      it("counts the charge in the real quote of a short, not in the stored one", async () => {
        const { clearinghouse, accountOf, bob } = await loadHaircut();
        // Carol's equity was 2,000 - 3,000, and one unit of 10 bears a tenth of it.
        expect(await clearinghouse.indicesOf(ETH_PERP)).to.deep.equal([0n, parseWad(-100)]);
        expect(await clearinghouse.positionOf(accountOf(bob), ETH_PERP)).to.deep.equal([
          parseWad(-10),
          parseWad(30_000),
        ]);
        expect(await clearinghouse.openPositionsOf(accountOf(bob))).to.deep.equal([
          [ETH_PERP, parseWad(-10), parseWad(29_000), parseWad(10)],
        ]);
      });

      it("stores quote = real quote + new size x index of the new side", async () => {
        const { clearinghouse, accountOf, alice, bob, tradeOf, clear } = await loadHaircut();
        const price = parseWad(2_700);
        const stored = (trader: typeof bob) =>
          clearinghouse.positionOf(accountOf(trader), ETH_PERP);
        await clear(tradeOf(alice, bob, 2, { price }));
        // 29,000 + 2 x 2,700 - 12 x -100
        expect(await stored(bob)).to.deep.equal([parseWad(-12), parseWad(35_600)]);
        expect(await stored(alice)).to.deep.equal([parseWad(2), parseWad(-5_400)]);
        // 34,400 - 2 x 2,700 - 10 x -100: bought, but short all the same
        await clear(tradeOf(bob, alice, 2, { price }));
        expect(await stored(bob)).to.deep.equal([parseWad(-10), parseWad(30_000)]);
        // 29,000 - 16 x 2,700, long: that side's index is 0; Alice's new short: 43,200 - 16 x -100
        await clear(tradeOf(bob, alice, 16, { price }));
        expect(await stored(bob)).to.deep.equal([parseWad(6), parseWad(-14_200)]);
        expect(await stored(alice)).to.deep.equal([parseWad(-16), parseWad(44_800)]);
      });

      it("pays the real quote, charge taken off, when the short closes", async () => {
        const { alice, bob, tradeOf, clear, cashOf } = await loadHaircut();
        const price = parseWad(2_700);
        await clear(tradeOf(bob, alice, 10, { price }));
        // Sold for 30,000, bought back for 27,000, charged 1,000.
        expect(await cashOf(bob)).to.equal(STAKE + parseWad(2_000));
      });

      it("keeps the books balanced through it all", async () => {
        const { alice, bob, liquidator, carol, tradeOf, clear, excessOfClaims } =
          await networkHelpers.loadFixture(deployWithOddHaircut);
        const price = parseWad("2711.111111111111111111");
        const others = [liquidator, { signer: carol, subAccount: 1n }];
        expect(await excessOfClaims(...others)).to.equal(0n);
        for (const [index, size] of ["2.700000000000000001", "-1.1", "-16.3", "0.3"].entries()) {
          await clear(tradeOf(alice, bob, size, { price }));
          // Two positions are written in each trade, at 2 wei at most, and never in favour of claims.
          const excess = await excessOfClaims(...others);
          expect(excess <= 0n && excess >= -4n * BigInt(index + 1), excess.toString()).to.be.true;
        }
      });
    });
  });
});
