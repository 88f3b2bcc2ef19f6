import { WAD } from "../../sdk/index.js";

/** Who paid and who received interest since the beginning [wad]. */
export interface InterestTotals {
  /** What debts grew by. */
  readonly paid: bigint;
  /** What positive cash grew by. */
  readonly earned: bigint;
  /** What went to the insurance fund or waits for it. */
  readonly fund: bigint;
  /** What lenders bore of others' losses. */
  readonly borne: bigint;
}

/** What a unit of principal is worth now [wad]. */
export interface Indices {
  readonly supply: bigint;
  readonly borrow: bigint;
}

/**
 * Counts interest account by account. The chain keeps principals and two indices; the events give every account's cash
 * after each change, and the indices whenever they move.
 */
export class InterestLedger {
  /** Cash by account, interest until the last move of the indices included [wad]. */
  private readonly cash = new Map<string, bigint>();
  private readonly paidBy = new Map<string, bigint>();
  private supply = WAD;
  private borrow = WAD;
  private paid = 0n;
  private earned = 0n;
  private collected = 0n;
  private borne = 0n;

  /** An account's cash is this now. */
  setCash(account: string, cash: bigint): void {
    this.cash.set(account, cash);
  }

  /** Interest was counted. */
  accrue({ supply, borrow }: Indices): void {
    for (const [account, cash] of this.cash) {
      if (cash >= 0n) {
        const gain = (cash * (supply - this.supply)) / this.supply;
        this.earned += gain;
        this.cash.set(account, cash + gain);
      } else {
        const growth = (-cash * (borrow - this.borrow)) / this.borrow;
        this.paid += growth;
        this.paidBy.set(account, this.paidByAccount(account) + growth);
        this.cash.set(account, cash - growth);
      }
    }
    this.supply = supply;
    this.borrow = borrow;
  }

  /** Lenders bore a loss: their index fell. */
  charge({ borne, supply }: { borne: bigint; supply: bigint }): void {
    for (const [account, cash] of this.cash) {
      if (cash > 0n) this.cash.set(account, (cash * supply) / this.supply);
    }
    this.supply = supply;
    this.borne += borne;
  }

  /** The fund's part was taken. */
  collect(collected: bigint): void {
    this.collected += collected;
  }

  /** What an account's debts have cost it until the last accrual [wad]. */
  paidByAccount(account: string): bigint {
    return this.paidBy.get(account) ?? 0n;
  }

  /** All until the last accrual, with what waits for the fund [wad]. */
  totals(waiting: bigint): InterestTotals {
    const { paid, earned, collected, borne } = this;
    return { paid, earned, fund: collected + waiting, borne };
  }

  /** What one wei of principal may be worth, rounded up; 0 while no index has moved, and cash is exact [wei]. */
  get largestIndex(): bigint {
    if (this.supply === WAD && this.borrow === WAD) return 0n;
    const larger = this.supply > this.borrow ? this.supply : this.borrow;
    return (larger + WAD - 1n) / WAD;
  }
}
