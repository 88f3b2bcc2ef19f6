import { CouldNotLook, refusalOf, type Rpc } from "../../sdk/index.js";
import { messageOf } from "../messageOf.js";

/** What a view answers: what it returns, or what it reverts with. */
export type ViewAnswer =
  | { readonly returned: string; readonly refusal?: never }
  | { readonly refusal: string; readonly returned?: never };

/** A call of a view. */
export interface ViewCall {
  readonly to: string;
  readonly data: string;
  /** The hash of the block as of which it is asked: the answer is of no other block of this number. */
  readonly blockHash: string;
  /** Who seems to ask; nobody if nothing is said. */
  readonly from?: string;
}

/**
 * Asks a contract. A revert with a reason is an answer.
 *
 * @throws CouldNotLook when there is none.
 */
export async function callView(rpc: Rpc, { blockHash, ...call }: ViewCall): Promise<ViewAnswer> {
  const { to } = call;
  let returned: unknown;
  try {
    returned = await rpc("eth_call", [call, { blockHash }]);
  } catch (cause) {
    const refusal = refusalOf(cause);
    if (refusal !== undefined) return { refusal };
    throw new CouldNotLook(`A call of ${to} was not answered: ${messageOf(cause)}`, { cause });
  }
  if (typeof returned !== "string" || returned.length <= 2) {
    throw new CouldNotLook(`A call of ${to} was answered with nothing: is there a contract?`);
  }
  return { returned };
}
