import { type AccountId, type InstrumentId, mulDown, WAD } from "../../../sdk/index.js";
import { ceilDiv, max, min, sum } from "../margin.js";
import { cashOf, collectInterest, poolNow, post } from "./cash.js";
import { openNotionalOf } from "./funding.js";
import { demand } from "./refusal.js";
import { shareDown, shareUp } from "./units.js";
import { weightsOf } from "./waterfall.js";
import { bookOf, type InstrumentBook, type World } from "./world.js";

/** DESIGN 6.2: the insurance fund, what it receives, what it pays, and what governance may take out of it. */

/** After this time an instrument may draw its whole share again [seconds]. */
const DRAW_WINDOW = 86_400n;

/** More than dividing what waits can round away [wad]. */
const ROUNDING = 10_000n;

/** Draws of an account without a priced instrument are counted here. */
const NO_INSTRUMENT: InstrumentId = 0n;

/**
 * The treasury's share of the fees, rounded down, and the fund's with all of its interest, of which a recorded deficit comes
 * first [wad].
 */
function sharesOf(world: World) {
  const { reserve, deficit, rules } = world;
  const interest = poolNow(world).reserved;
  const toTreasury = mulDown(reserve, WAD - rules.fundShare);
  const ofFund = reserve - toTreasury + interest;
  const repaid = min(ofFund, deficit);
  return { toTreasury, repaid, toFund: ofFund - repaid, isNothing: reserve + interest === 0n };
}

/** Fees and interest wait until somebody has them divided, or asks the fund for something. */
export function distributeFees(world: World): void {
  const { toFund, toTreasury, repaid, isNothing } = sharesOf(world);
  if (isNothing) return;
  collectInterest(world);
  world.reserve = 0n;
  world.deficit -= repaid;
  post(world, [
    [world.rules.fund, toFund],
    [world.rules.treasury, toTreasury],
  ]);
}

/** What is left of an income of the fund after the deficit; nothing of a payout, which was drawn before [wad]. */
export function afterDeficit(world: World, income: bigint): bigint {
  const repaid = min(world.deficit, max(income, 0n));
  world.deficit -= repaid;
  return max(income, 0n) - repaid;
}

interface Draw {
  instrument: InstrumentId;
  /** What it draws now, and what it had drawn that is not forgotten [wad]. */
  part: bigint;
  drawn: bigint;
}

/**
 * part = due x weight / sum of weights, rounded up, at most share x (fund + drawn) - drawn; all of them at most the fund and
 * what is due, in the account's order. What waits for the fund counts, once the supply index has moved less what dividing it may round.
 */
function drawsOf(world: World, id: AccountId, due: bigint): Draw[] {
  const { toFund } = sharesOf(world);
  const rounding = toFund > 0n && poolNow(world).supplyIndex !== WAD ? ROUNDING : 0n;
  const fundCash = max(cashOf(world, world.rules.fund) + toFund - rounding, 0n);
  const weights = weightsOf(world, id);
  const total = sum(weights.map(({ weight }) => weight));
  const claims =
    total === 0n
      ? [{ instrument: NO_INSTRUMENT, asked: due }]
      : weights.map(({ instrument, weight }) => ({
          instrument,
          asked: ceilDiv(due * weight, total),
        }));
  let left = min(due, fundCash);
  return claims.map(({ instrument, asked }) => {
    const drawn = drawnOf(bookOf(world, instrument), world.now);
    const cap = shareDown(fundCash + drawn, world.rules.liquidation.fundDrawCapBps);
    const part = min(min(asked, max(cap - drawn, 0n)), left);
    left -= part;
    return { instrument, part, drawn };
  });
}

/** drawn x (1 - elapsed / day), rounded up [wad] */
function drawnOf({ drawn, drawnAt }: InstrumentBook, now: bigint): bigint {
  return ceilDiv(drawn * max(DRAW_WINDOW - (now - drawnAt), 0n), DRAW_WINDOW);
}

/** What of a claim the insurance fund would pay [wad]. */
export function fundPaymentOf(world: World, id: AccountId, due: bigint): bigint {
  return sum(drawsOf(world, id, due).map(({ part }) => part));
}

/** The same, when what waits is divided: out of the fund, and counted against each instrument's share. */
export function drawFund(world: World, id: AccountId, due: bigint): bigint {
  const draws = drawsOf(world, id, due);
  distributeFees(world);
  for (const { instrument, part, drawn } of draws) {
    const book = bookOf(world, instrument);
    book.drawn = drawn + part;
    book.drawnAt = world.now;
  }
  const paid = sum(draws.map(({ part }) => part));
  if (paid !== 0n) post(world, [[world.rules.fund, -paid]]);
  if (draws[0]!.instrument !== NO_INSTRUMENT) {
    // Who has no instrument left may draw only what all of them have left of one share.
    const all = bookOf(world, NO_INSTRUMENT);
    all.drawn = drawnOf(all, world.now) + paid;
    all.drawnAt = world.now;
  }
  return paid;
}

/** From what the fund has, as far as it may pay for an account without an instrument. */
export function repayDeficit(world: World): void {
  distributeFees(world);
  const { fund } = world.rules;
  if (world.deficit > 0n) world.deficit -= drawFund(world, fund, world.deficit);
}

/** Never while there is a deficit, and never below a share of all open interest. */
export function takeFromFund(world: World, to: AccountId, cash: bigint): void {
  const { fund, liquidation } = world.rules;
  demand(to !== fund, "FundIsNoParty");
  repayDeficit(world);
  demand(world.deficit === 0n, "DeficitFirst");
  const floor = shareUp(openNotionalOf(world), liquidation.fundFloorBps);
  demand(cashOf(world, fund) - cash >= floor, "FundBelowFloor");
  post(world, [
    [fund, -cash],
    [to, cash],
  ]);
}
