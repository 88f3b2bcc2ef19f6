import type { InstrumentId, Tables } from "../../../sdk/index.js";
import { bySize, type Counterparty } from "./decide.js";

/** Which side of which instrument is looked for. */
export interface Side {
  readonly instrument: InstrumentId;
  readonly isLong: boolean;
}

/** So many of each side are kept: more than are closed in a block. */
const MOST_OF_SIDE = 64;

/** The name of a side. */
export function sideKey({ instrument, isLong }: Side): string {
  return `${isLong ? "long" : "short"} ${instrument}`;
}

/** The largest holders of some sides, in one walk over all accounts. */
export function largestOf(
  accounts: Tables["accounts"],
  sides: readonly Side[],
): ReadonlyMap<string, readonly Counterparty[]> {
  const found = new Map<string, Counterparty[]>(sides.map((side) => [sideKey(side), []]));
  const wanted = new Set(sides.map(({ instrument }) => instrument));
  for (const [account, { positions }] of accounts) {
    for (const { instrument, size } of positions) {
      if (!wanted.has(instrument)) continue;
      const holders = found.get(sideKey({ instrument, isLong: size > 0n }));
      if (holders !== undefined) keep(holders, { account: account, size });
    }
  }
  for (const holders of found.values()) holders.sort(bySize).splice(MOST_OF_SIDE);
  return found;
}

/** Sorting now and then is enough: what is beyond the bound is never among the largest. */
function keep(holders: Counterparty[], holder: Counterparty): void {
  holders.push(holder);
  if (holders.length >= 8 * MOST_OF_SIDE) holders.sort(bySize).splice(MOST_OF_SIDE);
}
