import { messageOf } from "../messageOf.js";
import { CouldNotLook, revertDataOf, type Rpc } from "../../sdk/index.js";

/** A question to a contract. */
export interface ContractCall {
  readonly to: string;
  readonly data: string;
  /** Who asks; nobody in particular if nothing is said. */
  readonly from?: string;
  /** The most that it may use: for calls that reach contracts of strangers, which may burn what they get [gas]. */
  readonly gas?: bigint;
}

/** What came back: an answer, or the revert's data, "0x" when it said nothing. */
export interface CallResult {
  readonly isAnswer: boolean;
  readonly data: string;
}

/**
 * Asks a contract as of a block. A contract that refuses has answered. So has one that uses up a limit of gas: nodes say that
 * without revert data, in words of their own; that it happens twice, while the node answers another question, tells.
 *
 * @throws CouldNotLook when the node did not answer.
 */
export async function callAt(rpc: Rpc, call: ContractCall, block: number): Promise<CallResult> {
  const { gas, ...rest } = call;
  const asked = gas === undefined ? rest : { ...rest, gas: quantityOf(gas) };
  const first = await attempt(rpc, [asked, quantityOf(block)]);
  if (!("failure" in first)) return first;
  if (gas === undefined) throw notAnswered("eth_call", first.failure);
  await requireAnswering(rpc, block);
  const second = await attempt(rpc, [asked, quantityOf(block)]);
  return "failure" in second ? { isAnswer: false, data: "0x" } : second;
}

/** A number as nodes read it. */
export function quantityOf(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

async function attempt(rpc: Rpc, params: unknown[]): Promise<CallResult | { failure: unknown }> {
  try {
    const data = await rpc("eth_call", params);
    return typeof data === "string" ? { isAnswer: true, data } : { failure: "it gave no bytes" };
  } catch (failure) {
    const data = revertDataOf(failure);
    return data === undefined ? { failure } : { isAnswer: false, data };
  }
}

async function requireAnswering(rpc: Rpc, block: number): Promise<void> {
  let found: unknown;
  try {
    found = await rpc("eth_getBlockByNumber", [quantityOf(block), false]);
  } catch (cause) {
    throw notAnswered("eth_getBlockByNumber", cause);
  }
  if (found === null || found === undefined) {
    throw new CouldNotLook(`The node does not have block ${block}`);
  }
}

function notAnswered(method: string, cause: unknown): CouldNotLook {
  const said = messageOf(cause);
  return new CouldNotLook(`The node did not answer ${method}: ${said}`, { cause });
}
