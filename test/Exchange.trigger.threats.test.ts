import { expect } from "chai";
import { MaxInt256 } from "ethers";
import hre from "hardhat";
import {
  isTriggered,
  ORDER_FLAGS,
  parseWad,
  perpetual,
  signOrder,
  stopLoss,
  takeProfit,
  WAD,
} from "../sdk/index.js";
import { BTC_PERP, ETH, ETH_PERP, WSTETH } from "./fixtures/plimsoll.js";
import { deployWithStops, STOP, WORST } from "./fixtures/triggers.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;
const { time } = networkHelpers;

const load = () => networkHelpers.loadFixture(deployWithStops);

const { reduceOnly, triggerAbove, triggerBelow } = ORDER_FLAGS;
const AGE = 3_900n;
const ALLOWED_BPS = 200;
const GRACE = 3_600n;
const LIQUIDATABLE = 2n;

/** ETH has a second source, fresh and at the first one's price. */
async function deployWithSecondSource(network: typeof connection) {
  const trading = await deployWithStops(network);
  const { oracle } = trading;
  const second = await ethers.deployContract("MockV3Aggregator", [8n, 3_000n * 10n ** 8n]);
  const [[first]] = await oracle.sourcesOf(ETH);
  const [aggregator, ...bounds] = first!;
  const sources = [
    [[aggregator, ...bounds]],
    [[await second.getAddress(), ...bounds]],
    ALLOWED_BPS,
  ] as const;
  // Governance takes days: the second source goes on until then.
  const { target, data, delay } = await trading.schedule(oracle, "setSources", [ETH, ...sources]);
  await trading.passTime(delay);
  await second.updateAnswer(3_000n * 10n ** 8n);
  await trading.accessManager.connect(trading.governance).execute(target, data);
  return { ...trading, second };
}

/** A rollup's sequencer is watched. */
async function deployWithSequencer(network: typeof connection) {
  const trading = await deployWithStops(network);
  const uptime = await ethers.deployContract("MockV3Aggregator", [0n, 0n]);
  await trading.asGovernance(trading.oracle, "setSequencer", [await uptime.getAddress(), GRACE]);
  return { ...trading, uptime };
}

