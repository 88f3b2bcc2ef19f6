import {
  AbiCoder,
  getBytes,
  id,
  type TypedDataDomain,
  TypedDataEncoder,
  verifyTypedData,
} from "ethers";
import { type AccountId, CouldNotLook, ownerOf, revertDataOf, type Rpc } from "../../sdk/index.js";

/** How subscribers prove that an account is theirs: by a signature of its owner, a key or a wallet contract. */

/** What an owner signs to hear of an account. */
interface SubscriptionRequest {
  readonly account: AccountId;
  /** "webhook", "email" or "telegram". */
  readonly channel: string;
  /** A URL or an e-mail address; empty for Telegram, where the person sends a code. */
  readonly destination: string;
  /** Kinds of notices with commas between: "marginCall,recovered". */
  readonly kinds: string;
  /** When it ends by itself; 0: never [unix seconds]. */
  readonly until: bigint;
  /** When it was signed [unix seconds]. */
  readonly issuedAt: bigint;
}

/** What an owner signs to hear no more: an empty destination stands for all of the channel. */
type UnsubscriptionRequest = Omit<SubscriptionRequest, "kinds" | "until">;

/** EIP-712 types of both. `keeper` says who is asked: another keeper cannot use the signature. */
export const PROOF_TYPES = {
  Subscription: [
    { name: "account", type: "bytes32" },
    { name: "channel", type: "string" },
    { name: "destination", type: "string" },
    { name: "kinds", type: "string" },
    { name: "until", type: "uint64" },
    { name: "issuedAt", type: "uint64" },
    { name: "keeper", type: "string" },
  ],
  Unsubscription: [
    { name: "account", type: "bytes32" },
    { name: "channel", type: "string" },
    { name: "destination", type: "string" },
    { name: "issuedAt", type: "uint64" },
    { name: "keeper", type: "string" },
  ],
};

/** Which of {@link PROOF_TYPES}. */
export type ProofType = keyof typeof PROOF_TYPES;

/** Whom signatures are for. */
export interface ProofScope {
  readonly chainId: bigint;
  readonly clearinghouse: string;
  /** The keeper's name. */
  readonly keeper: string;
}

/** The EIP-712 domain of subscriptions. */
export function proofDomain({ chainId, clearinghouse }: ProofScope): TypedDataDomain {
  return { name: "Plimsoll keeper", version: "1", chainId, verifyingContract: clearinghouse };
}

/** A request with its signature. */
export interface Proof {
  readonly type: ProofType;
  readonly request: UnsubscriptionRequest;
  readonly signature: string;
}

const MAGIC = id("isValidSignature(bytes32,bytes)").slice(0, 10);
/** Wallets check signatures of several owners; more than this is no check [gas]. */
const MOST_GAS = "0x1e8480";

/**
 * Whether the owner of the account signed the request. A key's signature counts as it is; otherwise the owner is asked as a
 * contract (ERC-1271).
 *
 * @throws CouldNotLook when the node did not answer: nothing is known then.
 */
export async function isOwnersProof(proof: Proof, scope: ProofScope, rpc: Rpc): Promise<boolean> {
  const { request, signature, type } = proof;
  const owner = ownerOf(request.account);
  const domain = proofDomain(scope);
  const types = { [type]: PROOF_TYPES[type] };
  const message = { ...request, keeper: scope.keeper };
  try {
    if (verifyTypedData(domain, types, message, signature) === owner) return true;
  } catch {
    // Signatures of wallets have any form.
  }
  return isWalletsSignature(owner, TypedDataEncoder.hash(domain, types, message), {
    signature,
    rpc,
  });
}

async function isWalletsSignature(
  owner: string,
  digest: string,
  { rpc, signature }: { signature: string; rpc: Rpc },
): Promise<boolean> {
  const values = AbiCoder.defaultAbiCoder().encode(
    ["bytes32", "bytes"],
    [digest, getBytes(signature)],
  );
  const call = { to: owner, data: MAGIC + values.slice(2), gas: MOST_GAS };
  let answer: unknown;
  try {
    answer = await rpc("eth_call", [call, "latest"]);
  } catch (cause) {
    if (revertDataOf(cause) !== undefined || isRefusal(cause)) return false;
    throw new CouldNotLook("The node could not ask the account's owner about a signature", {
      cause,
    });
  }
  if (typeof answer !== "string") throw new CouldNotLook("The node gave no answer of a call");
  // Whoever has no code answers with nothing.
  return answer.slice(0, 66) === MAGIC.padEnd(66, "0");
}

/** A call that reverted without data, or ran out of gas: an answer of the chain, not a failure of the node. */
function isRefusal(error: unknown): boolean {
  const { code, error: inner } = error as { code?: unknown; error?: { code?: unknown } };
  return code === "CALL_EXCEPTION" || code === 3 || inner?.code === 3;
}
