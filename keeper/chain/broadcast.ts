import { keccak256 } from "ethers";
import { CouldNotLook } from "../../sdk/index.js";
import { NodeFailure } from "./failures.js";
import type { ChainNode } from "./node.js";
import { type Question, type Reply, verdictOf } from "./replies.js";

/** What one node did with a transaction. */
type Reception = "taken" | { readonly refusal: Reply } | { readonly failure: NodeFailure };

/** The node has it already, from us or from another node. */
const HAS_IT = /already known|known transaction|already imported|already exists|alreadyknown/i;

/**
 * Gives a signed transaction to every node of the right chain.
 *
 * @returns Its hash as soon as one node has it; else what the most preferred node that answers has against it.
 */
export async function broadcast(
  nodes: readonly ChainNode[],
  question: Question,
): Promise<Reply | CouldNotLook> {
  const [raw] = question.params as unknown[];
  const hash = keccak256(String(raw));
  const sent = nodes
    .filter(({ isTrusted }) => isTrusted)
    .map(async (node) => giveTo(node, question, hash));
  const taken = sent.map(async (one) => {
    if ((await one) !== "taken") throw new Error("The node did not take it");
  });
  try {
    await Promise.any(taken);
    return { id: question.id, result: hash };
  } catch {
    const receptions = await Promise.all(sent);
    return verdictOn(receptions, question, nodes);
  }
}

function verdictOn(
  receptions: readonly Reception[],
  { id }: Question,
  nodes: readonly ChainNode[],
): Reply | CouldNotLook {
  const failures: NodeFailure[] = [];
  for (const one of receptions) {
    if (one === "taken") continue;
    if ("refusal" in one) return { ...one.refusal, id };
    failures.push(one.failure);
  }
  const states = nodes.map(({ status: { name, problem } }) => `${name}: ${problem ?? "unknown"}`);
  const reasons = failures.length === 0 ? states : failures.map(({ message }) => message);
  const [cause] = failures;
  return new CouldNotLook(
    `No node says that it took the transaction, though one may have (${reasons.join("; ")})`,
    { cause },
  );
}

async function giveTo(node: ChainNode, question: Question, hash: string): Promise<Reception> {
  try {
    const [reply] = await node.ask([question]);
    if (reply === undefined || !("error" in reply)) return "taken";
    const { message } = reply.error;
    if (HAS_IT.test(message)) return "taken";
    if (verdictOf(question.method, reply) !== "answer") {
      return { failure: new NodeFailure(node.name, "refused", message) };
    }
    return (await knows(node, hash)) ? "taken" : { refusal: reply };
  } catch (error) {
    if (!(error instanceof NodeFailure)) throw error;
    return { failure: error };
  }
}

/**
 * Whatever a node says against it: its nonce may be used by itself, for a node that fell silent passed it on; and a local node
 * that makes a block at once says that it reverted there.
 */
async function knows(node: ChainNode, hash: string): Promise<boolean> {
  const found = await node.request("eth_getTransactionByHash", [hash]);
  return found !== null;
}
