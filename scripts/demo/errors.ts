export { UsageError } from "../prices/errors.js";

/** A reason to stop that is neither the caller's fault nor a broken invariant: the node did not start, a build failed. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}
