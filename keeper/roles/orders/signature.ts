import { Interface, recoverAddress } from "ethers";
import {
  CouldNotLook,
  type IndexState,
  type Order,
  operatorKey,
  ownerOf,
  type Rpc,
  type SignedOrder,
} from "../../../sdk/index.js";
import { callAt, quantityOf } from "../calls.js";
import { isKeySignature } from "./orderJson.js";

const WALLET = new Interface([
  "function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)",
]);
const VALID = "0x1626ba7e";
/** The right to trade for an owner: `types/Permissions.sol`. */
const TRADE = 1n;
/** A wallet is its owner's contract: it may be anything [gas]. */
export const MOST_GAS_OF_WALLET = 500_000n;

/** Whose key has signed what is in the book: finding it out takes about a millisecond, and what it may changes. */
const SIGNERS = new WeakMap<SignedOrder, string | undefined>();

/** At which block a signature is judged. */
export interface SignatureFacts {
  readonly state: Pick<IndexState, "operators">;
  readonly rpc: Rpc;
  readonly block: { readonly number: number; readonly time: bigint };
}

/**
 * Whether an order is signed by its account's owner, a key or a contract, or by the key of an operator with TRADE, as
 * `Exchange` judges it at this moment.
 *
 * @throws CouldNotLook when a wallet could not be asked.
 */
export async function isSigned(
  signed: SignedOrder,
  hash: string,
  facts: SignatureFacts,
): Promise<boolean> {
  if (isSignedByKey(signed, hash, facts)) return true;
  const { order, signature } = signed;
  const { block, rpc } = facts;
  const owner = ownerOf(order.account);
  if (!(await hasCode(rpc, owner, block.number))) return false;
  const data = WALLET.encodeFunctionData("isValidSignature", [hash, signature]);
  const result = await callAt(rpc, { to: owner, data, gas: MOST_GAS_OF_WALLET }, block.number);
  // Four bytes in a word, and nothing else in it.
  return result.isAnswer && result.data.toLowerCase().startsWith(VALID.padEnd(66, "0"));
}

/** Whether a key has signed an order that may: then nobody's contract is asked when it is matched. */
export function isSignedByKey(
  signed: SignedOrder,
  hash: string,
  facts: Pick<SignatureFacts, "block" | "state">,
): boolean {
  if (!SIGNERS.has(signed)) SIGNERS.set(signed, signerOf(hash, signed.signature));
  const signer = SIGNERS.get(signed);
  return signer !== undefined && mayTrade(facts, signed.order, signer);
}

function mayTrade(
  { block, state }: Pick<SignatureFacts, "block" | "state">,
  { account }: Order,
  signer: string,
): boolean {
  const owner = ownerOf(account);
  if (signer.toLowerCase() === owner.toLowerCase()) return true;
  const rights = state.operators.get(operatorKey(owner, signer));
  return rights !== undefined && (rights.permissions & TRADE) !== 0n && block.time <= rights.until;
}

function signerOf(hash: string, signature: string): string | undefined {
  if (!isKeySignature(signature)) return undefined;
  try {
    return recoverAddress(hash, signature);
  } catch {
    // Not one of a key: the owner may be a contract with a format of its own.
    return undefined;
  }
}

async function hasCode(rpc: Rpc, address: string, block: number): Promise<boolean> {
  let code: unknown;
  try {
    code = await rpc("eth_getCode", [address, quantityOf(block)]);
  } catch (cause) {
    throw new CouldNotLook("The node did not say whether an owner is a contract", { cause });
  }
  if (typeof code !== "string") throw new CouldNotLook("The node gave no code");
  return code !== "0x";
}
