import {
  CouldNotLook,
  type ErrorContext,
  explainError,
  type Explanation,
  type Rpc,
} from "../../sdk/index.js";
import type { Proposal } from "../roles/role.js";
import { quantity } from "./surroundings.js";
import { messageOf } from "../messageOf.js";

/** What a call would do. */
export type Simulated =
  | { readonly kind: "passes"; /** [gas] */ readonly gasLimit: bigint }
  | { readonly kind: "refused"; readonly explanation: Explanation }
  /** No node could say. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What the state may have changed by until the call is in a block, on top of the estimate [%]. */
const ROOM = 25n;

/** More gas than this no transaction may have (EIP-7825), but where an estimate says that more is needed. */
const MOST_GAS = 2n ** 24n;

/**
 * Tries a call on the state after a block, the one that it was decided on: a node that is behind it has no answer, rather than
 * that of a state that is long over. With the call's own limit of gas, or with what is probably enough, or else by an estimate.
 */
export async function simulate(
  rpc: Rpc,
  { proposal, from, context, block }: SimulateOptions & { readonly block: number },
): Promise<Simulated> {
  const at = `0x${block.toString(16)}`;
  const { to, data, gasLimit, roomyGas } = proposal;
  const callWith = (gas: bigint): Promise<unknown> =>
    rpc("eth_call", [{ from, to, data, gas: `0x${gas.toString(16)}` }, at]);
  try {
    if (gasLimit !== undefined) {
      await callWith(gasLimit);
      return { kind: "passes", gasLimit };
    }
    if (roomyGas !== undefined) {
      // Why it does not pass, be it for want of gas, the estimate says.
      const passes = callWith((roomyGas * 100n) / (100n + ROOM)).then(() => true);
      if (await passes.catch(falseUnlessSilence)) return { kind: "passes", gasLimit: roomyGas };
    }
    const estimate = quantity(await rpc("eth_estimateGas", [{ from, to, data }, at]));
    const roomy = (estimate * (100n + ROOM)) / 100n;
    const most = estimate > MOST_GAS ? estimate : MOST_GAS;
    return { kind: "passes", gasLimit: roomy < most ? roomy : most };
  } catch (error) {
    const explanation = explainError(error, context);
    if (isRevert(error, explanation)) return { kind: "refused", explanation };
    return { kind: "unknown", reason: messageOf(error) };
  }
}

/** What is tried, and by whom. */
export interface SimulateOptions {
  readonly proposal: Pick<Proposal, "to" | "data" | "gasLimit"> & {
    readonly roomyGas?: bigint | undefined;
  };
  readonly from: string;
  readonly context: ErrorContext;
}

/** Why a transaction reverted in a block: the same call on the state before it mostly says it. */
export async function explainRevert(
  rpc: Rpc,
  { proposal, from, context, block }: SimulateOptions & { readonly block: number },
): Promise<Explanation | undefined> {
  const { to, data } = proposal;
  try {
    await rpc("eth_call", [{ from, to, data }, `0x${Math.max(block - 1, 0).toString(16)}`]);
    return undefined;
  } catch (error) {
    const explanation = explainError(error, context);
    return isRevert(error, explanation) ? explanation : undefined;
  }
}

/**
 * False for whatever else went wrong.
 *
 * @throws CouldNotLook when no node answered.
 */
function falseUnlessSilence(error: unknown): false {
  if (error instanceof CouldNotLook) throw error;
  return false;
}

/** That a node did not answer is no refusal. Nodes say "execution reverted" in the message or by code 3. */
function isRevert(error: unknown, { data }: Explanation): boolean {
  if (error instanceof CouldNotLook) return false;
  if (data !== undefined) return true;
  const seen = new Set<unknown>();
  let queue: unknown[] = [error];
  while (queue.length > 0) {
    const inner: unknown[] = [];
    for (const one of queue) {
      if (typeof one !== "object" || one === null || seen.has(one)) continue;
      seen.add(one);
      const { code, message, error: nested, info, cause } = one as Record<string, unknown>;
      if (code === 3 || code === "CALL_EXCEPTION") return true;
      if (typeof message === "string" && REVERTED.test(message)) return true;
      inner.push(nested, info, cause);
    }
    queue = inner;
  }
  return false;
}

/** What an execution that ended badly is called. */
const REVERTED =
  /\breverted\b|execution (?:reverted|failed|error)|out of gas|invalid opcode|gas required exceeds|stack (?:underflow|overflow)/i;
