import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { DemoFailure } from "./errors.js";

/** A node of our own, gone when this process is. */
export interface LocalNode {
  readonly url: string;
  /** Ends the node and waits until it is gone. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HARDHAT = fileURLToPath(new URL("../../node_modules/.bin/hardhat", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../hardhat.node.config.ts", import.meta.url));
/**
 * Loaded into a child: it ends when the channel to this process closes. So it ends even if this process is killed without a
 * chance to say so, as tsx does when Ctrl-C finds it busy.
 */
export const LEASH = `data:text/javascript,${encodeURIComponent('process.on("disconnect", () => process.exit()); process.channel.unref();')}`;
const START_TIMEOUT_MILLISECONDS = 60_000;
const STOP_TIMEOUT_MILLISECONDS = 3_000;
const POLL_MILLISECONDS = 50;
/** Exit codes by convention: 128 + the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Starts `hardhat node` on loopback at a free port and waits until it answers. However this process ends, by return, by an
 * error, by a signal, the node is ended with it.
 */
export async function startNode({ chainId }: { chainId?: number } = {}): Promise<LocalNode> {
  const port = await freePort();
  const url = `http://${HOST}:${port}`;
  // The script itself is run, not a shell or npx around it: the child that is killed is the node.
  const options = ["--config", CONFIG, "--hostname", HOST, "--port", `${port}`];
  const args = ["--import", LEASH, HARDHAT, "node", ...options];
  if (chainId !== undefined) args.push("--chain-id", `${chainId}`);
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", FORCE_COLOR: "0" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const complaints: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  const stop = bindToProcess(child);

  try {
    await untilAnswering(url, child);
  } catch (error) {
    await stop();
    const reason = complaints.join("").trim().slice(-500);
    throw new DemoFailure(`hardhat node did not start${reason === "" ? "" : `:\n${reason}`}`, {
      cause: error,
    });
  }
  return { url, stop };
}

/** Sees to it that the child ends with this process; returns how to end it before. */
export function bindToProcess(child: ChildProcess): () => Promise<void> {
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    kill();
    process.exit(SIGNALS[signal as keyof typeof SIGNALS]);
  };
  process.once("exit", kill);
  for (const signal of Object.keys(SIGNALS)) process.once(signal, onSignal);

  return async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const impatience = setTimeout(kill, STOP_TIMEOUT_MILLISECONDS);
      await gone;
      clearTimeout(impatience);
    }
    process.off("exit", kill);
    for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal);
  };
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MILLISECONDS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    if (await answers(url)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
  throw new Error("it did not answer in time");
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] }),
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** A port that nobody listens on; somebody else could take it before it is used, which whoever uses it then reports. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string")
    throw new DemoFailure("No free port was found.");
  return address.port;
}
