import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { CONTRACTS } from "../ignition/deploy.js";
import { accountId } from "../sdk/index.js";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const HOST = "127.0.0.1";

/** Everything that must never be seen, by the variable that gives it. */
const SECRETS = {
  PLIMSOLL_KEEPER_PRIVATE_KEY: `0x${"4c5d".repeat(16)}`,
  PLIMSOLL_KEEPER_SMTP_USER: "mailer-of-plimsoll",
  PLIMSOLL_KEEPER_SMTP_PASSWORD: "smtp-Password-77",
  PLIMSOLL_KEEPER_TELEGRAM_TOKEN: "991234:telegram-Token-88",
};
const NODE_KEY = "0123456789abcdef-node-key";
const NODE_PASSWORD = "node-Password-99";

/** What a process printed, and how it ended. */
interface Ending {
  readonly output: string;
  readonly code: number | null;
}

/** A process that a test looks at while it runs. */
class Watched {
  output = "";
  readonly ended: Promise<Ending>;
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;

  constructor(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const { HOME = "", PATH = "" } = process.env;
    this.child = spawn(process.execPath, ["--import", "tsx", ...words], {
      cwd: ROOT,
      env: { HOME, PATH, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        this.child.emit("output");
      });
    }
    this.ended = once(this.child, "close").then(([code]) => ({
      output: this.output,
      code: code as number | null,
    }));
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until it has printed something. */
  async hasPrinted(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.child.exitCode !== null)
        throw new Error(`It ended without: ${text}\n${this.output}`);
      await Promise.race([once(this.child, "output"), once(this.child, "close")]);
    }
  }
}

