import { inspect } from "node:util";

// A worker tells the main process of a failed test in JSON, which knows no bigint: the failure would be lost, and with it
// everything that the file has to say. Written as libraries write it that bring bigints into JSON themselves (viem's typed data).
Object.defineProperty(BigInt.prototype, "toJSON", {
  value(this: bigint) {
    return this.toString();
  },
});

/**
 * A promise that nobody awaits and that fails, fails the run: mocha's worker processes ignore it by themselves. They
 * load this file; in the main process Hardhat sees to it.
 */
const TICK_MILLISECONDS = 20;
const reasons: unknown[] = [];

process.on("unhandledRejection", (reason) => {
  reasons.push(reason);
});

export const mochaHooks = {
  /** After each file. What was started last may fail a little later. */
  async afterAll() {
    await new Promise((resolve) => setTimeout(resolve, TICK_MILLISECONDS));
    const [reason] = reasons.splice(0);
    if (reason !== undefined) throw new Error(`Nobody awaited a promise: ${inspect(reason)}`);
  },
};
