import { mulDown, mulUp, parseWad, WAD } from "../../sdk/index.js";
import { depositDollars, type Participant } from "./accounts.js";
import { Refused } from "./chain.js";
import { type Crew, dealWithMaker } from "./crew.js";
import type { MarginCall } from "./keeper.js";
import type { Market } from "./market.js";
import { affordableSize } from "./opening.js";
import { priceNow } from "./quotes.js";

/** What an owner did of its own will. */
export type OwnerRecord =
  | {
      readonly kind: "topUp";
      readonly account: string;
      readonly amount: bigint;
      readonly exhausted: boolean;
    }
  | {
      readonly kind: "reduction";
      readonly account: string;
      readonly instrument: bigint;
      readonly size: bigint;
    }
  | {
      readonly kind: "lateTrade";
      readonly account: string;
      readonly instrument: bigint;
      readonly size: bigint;
    };

/** People give more than they are asked for, so that the next tick does not call again: up to this much of initial margin. */
const TARGET_OF_INITIAL = 4n;
/** What is sold is half again what would do, and three quarters of the position at least [wad]. */
const REDUCTION_MARGIN = parseWad("1.5");
const LEAST_REDUCTION = parseWad("0.75");

/** Lets the owner of a called account answer in its own way, if it has one. */
export async function answerCall(
  market: Market,
  { participant, call, crew }: { participant: Participant; call: MarginCall; crew: Crew },
): Promise<OwnerRecord[]> {
  switch (participant.role.reaction) {
    case "deposits":
      return topUp(market, participant, call);
    case "reduces":
      return reduce(market, { participant, call, crew });
    case "none":
      return [];
  }
}

async function topUp(
  market: Market,
  participant: Participant,
  call: MarginCall,
): Promise<OwnerRecord[]> {
  const { settlement } = market;
  const wallet =
    (await settlement.contract.balanceOf(participant.wallet.address)) *
    10n ** BigInt(18 - settlement.decimals);
  // A cent less than nothing is nothing.
  if (wallet < WAD / 100n) return [];
  const wanted = TARGET_OF_INITIAL * call.reading.initial - call.reading.equity;
  const amount = wanted < wallet ? wanted : wallet;
  await depositDollars(market, participant, amount);
  return [{ kind: "topUp", account: participant.account, amount, exhausted: amount === wallet }];
}

async function reduce(
  market: Market,
  { participant, call, crew }: { participant: Participant; call: MarginCall; crew: Crew },
): Promise<OwnerRecord[]> {
  const wanted = mulUp(call.reduction ?? WAD, REDUCTION_MARGIN);
  const share = wanted > WAD ? WAD : wanted < LEAST_REDUCTION ? LEAST_REDUCTION : wanted;
  const records: OwnerRecord[] = [];
  for (const { instrument, size } of await market.clearinghouse.openPositionsOf(
    participant.account,
  )) {
    const change = size > 0n ? -mulDown(size, share) : mulDown(-size, share);
    const wish = { taker: participant, instrument, size: change, reduceOnly: true };
    await dealWithMaker(market, crew, wish);
    records.push({ kind: "reduction", account: participant.account, instrument, size: change });
  }
  return records;
}

/** Opens the bets of somebody who waited; nothing when the chain refuses. */
export async function tradeLate(
  market: Market,
  participant: Participant,
  crew: Crew,
): Promise<OwnerRecord[]> {
  const records: OwnerRecord[] = [];
  for (const bet of participant.role.bets) {
    const instrument = market.instruments[bet.underlying];
    const direction = bet.side === "long" ? 1n : -1n;
    const price = await priceNow(market, { instrument, size: direction, skew: crew.skew });
    const size = await affordableSize(market, { participant, bet, price });
    try {
      await dealWithMaker(market, crew, { taker: participant, instrument, size });
    } catch (error) {
      if (error instanceof Refused) continue;
      throw error;
    }
    records.push({ kind: "lateTrade", account: participant.account, instrument, size });
  }
  return records;
}

/** When somebody who sells at the worst moment does so: before the largest rise of the later part of a path. */
export function worstMomentToSell(prices: readonly number[]): number {
  const earliest = Math.floor(prices.length / 3);
  let worst = earliest;
  let worstRise = 0;
  let highest = 0;
  for (let i = prices.length - 1; i >= earliest; i--) {
    const price = prices[i] ?? Infinity;
    highest = Math.max(highest, price);
    if (highest / price - 1 > worstRise) {
      worstRise = highest / price - 1;
      worst = i;
    }
  }
  return worst;
}
