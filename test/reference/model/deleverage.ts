import { type AccountId, type InstrumentId, mulUp, underlyingOf } from "../../../sdk/index.js";
import { abs, ceilDiv, max, min, sum } from "../margin.js";
import { cashOf, post } from "./cash.js";
import { drawFund } from "./fund.js";
import { isDoubtful, requireSafer } from "./gate.js";
import { changePosition, positionOf, tradeQuote } from "./ledger.js";
import { priceOf } from "./oracle.js";
import { demand } from "./refusal.js";
import { valuationForLiquidation } from "./valuation.js";
import { spreadLoss, weightsOf } from "./waterfall.js";
import { accountOf, type World } from "./world.js";

/** DESIGN 6.4 and 6.5: bankrupt accounts that nobody takes over, and the debts that are left at the end. */

/** So long after its delay a flag is good [seconds]. */
const FLAG_LIFE = 86_400n;

/** When a flag begins to be good; nothing without one [unix seconds]. */
export function dueOf(world: World, account: AccountId): bigint | undefined {
  const flaggedAt = world.flags.get(account);
  if (flaggedAt === undefined) return undefined;
  return flaggedAt + BigInt(world.rules.liquidation.deleverageDelay);
}

/** Marks a bankrupt account, or removes the mark of one that has equity again. */
export function flag(world: World, account: AccountId): void {
  demand(account !== world.rules.fund, "FundIsNoParty");
  const { equity } = valuationForLiquidation(world, account);
  const due = dueOf(world, account);
  if (equity >= 0n) {
    demand(due !== undefined, "NotBankrupt");
    world.flags.delete(account);
    return;
  }
  demand(due === undefined || world.now > due + FLAG_LIFE, "AlreadyFlagged");
  world.flags.set(account, world.now);
}

export interface Closing {
  bankrupt: AccountId;
  counterparty: AccountId;
  instrument: InstrumentId;
  /** [wad] */
  size: bigint;
}

/** Closes a part of a position against one on the other side at the mark; its part of the loss goes down the waterfall. */
export function deleverage(world: World, closing: Closing) {
  const { bankrupt, counterparty, instrument } = closing;
  demand(bankrupt !== counterparty, "SelfDealing");
  const due = dueOf(world, bankrupt);
  demand(due !== undefined && world.now >= due && world.now <= due + FLAG_LIFE, "DeleverageNotDue");
  const size = changeOf(world, closing);
  const { equity } = valuationForLiquidation(world, bankrupt);
  demand(equity < 0n, "NotBankrupt");
  const mark = priceOf(world, underlyingOf(instrument));

  // The last position that has a price takes all of the loss with it.
  const total = sum(weightsOf(world, bankrupt).map(({ weight }) => weight));
  const closed = mulUp(abs(size), mark);
  const loss = closed >= total ? -equity : ceilDiv(-equity * closed, total);
  const paid = drawFund(world, bankrupt, loss);
  spreadLoss(world, bankrupt, loss - paid);
  if (loss === -equity) world.flags.delete(bankrupt);

  const quote = tradeQuote(size, mark);
  const ofBankrupt = changePosition(world, bankrupt, { instrument, size, quote: -quote });
  const ofOther = changePosition(world, counterparty, { instrument, size: -size, quote });
  post(world, [
    [bankrupt, loss + ofBankrupt],
    [counterparty, ofOther],
  ]);
  if (isDoubtful(world, counterparty, new Map())) {
    const trades = [{ instrument, size: -size, price: mark }];
    const change = { account: counterparty, trades, count: 1n, venueFees: 0n, builderFees: 0n };
    requireSafer(world, new Map(), change);
  }
  return { loss, paid };
}

/** What the bankrupt account's size changes by: no more than was asked for and both hold [wad]. */
function changeOf(world: World, { bankrupt, counterparty, instrument, size }: Closing): bigint {
  const [held, opposite] = [bankrupt, counterparty].map(
    (id) => positionOf(accountOf(world, id), instrument).size,
  ) as [bigint, bigint];
  demand(held * opposite < 0n && size > 0n, "NotOpposite");
  const closed = min(size, min(abs(held), abs(opposite)));
  return held > 0n ? -closed : closed;
}

/** Clears a debt with nothing behind it: the fund, then lenders, then the deficit. */
export function writeOff(world: World, account: AccountId) {
  demand(account !== world.rules.fund, "FundIsNoParty");
  const { positions, collateral } = accountOf(world, account);
  const debt = max(-cashOf(world, account), 0n);
  const isBare = positions.length === 0 && collateral.every((amount) => amount === 0n);
  demand(debt > 0n && isBare, "NothingToWriteOff");
  const paid = drawFund(world, account, debt);
  spreadLoss(world, account, debt - paid);
  post(world, [[account, debt]]);
  return { loss: debt, paid };
}
