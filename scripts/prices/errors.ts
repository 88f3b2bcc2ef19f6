/**
 * Something the person at the keyboard can mend: a wrong option or a file that is not what it must be. The message is
 * a sentence that says what is wrong, then the cure. Printed without a stack trace, exit code 2.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";

  /**
   * @param problem What is wrong, a sentence.
   * @param cure What to do about it, a sentence.
   */
  constructor(
    readonly problem: string,
    readonly cure: string,
  ) {
    super(`${problem} ${cure}`);
  }
}
