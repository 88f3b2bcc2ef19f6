import { keccak256 } from "ethers";

/** One question of JSON-RPC as it comes over the wire. */
export interface WireQuestion {
  readonly id: unknown;
  readonly method: string;
  readonly params?: unknown[];
}

/** What a node says to it. */
export interface WireReply {
  readonly jsonrpc: "2.0";
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** Asks the true node. */
export type AskUpstream = (question: WireQuestion) => Promise<WireReply>;

/** Where each method takes its block. */
const BLOCK_PARAMETER: Readonly<Record<string, number>> = {
  eth_getBlockByNumber: 0,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_call: 1,
  eth_estimateGas: 1,
  eth_getStorageAt: 2,
};

/** Answers as a node does that has not come further than this block. */
export async function answerAsOf(
  head: number,
  question: WireQuestion,
  ask: AskUpstream,
): Promise<WireReply> {
  const { id, method, params = [] } = question;
  const reply = (result: unknown): WireReply => ({ jsonrpc: "2.0", id, result });
  if (method === "eth_blockNumber") return reply(hex(head));
  if (method === "eth_getLogs") return answerLogsAsOf(head, question, ask);
  if (method === "eth_getTransactionReceipt" || method === "eth_getTransactionByHash") {
    const answer = await ask(question);
    const { blockNumber } = (answer.result ?? {}) as { blockNumber?: string };
    return Number(blockNumber ?? 0) > head ? reply(null) : answer;
  }
  const place = BLOCK_PARAMETER[method];
  if (place === undefined) return ask(question);
  const tag = params[place] ?? "latest";
  if (tag === "latest" || tag === "pending") {
    return ask({ ...question, params: params.with(place, hex(head)) });
  }
  if (typeof tag !== "string" || !(Number(tag) > head)) return ask(question);
  if (method === "eth_getBlockByNumber") return reply(null);
  return { jsonrpc: "2.0", id, error: { code: -32_000, message: "header not found" } };
}

/** Blocks that it does not have yet have no logs: so say the worst of nodes. */
async function answerLogsAsOf(
  head: number,
  question: WireQuestion,
  ask: AskUpstream,
): Promise<WireReply> {
  const [filter] = (question.params ?? []) as [Record<string, unknown>];
  if ("blockHash" in filter) return ask(question);
  const numberOf = (tag: unknown): number =>
    typeof tag === "string" && tag.startsWith("0x") ? Number(tag) : head;
  const [from, to] = [numberOf(filter.fromBlock), Math.min(numberOf(filter.toBlock), head)];
  if (from > to) return { jsonrpc: "2.0", id: question.id, result: [] };
  return ask({ ...question, params: [{ ...filter, fromBlock: hex(from), toBlock: hex(to) }] });
}

/** The same block on another fork: all that lies above this one has other hashes. */
export function onOtherFork(from: number, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => onOtherFork(from, one));
  if (typeof value !== "object" || value === null) return value;
  const block = value as Record<string, unknown>;
  const changed: Record<string, unknown> = { ...block };
  const number = Number(block.number ?? block.blockNumber ?? 0);
  if (typeof block.parentHash === "string") {
    if (number > from) changed.hash = otherHash(block.hash);
    if (number - 1 > from) changed.parentHash = otherHash(block.parentHash);
  } else if (typeof block.blockHash === "string" && number > from) {
    changed.blockHash = otherHash(block.blockHash);
  }
  return changed;
}

function otherHash(hash: unknown): string {
  return keccak256(String(hash));
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
