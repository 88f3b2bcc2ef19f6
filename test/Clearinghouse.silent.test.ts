import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import hre from "hardhat";
import { parseWad } from "../sdk/index.js";
import { deployWithVenue, PRICE } from "./fixtures/exchange.js";
import { BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const AGE = 3_900n;

/** The mark of the last trade before the feed fell silent [wad]. */
const MARK = parseWad(3_050);
const atMark = { price: MARK };

/** Alice is long 10 ETH, Bob short; the last trade was at a mark of 3,050; ETH's feed is silent, the others are not. */
async function deployWithSilence(network: typeof connection) {
  const trading = await deployWithVenue(network);
  const { alice, bob, tradeOf, clear, feedOf } = trading;
  await clear(tradeOf(alice, bob, 9));
  await trading.setPrice(ETH, 3_050);
  await clear(tradeOf(alice, bob, 1));
  const silentSince = BigInt(await networkHelpers.time.latest()) - 1n;
  await networkHelpers.time.increase(7_200);
  const btc = feedOf("BTC/USD");
  await btc.updateAnswer(await btc.latestAnswer());
  return { ...trading, silentSince };
}
const load = () => networkHelpers.loadFixture(deployWithSilence);

describe("Clearinghouse", () => {
  describe("clear, while a feed is silent", () => {
    it("lets both sides reduce, at the mark of the last trade", async () => {
      const { alice, bob, tradeOf, clear, sizeOf } = await load();
      await clear(tradeOf(alice, bob, -4, atMark));
      expect(await sizeOf(alice)).to.equal(parseWad(6));
      expect(await sizeOf(bob)).to.equal(parseWad(-6));
    });

    it("lets both sides close", async () => {
      const { alice, bob, tradeOf, clear, sizeOf, excessOfClaims } = await load();
      await clear(tradeOf(bob, alice, 10, atMark));
      expect(await sizeOf(alice)).to.equal(0n);
      expect(await excessOfClaims()).to.equal(0n);
    });

    it("refuses every other price, one wei away", async () => {
      const { clearinghouse, alice, bob, tradeOf, clear } = await load();
      for (const price of [MARK + 1n, MARK - 1n]) {
        await expect(clear(tradeOf(alice, bob, -4, { price })))
          .to.be.revertedWithCustomError(clearinghouse, "PriceOutsideBand")
          .withArgs(ETH_PERP, price, MARK, 0n);
      }
    });

    it("refuses an account that is below maintenance at that mark", async () => {
      const { clearinghouse, accountOf, alice, bob, carol, fund, ...trading } =
        await networkHelpers.loadFixture(deployWithVenue);
      const { tradeOf, clear, setPrice, feedOf } = trading;
      const sunk = { signer: carol, subAccount: 5n };
      await fund(carol, 5n, 3_000);
      await clear(tradeOf(sunk, bob, 10));
      await setPrice(ETH, 2_750);
      await clear(tradeOf(alice, bob, 1, { price: parseWad(2_750) }));
      await networkHelpers.time.increase(7_200);
      const btc = feedOf("BTC/USD");
      await btc.updateAnswer(await btc.latestAnswer());
      await expect(clear(tradeOf(sunk, bob, -4, { price: parseWad(2_750) })))
        .to.be.revertedWithCustomError(clearinghouse, "BelowMaintenanceAtLastMark")
        .withArgs(accountOf(sunk));
      await clear(tradeOf(alice, bob, -1, { price: parseWad(2_750) }));
    });

    it("refuses a builder's fee, not the venue's", async () => {
      const { clearinghouse, accountOf, alice, bob, carol, tradeOf, clear, sizeOf } = await load();
      const makerLeg = { builderFee: 7n, builder: carol.address };
      await expect(clear(tradeOf(alice, bob, -4, { ...atMark, makerLeg })))
        .to.be.revertedWithCustomError(clearinghouse, "BuilderFeeAtLastMark")
        .withArgs(accountOf(bob), 7n);
      await clear(tradeOf(alice, bob, -4, { ...atMark, takerLeg: { fee: 7n } }));
      expect(await sizeOf(alice)).to.equal(parseWad(6));
    });

    it("refuses to open, grow or flip either side, with the oracle's reason", async () => {
      const { oracle, addresses, alice, bob, carol, tradeOf, clear, ...trading } = await load();
      const { silentSince } = trading;
      for (const trade of [
        tradeOf(carol, bob, 1),
        tradeOf(alice, carol, -1),
        tradeOf(alice, bob, 1),
        tradeOf(alice, bob, "-10.000000000000000001"),
      ]) {
        await expect(clear(trade))
          .to.be.revertedWithCustomError(oracle, "StalePrice")
          .withArgs(ETH, addresses.feeds["ETH/USD"], silentSince, AGE);
      }
    });

    it("refuses growth behind a reduction in the same batch, there and in other instruments", async () => {
      const { clearinghouse, accountOf, alice, bob, carol, dave, tradeOf, clear } = await load();
      const btc = { instrument: BTC_PERP, price: parseWad(100_000) };
      await expect(clear(tradeOf(alice, bob, -1, atMark), tradeOf(carol, bob, 1, atMark)))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(bob), ETH_PERP, anyValue, parseWad(-1));
      await expect(clear(tradeOf(alice, bob, -1, atMark), tradeOf(carol, dave, "0.1", btc)))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(dave), BTC_PERP, 0n, parseWad("-0.1"));
    });

    it("refuses an instrument that was never traded: it has no mark to fall back on", async () => {
      const { oracle, addresses, alice, bob, tradeOf, clear } = await load();
      await networkHelpers.time.increase(7_200);
      const btc = { instrument: BTC_PERP, price: parseWad(100_000) };
      await expect(clear(tradeOf(alice, bob, "-0.1", btc)))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(2n, addresses.feeds["BTC/USD"], (time: bigint) => time > 0n, AGE);
    });

    it("leaves trades of other instruments alone, for accounts that do not hold the silent one", async () => {
      const { carol, dave, tradeOf, clear, sizeOf } = await load();
      const btc = { instrument: BTC_PERP, price: parseWad(100_000) };
      await clear(tradeOf(carol, dave, "0.1", btc));
      expect(await sizeOf(carol, BTC_PERP)).to.equal(parseWad("0.1"));
    });

    it("goes on at the feed's price when it speaks again", async () => {
      const { clearinghouse, setPrice, alice, bob, tradeOf, clear, sizeOf } = await load();
      await clear(tradeOf(alice, bob, -4, atMark));
      await setPrice(ETH, 2_500);
      await expect(clear(tradeOf(alice, bob, -4)))
        .to.be.revertedWithCustomError(clearinghouse, "PriceOutsideBand")
        .withArgs(ETH_PERP, PRICE, parseWad(2_500), parseWad(125));
      await clear(tradeOf(alice, bob, 1, { price: parseWad(2_500) }));
      expect(await sizeOf(alice)).to.equal(parseWad(7));
    });

    it("lets orders that reduce be matched through the Exchange", async () => {
      const { alice, bob, buy, sell, match, sizeOf } = await load();
      const changes = { expiry: 2n ** 40n - 1n, limitPrice: MARK };
      await match(await sell(alice, 3, changes), [await buy(bob, 3, changes)], [3]);
      expect(await sizeOf(alice)).to.equal(parseWad(7));
    });
  });
});
