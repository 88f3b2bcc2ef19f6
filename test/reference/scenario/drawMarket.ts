import { wadOfAmount, WAD } from "../../../sdk/index.js";
import { notePrice, priceOf } from "../model/oracle.js";
import { addRounds } from "../model/volatility.js";
import { demand } from "../model/refusal.js";
import type { World } from "../model/world.js";
import type { Act } from "./act.js";
import { drawOddRounds } from "./drawVolatility.js";
import { newsOfTime } from "./newsOfRates.js";
import { chance, logBetween, type Table } from "./table.js";

/** Prices, time, the guardian, and what anyone may note. */

/** A guardian's freeze lasts so long, and the next may begin as long after it [seconds]. */
const FREEZE_SECONDS = 3n * 86_400n;

const FEEDS = ["ETH/USD", "BTC/USD", "SOL/USD"];
/** Feeds that hardly move, with their answer in quiet times. */
const PEGS = { "wstETH/stETH": 1.2, "stETH/ETH": 1, "WBTC/BTC": 1, "USDC/USD": 1 };
const BEGINNING: Record<string, number> = { "ETH/USD": 3_000, "BTC/USD": 100_000, "SOL/USD": 150 };

/** One transaction in which feeds get answers, at its time. */
function answersOf(
  table: Table,
  answers: Map<string, number>,
  act: { kind: string; after: bigint },
): Act {
  const { stage, world } = table;
  const { actor, plimsoll, addresses } = stage;
  const raw = [...answers].map(([name, answer]) => {
    const { decimals } = world.rules.feeds.get(name)!;
    return {
      name,
      decimals,
      answer: BigInt(Math.round(answer * 1e8)) * 10n ** BigInt(decimals - 8),
    };
  });
  const odd = act.kind === "price" ? drawOddRounds(table, [...answers.keys()], act.after) : [];
  const calls = [
    ...odd.map(({ feed, call }) => ({ target: addresses.feeds[feed]!, data: call })),
    ...raw.map(({ name, answer }) => ({
      target: addresses.feeds[name]!,
      data: plimsoll.feedOf(name).interface.encodeFunctionData("updateAnswer", [answer]),
    })),
  ];
  return {
    ...act,
    says: `after ${act.after} s: ${raw.map(({ name, answer }) => `${name} ${answer}`).join(", ")}`,
    from: plimsoll.stranger.address,
    to: addresses.actor,
    data: actor.interface.encodeFunctionData("run", [calls]),
    touched: [table.dice.pick(table.accounts)],
    apply: (state) => {
      for (const { feed, rounds } of odd) addRounds(state, feed, rounds);
      for (const { name, decimals, answer } of raw) {
        const updatedAt = state.now;
        state.feeds.set(name, { answer: wadOfAmount(answer, decimals), updatedAt });
        addRounds(state, name, [{ answer, updatedAt }]);
      }
      return [
        ...(act.kind === "time" ? newsOfTime(world, state) : []),
        ...(odd.length > 0 ? ["a feed writes an odd round"] : []),
      ];
    },
  };
}

function answerOf({ world }: Table, feed: string): number {
  return Number(world.feeds.get(feed)!.answer / 10n ** 10n) / 1e8;
}

/** All feeds but the silent one repeat their answers. */
function repeated(table: Table): Map<string, number> {
  const names = [...table.world.feeds.keys()].filter((name) => name !== table.silentFeed);
  return new Map(names.map((name) => [name, answerOf(table, name)]));
}

/** A price moves: mostly a little, at times by up to 30 %, back to where it began when it is far from there. */
export function drawPrice(table: Table): Act {
  const { dice } = table;
  drawSilence(table);
  const answers = chance(table, 0.9) ? repeated(table) : new Map<string, number>();
  for (const feed of FEEDS) {
    if (feed === table.silentFeed || chance(table, 0.5)) continue;
    const width = dice.pick([0.01, 0.02, 0.04, 0.08, 0.15, 0.3]);
    const before = answerOf(table, feed);
    const beginning = BEGINNING[feed]!;
    const isFar = before > 2 * beginning || before < beginning / 2;
    const sign = isFar ? Math.sign(beginning - before) : dice.pick([-1, 1]);
    answers.set(feed, before * (1 + sign * width * dice.next()));
  }
  for (const [feed, quiet] of Object.entries(PEGS)) {
    const isStrange = answerOf(table, feed) > 2 * quiet;
    if (feed === table.silentFeed || !chance(table, isStrange ? 0.4 : 0.1)) continue;
    // Now and then it says what is no price.
    const isAbsurd = chance(table, 0.03);
    answers.set(feed, isAbsurd ? 2.5 * quiet : quiet * (1 + (dice.next() - 0.5) * 0.05));
  }
  return answersOf(table, answers, {
    kind: "price",
    after: BigInt(1 + Math.floor(dice.next() * 60)),
  });
}

