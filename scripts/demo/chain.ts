import {
  type BaseWallet,
  type ContractTransaction,
  type Interface,
  JsonRpcProvider,
  type Log,
  type LogDescription,
} from "ethers";
import { DemoFailure } from "./errors.js";

/** A log as the node gives it. */
export interface RawLog {
  readonly address: string;
  readonly topics: string[];
  readonly data: string;
  readonly blockNumber: string;
}

/** What became of a transaction. */
export interface Receipt {
  readonly logs: readonly RawLog[];
}

const GAS_LIMIT = 8_000_000n;
/** Far above the local node's base fee. */
const MAX_FEE_PER_GAS = 100n * 10n ** 9n;
const PLENTY_OF_ETHER = `0x${(10n ** 22n).toString(16)}`;

/** A transaction that the chain refused; the name is that of the custom error where it is known. */
export class Refused extends DemoFailure {
  constructor(
    readonly errorName: string,
    detail: string,
  ) {
    super(`The chain refused a transaction: ${detail}`);
  }
}

/** The local chain: signed transactions, one block each, and time that moves when it is told to. */
export class Chain {
  private readonly nonces = new Map<string, number>();

  private constructor(
    readonly provider: JsonRpcProvider,
    readonly chainId: bigint,
    private readonly abis: readonly Interface[],
  ) {}

  /**
   * @param url Where the node answers.
   * @param abis Where custom errors and events are looked up.
   */
  static async connect(url: string, abis: readonly Interface[]): Promise<Chain> {
    // Requests made in one go travel as one batch; without a stall, so that single ones lose no time.
    const provider = new JsonRpcProvider(url, undefined, {
      staticNetwork: true,
      batchStallTime: 0,
      cacheTimeout: -1,
    });
    const { chainId } = await provider.getNetwork();
    return new Chain(provider, chainId, abis);
  }

  /** Gives ether for gas. */
  async fund(address: string): Promise<void> {
    await this.provider.send("hardhat_setBalance", [address, PLENTY_OF_ETHER]);
  }

  /** Signs with the wallet's own key, sends, and waits for the block. Throws Refused with the reason. */
  async send(wallet: BaseWallet, request: ContractTransaction): Promise<Receipt> {
    const hash = await this.submit(wallet, request);
    const receipt = (await this.provider.send("eth_getTransactionReceipt", [
      hash,
    ])) as Receipt | null;
    if (receipt === null) throw new DemoFailure(`The transaction ${hash} was not mined.`);
    return receipt;
  }

  /** Mines several transactions as one block with the given time. */
  async sendTogether(
    transactions: readonly { wallet: BaseWallet; request: ContractTransaction }[],
    timestamp: number,
  ): Promise<void> {
    await this.provider.send("evm_setAutomine", [false]);
    try {
      for (const { wallet, request } of transactions) await this.submit(wallet, request);
      await this.provider.send("evm_mine", [timestamp]);
    } finally {
      await this.provider.send("evm_setAutomine", [true]);
    }
  }

  /** Time of the latest block [unix seconds]. */
  async now(): Promise<number> {
    const block = (await this.provider.send("eth_getBlockByNumber", ["latest", false])) as {
      timestamp: string;
    };
    return Number(block.timestamp);
  }

  /** When each of the blocks that logs are from was made, by its number [unix seconds]. */
  async timesOf(logs: readonly RawLog[]): Promise<Map<string, number>> {
    const blocks = [...new Set(logs.map(({ blockNumber }) => blockNumber))];
    const headers = await Promise.all(
      blocks.map((block) => this.provider.send("eth_getBlockByNumber", [block, false])),
    );
    return new Map(
      headers.map((header: { number: string; timestamp: string }) => [
        header.number,
        Number(header.timestamp),
      ]),
    );
  }

  /** The events among logs that the known contracts declare. */
  eventsOf(logs: readonly Pick<Log, "topics" | "data">[]): LogDescription[] {
    return logs.flatMap((log) => {
      for (const abi of this.abis) {
        const event = abi.parseLog(log);
        if (event !== null) return [event];
      }
      return [];
    });
  }

  /** The name of the custom error by which a call failed; undefined when it failed for another reason. */
  errorNameOf(error: unknown): string | undefined {
    const data = revertDataOf(error);
    if (data === undefined) return undefined;
    for (const abi of this.abis) {
      const known = abi.parseError(data);
      if (known !== null) return known.name;
    }
    return undefined;
  }

  private async submit(wallet: BaseWallet, request: ContractTransaction): Promise<string> {
    const nonce =
      this.nonces.get(wallet.address) ?? (await this.provider.getTransactionCount(wallet.address));
    this.nonces.set(wallet.address, nonce + 1);
    const signed = await wallet.signTransaction({
      ...request,
      type: 2,
      nonce,
      chainId: this.chainId,
      gasLimit: GAS_LIMIT,
      maxFeePerGas: MAX_FEE_PER_GAS,
      maxPriorityFeePerGas: 0n,
    });
    try {
      return (await this.provider.send("eth_sendRawTransaction", [signed])) as string;
    } catch (error) {
      // Whether the nonce was used depends on why it failed: ask again next time.
      this.nonces.delete(wallet.address);
      const name = this.errorNameOf(error);
      throw new Refused(name ?? "unknown", name ?? String(error));
    }
  }
}

/** Finds the revert data wherever the layers between have put it. */
function revertDataOf(error: unknown, depth = 0): string | undefined {
  if (typeof error !== "object" || error === null || depth > 6) return undefined;
  const { data } = error as { data?: unknown };
  if (typeof data === "string" && /^0x[0-9a-f]{8,}$/i.test(data)) return data;
  for (const inner of Object.values(error)) {
    const found = revertDataOf(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
