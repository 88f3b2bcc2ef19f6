import type { AccountId } from "../../../sdk/index.js";
import { randomFrom } from "../../fixtures/random.js";
import { conservationProblem } from "../model/conservation.js";
import { Refusal } from "../model/refusal.js";
import { copyOf, type World } from "../model/world.js";
import type { Act } from "./act.js";
import { drawDistributeFees, drawLiquidate, drawSettleVariation } from "./drawClearing.js";
import { drawDefault, drawDeleverage } from "./drawDefault.js";
import {
  drawAccrueFunding,
  drawAccrueInterest,
  drawFeeTier,
  drawFundingRules,
  drawRepayDeficit,
  drawTakeFromFund,
} from "./drawGovernance.js";
import { drawFreeze, drawNotePeg, drawNotePrice, drawPrice, drawTime } from "./drawMarket.js";
import {
  amountFor,
  depositOf,
  drawDeposit,
  drawOperator,
  drawTransfer,
  drawWithdraw,
} from "./drawMoney.js";
import { drawMatchOrders } from "./drawOrders.js";
import { drawBrackets, drawHaircuts, drawMinimumMargins, drawRates } from "./drawParameters.js";
import { drawClear } from "./drawTrades.js";
import { drawCallMargin, drawPoke } from "./drawVolatility.js";
import type { Stage } from "./stage.js";
import {
  bankrupt,
  chance,
  drawAccounts,
  everyone,
  logBetween,
  sinking,
  type Table,
} from "./table.js";
import { differences, readWords, spell, wordsOf } from "./words.js";
import { ownerOf } from "../../../sdk/index.js";

/** Draws acts from a seed, does each to the contracts and to the model, and compares everything after each. */

type Draw = (table: Table) => Act | Promise<Act>;

/** How often each act is drawn, out of all. */
const ACTS: [weight: number, draw: Draw][] = [
  [28, drawClear],
  [12, drawMatchOrders],
  [18, drawPrice],
  [5, drawTime],
  [8, drawDeposit],
  [7, drawWithdraw],
  [4, drawTransfer],
  [8, drawSettleVariation],
  [2, drawDistributeFees],
  [3, drawLiquidate],
  [2, drawNotePrice],
  [1, drawNotePeg],
  [1.2, drawFreeze],
  [1, drawOperator],
  [1, drawDefault],
  [1.5, drawDeleverage],
  [1, drawRepayDeficit],
  [1.5, drawTakeFromFund],
  [1.5, drawFundingRules],
  [2, drawAccrueFunding],
  [1, drawAccrueInterest],
  [1.5, drawFeeTier],
  [4, drawPoke],
  [3, drawCallMargin],
  [1, drawRates],
  [0.4, drawBrackets],
  [0.5, drawHaircuts],
  [0.6, drawMinimumMargins],
];

export interface ScenarioOptions {
  seed: number;
  acts: number;
  /** What happened, counted. */
  tally: Map<string, number>;
  /** Told of every act before it is done. */
  onAct?: (line: string) => void;
}

/**
 * Plays one scenario from an empty world; throws at the first act after which contracts and model differ.
 *
 * @returns The model of what the contracts are at the end.
 */
export async function playScenario(stage: Stage, options: ScenarioOptions): Promise<World> {
  await stage.snapshot.restore();
  const dice = randomFrom(options.seed);
  const table: Table = {
    stage,
    world: copyOf(stage.world),
    dice,
    triggerDice: randomFrom(-2_000 - options.seed),
    accounts: drawAccounts(stage, dice),
    silentFeed: undefined,
    orders: [],
    lastNonce: 0n,
    isNeglected: dice.next() < 0.4,
  };
  const beginning = drawBeginning(table);
  // The contracts are read while the next act is drawn and done to the model.
  let isSame = Promise.resolve();
  for (let number = 1; number <= options.acts; ++number) {
    const act = beginning.shift() ?? (await drawAct(table));
    const line = `${number}. ${act.kind}: ${act.says}`;
    const expected = doToModel(table, act, options.tally);
    await isSame;
    options.onAct?.(`${line}\n   ${expected}`);
    const fail = (problem: string) =>
      new Error(describeFailure(options, { number, line, problem }));
    const outcome = await sendAct(stage, act, table.world.now);
    if (outcome !== expected) throw fail(`  model: ${expected}, contracts: ${outcome}`);
    isSame = compare(table, act, options.tally).then((problem) => {
      if (problem !== "") throw fail(problem);
    });
    // It is awaited in the next round, not at once.
    isSame.catch(() => undefined);
  }
  await isSame;
  return table.world;
}

function describeFailure(
  { seed }: ScenarioOptions,
  { number, line, problem }: { number: number; line: string; problem: string },
): string {
  return (
    `Seed ${seed}, act ${line}\n${problem}\n` +
    `Replay: PLIMSOLL_SEED=${seed} PLIMSOLL_ACTS=${number} npx hardhat test mocha test/reference.odd.test.ts`
  );
}

