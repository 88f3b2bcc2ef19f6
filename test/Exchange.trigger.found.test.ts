import { expect } from "chai";
import hre from "hardhat";
import { ORDER_FLAGS, parseWad } from "../sdk/index.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployWithStops, STOP } from "./fixtures/triggers.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithStops);
const { reduceOnly, fillOrKill, triggerAbove, triggerBelow } = ORDER_FLAGS;

describe("Trigger orders: found by attack", () => {
  it("known limit: a speck of a take-profit kills a FILL_OR_KILL stop-loss; one without the flag still closes the rest", async () => {
    const { clearinghouse, exchange, setPrice, accountOf, alice, carol, ...trading } = await load();
    const { stop, sell, buy, match, fill, sizeOf } = trading;
    const whole = await stop(alice, 3, { flags: triggerBelow | reduceOnly | fillOrKill });
    const inParts = await stop(alice, 3);
    const price = parseWad("3020");
    const profit = { limitPrice: price, triggerPrice: price, flags: triggerAbove | reduceOnly };
    await setPrice(ETH, 3_020);
    const bid = await buy(carol, 3, { limitPrice: price });
    await match(await sell(alice, 3, profit), [bid], ["0.001"]);

    await setPrice(ETH, 2_940);
    await expect(fill(whole, 3))
      .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
      .withArgs(accountOf(alice), ETH_PERP, parseWad("2.999"), parseWad(-3));
    await expect(fill(whole, "2.999")).to.be.revertedWithCustomError(exchange, "NotWhollyFilled");
    await fill(inParts, "2.999");
    expect(await sizeOf(alice)).to.equal(0n);
  });

  it("an order of a batch that is filled twice is filled once: its rest counts, its trigger too", async () => {
    const { exchange, setPrice, alice, carol, buy, stop, match, sizeOf } = await load();
    const order = await stop(alice, 2);
    await setPrice(ETH, 2_940);
    const taker = await buy(carol, 4, { limitPrice: STOP });
    await expect(match(taker, [order, order], [2, 1])).to.be.revertedWithCustomError(
      exchange,
      "NonceUsed",
    );
    await expect(match(taker, [order, order], [1, 2])).to.be.revertedWithCustomError(
      exchange,
      "InvalidFill",
    );
    await match(taker, [order, order], [1, 1]);
    expect(await sizeOf(alice)).to.equal(parseWad(1));
  });

  it("two exits of one nonce, each partly filled, close no more than the position", async () => {
    const { clearinghouse, exchange, setPrice, alice, carol, buy, stop, match, sizeOf } =
      await load();
    const nonce = 77n;
    const low = await stop(alice, 3, { nonce });
    const lower = await stop(alice, 3, { nonce, triggerPrice: parseWad("2945") });
    await setPrice(ETH, 2_940);
    const taker = await buy(carol, 9, { limitPrice: STOP });
    await match(taker, [low, lower], [1, 2]);
    expect(await sizeOf(alice)).to.equal(0n);
    await expect(match(taker, [lower], [1])).to.be.revertedWithCustomError(
      clearinghouse,
      "NotReducing",
    );
    expect(await exchange.isNonceUsed(low.order.account, nonce)).to.be.false;
  });
});
