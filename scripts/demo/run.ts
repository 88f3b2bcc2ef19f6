import { createParticipants, fundParticipant, type Participant, seedFund } from "./accounts.js";
import { checkInvariants } from "./books.js";
import { castOf } from "./cast.js";
import { sparkline } from "./chart.js";
import { drive, type Stage, type StepRecord } from "./drive.js";
import { DemoFailure } from "./errors.js";
import { type EventIndex, indexEvents } from "./events.js";
import { change, clock, count, priceOf, sizeOf, toNumber, usd } from "./format.js";
import { readHoldings } from "./holdings.js";
import { exitCodeOf, type InvariantResult } from "./invariants.js";
import { type Market, openMarket } from "./market.js";
import { createNarrator } from "./narrate.js";
import { startNode } from "./node.js";
import { openPositions, type OpeningTrade } from "./opening.js";
import type { DemoOptions } from "./options.js";
import { createRandom } from "./random.js";
import { type DemoReport, reportAccount, reportEvents, reportScenario } from "./report.js";
import type { Scenario } from "./source.js";
import {
  describeFall,
  describeTally,
  printChart,
  printInvariants,
  printWords,
  tallyOf,
} from "./summary.js";
import { type AccountRow, castTable, statusCounts, statusTable, unitOf } from "./tables.js";
import { type Terminal, wrap } from "./terminal.js";
import { readMargins } from "./watch.js";

/** What the insurance fund begins with [dollars]. */
const FUND_SEED = 2_500;
/** Quiet stretches are told in this many lines at most. */
const QUIET_LINES = 24;
const SPARK_COLUMNS = 16;

/** Plays the whole demo on a node of its own. The node is gone when this returns or throws. */
export async function runDemo(
  options: DemoOptions,
  scenario: Scenario,
  terminal: Terminal,
): Promise<DemoReport> {
  const { paint, say, phase } = terminal;
  say(
    "",
    paint.strong("  P L I M S O L L") + paint.faint("   a crash, watched from the clearinghouse"),
  );
  printWords(terminal);

  phase("The chain");
  const node = await startNode();
  try {
    const market = await openMarket(node.url, scenario.steps[0]?.prices ?? { eth: 0, btc: 0 });
    say(
      `  hardhat node      ${node.url}, chain ${market.chain.chainId}`,
      `  deployed          ${market.contractCount} contracts with Ignition, ${market.collaterals.length + 1} tokens, ${Object.keys(market.feeds).length} Chainlink mocks`,
    );

    phase("The prices");
    for (const note of scenario.notes) say(...wrap(note, { width: terminal.width, indent: 2 }));
    say(`  ${describeFall(scenario)}`, "");
    printChart(scenario, { records: [], terminal });

    return await new Play(options, scenario, terminal, market).perform();
  } finally {
    await node.stop();
  }
}

/** The part of the demo that happens on a deployed market. */
class Play {
  private readonly names = new Map<string, string>();
  private readonly index: EventIndex;

  constructor(
    private readonly options: DemoOptions,
    private readonly scenario: Scenario,
    private readonly terminal: Terminal,
    private readonly market: Market,
  ) {
    this.index = indexEvents(market);
    this.names.set(market.fund, "fund").set(market.treasury, "treasury");
  }

  async perform(): Promise<DemoReport> {
    const { market, scenario, terminal } = this;
    const participants = await this.openAccounts();
    const fundBefore = await market.vault.cashOf(market.fund);

    const crew = {
      liquidator: oneOf(participants, "liquidator"),
      makers: participants.filter(({ role }) => role.kind === "maker"),
    };
    const records = await this.crash({ participants, crew, index: this.index });

    terminal.phase("What happened");
    printChart(scenario, { records, terminal });
    terminal.say("");
    const rows = await this.rows();
    terminal.say(statusTable(rows, market, terminal.paint), "");
    const fund = { before: fundBefore, after: await market.vault.cashOf(market.fund) };
    const tally = tallyOf(records);
    for (const sentence of describeTally(tally, { accounts: participants.length, fund }))
      terminal.say(`  ${sentence}`);

    const invariants = await this.balance(participants, records);
    const nameOf = (account: string): string => this.nameOf(account);
    return {
      scenario: reportScenario(scenario),
      accounts: rows.map((row) => reportAccount(row, market)),
      events: records.flatMap((record) => reportEvents(record, { market, nameOf })),
      invariants,
      exitStatus: exitCodeOf(invariants),
    };
  }

  private async openAccounts(): Promise<Participant[]> {
    const { market, scenario, terminal } = this;
    const { paint, say, phase } = terminal;
    phase("The accounts");
    const cast = castOf(createRandom(this.options.seed), scenario.driver);
    say(castTable(cast, paint), "");
    const participants = await createParticipants(market, cast);
    for (const { account, role } of participants) this.names.set(account, role.name);
    const prices = scenario.steps[0]?.prices ?? { eth: 0, btc: 0 };
    for (const participant of participants) await fundParticipant(market, participant, prices);
    await seedFund(market, FUND_SEED);
    const note =
      "Names with a stroke are sub-accounts: isolated margin, one position each, and nothing but what was transferred there can be lost. " +
      `All others are cross margin. The insurance fund is given ${usd(BigInt(FUND_SEED) * 10n ** 18n)} to begin with.`;
    say(...wrap(note, { width: terminal.width, indent: 2 }).map(paint.faint), "");

    const trades = await openPositions(market, participants);
    this.tellOpening(trades);
    say(statusTable(await this.rows(), market, paint));
    return participants;
  }

