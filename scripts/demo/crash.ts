import { sparkline } from "./chart.js";
import type { Crew } from "./crew.js";
import { drive, type StepRecord } from "./drive.js";
import type { Participant } from "./accounts.js";
import { change, clock, priceOf } from "./format.js";
import type { Narrator } from "./narrate.js";
import type { Underlying } from "./options.js";
import { printRates } from "./money.js";
import type { Play } from "./run.js";
import { statusCounts, statusTable } from "./tables.js";

/** Quiet stretches are told in this many lines at most. */
const QUIET_LINES = 24;
const SPARK_COLUMNS = 16;

/** Drives the prices down and tells what happens on the way; shows how all stand at the low. */
export async function crash(
  play: Play,
  {
    participants,
    crew,
    narrator,
  }: {
    participants: readonly Participant[];
    crew: Omit<Crew, "skew">;
    narrator: Narrator;
  },
): Promise<StepRecord[]> {
  const { market, scenario, terminal, register, opening } = play;
  const end = scenario.steps.at(-1)?.time ?? opening.time;
  const patience = (end - opening.time) / QUIET_LINES;
  const low = scenario.drawdown?.trough.time ?? Infinity;
  const records: StepRecord[] = [];
  let toldAt = -Infinity;
  let lowTold = false;

  for await (const record of drive(market, scenario.steps, {
    participants,
    crew,
    index: register.index,
  })) {
    records.push(record);
    register.note(record);
    if (narrator.hasNews(record.done) || record.at.time - toldAt >= patience) {
      terminal.say(tick(play, records));
      toldAt = record.at.time;
    }
    narrator.tell(record.done);
    if (!lowTold && record.at.time >= low) {
      lowTold = true;
      const table = statusTable(await register.rows(), market, terminal.paint);
      terminal.say("", `  ${terminal.paint.strong("At the low")}`, table, "");
      await printRates(play);
    }
  }
  return records;
}

/** One line for one report of the feeds. */
function tick(
  { scenario: { driver }, terminal: { paint }, opening }: Play,
  records: readonly StepRecord[],
): string {
  const record = records.at(-1);
  if (record === undefined) return "";
  const { at, readings } = record;
  const recent = records.slice(-SPARK_COLUMNS).map(({ at: { prices } }) => prices[driver]);
  const price = (underlying: Underlying): string =>
    `${underlying.toUpperCase()} ${priceOf(at.prices[underlying])}`;
  return [
    paint.faint(clock(at.time - opening.time)),
    paint.price(price("eth").padEnd(14)),
    paint.faint(price("btc").padEnd(15)),
    paint.price(change(at.prices[driver] / opening.prices[driver] - 1).padStart(8)),
    paint.price(sparkline(recent, SPARK_COLUMNS).padEnd(SPARK_COLUMNS)),
    statusCounts(readings, paint),
  ].join("  ");
}
