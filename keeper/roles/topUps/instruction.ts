import { Interface, type Result } from "ethers";
import {
  type AccountId,
  type FastMargin,
  type Margin,
  standingTopUpAbi,
  WAD,
} from "../../../sdk/index.js";

/** The contract's functions and events. */
export const STANDING_TOP_UP = new Interface(standingTopUpAbi);

/** Where tokens come from, as the contract numbers it. */
export const SOURCE_KINDS = { none: 0, wallet: 1, subAccount: 2, shares: 3 } as const;

/** What a keeper must know of an instruction to find out when it is due. */
export interface StandingInstruction {
  readonly account: AccountId;
  /** Which of the account's instructions. */
  readonly number: number;
  /** One of {@link SOURCE_KINDS}; none when it was cancelled. */
  readonly kind: number;
  readonly source: string;
  /** Last second in which it may be executed [unix seconds]. */
  readonly until: bigint;
  /** Due while health is below it [wad]. */
  readonly triggerHealth: bigint;
  /** The block that has said it last. */
  readonly block: number;
}

/** The fields of the contract's struct. */
interface InstructionFields {
  readonly kind: bigint;
  readonly source: string;
  readonly until: bigint;
  readonly triggerHealth: bigint;
}

/** The name of an instruction: of its row, and for what is tried in vain. */
export function instructionId({
  account,
  number,
}: Pick<StandingInstruction, "account" | "number">): string {
  return `${account}/${number}`;
}

/** The key of its proposal, the same in every keeper. */
export function topUpKey({
  account,
  number,
}: Pick<StandingInstruction, "account" | "number">): string {
  return `topUp ${account} ${number}`;
}

/** An instruction as the contract's struct says it, by an event or by `instructionOf`. */
export function instructionFrom(
  fields: Result,
  place: Pick<StandingInstruction, "account" | "number" | "block">,
): StandingInstruction {
  const { kind, source, triggerHealth, until } = fields.toObject() as unknown as InstructionFields;
  return { ...place, kind: Number(kind), source, until, triggerHealth };
}

/** What is left of one that was cancelled: that there is none. */
export function cancelled(
  place: Pick<StandingInstruction, "account" | "number" | "block">,
): StandingInstruction {
  return { ...place, kind: SOURCE_KINDS.none, source: "0x", until: 0n, triggerHealth: 0n };
}

/** Whether the contract would find an instruction due: R < t x M, never by division. */
export function isDue(
  { triggerHealth }: Pick<StandingInstruction, "triggerHealth">,
  { equity, maintenance }: Margin,
): boolean {
  return maintenance > 0n && equity * WAD < triggerHealth * maintenance;
}

/** Whether it may be due by what is known near enough: false only when it surely is not. */
export function mayBeDue(
  { triggerHealth }: Pick<StandingInstruction, "triggerHealth">,
  { equity, maintenance, errorBound, isRead }: FastMargin,
): boolean {
  // A price that cannot be read refuses the top-up.
  if (!isRead) return false;
  const height = (Number(triggerHealth) / 1e18) * (maintenance + errorBound);
  return equity - errorBound < height * (1 + Number.EPSILON * 4);
}
