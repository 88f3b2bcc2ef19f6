import type { NodeStatus } from "../chain/chain.js";
import type { RoleName } from "../roles/role.js";

/** What the status page says; the service fills it. */
export interface KeeperStatus {
  readonly name: string;
  readonly chainId: number;
  /** Everything up to the head is known, and rounds are being made. */
  readonly isReady: boolean;
  readonly isDryRun: boolean;
  readonly roles: readonly RoleName[];
  /** The wallet's address; nothing when it looks on only. */
  readonly wallet: string | undefined;
  /** The block up to which everything is known; nothing before the first one. */
  readonly block:
    | {
        readonly number: number;
        readonly hash: string;
        /** [unix seconds] */
        readonly time: number;
      }
    | undefined;
  readonly accounts: number;
  readonly accountsBelow: number;
  /** Keys of what is under way: "liquidate 0x…". */
  readonly underWay: readonly string[];
  readonly nodes: readonly NodeStatus[];
}
