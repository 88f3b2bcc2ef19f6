import type { BaseWallet, ContractTransaction } from "ethers";
import { MockV3Aggregator__factory } from "../../typechain-types/index.js";
import type { Chain } from "../demo/chain.js";

/** A feed that is a mock. */
interface Feed {
  readonly address: string;
  readonly decimals: number;
}

/** Enough for any act [gas]. */
const GAS_LIMIT = 3_000_000n;
/** Far above the local node's base fee, and more than keepers pay: prices come first in their block [wei]. */
const TIP = 100n * 10n ** 9n;
const MOST_FEE = 400n * 10n ** 9n;
/** So far apart are blocks by their own clock: volatility stays within what rates can follow [seconds]. */
const BLOCK_SECONDS = 300;
const KEPT = 8;

/** Blocks that are made when they are wanted, out of what waits in the node's pool; the last ones can be taken back. */
export class Blocks {
  private nonce = 0;
  private time = 0;
  /** What the chain was before each of the last blocks. */
  private readonly snapshots: { readonly id: string; readonly time: number }[] = [];

  constructor(
    private readonly chain: Chain,
    private readonly operator: BaseWallet,
  ) {}

  /** From now on nothing gets into a block by itself. */
  async begin(): Promise<void> {
    await this.rpc("evm_setAutomine", [false]);
    await this.readNonce();
    this.time = await this.chain.now();
  }

  /** Puts a transaction of the operator into the pool. */
  async send(request: ContractTransaction): Promise<void> {
    const signed = await this.operator.signTransaction({
      ...request,
      type: 2,
      nonce: this.nonce++,
      chainId: this.chain.chainId,
      gasLimit: GAS_LIMIT,
      maxFeePerGas: MOST_FEE,
      maxPriorityFeePerGas: TIP,
    });
    await this.rpc("eth_sendRawTransaction", [signed]);
  }

  /** Writes an answer into a feed. */
  async answer(feed: Feed | undefined, price: number): Promise<void> {
    if (feed === undefined) throw new RangeError("The market lacks a feed");
    const aggregator = MockV3Aggregator__factory.connect(feed.address, this.chain.provider);
    const scaled = (BigInt(Math.round(price * 1e8)) * 10n ** BigInt(feed.decimals)) / 10n ** 8n;
    await this.send(await aggregator.updateAnswer.populateTransaction(scaled));
  }

  /** Makes a block; returns its number. */
  async mine(): Promise<number> {
    const id = (await this.rpc("evm_snapshot", [])) as string;
    this.snapshots.push({ id, time: this.time });
    if (this.snapshots.length > KEPT) this.snapshots.shift();
    this.time += BLOCK_SECONDS;
    await this.rpc("evm_mine", [this.time]);
    return Number(await this.rpc("eth_blockNumber", []));
  }

  /** Takes the last blocks back; what comes next replaces them. */
  async takeBack(depth: number): Promise<void> {
    const before = this.snapshots.splice(-depth)[0];
    if (before === undefined) throw new RangeError(`${depth} blocks cannot be taken back`);
    await this.rpc("evm_revert", [before.id]);
    // Not the same times again: the blocks that come are others.
    this.time = before.time + 1;
    await this.readNonce();
  }

  private async readNonce(): Promise<void> {
    const count = await this.rpc("eth_getTransactionCount", [this.operator.address, "pending"]);
    this.nonce = Number(count);
  }

  private rpc(method: string, params: unknown[]): Promise<unknown> {
    return this.chain.provider.send(method, params) as Promise<unknown>;
  }
}
