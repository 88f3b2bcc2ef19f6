import type { AccountId } from "../../sdk/index.js";
import type { Search } from "./liquidateSearch.js";

/**
 * Accounts that were left alone at the blocks before, while not all others were looked at: as long as there are such, those
 * have their turn.
 */
export class PassedOver {
  private readonly accounts = new Set<AccountId>();

  /**
   * Whether an account is passed over at a block, asked in order of urgency. The most urgent never are: what did not fit or
   * pay a while ago may do so now, and must not wait until thousands of small ones have been gone through.
   *
   * @param count So many of them are looked at all the same.
   */
  butFor(count: number): (account: AccountId) => boolean {
    let chances = count;
    return (account) => this.accounts.has(account) && --chances < 0;
  }

  /**
   * Takes down what came of a block.
   *
   * @param found What was left.
   * @param misses Those that were looked at in vain, where the others could not be reached for them.
   */
  note({ isWhole, left }: Pick<Search, "isWhole" | "left">, misses: readonly AccountId[]): void {
    if (isWhole && misses.length === 0) {
      this.accounts.clear();
      return;
    }
    for (const { account } of left) this.accounts.add(account);
    for (const account of misses) this.accounts.add(account);
  }
}
