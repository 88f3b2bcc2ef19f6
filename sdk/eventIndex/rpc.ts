import { CouldNotLook } from "./errors.js";
import type { ChainLog } from "./events.js";

/** Asks a node for one thing by its JSON-RPC method. */
export type Rpc = (method: string, params: unknown[]) => Promise<unknown>;

/** A log with its block. */
export interface PlacedLog extends ChainLog {
  readonly blockHash: string;
}

/** Which logs are asked for: both ends are included. */
export interface LogQuery {
  readonly addresses: readonly string[];
  readonly topics: readonly string[];
  readonly from: number;
  readonly to: number;
}

/** The logs of which block are asked for. */
export interface BlockLogQuery extends Pick<LogQuery, "addresses" | "topics"> {
  readonly hash: string;
  readonly number: number;
}

/** A question that was given up says so in one way, whoever asked it. */
export function lookingFrom(rpc: Rpc): Rpc {
  return async (method, params) => {
    try {
      return await rpc(method, params);
    } catch (cause) {
      throw new CouldNotLook(`The node did not answer ${method}: ${messageOf(cause)}`, { cause });
    }
  };
}

/**
 * All logs of a range by their block, each block's in order. A range that the node refuses, be it for too many blocks or for
 * too many logs, is asked for in halves; only when it refuses a single block is there an error.
 */
export async function getLogs(rpc: Rpc, query: LogQuery): Promise<Map<number, PlacedLog[]>> {
  const { addresses, from, to, topics } = query;
  const filter = { address: addresses, topics: [topics], fromBlock: hex(from), toBlock: hex(to) };
  let answer: unknown;
  try {
    answer = await rpc("eth_getLogs", [filter]);
  } catch (error) {
    if (from >= to) throw error;
    const middle = Math.floor((from + to) / 2);
    const first = await getLogs(rpc, { ...query, to: middle });
    const second = await getLogs(rpc, { ...query, from: middle + 1 });
    for (const [number, logs] of second) first.set(number, logs);
    return first;
  }
  return byBlock(answer, query);
}

/** The logs of one block by its hash, in order. */
export async function getLogsOf(
  rpc: Rpc,
  { addresses, hash, number, topics }: BlockLogQuery,
): Promise<PlacedLog[]> {
  const answer = await rpc("eth_getLogs", [
    { address: addresses, topics: [topics], blockHash: hash },
  ]);
  const logs = byBlock(answer, { from: number, to: number }).get(number) ?? [];
  if (logs.some(({ blockHash }) => blockHash !== hash)) {
    throw new CouldNotLook(`The node gave a log of another block than ${hash}`);
  }
  return logs;
}

function byBlock(
  answer: unknown,
  { from, to }: Pick<LogQuery, "from" | "to">,
): Map<number, PlacedLog[]> {
  if (!Array.isArray(answer)) throw new CouldNotLook("The node gave no list of logs");
  const blocks = new Map<number, PlacedLog[]>();
  for (const raw of answer as unknown[]) {
    if (!isLog(raw)) throw new CouldNotLook("The node gave something that is no log");
    const { address, blockHash, data, removed, topics } = raw;
    const number = Number(raw.blockNumber);
    if (removed === true || number < from || number > to) {
      throw new CouldNotLook(`The node gave a log that was not asked for, of block ${number}`);
    }
    const log = { address, blockHash, data, topics, logIndex: Number(raw.logIndex) };
    const others = blocks.get(number);
    if (others === undefined) blocks.set(number, [log]);
    else others.push(log);
  }
  for (const logs of blocks.values()) {
    logs.sort((a, b) => a.logIndex - b.logIndex);
    if (logs.some((log, i) => i > 0 && log.logIndex === logs[i - 1]?.logIndex)) {
      throw new CouldNotLook("The node gave a log twice");
    }
  }
  return blocks;
}

interface RawLog extends Omit<PlacedLog, "logIndex"> {
  readonly blockNumber: string;
  readonly logIndex: string;
  readonly removed?: unknown;
}

function isLog(raw: unknown): raw is RawLog {
  if (typeof raw !== "object" || raw === null) return false;
  const { address, blockHash, blockNumber, data, logIndex, topics } = raw as Record<
    string,
    unknown
  >;
  return (
    [address, blockHash, data].every((text) => typeof text === "string") &&
    [blockNumber, logIndex].every(isQuantity) &&
    Array.isArray(topics) &&
    topics.every((topic) => typeof topic === "string")
  );
}

/** Whether something is a number as nodes write them: of a block that waits, for one, there is none. */
export function isQuantity(value: unknown): value is string {
  return typeof value === "string" && /^0x[0-9a-f]+$/i.test(value);
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
