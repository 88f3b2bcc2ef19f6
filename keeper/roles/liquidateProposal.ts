import { type AccountId, formatAccount, type Plimsoll } from "../../sdk/index.js";
import type { Proposal } from "./role.js";

/** What is to be sent. */
export interface LiquidationRequest {
  readonly account: AccountId;
  readonly liquidator: AccountId;
  /** The most to take [wad]. */
  readonly fraction: bigint;
  /** The most to pay [wad]. */
  readonly maxPayment: bigint;
  /** [wei] */
  readonly mostCost: bigint;
  /** See `Proposal.roomyGas` [gas]. */
  readonly roomyGas?: bigint | undefined;
  readonly priority: number;
}

/** The same in every keeper. */
export function liquidationKey(account: AccountId): string {
  return `liquidate ${account}`;
}

/** The transaction. */
export function proposalOf(
  { clearinghouse, deployment }: Pick<Plimsoll, "clearinghouse" | "deployment">,
  terms: LiquidationRequest,
): Proposal {
  const { account, fraction, liquidator, maxPayment, mostCost, priority, roomyGas } = terms;
  const args = [account, liquidator, fraction, maxPayment] as const;
  return {
    role: "liquidate",
    key: liquidationKey(account),
    account,
    to: deployment.contracts.Clearinghouse,
    data: clearinghouse.interface.encodeFunctionData("liquidate", [...args]),
    priority,
    mostCost,
    ...(roomyGas === undefined ? {} : { roomyGas }),
    // A slice that did not fit may be smaller the next time, and the account sinks meanwhile.
    isPlannedAnew: true,
    about: `took ${percentOf(fraction)} % of ${formatAccount(account)} over`,
  };
}

/** A fraction in percent, to two places. */
function percentOf(fraction: bigint): string {
  return (Number(fraction / 10n ** 12n) / 10_000).toFixed(2);
}
