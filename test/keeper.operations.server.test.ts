import { connect } from "node:net";
import { once } from "node:events";
import { expect } from "chai";
import { pino } from "pino";
import { systemClock } from "../keeper/clock.js";
import { configSchema } from "../keeper/config/schema.js";
import { createAlarms } from "../keeper/operations/alarmBoard.js";
import type { Alarms } from "../keeper/operations/alarms.js";
import { createRegistry, keeperMetrics } from "../keeper/operations/metrics.js";
import { createServer, type KeeperServer } from "../keeper/operations/server.js";
import type { KeeperStatus } from "../keeper/operations/status.js";

const STATUS: KeeperStatus = {
  name: "tester",
  chainId: 31_337,
  isReady: false,
  isDryRun: true,
  roles: ["liquidate"],
  wallet: undefined,
  block: undefined,
  accounts: 3,
  accountsBelow: 1,
  underWay: ["liquidate 0x12"],
  nodes: [{ name: "127.0.0.1:8545", isUsed: true, head: 7, problem: undefined }],
};

describe("The keeper's server", () => {
  let server: KeeperServer;
  let alarms: Alarms;
  let status: KeeperStatus;
  let now = 1_000_000;
  let proxies = ["loopback"];
  const lines: string[] = [];
  const clock = { ...systemClock, now: () => now };
  const registry = createRegistry({ keeper: "tester" });
  const metrics = keeperMetrics(registry, clock);

  async function open(): Promise<void> {
    lines.length = 0;
    status = STATUS;
    registry.removeSingleMetric("plimsoll_keeper_alarm");
    const logger = pino({ level: "trace" }, { write: (line) => lines.push(line) });
    alarms = createAlarms({ clock, logger, registry });
    server = await createServer({
      settings: { ...configSchema.parse({}).server, port: 0, proxies },
      ...{ registry, alarms, logger, status: () => status },
      plugins: [
        (app) => {
          app.get("/whom", ({ ip }) => ({ ip }));
          app.get("/room", () => ({ room: "theirs" }));
          app.get("/broken", () => {
            throw new Error("the inside of the keeper");
          });
          app.post("/room", () => ({ taken: true }));
          return Promise.resolve();
        },
      ],
    });
  }

  beforeEach(open);

  afterEach(async () => {
    await server.close();
  });

  async function get(page: string): Promise<{ code: number; body: Record<string, unknown> }> {
    const response = await fetch(server.url + page);
    return { code: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  it("is healthy while no alarm is on", async () => {
    expect(await get("/health")).to.deep.equal({ code: 200, body: { healthy: true, alarms: [] } });
  });

  it("is not healthy while the keeper may be blind, and says why and since when", async () => {
    alarms.raise("nodeUnreachable", "node.example", "nothing within 5 seconds");
    const { body, code } = await get("/health");
    expect(code).to.equal(503);
    expect(body).to.deep.equal({
      healthy: false,
      alarms: [
        {
          name: "nodeUnreachable",
          subject: "node.example",
          detail: "nothing within 5 seconds",
          since: new Date(now).toISOString(),
          meaning: "A node does not answer.",
          serious: true,
        },
      ],
    });
    alarms.clear("nodeUnreachable", "node.example");
    expect((await get("/health")).code).to.equal(200);
  });

  it("stays healthy when strangers' webhooks do not answer, and still lists the alarm", async () => {
    alarms.raise("deliveryFailing", "webhook", "nobody answers");
    const { body, code } = await get("/health");
    expect(code).to.equal(200);
    expect(body.alarms).to.have.length(1);
  });

  it("is ready once everything is known, and not before", async () => {
    expect((await get("/ready")).code).to.equal(503);
    status = { ...STATUS, isReady: true, block: { number: 7, hash: "0x77", time: 1_700 } };
    expect(await get("/ready")).to.deep.equal({
      code: 200,
      body: { ready: true, block: { number: 7, hash: "0x77", time: 1_700 } },
    });
  });

  it("says what the keeper is about", async () => {
    const { body } = await get("/status");
    expect(body).to.deep.equal(JSON.parse(JSON.stringify(STATUS)));
  });

  it("gives metrics, with the lag as it is when it is asked for", async () => {
    metrics.headTime.set(900);
    metrics.roundTook({ update: 10, liquidate: 15, whole: 40 });
    now = 1_000_000;
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).to.match(/^plimsoll_keeper_head_lag_seconds\{keeper="tester"\} 100$/m);
    expect(text).to.match(/^plimsoll_keeper_process_resident_memory_bytes\{/m);
    expect(text).to.match(/^plimsoll_keeper_round_seconds_count\{.*phase="whole".*\} 1$/m);
    now = 1_060_000;
    const later = await (await fetch(`${server.url}/metrics`)).text();
    expect(later).to.match(/^plimsoll_keeper_head_lag_seconds\{keeper="tester"\} 160$/m);
  });

  it("serves what other rooms bring", async () => {
    expect((await get("/room")).body).to.deep.equal({ room: "theirs" });
  });

  it("tells callers nothing of the inside when a page fails, and the log all of it", async () => {
    expect(await get("/broken")).to.deep.equal({
      code: 500,
      body: { error: "Something went wrong here; it is in the log." },
    });
    expect(lines.join("")).to.include("the inside of the keeper");
  });

  it("says of a page that is not there no more than that", async () => {
    const expected = { code: 404, body: { error: "There is no such page." } };
    expect(await get("/etc/passwd")).to.deep.equal(expected);
  });

  it("refuses bodies that are too large", async () => {
    const body = JSON.stringify({ text: "x".repeat(100_000) });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${server.url}/room`, { method: "POST", headers, body });
    expect(response.status).to.equal(413);
  });

  it("tells those who ask apart behind a proxy that it knows, and believes no other", async () => {
    const headers = { "x-forwarded-for": "6.6.6.6, 203.0.113.9" };
    const asked = async () => (await fetch(`${server.url}/whom`, { headers })).json();
    expect(await asked()).to.deep.equal({ ip: "203.0.113.9" });
    await server.close();
    proxies = [];
    await open();
    expect(await asked()).to.deep.equal({ ip: "127.0.0.1" });
    proxies = ["loopback"];
  });

  it("takes so many connections and no more, so that files are left for nodes", async () => {
    const { hostname, port } = new URL(server.url);
    const sockets = Array.from({ length: 300 }, () => connect(Number(port), hostname));
    const ended = sockets.map((socket) => once(socket, "close").catch(() => undefined));
    await Promise.race(ended);
    sockets.forEach((socket) => socket.destroy());
    await Promise.all(ended);
    const tried = async (): Promise<number> =>
      fetch(`${server.url}/room`).then(
        ({ status }) => status,
        () => tried(),
      );
    expect(await tried()).to.equal(200);
  });

  it("ends although a caller keeps its connection open", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const closed = once(socket, "close");
    await server.close();
    await closed;
  });
});
