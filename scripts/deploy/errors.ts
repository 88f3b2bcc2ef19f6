/** A problem that the user can cure: a sentence with the cure, printed without a stack. */
export class DeployError extends Error {
  override readonly name = "DeployError";
}
