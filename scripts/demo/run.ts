import type { Participant } from "./accounts.js";
import { aftermath } from "./aftermath.js";
import { checkInvariants } from "./books.js";
import { crash } from "./crash.js";
import type { PriceStep, StepRecord } from "./drive.js";
import { DemoFailure } from "./errors.js";
import { introduce } from "./introduction.js";
import { exitCodeOf, type InvariantResult } from "./invariants.js";
import { Keepers } from "./keepers.js";
import { lessonsOf } from "./lessons.js";
import { type Market, openMarket } from "./market.js";
import { startNode } from "./node.js";
import type { Loan } from "./loans.js";
import { printTotals } from "./money.js";
import { createNarrator } from "./narrate.js";
import type { DemoOptions } from "./options.js";
import { Register } from "./register.js";
import { type DemoReport, reportAccount, reportScenario } from "./report.js";
import { reportEvents } from "./reportEvents.js";
import { reportMoney } from "./reportMoney.js";
import type { Scenario } from "./source.js";
import { describeFall, paidIn, printChart, printInvariants, printWords } from "./summary.js";
import { resultTable } from "./tables.js";
import { describeTally, tallyOf } from "./tally.js";
import { type Terminal, wrap } from "./terminal.js";

/** What every phase of the demo works with. */
export interface Play {
  readonly seed: number;
  readonly scenario: Scenario;
  /** The path's first step. */
  readonly opening: PriceStep;
  readonly terminal: Terminal;
  readonly market: Market;
  readonly register: Register;
}

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
  const opening = scenario.steps[0];
  if (opening === undefined) throw new DemoFailure("The path has no prices.");

  phase("The chain");
  const node = await startNode();
  try {
    const market = await openMarket(node.url, opening.prices);
    const { chain, contractCount, collaterals, feeds } = market;
    say(
      `  hardhat node   ${node.url}, chain ${chain.chainId}, ended with this command`,
      `  deployed       ${contractCount} contracts with Ignition, ${collaterals.length + 1} tokens, ${Object.keys(feeds).length} Chainlink mocks`,
    );

    phase("The prices");
    for (const note of scenario.notes) say(...wrap(note, { width: terminal.width, indent: 2 }));
    say(`  ${describeFall(scenario)}`, "");
    printChart(scenario, { records: [], terminal });

    const register = new Register(market);
    return await perform({ seed: options.seed, scenario, opening, terminal, market, register });
  } finally {
    await node.stop();
  }
}

async function perform(play: Play): Promise<DemoReport> {
  const { scenario, terminal, market, register } = play;
  terminal.phase("The accounts");
  const { participants, loans } = await introduce(play);
  const fundBefore = await market.vault.cashOf(market.fund);

  terminal.phase("The crash");
  const liquidators = participants.filter(({ role }) => role.kind === "liquidator");
  const makers = participants.filter(({ role }) => role.kind === "maker");
  const keepers = await Keepers.open(market, liquidators);
  const crew = { liquidators, makers, keepers };
  const narrator = createNarrator(terminal, { market, nameOf: register.nameOf });
  const records = await crash(play, { participants, crew, narrator });

  terminal.phase("What if nobody comes");
  const acts = await aftermath(play, { participants, crew, narrator, records });
  await keepers.close();

  terminal.phase("What happened");
  await sumUp(play, { participants, loans, records, acts, fundBefore });
  const totals = await printTotals(play, loans);

  terminal.phase("Do the books balance?");
  const invariants = await balance(play, { participants, records });
  return {
    scenario: reportScenario(scenario),
    accounts: (await register.rows()).map((row) => reportAccount(row, market)),
    events: [...records, ...acts].flatMap((record) =>
      reportEvents(record, { market, nameOf: register.nameOf }),
    ),
    ...(await reportMoney(play, { totals, loans })),
    invariants,
    exitStatus: exitCodeOf(invariants),
  };
}

/** The chart with its marks, everybody's result, and what is to be learnt from it. */
async function sumUp(
  { scenario, terminal, market, register }: Play,
  what: {
    participants: readonly Participant[];
    loans: readonly Loan[];
    /** The crash. */
    records: readonly StepRecord[];
    /** And what came after it. */
    acts: readonly StepRecord[];
    fundBefore: bigint;
  },
): Promise<void> {
  const { participants, loans, records, acts, fundBefore } = what;
  const all = [...records, ...acts];
  const { paint, say, width } = terminal;
  printChart(scenario, { records, terminal });
  const rows = await register.rows();
  const putIn = paidIn({ participants, loans, records: all });
  say("", resultTable(rows, { market, paint, putIn }), "");

  const fund = { before: fundBefore, after: await market.vault.cashOf(market.fund) };
  const reserve = await market.clearinghouse.reserve();
  const tally = { accounts: participants.length, fund, reserve };
  for (const sentence of describeTally(tallyOf(all), tally)) {
    say(...wrap(sentence, { width, indent: 2 }));
  }
  say("");
  for (const lesson of lessonsOf(rows, { records: all, putIn }))
    say(...wrap(`• ${lesson}`, { width, indent: 2 }));
  say("");
}

/** Checks the invariants on the chain and prints what was found. */
async function balance(
  { terminal, market, register }: Play,
  {
    participants,
    records,
  }: { participants: readonly Participant[]; records: readonly StepRecord[] },
): Promise<InvariantResult[]> {
  const results = await checkInvariants(market, register.index, {
    liquidators: participants.filter(({ role }) => role.kind === "liquidator"),
    seen: {
      steps: records.length,
      leftBelow: records.flatMap(({ step, leftBelow }) =>
        leftBelow.map((account) => ({ step, account: register.nameOf(account) })),
      ),
    },
    nameOf: register.nameOf,
  });
  printInvariants(results, terminal);
  return results;
}
