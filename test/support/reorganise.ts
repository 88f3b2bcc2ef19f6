import { randomBytes } from "node:crypto";
import { hexlify, type JsonRpcApiProvider, Transaction } from "ethers";

/** How blocks are replaced. */
interface ReorganiseOptions {
  /** So many of the last blocks at least: as many as there are after the next older mark. */
  readonly depth: number;
  /** Whether the transactions of the replaced blocks come again, each in a block of its own; else they are lost. */
  readonly again?: boolean;
  /** By how much the new chain is longer than the old one; 1 if nothing is said, negative for a shorter one. */
  readonly longer?: number;
}

/** Replaces blocks of a Hardhat node that mines each transaction at once. */
export interface Reorganiser {
  /** The chain can be taken back to its last block from now on. */
  mark(): Promise<void>;
  /**
   * Replaces the last blocks by others.
   *
   * @returns The first block that was replaced, and the last one of the new chain.
   */
  reorganise(options: ReorganiseOptions): Promise<{ from: number; to: number }>;
}

/** So many marks are kept. */
const MOST_MARKS = 64;

/** Makes marks, and takes the chain back to them. Marks are the node's snapshots: each serves once. */
export function createReorganiser(provider: JsonRpcApiProvider): Reorganiser {
  const marks: { id: string; number: number }[] = [];

  const head = async (): Promise<number> => Number(await provider.send("eth_blockNumber", []));

  const mark = async (): Promise<void> => {
    const number = await head();
    const id = (await provider.send("evm_snapshot", [])) as string;
    // A block that came between the two would make the mark lie.
    if ((await head()) !== number) return mark();
    marks.push({ id, number });
    if (marks.length > MOST_MARKS) marks.shift();
  };

  const transactionsAfter = async (number: number, last: number): Promise<string[]> => {
    const raw: string[] = [];
    for (let at = number + 1; at <= last; ++at) {
      const block = await provider.getBlock(at, true);
      for (const one of block?.prefetchedTransactions ?? []) {
        raw.push(Transaction.from(one).serialized);
      }
    }
    return raw;
  };

  return {
    mark,

    async reorganise({ again = false, depth, longer = 1 }) {
      const last = await head();
      const place = marks.findLastIndex(({ number }) => number <= last - depth);
      const target = marks[place];
      if (target === undefined) throw new Error(`No mark is ${depth} blocks old: make more marks`);
      const raw = again ? await transactionsAfter(target.number, last) : [];
      if ((await provider.send("evm_revert", [target.id])) !== true) {
        throw new Error("The node does not take the chain back");
      }
      marks.length = place;
      await mark();
      // Even a block without transactions is another one then.
      await provider.send("hardhat_setPrevRandao", [hexlify(randomBytes(32))]);
      for (const one of raw) {
        // What stood on something that is gone fails now, as it does on a chain.
        await provider.send("eth_sendRawTransaction", [one]).catch(() => undefined);
      }
      const missing = last + longer - (await head());
      if (missing > 0) await provider.send("hardhat_mine", [`0x${missing.toString(16)}`]);
      return { from: target.number + 1, to: await head() };
    },
  };
}
