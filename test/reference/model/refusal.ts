/** The model refuses an act: the contracts must revert with the custom error of this name, and nothing changes. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(readonly reason: string) {
    super(reason);
  }
}

/** Refuses unless the condition holds. */
export function demand(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Refusal(reason);
}
