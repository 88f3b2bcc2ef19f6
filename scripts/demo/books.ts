import { WAD } from "../../sdk/index.js";
import type { Participant } from "./accounts.js";
import { DemoFailure } from "./errors.js";
import type { EventIndex } from "./eventIndex.js";
import { type Holdings, readHoldings } from "./holdings.js";
import {
  checkConservation,
  checkCustody,
  checkFlatBook,
  checkLine,
  type InvariantResult,
  type LineFigures,
  type LiquidationAttempt,
} from "./invariants.js";
import type { Market } from "./market.js";
import { isBelowLine, readMargins } from "./watch.js";

/** What the checks need besides the chain: who could liquidate, and what was seen on the way. */
export interface Witness {
  /** Two at least: one stands in where the other is the account. */
  readonly liquidators: readonly Participant[];
  readonly seen: Omit<LineFigures, "attempts">;
  readonly nameOf: (account: string) => string;
}

/**
 * Checks the design's invariants on the chain as it stands. Accounts come from the chain's own events; the insurance fund and
 * the treasury are added, so that they count even if no event had named them.
 */
export async function checkInvariants(
  market: Market,
  index: EventIndex,
  witness: Witness,
): Promise<InvariantResult[]> {
  await index.update();
  const accounts = [...new Set([...index.accounts, market.fund, market.treasury])];
  const holdings = await readHoldings(market, accounts);
  return [
    await flatBook(market, holdings),
    await conservation(market, holdings, index),
    await custody(market, holdings),
    checkLine({ ...witness.seen, attempts: await tryAll(market, accounts, witness) }),
  ];
}

async function flatBook(market: Market, holdings: readonly Holdings[]): Promise<InvariantResult> {
  const books = Object.entries(market.instruments).map(async ([underlying, instrument]) => ({
    name: `${underlying.toUpperCase()}-PERP`,
    sizes: holdings.flatMap(({ positions }) =>
      positions.filter((position) => position.instrument === instrument).map(({ size }) => size),
    ),
    openInterest: await market.clearinghouse.openInterestOf(instrument),
  }));
  return checkFlatBook(await Promise.all(books));
}

async function conservation(
  { vault, clearinghouse, settlement }: Market,
  holdings: readonly Holdings[],
  { positionWrites, indexMoves, cashWrites, interest }: EventIndex,
): Promise<InvariantResult> {
  return checkConservation({
    tracked: await vault.trackedOf(settlement.address),
    decimals: settlement.decimals,
    cash: holdings.map(({ cash }) => cash),
    realQuotes: holdings.flatMap(({ positions }) => positions.map(({ realQuote }) => realQuote)),
    reserve: await clearinghouse.reserve(),
    interestReserve: await vault.interestReserve(),
    deficit: await clearinghouse.deficit(),
    positionWrites,
    indexMoves,
    cashWrites,
    cashIndex: interest.largestIndex,
  });
}

async function custody(market: Market, holdings: readonly Holdings[]): Promise<InvariantResult> {
  const { vault, settlement, collaterals } = market;
  const tokens = [settlement, ...collaterals].map(async (token, i) => ({
    symbol: token.symbol,
    held: await token.contract.balanceOf(vault.target),
    tracked: await vault.trackedOf(token.address),
    ...(i === 0 ? {} : { accounts: holdings.map(({ collateral }) => collateral[i - 1] ?? 0n) }),
  }));
  return checkCustody(await Promise.all(tokens));
}

/** Tries to liquidate everybody, by static calls that change nothing. */
async function tryAll(
  market: Market,
  accounts: readonly string[],
  { liquidators, nameOf }: Witness,
): Promise<LiquidationAttempt[]> {
  // The insurance fund has no key and is never a party, whatever it has.
  const parties = accounts.filter((account) => account !== market.fund);
  const readings = await readMargins(market, parties);
  return Promise.all(
    readings.map(async (reading) => {
      const by = liquidators.find(({ account }) => account !== reading.account);
      if (by === undefined) throw new DemoFailure("Nobody is there to try a liquidation.");
      return {
        account: nameOf(reading.account),
        belowMaintenance: isBelowLine(reading),
        outcome: await tryLiquidation(market, reading.account, by),
      };
    }),
  );
}

async function tryLiquidation(market: Market, account: string, by: Participant): Promise<string> {
  try {
    await market.clearinghouse.liquidate.staticCall(account, by.account, WAD, 2n ** 255n - 1n, {
      from: by.wallet.address,
    });
    return "accepted";
  } catch (error) {
    return market.chain.errorNameOf(error) ?? String(error);
  }
}
