import type { AccountId, BlockReference } from "../../sdk/index.js";
import type { Database } from "../storage/database.js";

/** What people can be told of. */
export const NOTICE_KINDS = ["marginCall", "liquidated", "toppedUp", "recovered"] as const;

/** One of {@link NOTICE_KINDS}. */
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Something that the people behind an account should know. */
export interface Notice {
  readonly kind: NoticeKind;
  readonly account: AccountId;
  /** The same for the same happening, in every keeper and after every restart: nobody is told twice. */
  readonly key: string;
  readonly block: BlockReference;
  /** Of margin calls and recoveries: the time below initial margin that they belong to. */
  readonly episode?: string;
  /** What it says, beside the account: decimal texts by name. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Where notices are put; from there they are delivered, surely and once. */
export interface Postbox {
  /**
   * Writes down what is to be delivered, all of it or nothing.
   *
   * @param within The transaction that it is to be part of; without one it is a transaction of its own.
   */
  post(notices: readonly Notice[], within?: Database): Promise<void>;
  /** Those of these accounts that somebody wants to hear of. */
  subscribed(accounts: readonly AccountId[]): Promise<ReadonlySet<AccountId>>;
}
