import { expect } from "chai";
import {
  accountId,
  buildOrder,
  type ExitRequest,
  isTriggered,
  ORDER_FLAGS,
  parseWad,
  perpetual,
  stopLoss,
  takeProfit,
} from "../sdk/index.js";

const { reduceOnly, fillOrKill, triggerAbove, triggerBelow } = ORDER_FLAGS;

const TRIGGER = parseWad("2950");

const request: ExitRequest = {
  account: accountId("0x00000000000000000000000000000000000000a1"),
  instrument: perpetual(1),
  position: parseWad("1.5"),
  limitPrice: parseWad("2900"),
  triggerPrice: TRIGGER,
  expiry: 2_000_000_000n,
};
const ofShort = { ...request, position: parseWad("-1.5") };

describe("The SDK's exits", () => {
  it("sell a long: to end a loss when the index falls, to take a gain when it rises", () => {
    const [stop, profit] = [stopLoss(request), takeProfit(request)];
    for (const order of [stop, profit]) {
      expect(order).to.include({ size: parseWad("-1.5"), triggerPrice: TRIGGER });
    }
    expect(stop.flags).to.equal(reduceOnly | triggerBelow);
    expect(profit.flags).to.equal(reduceOnly | triggerAbove);
  });

  it("buy a short back: to end a loss when the index rises, to take a gain when it falls", () => {
    const [stop, profit] = [stopLoss(ofShort), takeProfit(ofShort)];
    for (const order of [stop, profit]) expect(order.size).to.equal(parseWad("1.5"));
    expect(stop.flags).to.equal(reduceOnly | triggerAbove);
    expect(profit.flags).to.equal(reduceOnly | triggerBelow);
  });

  it("are complete orders that keep what was asked for, and nothing else", () => {
    const order = stopLoss({ ...request, flags: fillOrKill, nonce: 7n });
    const { position, ...asked } = request;
    const flags = fillOrKill | reduceOnly | triggerBelow;
    expect(order).to.deep.equal(buildOrder({ ...asked, size: -position, flags, nonce: 7n }));
  });

  it("refuse an empty position, a trigger price of 0 and a side that they choose", () => {
    for (const build of [stopLoss, takeProfit]) {
      expect(() => build({ ...request, position: 0n })).to.throw(RangeError, "no position");
      expect(() => build({ ...request, triggerPrice: 0n })).to.throw(RangeError, "above 0");
      for (const flags of [triggerAbove, triggerBelow]) {
        expect(() => build({ ...request, flags })).to.throw(RangeError, "not for flags");
      }
    }
  });

  it("are triggered at the price and beyond it, and not one wei before", () => {
    const [falling, rising] = [stopLoss(request), takeProfit(request)];
    expect([-1n, 0n, 1n].map((by) => isTriggered(falling, TRIGGER + by))).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect([-1n, 0n, 1n].map((by) => isTriggered(rising, TRIGGER + by))).to.deep.equal([
      false,
      true,
      true,
    ]);
    expect(isTriggered({ flags: reduceOnly, triggerPrice: 0n }, 1n)).to.be.true;
  });
});
