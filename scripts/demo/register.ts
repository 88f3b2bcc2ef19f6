import { WAD } from "../../sdk/index.js";
import type { Participant } from "./accounts.js";
import type { StepRecord } from "./drive.js";
import { type EventIndex, indexEvents } from "./eventIndex.js";
import { readHoldings } from "./holdings.js";
import type { Market } from "./market.js";
import type { AccountRow } from "./tables.js";
import { readMargins } from "./watch.js";

/** Who is who: the chain's accounts with the names that the demo has for them. */
export class Register {
  readonly index: EventIndex;
  private readonly names = new Map<string, string>();
  /** Accounts of which a liquidation has taken all, or that were deleveraged. */
  private readonly closed = new Set<string>();

  constructor(private readonly market: Market) {
    this.index = indexEvents(market);
    this.names.set(market.fund, "Fund").set(market.treasury, "Treasury");
  }

  /** Remembers the cast's names. */
  enrol(participants: readonly Participant[]): void {
    for (const { account, role } of participants) this.names.set(account, role.name);
  }

  /** Remembers whom a step has closed. */
  note({ done }: StepRecord): void {
    for (const record of done) {
      if (record.kind === "liquidation" && record.event.fraction === WAD) {
        this.closed.add(record.event.account);
      }
      if (record.kind === "deleverage") this.closed.add(record.event.bankrupt);
    }
  }

  /** A name, or the beginning of the id for an account that only the chain knows. */
  readonly nameOf = (account: string): string =>
    this.names.get(account) ?? `${account.slice(0, 10)}…`;

  /** Every named account as the chain has it now, in the order in which the chain first mentioned them. */
  async rows(): Promise<AccountRow[]> {
    await this.index.update();
    const accounts = this.index.accounts.filter((account) => this.names.has(account));
    const [readings, holdings] = await Promise.all([
      readMargins(this.market, accounts),
      readHoldings(this.market, accounts),
    ]);
    return readings.flatMap((reading, i) => {
      const held = holdings[i];
      if (held === undefined) return [];
      const { account } = reading;
      const closed = this.closed.has(account) && held.positions.length === 0;
      return [{ name: this.nameOf(account), reading, holdings: held, closed }];
    });
  }
}
