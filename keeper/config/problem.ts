/** Something wrong with what the keeper was given. Never holds the value: it may be a secret in the wrong place. */
export interface Problem {
  /** The flag, variable, or file and its entry. */
  readonly place: string;
  /** What is wrong there, going on from the place. */
  readonly what: string;
  /** What to do about it, in a sentence. */
  readonly cure: string;
}

/** The keeper cannot begin with what it was given; its message has every problem with its cure. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ cure, place, what }) => `${place} ${what}. ${cure}`).join("\n"));
  }
}
