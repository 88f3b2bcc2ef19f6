import { type ChainBlock, EventIndex } from "../../../sdk/index.js";
import { EventStream, STREAM_OPTIONS } from "./stream.js";

/** How fast an index takes events in, inventing them aside. */
export interface Intake {
  readonly events: number;
  readonly eventsPerSecond: number;
  /** By the processor's time, whatever else runs. */
  readonly eventsPerProcessorSecond: number;
}

/** What several indices in a row took, each new. */
export interface IntakeFigures extends Pick<Intake, "events"> {
  readonly accounts: number;
  readonly runs: number;
  /** Events a second. */
  readonly slowest: number;
  readonly median: number;
  readonly fastest: number;
}

const RUNS = 7;
export const TRADES_OF_BLOCK = 100;

/** Builds indices of the history of so many accounts, one after the other. */
export function measureIntake(accounts: number): IntakeFigures {
  const intakes = Array.from({ length: RUNS }, () => {
    const stream = new EventStream({ accounts, tradesOfBlock: TRADES_OF_BLOCK });
    return takeInto(new EventIndex(STREAM_OPTIONS), stream.load());
  });
  const sorted = intakes.map(({ eventsPerSecond }) => eventsPerSecond).sort((a, b) => a - b);
  const [slowest = 0, median = 0, fastest = 0] = [sorted[0], sorted[RUNS >> 1], sorted.at(-1)];
  return { accounts, events: intakes[0]?.events ?? 0, runs: RUNS, slowest, median, fastest };
}

/** Gives blocks to an index. */
export function takeInto(index: EventIndex, blocks: Iterable<ChainBlock>): Intake {
  let [events, milliseconds, processor] = [0, 0, 0];
  for (const block of blocks) {
    const [began, used] = [performance.now(), process.cpuUsage()];
    index.apply(block);
    milliseconds += performance.now() - began;
    const { user, system } = process.cpuUsage(used);
    processor += (user + system) / 1_000;
    events += block.logs.length;
  }
  return {
    events,
    eventsPerSecond: (events / milliseconds) * 1_000,
    eventsPerProcessorSecond: (events / processor) * 1_000,
  };
}
