import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, LEASH } from "../demo/node.js";
import type { MemorySample } from "./memory.js";

/** A keeper of the soak. */
export interface KeeperProcessOptions {
  readonly name: string;
  /** Where its settings and its log go. */
  readonly folder: string;
  /** Its settings, as in a configuration file. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Secrets, which are given by the environment alone. */
  readonly secrets: Readonly<Record<string, string>>;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COMMAND = fileURLToPath(new URL("../keeper.ts", import.meta.url));
const QUICKLY = 500;
const RESIDENT = /^plimsoll_keeper_process_resident_memory_bytes\S* (\S+)/m;

/** The keeper as a process of its own, to be killed at any time and started again. */
export class KeeperProcess {
  /** Memory of each of its lives. */
  readonly lives: MemorySample[][] = [];
  private child: ChildProcess | undefined;
  private startedAt = 0;
  private port = 0;

  constructor(readonly options: KeeperProcessOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** Whether there is a process; it may still be reading the chain's past. */
  get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  /** The exit code of a process that ended by itself. */
  get exitCode(): number | null {
    return this.child?.exitCode ?? null;
  }

  /** Starts it. */
  async start(): Promise<void> {
    const { folder, name, secrets, settings } = this.options;
    await mkdir(folder, { recursive: true });
    this.port = await freePort();
    const file = join(folder, `${name}.json`);
    const server = { host: "127.0.0.1", port: this.port };
    await writeFile(file, JSON.stringify({ ...settings, name, server }));
    const log = openSync(join(folder, `${name}.log`), "a");
    const flags = ["--max-semi-space-size=16", "--import", "tsx", "--import", LEASH];
    const args = [...flags, COMMAND, "run", "--config", file];
    this.child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...secrets },
      stdio: ["ignore", log, log, "ipc"],
    });
    this.startedAt = Date.now();
    this.lives.push([]);
  }

  /** Ends it without a chance to say so. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Ends it as an operator does; returns its exit code. */
  async stop(): Promise<number | null> {
    const { child } = this;
    if (child === undefined || !this.isRunning) return this.exitCode;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
    return child.exitCode;
  }

  /** Whether it is up to date, by its own word. */
  async isReady(): Promise<boolean> {
    if (!this.isRunning) return false;
    return (await this.ask("/ready"))?.ok ?? false;
  }

  /** Takes down how much memory it holds. */
  async sampleMemory(): Promise<void> {
    const answer = this.isRunning ? await this.ask("/metrics") : undefined;
    const resident = Number(RESIDENT.exec((await answer?.text()) ?? "")?.[1]);
    if (!Number.isFinite(resident)) return;
    this.lives.at(-1)?.push({ age: (Date.now() - this.startedAt) / 1000, resident });
  }

  /** A page of it; nothing when there is none in time. */
  async ask(path: string): Promise<Response | undefined> {
    try {
      return await fetch(`http://127.0.0.1:${this.port}${path}`, {
        signal: AbortSignal.timeout(QUICKLY),
      });
    } catch {
      return undefined;
    }
  }
}
