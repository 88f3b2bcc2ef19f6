import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { JsonRpcProvider, parseEther, toQuantity, Wallet } from "ethers";
import hre, { network } from "hardhat";
import { SMTPServer } from "smtp-server";
import { loadConfig } from "../keeper/config/load.js";
import { MIGRATIONS } from "../keeper/migrations.js";
import type { Check } from "../keeper/operations/doctor/check.js";
import { examine } from "../keeper/operations/doctor/doctor.js";
import { jsonOf, tableOf } from "../keeper/operations/doctor/report.js";
import { migrate } from "../keeper/storage/migrate.js";
import { openSqlite } from "../keeper/storage/sqlite.js";
import { accountId } from "../sdk/index.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";

const HOST = "127.0.0.1";
/** Ignition remembers what it deployed on a chain of this number: one of our own, for one run. */
const CHAIN_ID = 4_000_000 + process.pid;
const JOURNAL = path.join(hre.config.paths.ignition, "deployments", `chain-${CHAIN_ID}`);
const LIQUIDATE = 8;
const FOR_EVER = 2n ** 40n - 1n;
const DAY = 86_400;

/** What of the settings, the record and the clock is not as it should be. */
interface Change {
  environment?: Record<string, string>;
  record?: Record<string, unknown>;
  contracts?: Record<string, string>;
  /** The machine's clock is ahead of the chain by so much [seconds]. */
  ahead?: number;
}

