import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { bindToProcess, LEASH } from "../demo/node.js";
import { RehearsalError } from "./errors.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HARDHAT = fileURLToPath(new URL("../../node_modules/.bin/hardhat", import.meta.url));

/** Variables by name, on top of those of this process. */
export type Variables = Readonly<Record<string, string>>;

/** Runs `hardhat` with arguments; see {@link runNode}. */
export async function runHardhat(args: readonly string[], variables: Variables): Promise<string> {
  return runNode([HARDHAT, ...args], variables);
}

/** Runs a script of this repository with arguments; see {@link runNode}. */
export async function runScript(
  script: string,
  args: readonly string[],
  variables: Variables,
): Promise<string> {
  return runNode(["--import", "tsx", script, ...args], variables);
}

/**
 * Runs Node on loopback's own configuration and returns what it printed; throws with that when it fails. The child ends with
 * this process, however this process ends.
 */
async function runNode(args: readonly string[], variables: Variables): Promise<string> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HARDHAT_CONFIG: "hardhat.rehearsal.config.ts",
    HARDHAT_DISABLE_TELEMETRY_PROMPT: "true",
    FORCE_COLOR: "0",
    // Hardhat never opens a keystore in CI: a rehearsal has no use for real keys.
    CI: "true",
    ...variables,
  };
  // What a test runner leaves for its own Hardhat.
  delete env.HARDHAT_NETWORK;
  delete env.HH_TEST;
  const child = spawn(process.execPath, ["--import", LEASH, ...args], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => printed.push(text));
  }
  const stop = bindToProcess(child);
  await once(child, "close");
  await stop();
  const output = printed.join("");
  if (child.exitCode !== 0) throw new RehearsalError(output.trim());
  return output;
}
