import { STATUSES, type AccountId, type Status } from "../../sdk/index.js";

/**
 * When people are told that an account is below its initial margin, and when that it has recovered.
 *
 * An episode begins when an account is found below initial margin. It ends when equity is a tenth above initial margin, or
 * has not been below it for ten minutes. Its margin call is told at once, again when things have become worse (below
 * maintenance, below 0: once each), and again after each repeat time. Two first calls of an account lie at least ten minutes
 * apart, however often it crosses the line meanwhile.
 */

/** A time below initial margin; times are the chain's [unix seconds]. */
export interface Episode {
  readonly account: AccountId;
  /** Tells it from the account's other ones. */
  readonly episode: string;
  readonly beganAt: number;
  /** How often its margin call was told. */
  readonly told: number;
  /** When a margin call of the account was told last; 0: never. */
  readonly toldAt: number;
  /** The worst that was told in it, as a place in STATUSES. */
  readonly toldStatus: number;
  /** 0 while it lasts. */
  readonly endedAt: number;
}

/** Where an account stands. */
export interface Standing {
  readonly status: Status;
  /** Whether it is so far above initial margin that it has recovered for good. */
  readonly isCushioned: boolean;
}

/** How often people are told. */
export interface TellingRules {
  /** Between repeats of a margin call [seconds]. */
  readonly repeatSeconds: number;
}

/** What is to be done about an account. */
export type Step = "none" | "begin" | "tell" | "end";

/** Equity so far above initial margin has recovered at once [bps]. */
export const CUSHION_BPS = 1_000n;
/** So long not below initial margin has recovered [seconds]. */
const CALM_SECONDS = 600;
/** Between first calls of two episodes of an account lies at least this [seconds]. */
export const QUIET_SECONDS = 600;

/**
 * What is to be done about an account.
 *
 * @param episode Its latest.
 * @param calmSince Since when it has not been seen below initial margin in its episode [unix seconds].
 * @param time Of the block [unix seconds].
 */
export function stepOf(
  episode: Episode | undefined,
  { isCushioned, status }: Standing,
  { calmSince, time }: { calmSince: number | undefined; time: number },
  { repeatSeconds }: TellingRules,
): Step {
  const isBelow = status !== "Healthy";
  if (episode === undefined || episode.endedAt !== 0) return isBelow ? "begin" : "none";
  if (!isBelow) {
    const isCalm = calmSince !== undefined && time - calmSince >= CALM_SECONDS;
    return isCushioned || isCalm ? "end" : "none";
  }
  if (rankOf(status) > episode.toldStatus) return "tell";
  const pause = episode.told === 0 ? QUIET_SECONDS : repeatSeconds;
  return time - episode.toldAt >= pause ? "tell" : "none";
}

/** The place of a status in {@link STATUSES}: higher is worse. */
export function rankOf(status: Status): number {
  return STATUSES.indexOf(status);
}
