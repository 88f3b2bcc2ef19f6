import type { DeploymentRecord } from "../../sdk/index.js";
import type { ChainNode, Identity } from "./node.js";
import { headOf } from "./pool.js";

/** What tells a deployment's chain from every other. */
export type DeployedAt = Pick<DeploymentRecord, "chainId" | "block">;

/**
 * Asks a node which chain it is on: the chain's id, and the hash of a block that has the deployment.
 *
 * @throws NodeFailure when it does not answer.
 */
export async function identify(
  node: ChainNode,
  deployment: DeployedAt,
  timeout: number,
): Promise<Identity> {
  const [chainId, block] = await Promise.all([
    node.request("eth_chainId", [], timeout),
    node.request("eth_getBlockByNumber", blockParams(deployment), timeout),
  ]);
  return identityOf(deployment, chainId, block);
}

/** How the deployment's block is asked for. */
export function blockParams({ block }: DeployedAt): unknown[] {
  return [`0x${block.number.toString(16)}`, false];
}

/** What follows from what a node said. */
export function identityOf(deployment: DeployedAt, chainId: unknown, block: unknown): Identity {
  const { number, hash } = deployment.block;
  if (Number(chainId) !== deployment.chainId) {
    const problem =
      `It is on chain ${String(chainId)} instead of ${deployment.chainId}: ` +
      "correct its address in the settings.";
    return { isRight: false, problem, kind: "other" };
  }
  const found = headOf(block);
  if (found === undefined) {
    const problem = `It does not have block ${number} of the deployment yet: wait until it is synchronised.`;
    return { isRight: false, problem, kind: "behind" };
  }
  if (found.hash !== hash) {
    const problem =
      `Its block ${number} is ${found.hash} and not the deployment's ${hash}: ` +
      "correct its address, or deploy again if the chain was started anew.";
    return { isRight: false, problem, kind: "other" };
  }
  return { isRight: true };
}
