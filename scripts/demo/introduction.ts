import { WAD } from "../../sdk/index.js";
import { createParticipants, fundParticipant, type Participant, seedFund } from "./accounts.js";
import { castOf } from "./cast.js";
import { count, priceOf, sizeOf, toNumber, usd } from "./format.js";
import { openPositions, type OpeningTrade } from "./opening.js";
import { createRandom } from "./random.js";
import type { Play } from "./run.js";
import { castTable, statusTable, unitOf } from "./tables.js";
import { wrap } from "./terminal.js";

/** What the insurance fund begins with [dollars]. */
const FUND_SEED = 2_500;

/** Introduces the cast, gives everybody an account with money in it, and lets them trade. */
export async function introduce(play: Play): Promise<Participant[]> {
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
    `can be lost. All others are cross margin. The insurance fund is given ${usd(BigInt(FUND_SEED) * WAD)} to begin with.`;
  say(...wrap(note, { width, indent: 2 }).map(paint.faint), "");

  tellTrades(play, await openPositions(market, participants));
  say(statusTable(await register.rows(), market, paint));
  return participants;
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