describe("The keeper's process", () => {
  describe("when it is told to end", () => {
    const running = (service: string) => new Watched(["test/support/endingKeeper.ts", service]);

    it("settles what is under way, and ends with 0", async () => {
      const keeper = running("settles");
      await keeper.hasPrinted("begun");
      keeper.kill("SIGTERM");
      const { code, output } = await keeper.ended;
      expect(code).to.equal(0);
      expect(output).to.match(/The keeper ends;[^]*settled[^]*The keeper has ended\./);
    }).timeout(30_000);

    it("ends at once when it is told again", async () => {
      const keeper = running("hangs");
      await keeper.hasPrinted("begun");
      keeper.kill("SIGINT");
      await keeper.hasPrinted("The keeper ends;");
      // One that comes at once is the same signal, told twice by the terminal and by npm: so until one counts.
      const impatience = setInterval(() => {
        keeper.kill("SIGINT");
      }, 100);
      const { code, output } = await keeper.ended;
      clearInterval(impatience);
      expect(code).to.equal(130);
      expect(output).to.include("The keeper ends at once");
    }).timeout(30_000);

    it("says why and ends with 1 when it cannot go on", async () => {
      const { code, output } = await running("fails").ended;
      expect(code).to.equal(1);
      expect(output).to.match(/"level":"fatal".*no database/);
    }).timeout(30_000);

    it("says why and ends with 1 when a promise was rejected that nobody waited for", async () => {
      const { code, output } = await running("forgets").ended;
      expect(code).to.equal(1);
      expect(output).to.match(/"level":"fatal".*nobody waited for this/);
    }).timeout(30_000);
  });

  describe("whatever it prints", () => {
    let folder: string;
    let node: Server;
    let environment: Record<string, string>;
    const asked: string[] = [];

    before(async () => {
      folder = mkdtempSync(path.join(tmpdir(), "plimsoll-process-"));
      // A provider that quotes what it was asked with in its refusals, as some do.
      node = createServer((request, response) => {
        const { headers, url = "" } = request;
        asked.push(url);
        const message = `refused: ${url} ${headers.authorization ?? ""}`;
        response.writeHead(401, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32_000, message } }));
      });
      node.listen(0, HOST);
      await once(node, "listening");
      const { port } = node.address() as AddressInfo;
      const deployment = path.join(folder, "deployment.json");
      writeFileSync(deployment, JSON.stringify(recordOfNothing()));
      environment = {
        ...SECRETS,
        PLIMSOLL_KEEPER_DEPLOYMENT: deployment,
        PLIMSOLL_KEEPER_RPC_URLS: `http://keeper:${NODE_PASSWORD}@${HOST}:${port}/v3/${NODE_KEY}`,
        PLIMSOLL_KEEPER_RPC_SOCKETS: `ws://${HOST}:${port}/ws/${NODE_KEY}`,
        PLIMSOLL_KEEPER_RPC_TIMEOUT_SECONDS: "0.5",
        PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT: accountId(`0x${"12".repeat(20)}`),
        PLIMSOLL_KEEPER_STORAGE: path.join(folder, "keeper.sqlite"),
        PLIMSOLL_KEEPER_SERVER_PORT: "0",
        PLIMSOLL_KEEPER_LOG_LEVEL: "trace",
        PLIMSOLL_KEEPER_PEOPLE_SMTP_HOST: HOST,
        PLIMSOLL_KEEPER_PEOPLE_SMTP_PORT: "1",
        PLIMSOLL_KEEPER_PEOPLE_SMTP_SECURE: "false",
        PLIMSOLL_KEEPER_PEOPLE_SMTP_FROM: "keeper@plimsoll.example",
        PLIMSOLL_KEEPER_PEOPLE_TELEGRAM_API_ROOT: `http://${HOST}:${port}`,
      };
    });

    after(() => {
      node.closeAllConnections();
      node.close();
      rmSync(folder, { recursive: true });
    });

    function expectNoSecret(output: string): void {
      const { PLIMSOLL_KEEPER_SMTP_PASSWORD: password } = SECRETS;
      const hidden = [
        ...Object.values(SECRETS),
        SECRETS.PLIMSOLL_KEEPER_PRIVATE_KEY.slice(2),
        NODE_KEY,
        NODE_PASSWORD,
        Buffer.from(password).toString("base64"),
        Buffer.from(`keeper:${NODE_PASSWORD}`).toString("base64"),
      ];
      for (const text of hidden) expect(output).not.to.include(text);
    }

    it("has no secret in it, at level trace with a node that quotes its key", async () => {
      const keeper = new Watched(["scripts/keeper.ts", "run"], environment);
      await keeper.hasPrinted("No node can be asked");
      keeper.kill("SIGTERM");
      const { output } = await keeper.ended;
      expect(asked).to.include(`/v3/${NODE_KEY}`);
      expect(output).to.include(HOST);
      expectNoSecret(output);
    }).timeout(60_000);

    it("has no secret in it when it is for people", async () => {
      const pretty = { ...environment, PLIMSOLL_KEEPER_LOG_PRETTY: "true" };
      const keeper = new Watched(["scripts/keeper.ts", "run"], pretty);
      await keeper.hasPrinted("No node can be asked");
      keeper.kill("SIGTERM");
      expectNoSecret((await keeper.ended).output);
    }).timeout(60_000);

    it("has no secret in it when the doctor looks and everything is wrong", async () => {
      const { code, output } = await new Watched(["scripts/keeper.ts", "doctor"], environment)
        .ended;
      expect(code).to.equal(1);
      expect(output).to.match(/WRONG .*node/);
      expectNoSecret(output);
    }).timeout(60_000);

    it("says of secrets only that they are set when settings are shown", async () => {
      const words = ["scripts/keeper.ts", "config", "--json", "--name", "mine"];
      const { code, output } = await new Watched(words, environment).ended;
      expect(code).to.equal(0);
      const rows = JSON.parse(output) as { name: string; value?: string; origin: string }[];
      const find = (name: string) => rows.find((row) => row.name === name);
      expect(find("name")).to.deep.equal({ name: "name", value: "mine", origin: "--name" });
      expect(find("PLIMSOLL_KEEPER_PRIVATE_KEY")?.value).to.equal("set");
      expect(find("PLIMSOLL_KEEPER_POSTGRES_PASSWORD")?.value).to.equal("not set");
      expect(find("rpc.urls")?.value).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);
      expectNoSecret(output);
    }).timeout(60_000);

    it("refuses a secret on the command line without repeating it", async () => {
      const words = [
        "scripts/keeper.ts",
        "--smtp-password",
        "hush-hush",
        "--telegram-token=hush-2",
      ];
      const { code, output } = await new Watched(words, environment).ended;
      expect(code).to.equal(2);
      expect(output).to.match(/--smtp-password is a secret in the command line/);
      expect(output).to.match(/--telegram-token is a secret in the command line/);
      expect(output).not.to.include("hush");
    }).timeout(60_000);
  });
});

/** A deployment's record with the right shape. */
function recordOfNothing(): Record<string, unknown> {
  const addresses = CONTRACTS.map((name, i) => [name, `0x${(i + 16).toString(16).repeat(20)}`]);
  const block = { number: 1, hash: `0x${"11".repeat(32)}` };
  const contracts = Object.fromEntries(addresses) as Record<string, string>;
  return { network: "nowhere", chainId: 31_337, block, contracts, tokens: {}, feeds: {} };
}
