/** A rehearsal that did not come out as it should: its message is for people. */
export class RehearsalError extends Error {
  override readonly name = "RehearsalError";
}
