/** How a node failed to answer. */
export type FailureKind =
  /** No connection, or one that broke. */
  | "unreachable"
  /** Silence. */
  | "timeout"
  /** It says that it cannot or will not now: HTTP 429 and 5xx, limits, its own errors. */
  | "refused"
  /** What it sent is no answer to what was asked. */
  | "malformed"
  /** It has not the block that was asked about, or is on another fork. */
  | "behind";

/** The names that ethers has for the same, which the SDK explains. */
const CODES = {
  unreachable: "NETWORK_ERROR",
  timeout: "TIMEOUT",
  refused: "SERVER_ERROR",
  malformed: "SERVER_ERROR",
  behind: "SERVER_ERROR",
} as const;

/** One node gave no answer. Another may, and so may this one later. */
export class NodeFailure extends Error {
  override readonly name = "NodeFailure";
  readonly code: (typeof CODES)[FailureKind];

  /**
   * @param node The node's name, never its URL, which may hold a key.
   * @param kind What it means for the next question.
   * @param detail What was seen.
   */
  constructor(
    readonly node: string,
    readonly kind: FailureKind,
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(`${node}: ${detail}`, options);
    this.code = CODES[kind];
  }
}

/** The innermost reason of an error, which says more than "fetch failed". */
export function reasonOf(error: unknown): string {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  if (!(reason instanceof Error)) return String(reason);
  const { code } = reason as { code?: unknown };
  // A connection that is refused at several addresses has no message of its own.
  return reason.message === "" && typeof code === "string" ? code : reason.message;
}
