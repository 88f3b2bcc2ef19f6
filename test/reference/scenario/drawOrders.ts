import {
  type AccountId,
  buildOrder,
  type Order,
  ORDER_FLAGS,
  signOrder,
  underlyingOf,
  WAD,
} from "../../../sdk/index.js";
import { abs } from "../margin.js";
import { matchOrders, type Signed } from "../model/exchange.js";
import { priceOf } from "../model/oracle.js";
import type { World } from "../model/world.js";
import type { Act } from "./act.js";
import { drawMatch, type Match, newsOfTrade, traderOf } from "./drawTrades.js";
import { chance, markOf, partOf, type Table, wad } from "./table.js";

/** Signed orders, matched by the Exchange. */

type SignedWithSignature = Signed & { signature: string };

const { reduceOnly, postOnly, fillOrKill, triggerAbove, triggerBelow } = ORDER_FLAGS;
const PLAIN_FLAGS = [reduceOnly, postOnly, fillOrKill];

/** At the index price or near it, so that as many triggers are due as not; at times one that says nothing. */
function drawTrigger(table: Table, instrument: bigint): Pick<Order, "triggerPrice" | "flags"> {
  const { triggerDice: dice } = table;
  const mark = markOf(table, instrument);
  const isAtMark = dice.next() < 0.2;
  const triggerPrice = isAtMark ? mark : (mark * wad(1 + (2 * dice.next() - 1) * 0.01)) / WAD;
  const flags = dice.pick([triggerAbove, triggerBelow]);
  if (dice.next() >= 0.06) return { triggerPrice, flags };
  return dice.pick([
    { triggerPrice, flags: 0n },
    { triggerPrice: 0n, flags },
    { triggerPrice, flags: triggerAbove | triggerBelow },
  ]);
}

/** An order of one side of a match, for at least its size. */
async function drawOrder(
  table: Table,
  match: Match,
  side: "taker" | "maker",
): Promise<SignedWithSignature> {
  const { world, dice, stage } = table;
  const account: AccountId = match[side];
  const size = side === "taker" ? match.size : -match.size;
  const larger = chance(table, 0.3) ? partOf(table, abs(size)) : 0n;
  const slack =
    side === "maker" || chance(table, 0.7)
      ? 0n
      : (match.price * wad(dice.next() * 0.004)) / 10n ** 18n;
  const isGenerous = !chance(table, 0.05);
  const none = { triggerPrice: 0n, flags: 0n };
  const hasTrigger = table.triggerDice.next() < 0.1;
  const trigger = hasTrigger ? drawTrigger(table, match.instrument) : none;
  const order = buildOrder({
    account,
    instrument: match.instrument,
    size: size > 0n ? size + larger : size - larger,
    // A taker that crosses a little, or not quite.
    limitPrice: match.price + (isGenerous === size > 0n ? slack : -slack),
    expiry: chance(table, 0.02) ? world.now - 1n : world.now + 9_000n,
    ...trigger,
    flags: trigger.flags | (chance(table, 0.15) ? dice.pick(PLAIN_FLAGS) : 0n),
    maxFee: chance(table, 0.03) ? 1n : wad(0.001),
    nonce: (table.lastNonce += 1n),
  });
  const signer = chance(table, 0.97) ? traderOf(account, table) : dice.pick(stage.owners);
  const { signature } = await signOrder(signer, stage.plimsoll.domain, order);
  return { order, signer: signer.address, signature };
}

/** Two orders, at times one that was used before. */
export async function drawMatchOrders(table: Table): Promise<Act> {
  const { dice, stage } = table;
  const match = drawMatch(table);
  const used = table.orders.length > 0 && chance(table, 0.12) ? dice.pick(table.orders) : undefined;
  const maker = used ?? (await drawOrder(table, match, "maker"));
  if (used !== undefined) {
    const account = used.order.account as AccountId;
    match.maker = account;
    match.instrument = used.order.instrument;
    match.price = used.order.limitPrice;
    match.size = -used.order.size;
    if (match.taker === account) match.taker = table.accounts.find((other) => other !== account)!;
  }
  const taker = await drawOrder(table, match, "taker");
  const size = abs(match.size) + (chance(table, 0.05) ? partOf(table, abs(match.size)) : 0n);
  table.orders = [...table.orders.slice(-5), maker];
  return {
    kind: "matchOrders",
    says: `${taker.order.account} takes ${size} of ${inWords(taker)} with ${inWords(maker)}`,
    from: stage.plimsoll.stranger.address,
    to: stage.addresses.exchange,
    data: stage.plimsoll.exchange.interface.encodeFunctionData("matchOrders", [
      taker,
      [maker],
      [size],
    ]),
    after: 1n,
    touched: [taker.order.account, maker.order.account] as AccountId[],
    apply: (world) => {
      matchOrders(world, stage.addresses.exchange, { taker, maker, size });
      const isCheaper = [taker, maker].some(
        ({ order }) => (world.feeTiers.get(order.account as AccountId) ?? 0) > 0,
      );
      const news = newsOfTrade(world, taker.order);
      if (isCheaper) news.push("an order of a lower fee tier is filled");
      const triggered = [taker, maker].filter(({ order }) => order.triggerPrice !== 0n);
      return [...news, ...triggered.map(({ order }) => newsOfTrigger(world, order))];
    },
  };
}

function newsOfTrigger(world: World, { instrument, flags, triggerPrice }: Order): string {
  if (triggerPrice === priceOf(world, underlyingOf(instrument))) return "a trigger is met exactly";
  const isAbove = (flags & triggerAbove) !== 0n;
  return isAbove ? "the price is above a trigger" : "the price is below a trigger";
}

function inWords({ order }: Signed): string {
  return `${order.size} of ${order.instrument} at ${order.limitPrice} (flags ${order.flags}, trigger ${order.triggerPrice}) for ${order.account}`;
}
