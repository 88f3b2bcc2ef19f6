import { WAD } from "../../sdk/index.js";
import type { Happening, StepRecord } from "./drive.js";
import { count, percent, usd } from "./format.js";
import { CENT, hasEmptiedFund, type LossBorne } from "./losses.js";

/** The run in numbers. */
export interface Tally {
  readonly marginCalls: number;
  readonly liquidations: number;
  readonly bankruptcies: number;
  /** Different accounts that were liquidated. */
  readonly liquidatedAccounts: number;
  /** What winners gave for losses of others [wad]. */
  readonly haircuts: bigint;
  /** What those who have cash gave for them [wad]. */
  readonly lenders: bigint;
  /** What nobody bore, repaid since or not [wad]. */
  readonly unborne: bigint;
  /** How often a loss took all that the insurance fund had. */
  readonly emptied: number;
  /** Different accounts that were closed against others. */
  readonly deleveragedAccounts: number;
  /** What liquidators' discounts add up to [wad]. */
  readonly discounts: bigint;
}

/** Adds up what happened. */
export function tallyOf(records: readonly StepRecord[]): Tally {
  const done = records.flatMap((record) => record.done);
  const taken = done.filter((record) => record.kind === "liquidation");
  const losses = done.flatMap(lossesOf);
  return {
    marginCalls: done.filter(({ kind }) => kind === "marginCall").length,
    liquidations: taken.length,
    bankruptcies: taken.filter(({ event }) => event.equity < 0n).length,
    liquidatedAccounts: new Set(taken.map(({ event }) => event.account)).size,
    haircuts: sum(losses.flatMap(({ haircuts }) => haircuts.map(({ loss }) => loss))),
    lenders: sum(losses.map(({ lenders }) => lenders)),
    unborne: sum(losses.map(({ unborne }) => unborne)),
    emptied: losses.filter(hasEmptiedFund).length,
    deleveragedAccounts: new Set(
      done.flatMap((record) => (record.kind === "deleverage" ? [record.event.bankrupt] : [])),
    ).size,
    discounts: taken.reduce(
      (total, { event }) => total + (event.equity * event.fraction) / WAD - event.payment,
      0n,
    ),
  };
}

function lossesOf(record: Happening): LossBorne[] {
  switch (record.kind) {
    case "liquidation":
    case "deleverage":
    case "writeOff":
      return [record.loss];
    case "marginCall":
    case "sale":
    case "settlement":
    case "flag":
    case "topUp":
    case "reduction":
    case "lateTrade":
      return [];
  }
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** The tally in sentences. */
export function describeTally(
  tally: Tally,
  {
    accounts,
    fund,
    reserve,
  }: { accounts: number; fund: { before: bigint; after: bigint }; reserve: bigint },
): string[] {
  const { marginCalls, liquidations, liquidatedAccounts, bankruptcies, discounts } = tally;
  return [
    `${marginCalls} margin calls and ${liquidations} liquidations of ${liquidatedAccounts} of ${accounts} accounts (${percent(liquidatedAccounts / accounts)}), ${bankruptcies} of them bankrupt.`,
    `Liquidators earned discounts of ${usd(discounts)}. The insurance fund went from ${usd(fund.before)} to ${usd(fund.after)}.`,
    `Fees of ${usd(reserve)} wait to be divided between the fund and the treasury: anyone may do it, and a liquidation that asks the fund does.`,
    describeLosses(tally),
  ];
}

/** Who paid after the insurance fund. */
function describeLosses({
  haircuts,
  lenders,
  unborne,
  emptied,
  deleveragedAccounts,
}: Tally): string {
  if (haircuts + lenders + unborne < CENT) return "No winner had to give anything up.";
  const others = [
    lenders > 0n ? `those who have cash gave ${usd(lenders)}` : "",
    unborne >= CENT ? `${usd(unborne)} was left as a deficit` : "",
  ].filter(Boolean);
  const closed =
    deleveragedAccounts > 0
      ? ` ${count(deleveragedAccounts, "account")} that no liquidator took ${deleveragedAccounts === 1 ? "was" : "were"} closed against the other side.`
      : "";
  return (
    `The fund was emptied ${count(emptied, "time")}: beyond it winners gave up ${usd(haircuts)}${others.map((other) => `, ${other}`).join("")}.` +
    closed
  );
}
