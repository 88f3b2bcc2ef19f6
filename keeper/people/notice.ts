import type { AccountId, BlockReference } from "../../sdk/index.js";

/** Something that the people behind an account should know. */
export interface Notice {
  readonly kind: "marginCall" | "liquidated" | "toppedUp" | "recovered";
  readonly account: AccountId;
  /** The same for the same happening, in every keeper and after every restart: nobody is told twice. */
  readonly key: string;
  readonly block: BlockReference;
  /** What it says, beside the account: decimal texts by name. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Where notices are put; from there they are delivered, surely and once. */
export interface Postbox {
  post(notices: readonly Notice[]): Promise<void>;
}