describe("Exchange", () => {
  describe("matchOrders with a trigger, while there is no fresh price", () => {
    it("OR1: fills at the feed's maximum age and not one second later", async () => {
      const { oracle, feedOf, setPrice, alice, carol, buy, stop, match, sizeOf } = await load();
      const expiry = 2n ** 40n - 1n;
      await setPrice(ETH, 2_940);
      const feed = feedOf("ETH/USD");
      const updatedAt = await feed.latestTimestamp();
      const order = await stop(alice, 3, { expiry });
      const bid = await buy(carol, 3, { limitPrice: STOP, expiry });
      await time.increaseTo(updatedAt + AGE - 10n);
      await feedOf("BTC/USD").updateAnswer(10n ** 13n);
      await time.setNextBlockTimestamp(updatedAt + AGE);
      await match(order, [bid], [1]);
      await time.setNextBlockTimestamp(updatedAt + AGE + 1n);
      await expect(match(order, [bid], [1]))
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(ETH, await feed.getAddress(), updatedAt, AGE);
      expect(await sizeOf(alice)).to.equal(parseWad(2));
    });

    it("OR1: waits on either side, while plain orders still reduce at the last mark", async () => {
      const { oracle, alice, bob, buy, sell, stop, match, sizeOf } = await load();
      const expiry = 2n ** 40n - 1n;
      await time.increase(AGE + 60n);
      const changes = { expiry, limitPrice: parseWad("3000"), triggerPrice: parseWad("3000") };
      const order = await stop(alice, 1, changes);
      const plain = await buy(bob, 1, { expiry, flags: reduceOnly });
      for (const act of [match(order, [plain], [1]), match(plain, [order], [1])]) {
        await expect(act).to.be.revertedWithCustomError(oracle, "StalePrice");
      }
      await match(plain, [await sell(alice, 1, { expiry, flags: reduceOnly })], [1]);
      expect(await sizeOf(alice)).to.equal(parseWad(2));
    });

    it("OR2: refuses an answer that is no price, however far beyond the trigger", async () => {
      const { oracle, feedOf, alice, stop, fill } = await load();
      const order = await stop(alice, 1);
      const feed = feedOf("ETH/USD");
      for (const answer of [0n, -1n, 30n * 10n ** 8n]) {
        await feed.updateAnswer(answer);
        await expect(fill(order, 1))
          .to.be.revertedWithCustomError(oracle, "InvalidPrice")
          .withArgs(ETH, await feed.getAddress(), answer);
      }
    });

    it("refuses while two sources disagree, and believes the fresh one of the two", async () => {
      const { oracle, feedOf, second, setPrice, alice, stop, fill, sizeOf } =
        await networkHelpers.loadFixture(deployWithSecondSource);
      const order = await stop(alice, 3);
      await setPrice(ETH, 2_900);
      await expect(fill(order, 1))
        .to.be.revertedWithCustomError(oracle, "PriceDeviation")
        .withArgs(ETH, parseWad("2900"), parseWad("3000"), ALLOWED_BPS);
      await second.updateAnswer(2_940n * 10n ** 8n);
      await fill(order, 1);
      await time.increase(AGE);
      await second.updateAnswer(2_950n * 10n ** 8n);
      await feedOf("BTC/USD").updateAnswer(10n ** 13n);
      await fill(await stop(alice, 2), 2);
      expect(await sizeOf(alice)).to.equal(0n);
    });

    it("SQ1: refuses after the sequencer was down until the grace period is over", async () => {
      const { oracle, uptime, setPrice, refreshPrices, alice, carol, buy, ...trading } =
        await networkHelpers.loadFixture(deployWithSequencer);
      await uptime.updateAnswer(1n);
      await setPrice(ETH, 2_940);
      const expiry = 2n ** 40n - 1n;
      const order = await trading.stop(alice, 1, { expiry });
      const bid = await buy(carol, 1, { limitPrice: STOP, expiry });
      await expect(trading.match(order, [bid], [1])).to.be.revertedWithCustomError(
        oracle,
        "SequencerDown",
      );
      await uptime.updateAnswer(0n);
      const since = await uptime.latestTimestamp();
      await time.increaseTo(since + GRACE - 10n);
      await refreshPrices();
      await time.setNextBlockTimestamp(since + GRACE - 1n);
      await expect(trading.match(order, [bid], [1]))
        .to.be.revertedWithCustomError(oracle, "SequencerDown")
        .withArgs(since, GRACE);
      await time.setNextBlockTimestamp(since + GRACE);
      await trading.match(order, [bid], [1]);
      expect(await trading.sizeOf(alice)).to.equal(parseWad(2));
    });

    it("asks only for the price of the order's own underlying (OR4)", async () => {
      const { oracle, feedOf, alice, bob, dave, stop, fill, match, buy, sell, fund } = await load();
      const btc = parseWad("100000");
      for (const trader of [bob, dave]) await fund(trader, 3n, 100_000);
      await time.increase(AGE);
      await feedOf("BTC/USD").updateAnswer(10n ** 13n);
      const terms = { instrument: BTC_PERP, limitPrice: btc };
      const flags = triggerAbove;
      const taker = await buy({ signer: dave, subAccount: 3n }, 1, {
        ...terms,
        flags,
        triggerPrice: btc,
      });
      await match(taker, [await sell({ signer: bob, subAccount: 3n }, 1, terms)], [1]);
      await expect(fill(await stop(alice, 1), 1)).to.be.revertedWithCustomError(
        oracle,
        "StalePrice",
      );
    });

    it("refuses an instrument without a price, and one that is not traded", async () => {
      const { oracle, rules, alice, stop, buy, carol, match } = await load();
      const changes = { flags: triggerBelow, triggerPrice: parseWad("1000000") };
      const pairOf = async (instrument: bigint) =>
        [
          await stop(alice, 1, { ...changes, instrument }),
          await buy(carol, 1, { instrument }),
        ] as const;
      const [unknown, bid] = await pairOf(perpetual(99));
      await expect(match(unknown, [bid], [1]))
        .to.be.revertedWithCustomError(oracle, "UnknownUnderlying")
        .withArgs(99);
      const [untraded, other] = await pairOf(perpetual(WSTETH));
      await expect(match(untraded, [other], [1]))
        .to.be.revertedWithCustomError(rules, "UnknownInstrument")
        .withArgs(perpetual(WSTETH));
    });
  });

  describe("matchOrders with a trigger, under attack", () => {
    it("judges no maker by the price of another instrument", async () => {
      const { exchange, setPrice, alice, bob, buy, stop, match, hashOf } = await load();
      await setPrice(ETH, 2_940);
      const taker = await stop(alice, 1);
      const waiting = { flags: triggerBelow, triggerPrice: STOP };
      const maker = await buy(bob, 1, { instrument: BTC_PERP, ...waiting });
      await expect(match(taker, [maker], [1]))
        .to.be.revertedWithCustomError(exchange, "OrdersDoNotMatch")
        .withArgs(hashOf(taker), hashOf(maker));
    });

    it("takes no traded price for the index: prints at the band's edge wake nothing", async () => {
      const { exchange, carol, dave, buy, sell, alice, stop, fill, match, hashOf } = await load();
      const low = { limitPrice: parseWad("2850.01") };
      for (let print = 0; print < 3; ++print) {
        await match(await sell(carol, 9, low), [await buy(dave, 9, low)], [9]);
      }
      const order = await stop(alice, 1);
      await expect(fill(order, 1))
        .to.be.revertedWithCustomError(exchange, "TriggerNotReached")
        .withArgs(hashOf(order), STOP, parseWad("3000"));
    });

    it("costs the signer at worst the limit, whoever matches and whatever else is on offer", async () => {
      const { setPrice, equityOf, alice, carol, dave, buy, stop, match } = await load();
      await setPrice(ETH, 2_940);
      const before = await equityOf(alice);
      // A better bid rests; who matches takes its own.
      await buy(dave, 1, { limitPrice: parseWad("2940") });
      await match(await stop(alice, 1), [await buy(carol, 1, { limitPrice: WORST })], [1]);
      const fee = (WORST * 5n) / 10_000n;
      expect(before - (await equityOf(alice))).to.equal(parseWad("40") + fee);
    });

    it("SQ3: a frozen market leaves a stop-loss the trades in which both sides reduce", async () => {
      const { rules, clearinghouse, guardian, setPrice, ...trading } = await load();
      const { accountOf, alice, bob, buy, stop, fill, match, sizeOf } = trading;
      await setPrice(ETH, 2_940);
      await rules.connect(guardian).freezeUnderlying(ETH);
      const order = await stop(alice, 3);
      await expect(fill(order, 1))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(trading.carol), ETH_PERP, 0n, parseWad(1));
      await match(order, [await buy(bob, 3, { limitPrice: STOP })], [3]);
      expect(await sizeOf(alice)).to.equal(0n);
    });

    it("of a stop-loss and a take-profit of one position, the second finds nothing to reduce", async () => {
      const { clearinghouse, domain, setPrice, accountOf, orderOf, alice, ...trading } =
        await load();
      const { nonce, ...request } = await orderOf(alice, {
        instrument: ETH_PERP,
        size: WAD,
        limitPrice: WORST,
      });
      const exit = { ...request, position: parseWad(3), flags: 0n };
      const stop = stopLoss({ ...exit, nonce, triggerPrice: STOP });
      const profit = takeProfit({ ...exit, nonce: nonce + 1n, triggerPrice: parseWad("2940") });
      await setPrice(ETH, 2_940);
      expect([stop, profit].every((order) => isTriggered(order, parseWad("2940")))).to.be.true;
      await trading.fill(await signOrder(alice, domain, stop), 3);
      await expect(trading.fill(await signOrder(alice, domain, profit), 3))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(alice), ETH_PERP, 0n, parseWad(-3));
    });
  });

  describe("a stop-loss, from signing to the fall that it was for", () => {
    it("leaves its account whole where the same account without one is liquidated", async () => {
      const { clearinghouse, marginEngine, oracle, domain, setPrice, ...trading } = await load();
      const { alice, bob, carol, dave, liquidator, fund, buy, sell, match, orderOf } = trading;
      const careful = { signer: alice, subAccount: 7n };
      const careless = { signer: bob, subAccount: 7n };
      for (const { signer, subAccount } of [careful, careless])
        await fund(signer, subAccount, 3_000);
      const rescuer = await fund(liquidator, 0n, 100_000);
      for (const trader of [careful, careless]) {
        await match(await buy(trader, 10), [await sell(dave, 10)], [10]);
      }
      const { size: position } = await clearinghouse.positionOf(
        trading.accountOf(careful),
        ETH_PERP,
      );
      const base = await orderOf(careful, { instrument: ETH_PERP, size: WAD, limitPrice: WORST });
      const order = stopLoss({ ...base, position, triggerPrice: parseWad("2920") });
      const signed = await signOrder(alice, domain, order);

      // The keeper: whoever sees that the price is there.
      for (const dollars of [2_980, 2_930, 2_915, 2_850, 2_760]) {
        await setPrice(ETH, dollars);
        const indexPrice = await oracle.price(ETH);
        const [fillable] = await trading.exchange.fillableOf([order]);
        if (fillable === 0n || !isTriggered(order, indexPrice)) continue;
        const bid = await buy(carol, 10, { limitPrice: indexPrice });
        await trading.exchange.connect(trading.stranger).matchOrders(signed, [bid], [fillable!]);
      }

      const accounts = [careful, careless].map(trading.accountOf);
      const [saved, lost] = accounts as [string, string];
      const loss = parseWad(3_000) - (await trading.equityOf(careful));
      expect(loss).to.be.within(parseWad(850), parseWad(885));
      expect((await marginEngine.marginOf(saved)).maintenance).to.equal(0n);
      expect(await marginEngine.statusOf(lost)).to.equal(LIQUIDATABLE);
      const liquidate = (account: string) =>
        clearinghouse.connect(liquidator).liquidate(account, rescuer, WAD, MaxInt256);
      await expect(liquidate(saved)).to.be.revertedWithCustomError(marginEngine, "NotLiquidatable");
      await expect(liquidate(lost)).to.emit(clearinghouse, "Liquidated");
    });
  });
});
