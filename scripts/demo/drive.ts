import type { Participant } from "./accounts.js";
import type { EventIndex } from "./eventIndex.js";
import type { Crew } from "./crew.js";
import { keep, type KeeperRecord } from "./keeper.js";
import { settleIntoDebt, type SettlementRecord } from "./loans.js";
import { type Market, reportAnswers } from "./market.js";
import { PRICE_FEEDS, type Prices } from "./parameters.js";
import { skewAt } from "./quotes.js";
import { answerCall, type OwnerRecord, tradeLate, worstMomentToSell } from "./reactions.js";
import type { Reading } from "./watch.js";

/** Both prices at a time of the path. */
export interface PriceStep {
  /** [unix seconds], of the path, not of the chain. */
  readonly time: number;
  readonly prices: Prices;
}

/** One thing that happened. */
export type Happening = KeeperRecord | OwnerRecord | SettlementRecord;

/** Everything that happened in one step. */
export interface StepRecord {
  readonly step: number;
  readonly at: PriceStep;
  readonly readings: readonly Reading[];
  readonly done: readonly Happening[];
  readonly leftBelow: readonly string[];
}

/** Who takes part in the drive. */
export interface Stage {
  readonly participants: readonly Participant[];
  readonly crew: Omit<Crew, "skew">;
  readonly index: EventIndex;
}

/** Ratio feeds barely move and report twice a day, well within their maximum age of 25 hours [seconds]. */
const RATIO_HEARTBEAT = 12 * 3600;
const RATIOS: ReadonlyMap<string, number> = new Map([
  ["wstETH/stETH", 1.2],
  ["stETH/ETH", 1],
  ["WBTC/BTC", 1],
  ["USDC/USD", 1],
]);

/**
 * Drives the feeds along the path, chain time with them, and lets keeper and owners act after each report. Yields each
 * step's record as it is done.
 */
export async function* drive(
  market: Market,
  steps: readonly PriceStep[],
  { participants, crew, index }: Stage,
): AsyncGenerator<StepRecord> {
  const first = steps[0];
  if (first === undefined) return;
  const byAccount = new Map<string, Participant>(participants.map((each) => [each.account, each]));
  const late = participants.filter(({ role }) => role.opens === "atTheBottom");
  const lateStep = worstMomentToSell(
    steps.map(({ prices }) => prices[late[0]?.role.bets[0]?.underlying ?? "eth"]),
  );

  const chainBegin = (await market.chain.now()) + 1;
  let ratiosAt = -Infinity;
  for (const [step, at] of steps.entries()) {
    // Blocks of the last step's liquidations may have come after this step's time: time never goes back.
    const wanted = chainBegin + (at.time - first.time);
    const timestamp = Math.max(wanted, (await market.chain.now()) + 1);
    const withRatios = timestamp - ratiosAt >= RATIO_HEARTBEAT;
    await reportAnswers(market, answersOf(at.prices, withRatios), timestamp);
    if (withRatios) ratiosAt = timestamp;

    await index.update();
    const today: Crew = { ...crew, skew: skewAt(steps, step) };
    // The insurance fund has no key and is never a party.
    const accounts = index.accounts.filter((account) => account !== market.fund);
    const round = await keep(market, today, accounts);

    const done: Happening[] = [...round.done];
    for (const record of round.done) {
      const participant =
        record.kind === "marginCall" ? byAccount.get(record.reading.account) : undefined;
      if (record.kind !== "marginCall" || participant === undefined) continue;
      done.push(...(await answerCall(market, { participant, call: record, crew: today })));
      // Whoever answered with cash may not owe anything now.
      if (participant.role.asset !== "USDC")
        done.push(...(await settleIntoDebt(market, participant.account)));
    }
    if (step === lateStep) {
      for (const participant of late) done.push(...(await tradeLate(market, participant, today)));
    }
    yield { step, at, readings: round.readings, done, leftBelow: round.leftBelow };
  }
}

/** What the feeds report. */
export function answersOf(prices: Prices, withRatios: boolean): Map<string, number> {
  const answers = new Map([
    [PRICE_FEEDS.eth, prices.eth],
    [PRICE_FEEDS.btc, prices.btc],
  ]);
  if (withRatios) for (const [name, ratio] of RATIOS) answers.set(name, ratio);
  return answers;
}