/** Minutes, hours or days pass. */
export function drawTime(table: Table): Act {
  drawSilence(table);
  const seconds = chance(table, 0.7)
    ? logBetween(table, 60, 7_200)
    : logBetween(table, 7_200, 400_000);
  return answersOf(table, repeated(table), { kind: "time", after: BigInt(Math.floor(seconds)) });
}

/** So much time passes, and all feeds go on. */
export function passTime(table: Table, after: bigint): Act {
  return answersOf(table, repeated(table), { kind: "time", after });
}

/** At times a feed falls silent for a while. */
function drawSilence(table: Table): void {
  if (table.silentFeed !== undefined) {
    if (chance(table, 0.12)) table.silentFeed = undefined;
  } else if (chance(table, 0.1)) {
    table.silentFeed = table.dice.pick([...table.world.feeds.keys()]);
  }
}

export function drawNotePrice(table: Table): Act {
  const { dice, stage, world } = table;
  const underlying = chance(table, 0.05) ? 99 : dice.pick([...world.rules.underlyings.keys()]);
  return {
    kind: "notePrice",
    says: `the price of ${underlying} is noted`,
    from: stage.plimsoll.stranger.address,
    to: stage.addresses.oracle,
    data: stage.plimsoll.oracle.interface.encodeFunctionData("notePrice", [underlying]),
    after: 1n,
    touched: [],
    apply: (state) => {
      notePrice(state, underlying);
      return [];
    },
  };
}

export function drawNotePeg(table: Table): Act {
  const { stage } = table;
  return {
    kind: "notePeg",
    says: "the settlement token's peg is noted",
    from: stage.plimsoll.stranger.address,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("notePeg"),
    after: 1n,
    touched: [],
    apply: notePeg,
  };
}

/** Further from one dollar than allowed: trades only reduce, until somebody finds it nearer. */
function notePeg(world: World): string[] {
  const { underlying, allowedBps } = world.rules.peg;
  const price = priceOf(world, underlying);
  const apart = price > WAD ? price - WAD : WAD - price;
  const wasDepegged = world.depegged;
  world.depegged = apart > (WAD * BigInt(allowedBps)) / 10_000n;
  if (world.depegged === wasDepegged) return [];
  return [world.depegged ? "the settlement token leaves its peg" : "it comes back"];
}

/** The guardian, or somebody who is none, freezes a market or a token. */
export function drawFreeze(table: Table): Act {
  const { dice, stage, world } = table;
  const { plimsoll } = stage;
  const isUnderlying = chance(table, 0.5);
  const underlying = dice.pick([1, 2, 6, 3]);
  const place = 1 + Math.floor(dice.next() * 3);
  const from = chance(table, 0.9) ? plimsoll.guardian.address : plimsoll.stranger.address;
  const token = stage.addresses.tokens[place]!;
  return {
    kind: isUnderlying ? "freezeUnderlying" : "freezeCollateral",
    says: `${from} freezes ${isUnderlying ? `underlying ${underlying}` : `token ${place}`}`,
    from,
    to: stage.addresses.rules,
    data: isUnderlying
      ? plimsoll.rules.interface.encodeFunctionData("freezeUnderlying", [underlying])
      : plimsoll.rules.interface.encodeFunctionData("freezeCollateral", [token]),
    after: 1n,
    touched: [dice.pick(table.accounts)],
    apply: (state) => {
      demand(from === world.rules.guardian, "AccessManagedUnauthorized");
      const isTraded = world.rules.underlyings.get(underlying)?.market !== undefined;
      demand(!isUnderlying || isTraded, "UnknownInstrument");
      if (isUnderlying) freeze(state, state.frozenUnderlyings, underlying);
      else freeze(state, state.frozenTokens, place);
      return [];
    },
  };
}

function freeze({ now }: World, frozen: Map<number, bigint>, key: number): void {
  const last = frozen.get(key);
  demand(last === undefined || now > last + FREEZE_SECONDS, "FreezeTooSoon");
  frozen.set(key, now + FREEZE_SECONDS);
}