  private tellOpening(trades: readonly OpeningTrade[]): void {
    const { market, terminal } = this;
    const { paint, say, width } = terminal;
    const note = `Traders sign orders (EIP-712), makers signed theirs before, and anyone may match them on the Exchange: ${count(trades.length, "order")} filled.`;
    say(...wrap(note, { width, indent: 2 }));
    for (const { participant, underlying, size, price, how, firstPart } of trades) {
      if (how === "one maker") continue;
      const unit = unitOf(market, market.instruments[underlying]);
      const told =
        how === "two parts"
          ? `filled in two parts: filledOf says ${sizeOf(firstPart ?? 0n, unit)} after the first`
          : "one signature matched with two makers in one batch";
      say(
        `  ${paint.act("» order".padEnd(15))} ${paint.strong(participant.role.name.padEnd(10))} ${sizeOf(size, unit)} at ${priceOf(toNumber(price))}, ${told}`,
      );
    }
    say("");
  }

  private async crash(stage: Stage): Promise<StepRecord[]> {
    const { market, scenario, terminal } = this;
    terminal.phase("The crash");
    const narrator = createNarrator(terminal, {
      market,
      nameOf: (account) => this.nameOf(account),
    });
    const records: StepRecord[] = [];
    const seen: number[] = [];
    const low = scenario.drawdown?.trough.time ?? Infinity;
    let toldAt = -Infinity;
    let lowTold = false;
    const first = scenario.steps[0];
    const quiet = ((scenario.steps.at(-1)?.time ?? 0) - (first?.time ?? 0)) / QUIET_LINES;

    for await (const record of drive(market, scenario.steps, stage)) {
      records.push(record);
      seen.push(record.at.prices[scenario.driver]);
      if (record.done.length > 0 || record.at.time - toldAt >= quiet) {
        terminal.say(this.tick(record, seen));
        toldAt = record.at.time;
      }
      for (const each of record.done) narrator.tell(each);
      if (!lowTold && record.at.time >= low) {
        lowTold = true;
        terminal.say(
          "",
          `  ${terminal.paint.strong("At the low")}`,
          statusTable(await this.rows(), market, terminal.paint),
          "",
        );
      }
    }
    return records;
  }

  /** One line for one report of the feeds. */
  private tick({ at, readings }: StepRecord, seen: readonly number[]): string {
    const { scenario, terminal } = this;
    const { paint } = terminal;
    const first = scenario.steps[0];
    const moved = (seen.at(-1) ?? 0) / (seen[0] ?? 1) - 1;
    const price = (underlying: "eth" | "btc"): string =>
      `${underlying.toUpperCase()} ${priceOf(at.prices[underlying])}`;
    return [
      paint.faint(clock(at.time - (first?.time ?? 0))),
      paint.price(price("eth").padEnd(14)),
      paint.faint(price("btc").padEnd(15)),
      paint.price(change(moved).padStart(8)),
      paint.price(sparkline(seen, SPARK_COLUMNS).padEnd(SPARK_COLUMNS)),
      statusCounts(readings, paint),
    ].join("  ");
  }

  private async balance(
    participants: readonly Participant[],
    records: readonly StepRecord[],
  ): Promise<InvariantResult[]> {
    const { terminal } = this;
    terminal.phase("Do the books balance?");
    const results = await checkInvariants(this.market, this.index, {
      liquidator: oneOf(participants, "liquidator"),
      substitute: oneOf(participants, "maker"),
      seen: {
        steps: records.length,
        leftBelow: records.flatMap(({ step, leftBelow }) =>
          leftBelow.map((account) => ({ step, account: this.nameOf(account) })),
        ),
      },
      nameOf: (account) => this.nameOf(account),
    });
    printInvariants(results, terminal);
    const wei = results.find(({ id }) => id === "I2")?.figures.difference ?? "?";
    const { paint } = terminal;
    terminal.say(
      "",
      exitCodeOf(results) === 0
        ? paint.good(
            `  Every invariant holds; after all of it the vault is off by ${wei} wei of a dollar's 10^18.`,
          )
        : paint.alarm("  An invariant is broken: the command fails."),
      "",
    );
    return results;
  }

  private async rows(): Promise<AccountRow[]> {
    await this.index.update();
    const accounts = this.index.accounts.filter((account) => this.names.has(account));
    const [readings, holdings] = await Promise.all([
      readMargins(this.market, accounts),
      readHoldings(this.market, accounts),
    ]);
    return accounts.flatMap((account, i) => {
      const [reading, held] = [readings[i], holdings[i]];
      return reading === undefined || held === undefined
        ? []
        : [{ name: this.nameOf(account), reading, holdings: held }];
    });
  }

  private nameOf(account: string): string {
    return this.names.get(account) ?? `${account.slice(0, 10)}…`;
  }
}

function oneOf(participants: readonly Participant[], kind: "liquidator" | "maker"): Participant {
  const found = participants.find(({ role }) => role.kind === kind);
  if (found === undefined) throw new DemoFailure(`The cast has no ${kind}.`);
  return found;
}
