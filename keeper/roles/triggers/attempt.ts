import { Interface } from "ethers";
import { exchangeAbi, explainError, type Explanation, ownerOf } from "../../../sdk/index.js";
import { callAt, type ContractCall } from "../calls.js";
import type { Rpc } from "../../../sdk/index.js";
import type { Match, OpenOrder } from "./decide.js";

const EXCHANGE = new Interface(exchangeAbi);

/** The call that fills a match. */
export function matchData({ fills, taker }: Match): string {
  return EXCHANGE.encodeFunctionData("matchOrders", [
    taker.signed,
    fills.map(({ maker }) => maker.signed),
    fills.map(({ size }) => size),
  ]);
}

/** How many calls may still be made in this look. */
export interface CallBudget {
  left: number;
}

/** How matches are tried. */
export interface AttemptOptions {
  readonly rpc: Rpc;
  readonly exchange: string;
  readonly sender: string;
  readonly block: number;
  /** The most that a match may use where contracts of strangers are asked [gas]. */
  readonly gasOf: (match: Match) => bigint | undefined;
  /** Whether an order's signature is vouched for by a contract. */
  readonly isOfWallet: (entry: OpenOrder) => boolean;
  /** What is tried takes from it; when nothing is left, the match is given up without a reason. */
  readonly budget: CallBudget;
  /** Decides again without some makers; nothing when no match is left. */
  readonly without: (makers: ReadonlySet<string>) => Match | undefined;
}

/** What came of trying a match. */
export interface Attempt {
  /** One that passes; nothing when there is none. */
  readonly match: Match | undefined;
  /** Makers that make it revert. */
  readonly culprits: readonly OpenOrder[];
  /** Why the last one that was tried did not pass. */
  readonly refusal: Explanation | undefined;
}

/** So often a match is decided anew without a maker before it is left for later. */
const MOST_ATTEMPTS = 8;

/**
 * Tries a match by a call, and without the maker that makes it revert, until one passes. The revert names an order or an
 * account; where it names none of the makers', each maker is tried alone.
 */
export async function attemptMatch(first: Match, options: AttemptOptions): Promise<Attempt> {
  const culprits = new Map<string, OpenOrder>();
  let match: Match | undefined = first;
  let refusal: Explanation | undefined;
  for (let i = 0; i < MOST_ATTEMPTS && match !== undefined; ++i) {
    if (options.budget.left === 0) break;
    refusal = await refusalOf(match, options);
    if (refusal === undefined) return { match, culprits: [...culprits.values()], refusal };
    const found = culpritsIn(match, refusal) ?? (await refusedAlone(match, options));
    if (found.length === 0) break;
    for (const culprit of withTheirs(found, match, options)) culprits.set(culprit.hash, culprit);
    match = options.without(new Set(culprits.keys()));
  }
  return { match: undefined, culprits: [...culprits.values()], refusal };
}

/** Why a match would revert; nothing when it passes. */
async function refusalOf(match: Match, options: AttemptOptions): Promise<Explanation | undefined> {
  const { block, budget, exchange, rpc, sender } = options;
  const gas = options.gasOf(match);
  const limit = gas === undefined ? {} : { gas };
  const call: ContractCall = { to: exchange, from: sender, data: matchData(match), ...limit };
  budget.left = Math.max(budget.left - 1, 0);
  const result = await callAt(rpc, call, block);
  return result.isAnswer ? undefined : explainError(result.data);
}

/** The maker that an error names; none when it names the taker, and undefined when it names nobody. */
function culpritsIn({ fills, taker }: Match, { values }: Explanation): OpenOrder[] | undefined {
  const named = Object.values(values).map((value) => String(value).toLowerCase());
  const isNamed = ({ hash, signed }: OpenOrder): boolean =>
    named.includes(hash) || named.includes(signed.order.account);
  const makers = fills.map(({ maker }) => maker).filter(isNamed);
  if (makers.length > 0) return makers;
  return isNamed(taker) ? [] : undefined;
}

/** With a wallet that does not vouch for an order all that it has in a match is left out: one call finds it. */
function withTheirs(
  found: readonly OpenOrder[],
  { fills }: Match,
  { isOfWallet }: AttemptOptions,
): OpenOrder[] {
  const wallets = new Set(
    found.filter(isOfWallet).map(({ signed }) => ownerOf(signed.order.account)),
  );
  const theirs = fills
    .map(({ maker }) => maker)
    .filter(({ signed }) => wallets.has(ownerOf(signed.order.account)));
  return [...found, ...theirs];
}

/**
 * Makers that make it revert by themselves. Where all do, it is for the taker that they do, unless contracts vouch for some:
 * one that burns all gas is named by no error.
 */
async function refusedAlone(match: Match, options: AttemptOptions): Promise<OpenOrder[]> {
  const refused: OpenOrder[] = [];
  for (const fill of match.fills) {
    // With a part of them tried, nobody knows whether it is the taker's fault.
    if (options.budget.left === 0) return [];
    const alone = { ...match, fills: [fill] };
    if ((await refusalOf(alone, options)) !== undefined) refused.push(fill.maker);
  }
  return refused.length === match.fills.length ? refused.filter(options.isOfWallet) : refused;
}
