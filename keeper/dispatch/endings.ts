import {
  formatEther,
  Network,
  type TransactionReceipt,
  type TransactionReceiptParams,
} from "ethers";
import { type BlockReference, formatExplanation } from "../../sdk/index.js";
import type { FoundReceipt } from "./look.js";
import type { Patience } from "./patience.js";
import type { Parts } from "./sender.js";
import { explainRevert } from "./simulate.js";
import type { Transaction } from "./transaction.js";

/** So many blocks after its end a key is still this keeper's: another one may be a block behind. */
export const BLOCKS_KEPT = 2;

/** Says what became of transactions: to who waits for them, in the log, and in the metrics. */
export class Endings {
  constructor(
    private readonly parts: Parts,
    private readonly patience: Patience,
  ) {}

  /** A receipt as ethers knows it. */
  receiptOf({ raw }: FoundReceipt): TransactionReceipt {
    const { options, state } = this.parts;
    return options.chain.provider._wrapTransactionReceipt(
      raw as TransactionReceiptParams,
      Network.from(state.chainId),
    );
  }

  /** It is in a block. */
  async mined(transaction: Transaction, found: TransactionReceipt): Promise<void> {
    const { logger } = this.parts.options;
    const { pending, versions, written } = transaction;
    const { blockNumber: block, hash } = found;
    const reason = versions.find((version) => version.hash === hash)?.reason;
    this.count(transaction, found, reason);
    const { key, nonce } = written;
    if (reason !== undefined) {
      logger.info({ key, nonce, hash, block, reason }, "A nonce was used up with nothing.");
      pending?.finish({ kind: "abandoned", reason });
    } else if (found.status === 0) {
      await this.reverted(transaction, found);
    } else {
      const { account, about } = written.proposal ?? {};
      logger.info({ key, account, nonce, hash, block, gas: Number(found.gasUsed) }, about);
      this.patience.succeeded(key);
      pending?.finish({ kind: "mined", receipt: found });
    }
  }

  /** Its nonce was used by something that is not ours. */
  lost({ written: { key, nonce, wallet }, pending }: Transaction): void {
    const { logger, metrics } = this.parts.options;
    metrics.abandoned.inc();
    const reason = "Its nonce was used by another transaction of this wallet";
    logger.warn({ key, nonce, wallet }, `${reason}: does somebody else have its key?`);
    pending?.finish({ kind: "abandoned", reason });
  }

  /** Another keeper's act is free again. */
  relinquished({ written: { key, nonce, wallet, holder }, pending }: Transaction): void {
    this.parts.options.logger.warn(
      { key, nonce, wallet, holder },
      "The transaction of a keeper that is gone cannot get into a block; its act is free again.",
    );
    pending?.leave("Another keeper's transaction was waited for, and given up; propose it again");
  }

  private async reverted(transaction: Transaction, receipt: TransactionReceipt): Promise<void> {
    const { chain, errorContext: context = {}, logger } = this.parts.options;
    const { pending, written } = transaction;
    const { proposal, wallet: from, key, nonce } = written;
    const block = receipt.blockNumber;
    const explanation =
      proposal && (await explainRevert(chain.rpc, { proposal, from, context, block }));
    const said = explanation && formatExplanation(explanation);
    logger.warn(
      { key, nonce, hash: receipt.hash, block },
      `It reverted. ${said ?? "Why is unknown."}`,
    );
    this.patience.reverted(
      proposal ?? { key },
      explanation ?? UNKNOWN,
      await this.blockOf(receipt),
    );
    pending?.finish({ kind: "reverted", receipt, explanation });
  }

  /** From the block in which it failed. */
  private async blockOf({ blockNumber, blockHash }: TransactionReceipt): Promise<BlockReference> {
    const { chain, clock } = this.parts.options;
    const block = await chain
      .rpc("eth_getBlockByHash", [blockHash, false])
      .catch((): undefined => undefined);
    const timestamp = (block as { timestamp?: unknown } | null | undefined)?.timestamp;
    const time =
      typeof timestamp === "string" ? BigInt(timestamp) : BigInt(Math.floor(clock.now() / 1_000));
    return { number: blockNumber, hash: blockHash, parentHash: "0x", time };
  }

  private count(
    { written }: Transaction,
    { gasUsed, gasPrice, status }: TransactionReceipt,
    reason: string | undefined,
  ): void {
    const { metrics } = this.parts.options;
    // Another keeper's is in its own figures.
    if (written.wallet !== this.parts.state.address) return;
    const role = written.proposal?.role ?? "none";
    metrics.gasUsed.inc({ role }, Number(gasUsed));
    metrics.etherSpent.inc({ role }, Number(formatEther(gasUsed * gasPrice)));
    if (reason !== undefined) metrics.abandoned.inc();
    else if (status === 0) metrics.reverted.inc({ role });
    else metrics.mined.inc({ role });
  }
}

/** The world has changed since: mostly somebody was faster. */
const UNKNOWN = {
  name: undefined,
  values: {},
  sentence: "It reverted in its block, and passes on the state before it.",
  cure: "Look again.",
  remedy: "retry",
} as const;
