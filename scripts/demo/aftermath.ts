import type { Participant } from "./accounts.js";
import type { Crew } from "./crew.js";
import { answersOf, type PriceStep, type StepRecord } from "./drive.js";
import { clock, percent, priceOf } from "./format.js";
import { keep, type KeeperRecord } from "./keeper.js";
import { Keepers } from "./keepers.js";
import { reportAnswers } from "./market.js";
import type { Narrator } from "./narrate.js";
import { parameters, type Prices, sanityBand } from "./parameters.js";
import { skewAt } from "./quotes.js";
import { tradeLate } from "./reactions.js";
import type { Play } from "./run.js";
import { statusCounts } from "./tables.js";
import { wrap } from "./terminal.js";
import { readMargins } from "./watch.js";

/** By how much all prices fall at once in the last act (ratio). */
const GAP = 0.25;
/** A minute after the path's end some open positions, a minute later the price gaps [seconds]. */
const PAUSE_SECONDS = 60;
/** Keepers wait for somebody to take a bankrupt account before they flag it. */
const BLOCKS_UNTIL_FLAGS = 6;
/** What liquidators want for their work now [dollars]. */
const WAGE = 500;

/** Who takes part, and from where the act goes on. */
interface Scene {
  readonly participants: readonly Participant[];
  readonly crew: Omit<Crew, "skew">;
  readonly narrator: Narrator;
  /** The crash's steps. */
  readonly records: readonly StepRecord[];
}

/**
 * The last act: the price gaps, the first bankrupt account empties the insurance fund, and what the fund can no longer pay
 * liquidators for is left to the default process. Nothing happens when the gap would leave what the oracle accepts.
 */
export async function aftermath(play: Play, scene: Scene): Promise<StepRecord[]> {
  const { market, terminal, register } = play;
  const { participants, crew, narrator, records } = scene;
  const last = records.at(-1);
  if (last === undefined) return [];
  const fallen = gapped(last.at.prices);
  if (fallen === undefined) {
    terminal.say("  It is left out: the oracle would not accept a price that much lower.");
    return [];
  }
  introduceAct(play);

  const steps: PriceStep[] = [last.at];
  const acts: StepRecord[] = [];
  const begin = last.at.time - (await market.chain.now());
  const tell = async (done: StepRecord["done"], prices: Prices): Promise<void> => {
    const time = begin + (await market.chain.now());
    const readings = await readMargins(market, partiesOf(play));
    const record = { step: last.step + 1 + acts.length, at: { time, prices }, readings, done };
    acts.push({ ...record, leftBelow: [] });
    register.note(acts.at(-1) ?? last);
    terminal.say(tickOf(play, { time, prices, counts: statusCounts(readings, terminal.paint) }));
    narrator.tell(done);
  };

  const late = participants.filter(({ role }) => role.opens === "afterwards");
  const calm: Crew = { ...crew, skew: skewAt(steps, 0) };
  const opened = [];
  for (const participant of late) opened.push(...(await tradeLate(market, participant, calm)));
  await tell(opened, last.at.prices);

  const gapAt = (await market.chain.now()) + PAUSE_SECONDS;
  await reportAnswers(market, answersOf(fallen, true), gapAt);
  steps.push({ time: begin + gapAt, prices: fallen });
  await register.index.update();
  const accounts = partiesOf(play);
  const keepers = await Keepers.open(market, crew.liquidators, { leastProfit: WAGE });
  try {
    const choosy: Crew = { ...crew, keepers, skew: skewAt(steps, 1) };
    const round = await keep(market, choosy, accounts);
    await tell(withoutCalls(round.done), fallen);
    const { done } = round;
    await settleDefaults(play, { accounts, done, prices: fallen, crew: choosy, tell });
  } finally {
    await keepers.close();
  }
  return acts;
}

/**
 * Keepers flag who is bankrupt and taken by nobody, wait, close them against the other side, and write off what is left. Who
 * holds nothing that could be closed is taken over in the end for whatever the fund can pay: anyone may.
 */
async function settleDefaults(
  { market, terminal }: Play,
  what: {
    accounts: readonly string[];
    /** What keepers did at once. */
    done: readonly KeeperRecord[];
    prices: Prices;
    crew: Crew;
    tell: (done: StepRecord["done"], prices: Prices) => Promise<void>;
  },
): Promise<void> {
  const { accounts, done, prices, crew, tell } = what;
  const later = await keepUntilFlagged(market, crew, accounts);
  if (later.length > 0) await tell(later, prices);
  if (![...done, ...later].some(({ kind }) => kind === "flag")) {
    terminal.say("  Nobody with a position is bankrupt now: there is nothing to flag.");
  }

  const due = (await market.chain.now()) + parameters.liquidation.deleverageDelay;
  // The feeds report again, or their prices would soon be too old.
  await reportAnswers(market, answersOf(prices, true), due);
  const closed = withoutCalls((await keep(market, crew, accounts)).done);
  if (closed.length > 0) await tell(closed, prices);

  const keepers = await Keepers.open(market, crew.liquidators);
  try {
    const rest = withoutCalls((await keep(market, { ...crew, keepers }, accounts)).done);
    if (rest.length === 0) return;
    terminal.say(
      "  What is still below the line is taken over for whatever the fund can pay: anyone may.",
    );
    await tell(rest, prices);
  } finally {
    await keepers.close();
  }
}

/** Keepers flag an account when it has been bankrupt for some blocks and nobody has taken it. */
async function keepUntilFlagged(
  market: Play["market"],
  crew: Crew,
  accounts: readonly string[],
): Promise<KeeperRecord[]> {
  const done: KeeperRecord[] = [];
  for (let block = 0; block < BLOCKS_UNTIL_FLAGS; ++block) {
    await market.chain.provider.send("evm_mine", []);
    done.push(...withoutCalls((await keep(market, crew, accounts)).done));
  }
  return done;
}

/** In the last act nobody answers calls any more. */
function withoutCalls(done: readonly KeeperRecord[]): KeeperRecord[] {
  return done.filter(({ kind }) => kind !== "marginCall");
}

/** All accounts but the insurance fund's, which is never a party. */
function partiesOf({ market, register }: Play): string[] {
  return register.index.accounts.filter((account) => account !== market.fund);
}

/** Prices after the gap; undefined where the oracle would refuse them. */
function gapped(prices: Prices): Prices | undefined {
  const after = { eth: prices.eth * (1 - GAP), btc: prices.btc * (1 - GAP) };
  const accepted = (["eth", "btc"] as const).every(
    (underlying) => after[underlying] > sanityBand(underlying).least,
  );
  return accepted ? after : undefined;
}

function introduceAct({ terminal: { paint, say, width } }: Play): void {
  const text =
    `The path is over; what follows is made up, to show the end of the process. All prices fall by ${percent(GAP)} in a ` +
    `single report, and keepers now leave alone whatever earns their liquidator less than $${WAGE}.`;
  say(...wrap(text, { width, indent: 2 }).map(paint.faint), "");
}

function tickOf(
  { terminal: { paint }, opening }: Play,
  { time, prices, counts }: { time: number; prices: Prices; counts: string },
): string {
  const shown = `ETH ${priceOf(prices.eth)}   BTC ${priceOf(prices.btc)}`;
  return `${paint.faint(clock(time - opening.time))}  ${paint.price(shown)}   ${counts}`;
}
