import type { AccountId, IndexState, InstrumentId, StoredAccount } from "../../../sdk/index.js";
import { bySize, type Counterparty } from "./decide.js";

/** Which side of which instrument is looked for. */
export interface Side {
  readonly instrument: InstrumentId;
  readonly isLong: boolean;
}

/** So many of each side are kept: more than are closed in the blocks of one walk. */
const MOST_OF_SIDE = 256;
/** A walk is good for so many blocks: the order of the largest changes slowly, their sizes are always those of now. */
const GOOD_BLOCKS = 64;
/** After so many accounts of a walk others have their turn: in a crash, liquidations come first. */
const ACCOUNTS_OF_TURN = 2_000;

/** The name of a side. */
export function sideKey({ instrument, isLong }: Side): string {
  return `${isLong ? "long" : "short"} ${instrument}`;
}

interface Found {
  readonly accounts: readonly AccountId[];
  readonly block: number;
}

/** The largest holders of sides that are closed against, found by a walk over all accounts now and then. */
export class Counterparties {
  readonly #found = new Map<string, Found>();

  /**
   * The largest holders of each side with what they hold now, largest first.
   *
   * @param accounts Of the index.
   * @param block Its number.
   */
  async of(
    accounts: IndexState["accounts"],
    sides: readonly Side[],
    block: number,
  ): Promise<ReadonlyMap<string, readonly Counterparty[]>> {
    const held = (side: Side) => this.#holdersNow(accounts, side);
    const missing = sides.filter((side) => this.#isOld(side, block) || held(side).length === 0);
    if (missing.length > 0) {
      for (const [key, holders] of await largestOf(accounts, missing)) {
        this.#found.set(key, { accounts: holders.map(({ account }) => account), block });
      }
    }
    return new Map(sides.map((side) => [sideKey(side), held(side)]));
  }

  #isOld(side: Side, block: number): boolean {
    const found = this.#found.get(sideKey(side));
    return found === undefined || block < found.block || block - found.block >= GOOD_BLOCKS;
  }

  #holdersNow(accounts: IndexState["accounts"], side: Side): Counterparty[] {
    const known = this.#found.get(sideKey(side))?.accounts ?? [];
    return known
      .map((account) => ({ account, size: sizeOn(accounts.get(account), side) }))
      .filter(({ size }) => size !== 0n)
      .sort(bySize);
  }
}

/** The largest holders of some sides, in one walk over all accounts that lets others have their turn. */
async function largestOf(
  accounts: IndexState["accounts"],
  sides: readonly Side[],
): Promise<ReadonlyMap<string, readonly Counterparty[]>> {
  const found = new Map<string, Counterparty[]>(sides.map((side) => [sideKey(side), []]));
  const wanted = new Set(sides.map(({ instrument }) => instrument));
  let walked = 0;
  for (const [account, { positions }] of accounts) {
    if (++walked % ACCOUNTS_OF_TURN === 0) await new Promise(setImmediate);
    for (const { instrument, size } of positions) {
      if (!wanted.has(instrument)) continue;
      const holders = found.get(sideKey({ instrument, isLong: size > 0n }));
      if (holders !== undefined) keep(holders, { account, size });
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

function sizeOn(stored: StoredAccount | undefined, { instrument, isLong }: Side): bigint {
  const size = stored?.positions.find((held) => held.instrument === instrument)?.size ?? 0n;
  return size > 0n === isLong ? size : 0n;
}