/** One node and one deployment on loopback for all. */
describe("The keeper's doctor", () => {
  let folder: string;
  let url: string;
  let market: LiquidationMarket;
  let provider: JsonRpcProvider;
  let stop: () => Promise<void>;
  let record: Record<string, unknown>;
  const wallet = Wallet.createRandom();

  before(async function () {
    this.timeout(60_000);
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-doctor-"));
    const node = await network.createServer({ override: { chainId: CHAIN_ID } }, HOST, 0);
    const { port } = await node.listen();
    url = `http://${HOST}:${port}`;
    provider = new JsonRpcProvider(url, undefined, { staticNetwork: true, cacheTimeout: -1 });
    const connection = await hre.network.create({ network: "localhost", override: { url } });
    stop = async () => {
      provider.destroy();
      await connection.close();
      await node.close();
      rmSync(JOURNAL, { recursive: true, force: true });
    };
    market = await deployLiquidationMarket(connection);
    await provider.send("hardhat_setBalance", [wallet.address, toQuantity(parseEther("1"))]);
    await permit(FOR_EVER);
    const block = (await provider.getBlock("latest"))!;
    const at = { number: block.number, hash: block.hash };
    record = { network: "localhost", chainId: CHAIN_ID, block: at, ...market.addresses };
  });

  after(async () => {
    await stop();
    rmSync(folder, { recursive: true });
  });

  /** Lets the wallet liquidate for the rescuer's owner. */
  async function permit(until: bigint, permissions = LIQUIDATE): Promise<void> {
    const { liquidator, vault } = market;
    await vault.connect(liquidator).setOperator(wallet.address, permissions, until);
  }

  async function checksOf(change: Change = {}): Promise<Check[]> {
    const contracts = { ...(record.contracts as Record<string, string>), ...change.contracts };
    const deployment = path.join(folder, "deployment.json");
    writeFileSync(deployment, JSON.stringify({ ...record, ...change.record, contracts }));
    const storage = path.join(folder, "keeper.sqlite");
    const loaded = loadConfig({
      environment: {
        PLIMSOLL_KEEPER_DEPLOYMENT: deployment,
        PLIMSOLL_KEEPER_RPC_URLS: url,
        PLIMSOLL_KEEPER_RPC_TIMEOUT_SECONDS: "2",
        PLIMSOLL_KEEPER_RPC_STALLED_SECONDS: "600",
        PLIMSOLL_KEEPER_PRIVATE_KEY: wallet.privateKey,
        PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT: market.rescuer,
        PLIMSOLL_KEEPER_STORAGE: storage,
        PLIMSOLL_KEEPER_SERVER_PORT: "0",
        ...change.environment,
      },
    });
    const now = ((await provider.getBlock("latest"))!.timestamp + (change.ahead ?? 0)) * 1e3;
    const open = () => openSqlite(loaded.config.storage);
    return examine({
      loaded,
      storage: { name: loaded.config.storage, open, migrations: MIGRATIONS },
      clock: { now: () => now },
    });
  }

  /** What is not right, in short. */
  async function problemsOf(change: Change = {}): Promise<string[]> {
    return (await checksOf(change))
      .filter(({ verdict }) => verdict === "wrong")
      .map(({ area, cure, found, subject }) => {
        expect(cure, found).to.match(/^.{10,}\.$/s);
        return `${area}, ${subject}: ${found}`;
      });
  }

  it("finds nothing wrong where all is well, and says what it has looked at", async () => {
    const checks = await checksOf({ environment: { PLIMSOLL_KEEPER_RPC_SOCKETS: socketUrl() } });
    expect(checks.filter(({ verdict }) => verdict === "wrong")).to.deep.equal([]);
    const subjects = new Set(checks.map(({ area, subject }) => `${area} ${subject}`));
    for (const wanted of [
      "configuration settings",
      `node http://${HOST}:${new URL(url).port}`,
      `socket ${socketUrl()}`,
      "address code",
      "address wiring",
      "price underlying 1",
      "wallet key",
      "wallet ether",
      "liquidator permission",
      "liquidator margin",
      "storage writing",
      "storage tables",
      "server port",
    ]) {
      expect(subjects, wanted).to.include(wanted);
    }
    expect(tableOf(checks)).to.match(/ 0 WRONG\n$/);
    expect((JSON.parse(jsonOf(checks)) as { ok: boolean }).ok).to.equal(true);
  });

  function socketUrl(): string {
    return url.replace("http", "ws");
  }

  describe("says of nodes", () => {
    it("that one does not answer, and nothing of its key", async () => {
      const environment = { PLIMSOLL_KEEPER_RPC_URLS: `http://${HOST}:1/v3/0123456789abcdef01` };
      const checks = await checksOf({ environment });
      const problem = checks.find(({ area, verdict }) => area === "node" && verdict === "wrong");
      expect(problem?.found).to.match(/^it does not answer: /);
      expect(JSON.stringify(checks)).not.to.include("0123456789abcdef01");
      expect(checks.find(({ subject }) => subject === "contracts")?.found).to.equal(
        "they were not looked at",
      );
    });

    it("that one is on another chain", async () => {
      expect(await problemsOf({ record: { chainId: 11_155_111 } })).to.deep.equal([
        `node, ${url}: it is on chain ${CHAIN_ID}, the deployment on chain 11155111`,
      ]);
    });

    it("that the chain was restarted since the deployment", async () => {
      const block = { number: 3, hash: `0x${"00".repeat(32)}` };
      expect(await problemsOf({ record: { block } })).to.deep.equal([
        `node, ${url}: its block 3 is not the deployment's`,
      ]);
    });

    it("that the head is old", async () => {
      const [problem] = await problemsOf({ ahead: 1_000 });
      expect(problem).to.match(/^node, .*: its last block \d+ is 1000 seconds old$/);
    });

    it("that events are looked for too late", async () => {
      const environment = { PLIMSOLL_KEEPER_RPC_FIRST_BLOCK: "1000000" };
      const [problem] = await problemsOf({ environment });
      expect(problem).to.match(/: rpc\.firstBlock is 1000000, after the deployment's block \d+$/);
    });

    it("that a socket does not open", async () => {
      const environment = { PLIMSOLL_KEEPER_RPC_SOCKETS: `ws://${HOST}:1` };
      const [problem] = await problemsOf({ environment });
      expect(problem).to.equal(`socket, ws://${HOST}:1: it does not open`);
    });
  });

  describe("says of addresses", () => {
    it("that the record is not there", async () => {
      const environment = { PLIMSOLL_KEEPER_DEPLOYMENT: path.join(folder, "nowhere.json") };
      const [problem] = await problemsOf({ environment });
      expect(problem).to.match(/^configuration, deployment: The deployment .* \(ENOENT\)/);
    });

    it("that the record is none", async () => {
      const [problem] = await problemsOf({ record: { tokens: "USDC" } });
      expect(problem).to.match(/is not what `npm run deploy` writes \(tokens\)/);
    });

    it("that nothing is at one of them", async () => {
      const Lens = `0x${"12".repeat(20)}`;
      expect(await problemsOf({ contracts: { Lens } })).to.deep.equal([
        `address, Lens: there is nothing at ${Lens}`,
      ]);
    });

    it("that another margin engine is in charge", async () => {
      const { Lens, MarginEngine } = record.contracts as Record<string, string>;
      const problems = await problemsOf({ contracts: { MarginEngine: Lens! } });
      expect(problems).to.deep.equal([
        `address, Clearinghouse.marginEngine: it gives ${MarginEngine!} instead of ${Lens!}`,
      ]);
    });
  });

  describe("says of the wallet", () => {
    it("that its keystore does not open", async () => {
      const environment = {
        PLIMSOLL_KEEPER_PRIVATE_KEY: "",
        PLIMSOLL_KEEPER_WALLET_KEYSTORE: path.join(folder, "nowhere.json"),
        PLIMSOLL_KEEPER_KEYSTORE_PASSWORD: "correct horse",
      };
      const [problem] = await problemsOf({ environment });
      expect(problem).to.match(/^wallet, key: The keystore .* cannot be read \(ENOENT\)/);
    });

    it("that it has no ether, and that it neither owns nor operates the account", async () => {
      const { privateKey } = Wallet.createRandom();
      const environment = { PLIMSOLL_KEEPER_PRIVATE_KEY: privateKey };
      const problems = await problemsOf({ environment });
      expect(problems[0]).to.equal("wallet, ether: it has 0.0 ether");
      expect(problems[1]).to.match(
        /^liquidator, permission: the wallet neither owns .* nor is its operator with LIQUIDATE$/,
      );
      expect(problems).to.have.length(2);
    });

    it("that its permission is another one, is over, or is soon", async () => {
      const { timestamp } = (await provider.getBlock("latest"))!;
      try {
        await permit(FOR_EVER, 7);
        expect((await problemsOf())[0]).to.match(/nor is its operator with LIQUIDATE$/);
        await permit(BigInt(timestamp + DAY));
        const soon = (await checksOf()).find(({ subject }) => subject === "permission");
        expect(soon?.verdict).to.equal("warning");
        await provider.send("evm_increaseTime", [2 * DAY]);
        await provider.send("evm_mine", []);
        expect((await problemsOf())[0]).to.match(
          /^liquidator, permission: .* LIQUIDATE ended at 20/,
        );
      } finally {
        await permit(FOR_EVER);
      }
    });

    it("that the account has nothing to take over with", async () => {
      const empty = accountId(wallet.address);
      const environment = { PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT: empty };
      expect(await problemsOf({ environment })).to.deep.equal([
        "liquidator, margin: it has 0.00 dollars of free margin",
      ]);
    });
  });

  it("warns of feeds that are silent", async () => {
    await provider.send("evm_increaseTime", [10 * DAY]);
    await provider.send("evm_mine", []);
    const prices = (await checksOf()).filter(({ area }) => area === "price");
    expect(prices.map(({ verdict }) => verdict)).to.include("warning");
    expect(prices[0]?.found).to.match(/^its price cannot be read: /);
  });

  describe("says of the rest", () => {
    it("that the database cannot be opened", async () => {
      const environment = { PLIMSOLL_KEEPER_STORAGE: path.join(folder, "no", "folder.sqlite") };
      const [problem] = await problemsOf({ environment });
      expect(problem).to.match(/^storage, writing: .*could not be opened/);
    });

    it("that a newer release has written the database", async () => {
      const file = path.join(folder, "newer.sqlite");
      const database = openSqlite(file);
      await migrate(database, [...MIGRATIONS, { id: "future 1", statements: [] }]);
      await database.close();
      const environment = { PLIMSOLL_KEEPER_STORAGE: file };
      expect(await problemsOf({ environment })).to.deep.equal([
        "storage, tables: they have steps that this release does not know: future 1",
      ]);
    });

    it("leaves the database as it was", async () => {
      const file = path.join(folder, "untouched.sqlite");
      await checksOf({ environment: { PLIMSOLL_KEEPER_STORAGE: file } });
      const database = openSqlite(file);
      expect(await database.query("SELECT name FROM sqlite_master")).to.deep.equal([]);
      await database.close();
    });

    it("that somebody else listens at the server's port", async () => {
      const environment = { PLIMSOLL_KEEPER_SERVER_PORT: new URL(url).port };
      const check = (await checksOf({ environment })).find(({ subject }) => subject === "port");
      expect(check?.verdict).to.equal("warning");
      expect(check?.found).to.match(/ is taken$/);
    });

    it("that the mail server does not know the password", async () => {
      const server = new SMTPServer({
        allowInsecureAuth: true,
        hideSTARTTLS: true,
        onAuth: ({ password }, _session, done) => {
          if (password === "right password") done(null, { user: "keeper" });
          else done(new Error("Invalid login"));
        },
      });
      const listening = server.listen(0, HOST);
      await once(listening, "listening");
      const { port } = listening.address() as AddressInfo;
      const mailOf = async (password: string) => {
        const environment = {
          PLIMSOLL_KEEPER_PEOPLE_SMTP_HOST: HOST,
          PLIMSOLL_KEEPER_PEOPLE_SMTP_PORT: `${port}`,
          PLIMSOLL_KEEPER_PEOPLE_SMTP_SECURE: "false",
          PLIMSOLL_KEEPER_PEOPLE_SMTP_FROM: "keeper@plimsoll.example",
          PLIMSOLL_KEEPER_SMTP_USER: "the-keepers-user",
          PLIMSOLL_KEEPER_SMTP_PASSWORD: password,
        };
        return (await checksOf({ environment })).find(({ subject }) => subject === "e-mail");
      };
      try {
        expect((await mailOf("right password"))?.verdict).to.equal("ok");
        const refused = await mailOf("wrong password");
        expect(refused?.verdict).to.equal("wrong");
        expect(refused?.cure).to.match(/^Correct PLIMSOLL_KEEPER_SMTP_USER and/);
        expect(refused?.found).not.to.include("wrong password");
      } finally {
        await new Promise<void>((resolve) => {
          server.close(resolve);
        });
      }
    });

    it("that Telegram does not know the token", async () => {
      const server = await telegram();
      const { port } = server.address() as AddressInfo;
      const botOf = async (token: string) => {
        const environment = {
          PLIMSOLL_KEEPER_PEOPLE_TELEGRAM_API_ROOT: `http://${HOST}:${port}`,
          PLIMSOLL_KEEPER_TELEGRAM_TOKEN: token,
        };
        return (await checksOf({ environment })).find(({ subject }) => subject === "Telegram");
      };
      try {
        expect((await botOf("1234:right"))?.found).to.equal("the bot is @plimsoll_bot");
        const refused = await botOf("1234:wrong-token");
        expect(refused?.verdict).to.equal("wrong");
        expect(refused?.cure).to.match(/^Correct PLIMSOLL_KEEPER_TELEGRAM_TOKEN/);
        expect(JSON.stringify(refused)).not.to.include("wrong-token");
      } finally {
        server.close();
      }
    });
  });
});

/** Telegram's answers to getMe, as far as they are needed here. */
async function telegram(): Promise<Server> {
  const server = createServer((request, response) => {
    const isRight = request.url === "/bot1234:right/getMe";
    const bot = { id: 1234, is_bot: true, first_name: "Plimsoll", username: "plimsoll_bot" };
    response.writeHead(isRight ? 200 : 401, { "content-type": "application/json" });
    response.end(
      JSON.stringify(
        isRight
          ? { ok: true, result: bot }
          : { ok: false, error_code: 401, description: "Unauthorized" },
      ),
    );
  });
  server.listen(0, HOST);
  await once(server, "listening");
  return server;
}
