import type { Surroundings } from "./surroundings.js";
import type { Transaction, Written } from "./transaction.js";

/** What a dispatcher holds in memory: a copy of what is written, and what was read at the last block. */
export class DispatchState {
  /** Of this wallet, by nonce. */
  readonly own = new Map<number, Transaction>();
  /** Of wallets whose keepers are dead, by wallet and nonce. */
  readonly others = new Map<string, Transaction>();
  /** Keys of proposals that are on their way to a nonce. */
  readonly preparing = new Set<string>();
  surroundings: Surroundings | undefined;
  chainId = 0n;
  /** The next nonce of this wallet that nothing is known of. */
  nextNonce = 0;
  /** Whether memory may lack something that is written. */
  isStale = true;
  /** Whether the wallet is this keeper's. */
  hasWallet = false;

  constructor(readonly address: string) {}

  add(transaction: Transaction): void {
    const { nonce, wallet } = transaction.written;
    if (wallet === this.address) this.own.set(nonce, transaction);
    else this.others.set(placeOf(transaction.written), transaction);
  }

  remove({ written }: Transaction): void {
    if (written.wallet === this.address) this.own.delete(written.nonce);
    else this.others.delete(placeOf(written));
  }

  find(written: Written): Transaction | undefined {
    return written.wallet === this.address
      ? this.own.get(written.nonce)
      : this.others.get(placeOf(written));
  }

  /** All that is under way, each wallet's by nonce. */
  get all(): readonly Transaction[] {
    return [...this.own.values(), ...this.others.values()].sort(
      ({ written: a }, { written: b }) => a.nonce - b.nonce,
    );
  }

  /** How many of this wallet wait for a block, or are about to. */
  get waiting(): number {
    return this.preparing.size + this.waitingOwn.length;
  }

  /** Whether what is known may be too old to send by: places may be free by now, or the wallet this keeper's. */
  needsTick(isDryRun: boolean): boolean {
    const isReady = isDryRun || (this.hasWallet && !this.isStale);
    return this.surroundings === undefined || !isReady || this.waiting > 0;
  }

  get waitingOwn(): readonly Transaction[] {
    return [...this.own.values()].filter(({ state }) => state !== "mined");
  }

  /**
   * Whether a later transaction of this wallet waits for this one's nonce that would be in a block otherwise.
   *
   * @param baseFee Today's [wei].
   */
  holdsUp({ written: { nonce, wallet } }: Transaction, baseFee: bigint): boolean {
    if (wallet !== this.address) return false;
    return this.waitingOwn.some(
      ({ newest, written }) =>
        written.nonce > nonce && newest.reason === undefined && newest.fees.most >= baseFee,
    );
  }

  /** The next nonce is as the nodes have it once nothing waits. */
  chooseNextNonce(): void {
    const pending = this.surroundings?.counts.pending ?? 0;
    const isQuiet = this.waitingOwn.length === 0;
    this.nextNonce = isQuiet
      ? Math.max(pending, ...[...this.own.keys()].map((nonce) => nonce + 1))
      : Math.max(pending, this.nextNonce);
  }

  /** The most that those cost that wait [wei]. */
  get committed(): bigint {
    return this.waitingOwn.reduce((sum, { mostCost }) => sum + mostCost, 0n);
  }

  /** Whether something of a key waits, or is in a block that somebody who knows only `block` cannot know of. */
  isUnderWay(key: string, block: number): boolean {
    if (this.preparing.has(key)) return true;
    for (const transactions of [this.own, this.others]) {
      for (const { written, state, minedAt } of transactions.values()) {
        if (written.key !== key) continue;
        if (state !== "mined" || (minedAt?.block ?? 0) > block) return true;
      }
    }
    return false;
  }
}

function placeOf({ wallet, nonce }: Written): string {
  return `${wallet} ${nonce}`;
}
