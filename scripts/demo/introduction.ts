import { WAD } from "../../sdk/index.js";
import { createParticipants, fundParticipant, type Participant, seedFund } from "./accounts.js";
import { castOf } from "./cast.js";
import { count, priceOf, sizeOf, toNumber, usd } from "./format.js";
import { type Loan, takeLoans } from "./loans.js";
import { introduceFunding } from "./money.js";
import { openPositions, type OpeningTrade } from "./opening.js";
import { createRandom } from "./random.js";
import type { Play } from "./run.js";
import { castTable, statusTable, unitOf } from "./tables.js";
import { wrap } from "./terminal.js";

/** What the insurance fund begins with [dollars]. */
const FUND_SEED = 2_500;

/** The cast as it stands when all have opened their accounts. */
interface Opening {
  readonly participants: readonly Participant[];
  readonly loans: readonly Loan[];
}

/** Introduces the cast, gives everybody an account with money in it, and lets them trade and borrow. */
export async function introduce(play: Play): Promise<Opening> {
  const { market, scenario, terminal, register, seed } = play;
  const { paint, say, width } = terminal;
  const cast = castOf(createRandom(seed), scenario.driver);
  say(castTable(cast, paint), "");

  const participants = await createParticipants(market, cast);
  register.enrol(participants);
  for (const participant of participants)
    await fundParticipant(market, participant, play.opening.prices);
  await seedFund(market, FUND_SEED);
  const note =
    "Names with a stroke are sub-accounts: isolated margin, one position each, and nothing but what was transferred there " +
    `can be lost. All others are cross margin. The insurance fund is given only ${usd(BigInt(FUND_SEED) * WAD)} to begin with: a small ` +
    "fund shows sooner who pays after it.";
  say(...wrap(note, { width, indent: 2 }).map(paint.faint), "");

  tellTrades(play, await openPositions(market, participants));
  const loans = await takeLoans(market, participants);
  for (const loan of loans) tellLoan(play, loan);
  say(statusTable(await register.rows(), market, paint));
  await introduceFunding(play);
  return { participants, loans };
}

function tellLoan({ terminal: { paint, say, width } }: Play, { participant, amount }: Loan): void {
  const { name, asset } = participant.role;
  const text =
    "Whoever withdraws more dollars than it has borrows the rest from all who have cash, as far as its margin allows. Debts " +
    "pay interest, cash earns it, and the insurance fund gets a share.";
  say(
    `  ${paint.act("$ loan".padEnd(15))} ${paint.strong(name.padEnd(10))} withdraws ${usd(amount)} against its ${asset}`,
    ...wrap(text, { width, indent: 6 }).map(paint.faint),
    "",
  );
}

function tellTrades({ market, terminal }: Play, trades: readonly OpeningTrade[]): void {
  const { paint, say, width } = terminal;
  const note =
    "Traders sign orders (EIP-712), makers signed theirs before, and anyone may match them on the Exchange: " +
    `${count(trades.length, "order")} filled.`;
  say(...wrap(note, { width, indent: 2 }));
  for (const { participant, underlying, size, price, how, firstPart } of trades) {
    if (how === "one maker") continue;
    const unit = unitOf(market, market.instruments[underlying]);
    const told =
      how === "two parts"
        ? `filled in two parts: filledOf says ${sizeOf(firstPart ?? 0n, unit)} after the first`
        : "one signature matched with two makers in one batch";
    say(
      `  ${paint.act("» order".padEnd(15))} ${paint.strong(participant.role.name.padEnd(10))} ` +
        `${sizeOf(size, unit)} at ${priceOf(toNumber(price))}, ${told}`,
    );
  }
  say("");
}
