import { Transaction as EthersTransaction } from "ethers";
import type { Fees } from "./fees.js";
import type { SigningWallet } from "./options.js";
import type { Version } from "./transaction.js";

/** What is signed. */
export interface Unsigned {
  readonly chainId: bigint;
  readonly nonce: number;
  readonly to: string;
  readonly data: string;
  /** [gas] */
  readonly gasLimit: bigint;
  readonly fees: Fees;
  readonly block: number;
  /** Why it is a transfer of nothing, where it is. */
  readonly reason?: string;
}

/** Signs a transaction of EIP-1559 that brings no ether. */
export function sign(wallet: SigningWallet, unsigned: Unsigned): Version {
  const { block, chainId, data, fees, gasLimit, nonce, reason, to } = unsigned;
  const transaction = EthersTransaction.from({
    ...{ type: 2, chainId, nonce, to, data, gasLimit, value: 0n },
    ...{ maxFeePerGas: fees.most, maxPriorityFeePerGas: fees.tip },
  });
  transaction.signature = wallet.signingKey.sign(transaction.unsignedHash);
  const { hash, serialized } = transaction;
  if (hash === null) throw new Error("A signed transaction has a hash");
  return { hash, raw: serialized, fees, gasLimit, block, reason };
}
