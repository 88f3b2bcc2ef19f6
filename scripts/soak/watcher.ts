import { Clearinghouse__factory, Lens__factory } from "../../typechain-types/index.js";
import { type AccountId, decodeBitmap } from "../../sdk/index.js";
import type { Market } from "../demo/market.js";
import type { JudgedBlock } from "./judge.js";

/** What is watched. */
export interface WatchedChain {
  readonly market: Market;
  readonly accounts: readonly AccountId[];
  /** The keepers' wallets. */
  readonly wallets: readonly string[];
}

/** A page of this many accounts is asked for at a time. */
const PAGE = 250;

/** Looks at the chain itself, past every fault: what the judge is told of a block. */
export async function watchBlock(
  { accounts, market, wallets }: WatchedChain,
  number: number,
): Promise<Omit<JudgedBlock, "isKept">> {
  const [below, liquidated, reverted] = await Promise.all([
    accountsBelow(market, accounts, number),
    liquidatedIn(market, number),
    revertedIn(market, wallets, number),
  ]);
  return { number, below, liquidated, reverted };
}

/** Accounts that anyone may liquidate at the end of a block, by the contracts' own word. */
export async function accountsBelow(
  { chain, deployment }: Market,
  accounts: readonly AccountId[],
  number: number,
): Promise<AccountId[]> {
  const lens = Lens__factory.connect(deployment.contracts.Lens, chain.provider);
  const below: AccountId[] = [];
  for (let from = 0; from < accounts.length; from += PAGE) {
    const page = accounts.slice(from, from + PAGE);
    const bits = decodeBitmap(await lens.liquidatable(page, { blockTag: number }), page.length);
    below.push(...page.filter((_, i) => bits[i]));
  }
  return below;
}

async function liquidatedIn({ clearinghouse }: Market, number: number): Promise<AccountId[]> {
  const events = await clearinghouse.queryFilter(
    clearinghouse.filters.Liquidated(),
    number,
    number,
  );
  return events.map(({ args }) => args.account as AccountId);
}

/** The accounts that keepers wanted to liquidate in a block, in vain. */
async function revertedIn(
  { chain, clearinghouse }: Market,
  wallets: readonly string[],
  number: number,
): Promise<AccountId[]> {
  const { provider } = chain;
  const block = await provider.getBlock(number, true);
  const accounts: AccountId[] = [];
  for (const { data, from, hash, to } of block?.prefetchedTransactions ?? []) {
    if (to !== (await clearinghouse.getAddress()) || !wallets.includes(from)) continue;
    const receipt = await provider.getTransactionReceipt(hash);
    if (receipt?.status !== 0) continue;
    const call = Clearinghouse__factory.createInterface().parseTransaction({ data });
    if (call?.name === "liquidate") accounts.push(call.args[0] as AccountId);
  }
  return accounts;
}
