import type { Logger } from "pino";
import type { KeeperView } from "../state/view.js";
import type { LiquidateMetrics } from "./liquidateMetrics.js";
import type { LeftReason, LiquidationPlans } from "./liquidatePlan.js";

/** So many are remembered, so that each is in the log once for each reason and not with every block. */
const MOST_REMEMBERED = 10_000;

const SENTENCES: Readonly<Record<LeftReason, string>> = {
  doesNotFit: "An account below the line does not fit the liquidator's margin.",
  unprofitable: "An account below the line is not worth its gas.",
  fundCannotPay: "A bankrupt account has nothing to offer, and the insurance fund cannot pay.",
  failed: "An account below the line could not be planned.",
};

/** Takes down which accounts below the line are left alone. */
export class LeftAccounts {
  private readonly told = new Set<string>();

  constructor(
    private readonly logger: Logger,
    private readonly metrics: Pick<LiquidateMetrics, "left">,
  ) {}

  note({ left }: Pick<LiquidationPlans, "left">, view: KeeperView): void {
    for (const { account, error, reason } of left) {
      this.metrics.left.inc({ reason });
      if (error !== undefined) view.failed("liquidation plan", account, error);
      const key = `${reason} ${account}`;
      if (this.told.has(key)) continue;
      if (this.told.size >= MOST_REMEMBERED) this.told.clear();
      this.told.add(key);
      this.logger.warn({ account, reason, block: view.block.number }, SENTENCES[reason]);
    }
  }
}
