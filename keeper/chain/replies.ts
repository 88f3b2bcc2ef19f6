import type { JsonRpcPayload } from "ethers";

/** A question of JSON-RPC. */
export type Question = JsonRpcPayload;

/** An error of JSON-RPC. */
interface ReplyError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What a node says to one question. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ReplyError };

/**
 * What a reply is worth. `answer`: it is for the caller, be it an error. `behind`: the node does not have the block.
 * `failed`: it could not look. Of the last two nothing follows about what was asked.
 */
export type Verdict = "answer" | "behind" | "failed";

/** Contracts' refusals and what ends a call in the EVM: an answer, whatever words it holds. */
const EXECUTION =
  /revert|out of gas|invalid opcode|vm exception|stack (?:over|under)flow|insufficient|intrinsic gas|nonce|underpriced|already known|known transaction/i;
/** EIP-1474: no such resource; Besu: unknown block. */
const BEHIND_CODES = [-32_001, -39_001];
const BEHIND =
  /header not found|unknown block|block(?: \S+)? (?:is )?not (?:found|available)|cannot be found|could not be found|invalid block tag|beyond (?:the )?current head|missing trie node|state (?:is )?(?:not available|unavailable)/i;
/** EIP-1474: resource unavailable; the node's own error; what some send beside the HTTP status. */
const FAILED_CODES = [-32_002, -32_603, 429];
const FAILED =
  /too many requests|rate.?limit|request limit|throttl|capacity|quota|try again|timed? ?out|overload|temporar|unavailable|unauthori[sz]ed|api key/i;
/** EIP-1474: a limit was exceeded, either of requests or of logs in one answer. */
const LIMIT = -32_005;

/** What a reply to this method is worth. */
export function verdictOf(method: string, reply: Reply): Verdict {
  if (!("error" in reply)) return "answer";
  const { code, data, message } = reply.error;
  if (code === 3 || isRevertData(data) || EXECUTION.test(message)) return "answer";
  if (BEHIND_CODES.includes(code) || BEHIND.test(message)) return "behind";
  if (FAILED_CODES.includes(code) || FAILED.test(message)) return "failed";
  // Whoever asks for logs asks for fewer at a time when there are too many.
  if (code === LIMIT) return method === "eth_getLogs" ? "answer" : "failed";
  return "answer";
}

function isRevertData(data: unknown): boolean {
  if (typeof data === "string") return /^0x[0-9a-f]*$/i.test(data);
  if (typeof data !== "object" || data === null) return false;
  return isRevertData((data as { data?: unknown }).data);
}

/**
 * The replies to these questions, by their order.
 *
 * @returns What is wrong with them instead, when they are not just that.
 */
export function repliesTo(questions: readonly Question[], body: unknown): Reply[] | string {
  const replies: unknown[] = Array.isArray(body) ? body : [body];
  if (replies.length !== questions.length) {
    return `gave ${replies.length} answers to ${questions.length} questions`;
  }
  const byId = new Map<unknown, unknown>(
    replies.map((reply) => [(reply as { id?: unknown } | null)?.id, reply]),
  );
  const ordered: Reply[] = [];
  for (const { id, method } of questions) {
    const reply = byId.get(id);
    if (!isReply(reply)) return `gave no answer to ${method}`;
    ordered.push(reply);
  }
  return ordered;
}

/** The one error with which nodes answer a batch that they do not take, be it for its size or for something else. */
export function batchErrorOf(questions: readonly Question[], body: unknown): Reply | undefined {
  if (questions.length === 1 || Array.isArray(body) || !isReply(body)) return undefined;
  return "error" in body ? body : undefined;
}

function isReply(reply: unknown): reply is Reply {
  if (typeof reply !== "object" || reply === null) return false;
  if ("result" in reply) return reply.result !== undefined;
  if (!("error" in reply)) return false;
  const { code, message } = (reply.error ?? {}) as Record<string, unknown>;
  return typeof code === "number" && typeof message === "string";
}
