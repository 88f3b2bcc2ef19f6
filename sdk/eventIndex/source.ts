import { bloomBitsOf, mayHold, type BloomBits } from "./bloom.js";
import { CouldNotLook, NotTheNextBlock } from "./errors.js";
import type { ChainBlock, ChainLog } from "./events.js";
import { getLogs, getLogsOf, isQuantity, lookingFrom, type Rpc } from "./rpc.js";
import type { BlockReference } from "./eventIndex.js";

/** Asks a node for one thing: `provider.send` of ethers, or `client.request` of viem in another shape. */
export type { Rpc } from "./rpc.js";

/** Where an index gets its blocks from. Whatever it cannot find out it throws as CouldNotLook, to be tried again. */
export interface BlockSource {
  /** The last block of the chain. */
  head(): Promise<BlockReference>;
  /** A block of the chain as it is now; nothing when it has none of this number. */
  blockAt(number: number): Promise<BlockReference | undefined>;
  /**
   * The blocks of a range, both ends included. Those without logs are left out before `allFrom`, but for the last one.
   *
   * @throws NotTheNextBlock when the chain changed meanwhile.
   */
  blocks(range: BlockRange): Promise<ChainBlock[]>;
}

/** Which blocks are asked for. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
  /** From here on every block is given, with or without logs. */
  readonly allFrom: number;
}

/** What a source looks for. */
export interface RpcSourceOptions {
  readonly rpc: Rpc;
  /** Contracts whose logs are wanted, in lower case. */
  readonly addresses: readonly string[];
  /** First topics of their events. */
  readonly topics: readonly string[];
}

interface Header extends BlockReference {
  readonly bloom: string;
}

/** So many headers are asked for at a time. */
const TOGETHER = 50;

/**
 * Blocks from a node over JSON-RPC, by polling: no subscription is needed, and none can be lost. The last block alone, which
 * `head` has said, takes one round trip more.
 */
export function rpcSource({ addresses, topics, ...options }: RpcSourceOptions): BlockSource {
  const rpc = lookingFrom(options.rpc);
  let lastHead: Header | undefined;
  const [blooms, topicBlooms] = [addresses.map(bloomBitsOf), topics.map(bloomOf)];

  const headerAt = async (number: number | "latest"): Promise<Header | undefined> => {
    const tag = number === "latest" ? number : hex(number);
    const found = headerOf(await rpc("eth_getBlockByNumber", [tag, false]));
    if (found === undefined || number === "latest" || found.number === number) return found;
    throw new CouldNotLook(`The node was asked for block ${number} and gave ${found.number}`);
  };

  const headersOf = async (numbers: readonly number[]): Promise<Header[]> => {
    const headers: Header[] = [];
    for (let i = 0; i < numbers.length; i += TOGETHER) {
      const some = await Promise.all(numbers.slice(i, i + TOGETHER).map(headerAt));
      for (const [place, header] of some.entries()) {
        if (header !== undefined) headers.push(header);
        else throw new NotTheNextBlock(`Block ${numbers[i + place]} is gone`);
      }
    }
    return headers;
  };

  /** A node that leaves logs out is found out where the block's own filter says that there are some. */
  const requireComplete = async (header: Header, logs: readonly ChainLog[]): Promise<void> => {
    const known = new Set(logs.map(({ topics: [first] }) => first));
    if (!blooms.some((bits) => mayHold(header.bloom, bits))) {
      // Some chains fill no filters.
      return;
    }
    const missing = topicBlooms.filter(
      ({ topic, bits }) => !known.has(topic) && mayHold(header.bloom, bits),
    );
    if (missing.length === 0) return;
    const suspected = missing.map(({ topic }) => topic);
    const filter = { address: addresses, topics: [suspected], blockHash: header.hash };
    const found = await rpc("eth_getLogs", [filter]);
    if (!Array.isArray(found)) throw new CouldNotLook("The node gave no list of logs");
    if (found.length > 0) {
      throw new CouldNotLook(`The node left logs of block ${header.number} out of its answer`);
    }
  };

  /**
   * A block whose hash is known: its logs are asked for by it, so they are of no other. That the node has the block is
   * asked at the same time, since one that has not may say that there are no logs.
   */
  const blockOf = async (header: Header): Promise<ChainBlock> => {
    const [found, logs] = await Promise.all([
      headerAt(header.number),
      getLogsOf(rpc, { addresses, topics, ...header }),
    ]);
    if (found?.hash !== header.hash) {
      throw new NotTheNextBlock(`Block ${header.number} changed while it was read`);
    }
    await requireComplete(header, logs);
    return { ...withoutBloom(header), logs };
  };

  return {
    async head() {
      lastHead = await headerAt("latest");
      if (lastHead === undefined) throw new CouldNotLook("The node knows no last block");
      return withoutBloom(lastHead);
    },

    async blockAt(number) {
      const header = await headerAt(number);
      return header && withoutBloom(header);
    },

    async blocks({ allFrom, from, to }) {
      if (from === to && lastHead?.number === to) return [await blockOf(lastHead)];
      const [before] = await headersOf([to]);
      const logs = await getLogs(rpc, { addresses, topics, from, to });
      const numbers = new Set([...logs.keys(), to]);
      for (let number = Math.max(from, allFrom); number <= to; ++number) numbers.add(number);
      const headers = await headersOf([...numbers].sort((a, b) => a - b));
      // A block that had no log when logs were asked for names no hash: only that the last one stayed tells that all did.
      if (before?.hash !== headers.at(-1)?.hash) {
        throw new NotTheNextBlock(`Block ${to} changed while logs were read`);
      }
      return Promise.all(
        headers.map(async (header) => {
          const found = logs.get(header.number) ?? [];
          if (found.some(({ blockHash }) => blockHash !== header.hash)) {
            throw new NotTheNextBlock(`Block ${header.number} changed while it was read`);
          }
          if (header.number >= allFrom) await requireComplete(header, found);
          return { ...withoutBloom(header), logs: found };
        }),
      );
    },
  };
}

function bloomOf(topic: string): { topic: string; bits: BloomBits } {
  return { topic, bits: bloomBitsOf(topic) };
}

function headerOf(answer: unknown): Header | undefined {
  if (answer === null || answer === undefined) return undefined;
  const { hash, logsBloom, number, parentHash, timestamp } = answer as Record<string, unknown>;
  if (
    typeof hash !== "string" ||
    typeof parentHash !== "string" ||
    !isQuantity(number) ||
    !isQuantity(timestamp)
  ) {
    throw new CouldNotLook("The node gave something that is no block");
  }
  const bloom = typeof logsBloom === "string" ? logsBloom : "0x";
  return { hash, parentHash, number: Number(number), time: BigInt(timestamp), bloom };
}

function withoutBloom({ hash, number, parentHash, time }: Header): BlockReference {
  return { hash, number, parentHash, time };
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