/** Everyone gets cash, the first a lot; in half of the worlds the fund has something. */
function drawBeginning(table: Table): Act[] {
  const give = (account: AccountId, place: number, dollars: number) => {
    const caller = place === 0 ? table.stage.plimsoll.stranger.address : ownerOf(account);
    return depositOf(table, { account, place, caller, amount: amountFor(table, place, dollars) });
  };
  const acts = table.accounts.map((account, place) =>
    give(account, 0, place === 0 ? 300_000 : logBetween(table, 1_000, 80_000)),
  );
  for (const account of table.accounts) {
    if (chance(table, 0.6))
      acts.push(give(account, 1 + Math.floor(table.dice.next() * 3), logBetween(table, 2, 20_000)));
  }
  if (chance(table, 0.5)) acts.push(give(table.world.rules.fund, 0, logBetween(table, 10, 20_000)));
  return acts;
}

/** While somebody is below the line, liquidations are likelier; of bankrupt accounts what is for those that nobody takes. */
async function drawAct(table: Table): Promise<Act> {
  const { isNeglected } = table;
  if (bankrupt(table).length > 0 && chance(table, isNeglected ? 0.6 : 0.3))
    return drawDefault(table);
  const eagerness = isNeglected ? 0.03 : 0.4;
  if (sinking(table).length > 0 && chance(table, eagerness)) return drawLiquidate(table);
  if (table.world.deficit > 0n && chance(table, 0.05)) return drawRepayDeficit(table);
  if (table.world.depegged && chance(table, 0.1)) return drawNotePeg(table);
  const total = ACTS.reduce((sum, [weight]) => sum + weight, 0);
  let roll = table.dice.next() * total;
  for (const [weight, draw] of ACTS) if ((roll -= weight) < 0) return draw(table);
  throw new Error("No act was drawn");
}

function count(tally: Map<string, number>, names: string[]): void {
  for (const name of names) tally.set(name, (tally.get(name) ?? 0) + 1);
}

/** Does an act to the model; returns "success" or the name of the error that the contracts owe. */
function doToModel(table: Table, act: Act, tally: Map<string, number>): string {
  const next = copyOf(table.world);
  next.now += act.after;
  let expected = "success";
  try {
    count(tally, act.apply(next));
    table.world = next;
  } catch (reason) {
    if (!(reason instanceof Refusal)) throw reason;
    expected = reason.reason;
    table.world.now = next.now;
  }
  count(tally, [`${act.kind}: ${expected}`]);
  return expected;
}

/** What the contracts say otherwise than the model: of everything stored, and of the margin of some accounts. */
async function compare(table: Table, act: Act, tally: Map<string, number>): Promise<string> {
  const { stage, dice } = table;
  const anyone = dice.pick(table.accounts);
  const place = 1 + Math.floor(dice.next() * (stage.addresses.tokens.length - 1));
  const queries = [...new Set([...act.touched, anyone])].map((account) => ({
    account,
    // How much collateral may leave is a long search: it is asked of one account.
    places: account === anyone ? [0, place] : [0],
  }));
  const question = { accounts: everyone(table), queries };
  const problem = conservationProblem(table.world);
  const words = wordsOf(table.world, stage, question);
  const refused = words.map(([label]) => label).filter((label) => label.includes("refused"));
  count(
    tally,
    refused.map((label) => label.replace(/^0x\w+/, "view")),
  );
  const answer = await readWords(stage, question);
  return spell(words) === answer ? problem : differences(words, answer);
}

/** Sends the act in a block of its own, at a given time; "success" or the name of the error. */
async function sendAct(stage: Stage, act: Act, time: bigint): Promise<string> {
  const { provider } = stage.connection;
  await provider.request({ method: "evm_setNextBlockTimestamp", params: [Number(time)] });
  const transaction = { from: act.from, to: act.to, data: act.data, gas: "0xf00000" };
  try {
    await provider.request({ method: "eth_sendTransaction", params: [transaction] });
    return "success";
  } catch (error) {
    return errorNameOf(stage, error);
  }
}

function errorNameOf({ plimsoll }: Stage, error: unknown): string {
  const data = dataOf(error);
  if (data === undefined) throw error;
  const { vault, clearinghouse, marginEngine, exchange, oracle, rules } = plimsoll;
  const { volatilityOracle } = plimsoll;
  for (const contract of [
    vault,
    clearinghouse,
    marginEngine,
    exchange,
    oracle,
    rules,
    volatilityOracle,
  ]) {
    const found = contract.interface.getError(data.slice(0, 10));
    if (found !== null) return found.name;
  }
  return `unknown error ${data}`;
}

/** Of an error that Hardhat could not explain the data lies one level deeper. */
function dataOf(error: unknown): string | undefined {
  const { data } = error as { data?: string | { data?: string } };
  const found = typeof data === "object" ? data.data : data;
  return typeof found === "string" && found.length >= 10 ? found : undefined;
}
