import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { chown, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";

/** A server of this process alone, and what it takes to ask it. */
interface Server {
  /** Where its socket is. */
  readonly folder: string;
}

/** Debian's newest, or one on the path; undefined when none is installed. */
const PROGRAMS = programs();

/** Why tests with Postgres cannot run here; undefined when they can. */
export const NO_POSTGRES =
  PROGRAMS === undefined ? "no Postgres is installed: apt-get install postgresql" : undefined;

let server: Promise<Server> | undefined;
let schemas = 0;

/**
 * The address of a new, empty schema of a real server's database: as good as a database of its own, which takes a thousand
 * times as long to make. The server is started with the first one, listens on a socket file in
 * a temporary folder and writes nothing through to the disk. It ends with this process, however that ends.
 */
export async function newPostgresDatabase(): Promise<string> {
  server ??= start();
  const { folder } = await server;
  const name = `test_${++schemas}`;
  await withClient(folder, (client) => client.query(`CREATE SCHEMA ${name}`));
  const settings = new URLSearchParams({
    host: folder,
    user: "postgres",
    options: `-c search_path=${name}`,
  });
  return `postgres:///postgres?${String(settings).replaceAll("+", "%20")}`;
}

/** How long the server may take to begin [milliseconds]. */
const PATIENCE = 60_000;

/**
 * Keeps the server until its input ends, which the kernel sees to when this process ends; then stops it and removes all.
 * The first argument is the folder of the programs, the second that of the server.
 */
const WATCH = `
  "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=50 \
    -c shared_buffers=64MB -c autovacuum=off >"$2/log" 2>&1 &
  server=$!
  read -r _
  kill -QUIT $server
  wait $server
  rm -rf "$2"`;

async function start(): Promise<Server> {
  if (PROGRAMS === undefined) throw new Error(NO_POSTGRES);
  const owner = ownerOfServer();
  const folder = await mkdtemp(join(tmpdir(), "plimsoll-postgres-"));
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  const shell = (script: string): ChildProcess =>
    spawn("sh", ["-c", script, "sh", PROGRAMS, folder], {
      ...owner,
      cwd: folder,
      // Ctrl-C in a terminal is for this process: what it started ends after it.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
  const made = shell(
    '"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$2/log" 2>&1',
  );
  const code = await new Promise((resolve, reject) => {
    made.on("exit", resolve).on("error", reject);
  });
  if (code !== 0) throw new Error(`initdb has failed: see ${folder}/log`);
  const watch = shell(WATCH);
  watch.unref();
  (watch.stdin as unknown as { unref(): void }).unref();
  await untilItAnswers(folder, watch);
  return { folder };
}

/** The server refuses to be root: Debian's package has made a user for it. */
function ownerOfServer(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number => Number(execFileSync("id", [flag, "postgres"]));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

async function untilItAnswers(folder: string, watch: ChildProcess): Promise<void> {
  for (const end = performance.now() + PATIENCE; ;) {
    try {
      await withClient(folder, (client) => client.query("SELECT 1"));
      return;
    } catch (error) {
      if (performance.now() > end || watch.exitCode !== null) {
        throw new Error(`Postgres does not answer: see ${folder}/log`, { cause: error });
      }
    }
    await pause(20);
  }
}

async function withClient(
  folder: string,
  act: (client: Client) => Promise<unknown>,
): Promise<void> {
  const client = new Client({ host: folder, user: "postgres", database: "postgres" });
  try {
    await client.connect();
    await act(client);
  } finally {
    await client.end();
  }
}

function programs(): string | undefined {
  const versionOf = (path: string): number => Number(/postgresql\/(\d+)/.exec(path)?.[1] ?? 0);
  const debian = globSync("/usr/lib/postgresql/*/bin").sort((a, b) => versionOf(b) - versionOf(a));
  const path = (process.env.PATH ?? "").split(":");
  return [...debian, ...path].find((folder) =>
    ["initdb", "postgres"].every((program) => existsSync(join(folder, program))),
  );
}
