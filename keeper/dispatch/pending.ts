import type { BlockReference } from "../../sdk/index.js";
import type { Proposal } from "../roles/role.js";
import type { Outcome, Submission } from "./dispatcher.js";

/** A proposal from when it was given until it is clear what became of it. */
export class Pending implements Submission {
  readonly sent: Promise<{ readonly hash: string } | Outcome>;
  readonly done: Promise<Outcome>;
  private tellSent!: (what: { readonly hash: string } | Outcome) => void;
  private tellDone!: (outcome: Outcome) => void;
  private ended = false;
  private taken = false;

  constructor(
    readonly proposal: Proposal,
    /** The block that the proposal was made of. */
    readonly block: BlockReference,
    /** [unix milliseconds] */
    readonly submittedAt: number,
  ) {
    this.sent = new Promise((resolve) => {
      this.tellSent = resolve;
    });
    this.done = new Promise((resolve) => {
      this.tellDone = resolve;
    });
  }

  get isDone(): boolean {
    return this.ended;
  }

  /** Whether a node has it, or had. */
  get wasTaken(): boolean {
    return this.taken;
  }

  /** A node has it. */
  wasSent(hash: string): void {
    this.taken = true;
    this.tellSent({ hash });
  }

  /** The first outcome counts: a block that was replaced later takes nothing back of what was said. */
  finish(outcome: Outcome): void {
    this.ended = true;
    this.tellSent(outcome);
    this.tellDone(outcome);
  }

  leave(reason: string): void {
    this.finish({ kind: "left", reason });
  }
}
