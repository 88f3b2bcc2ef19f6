import { id, Interface } from "ethers";
import {
  ABIS,
  INDEXED_ABIS,
  accountId,
  type AccountId,
  type ChainBlock,
  type ChainLog,
  EventIndex,
  type EventIndexOptions,
  perpetual,
  saveCheckpoint,
  WAD,
} from "../../sdk/index.js";
import { randomFrom } from "../fixtures/random.js";

const addressOf = (last: string): string => `0x${last.padStart(40, "0")}`;

/** An index of contracts that nobody has deployed. */
export const WRITTEN_INDEX: EventIndexOptions = {
  abis: INDEXED_ABIS,
  deployment: {
    contracts: {
      vault: addressOf("aa"),
      clearinghouse: addressOf("bb"),
      exchange: addressOf("cc"),
      rules: addressOf("dd"),
      oracle: addressOf("ee"),
      volatilityOracle: addressOf("ff"),
    },
    settlementToken: addressOf("11"),
    settlementDecimals: 6,
    firstBlock: 0,
  },
  keptBlocks: 8,
};

const CLEARINGHOUSE = Interface.from(ABIS.Clearinghouse);

/** A chain without contracts: what a clearinghouse would say of trades, flags and fees, drawn from a seed. */
export class WrittenChain {
  /** Those that the chain has now. */
  readonly blocks: ChainBlock[] = [];
  private readonly dice;
  /** Also those that the chain has lost, by their hashes. */
  private readonly all = new Map<string, ChainBlock>();

  constructor(seed: number) {
    this.dice = randomFrom(seed);
  }

  /** Adds a block in which every one of these accounts trades, and gives it to the index. */
  openPositions(index: EventIndex, accounts: number): void {
    const pairs = Array.from({ length: accounts / 2 }, (_, i) => i);
    this.add(
      index,
      pairs.flatMap((pair) => this.trade(pair)),
    );
  }

  /** Adds a block with some news of any of the accounts, and gives it to the index. */
  grow(index: EventIndex, { accounts, news = 10 }: { accounts: number; news?: number }): void {
    const pair = (): number => Math.floor((this.dice.next() * accounts) / 2);
    const trades = Array.from({ length: news }, () => this.trade(pair())).flat();
    const [flagged] = [...index.state.flags.keys()];
    const removed = flagged === undefined ? [] : [spoken("FlagRemoved", [flagged, 0])];
    const flags = [pair(), pair()].map((one) => spoken("Flagged", [accountAt(2 * one), -1]));
    const { reserve } = index.state.singles.books;
    const fees = spoken("FeesReserved", [3, reserve + 3n]);
    this.add(index, [...trades, ...removed, ...flags, fees]);
  }

  /** The chain loses its last block. */
  takeBack(index: EventIndex): void {
    this.blocks.pop();
    index.takeBack();
  }

  /** An index that was given a block, which the chain may have lost, and all before it. */
  indexAt(hash: string): EventIndex {
    const path: ChainBlock[] = [];
    for (let block = this.all.get(hash); block; block = this.all.get(block.parentHash)) {
      path.unshift(block);
    }
    const index = new EventIndex(WRITTEN_INDEX);
    for (const block of path) index.apply(block);
    return index;
  }

  private trade(pair: number): ChainLog[] {
    const size = this.dice.between(-50n, 50n) * WAD;
    const instrument = perpetual(1 + (pair % 3));
    return [size, -size].map((held, side) =>
      spoken("PositionChanged", [accountAt(2 * pair + side), instrument, held, -held * 2_000n]),
    );
  }

  private add(index: EventIndex, logs: readonly ChainLog[]): void {
    const last = this.blocks.at(-1);
    const number = (last?.number ?? 0) + 1;
    const block: ChainBlock = {
      number,
      hash: id(`block ${this.all.size}`),
      parentHash: last?.hash ?? id("no block"),
      time: 1_700_000_000n + BigInt(number),
      logs: logs.map((log, logIndex) => ({ ...log, logIndex })),
    };
    index.apply(block);
    this.blocks.push(block);
    this.all.set(block.hash, block);
  }
}

/** Everything that an index knows and can take back, whatever the order in which it came to know it. */
export function everythingIn(index: EventIndex): string[] {
  return [...saveCheckpoint(index)].sort();
}

function accountAt(place: number): AccountId {
  return accountId(addressOf((place + 1).toString(16)), 0);
}

function spoken(name: string, args: readonly unknown[]): ChainLog {
  const { data, topics } = CLEARINGHOUSE.encodeEventLog(name, args);
  return { address: WRITTEN_INDEX.deployment.contracts.clearinghouse, data, logIndex: 0, topics };
}
