import type { Found } from "./decide.js";
import type { DispatcherOptions } from "./options.js";
import { simulate } from "./simulate.js";
import type { Transaction } from "./transaction.js";

/** Whether what waits would still pass on the state after a block. What nobody could tell is no reason to give up. */
export async function simulateAgain(
  { chain, errorContext: context = {} }: Pick<DispatcherOptions, "chain" | "errorContext">,
  { written, newest }: Transaction,
  block: number,
): Promise<Found["simulation"]> {
  const { proposal, wallet: from } = written;
  if (proposal === undefined) return "passes";
  const { to, data } = proposal;
  const asked = { to, data, gasLimit: newest.gasLimit };
  const { kind } = await simulate(chain.rpc, { proposal: asked, from, context, block });
  return kind === "refused" ? "refused" : "passes";
}
