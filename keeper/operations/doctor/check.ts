import { messageOf } from "../../messageOf.js";

/** How a check ended. A warning does not keep the keeper from working; what is wrong does. */
type Verdict = "ok" | "warning" | "wrong";

/** One thing that `keeper doctor` looked at. */
export interface Check {
  /** "configuration", "node", "wallet" … */
  readonly area: string;
  /** Which one: a node's host, a contract's name. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly found: string;
  /** What to do about it; with every verdict but "ok". */
  readonly cure?: string;
}

/** Makes the checks of one area. */
export interface Findings {
  ok(subject: string, found: string): Check;
  warning(subject: string, found: string, cure: string): Check;
  wrong(subject: string, found: string, cure: string): Check;
}

/** Checks of an area, by their verdict. */
export function findingsOf(area: string): Findings {
  return {
    ok: (subject, found) => ({ area, subject, verdict: "ok", found }),
    warning: (subject, found, cure) => ({ area, subject, verdict: "warning", found, cure }),
    wrong: (subject, found, cure) => ({ area, subject, verdict: "wrong", found, cure }),
  };
}

/** What an error says, in one line, without what ethers adds for programs. */
export function reasonOf(error: unknown): string {
  const { shortMessage } = error as { shortMessage?: unknown };
  if (typeof shortMessage === "string") return shortMessage;
  const text = messageOf(error);
  return text.split("\n", 1)[0] ?? "";
}
