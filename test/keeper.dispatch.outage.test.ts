import { expect } from "chai";
import hre from "hardhat";
import { createServer, connect, type Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MIGRATIONS as DISPATCH } from "../keeper/dispatch/tables.js";
import { createLeases } from "../keeper/storage/leases.js";
import { migrate } from "../keeper/storage/migrate.js";
import { MIGRATIONS as STORAGE } from "../keeper/storage/migrations.js";
import { openPostgres } from "../keeper/storage/postgres.js";
import { newPostgresDatabase } from "../scripts/soak/postgres.js";
import { begunDispatcher, dispatchWorld } from "./fixtures/dispatch.js";
import { describeWithPostgres } from "./support/describeWithPostgres.js";

const connection = await hre.network.create();
const FILE = ".s.PGSQL.5432";

/** A real server's socket behind another one, which can be made to swallow everything without a word. */
async function relayed() {
  const url = new URL(
    (await newPostgresDatabase()).replace("postgres:///", "postgres://localhost/"),
  );
  const server = url.searchParams.get("host")!;
  const folder = await mkdtemp(join(tmpdir(), "plimsoll-relay-"));
  const sockets = new Set<Socket>();
  let isSilent = false;
  const relay = createServer((inner) => {
    const outer = connect(join(server, FILE));
    const pairs = [
      [inner, outer],
      [outer, inner],
    ] as const;
    for (const [from, to] of pairs) {
      sockets.add(from);
      from.on("data", (bytes) => {
        if (!isSilent) to.write(bytes);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => relay.listen(join(folder, FILE), resolve));
  url.searchParams.set("host", folder);
  const address = String(url)
    .replace("postgres://localhost/", "postgres:///")
    .replaceAll("+", "%20");
  return {
    address,
    silence: (isOn: boolean) => {
      isSilent = isOn;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

describeWithPostgres("A dispatcher whose Postgres falls silent", () => {
  it("says so, loses nothing, and sends again as soon as it is back", async () => {
    const relay = await relayed();
    const database = openPostgres(relay.address, { timeoutSeconds: 1 });
    await migrate(database, [...STORAGE, ...DISPATCH]);
    const base = await dispatchWorld(connection);
    const leases = createLeases(database, { holder: "one" });
    const config = { leaseSeconds: 5 };
    const world = await begunDispatcher({ ...base, database }, { config, database, leases });
    const { alarms, dispatcher, head, mint } = world;
    await world.holdBlocks();
    const [waiting] = dispatcher.submit([mint(1)], await head());
    await waiting!.sent;

    relay.silence(true);
    await world.mine();
    const [lost] = dispatcher.submit([mint(2)], await head());
    const failed = await world.tick().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed).to.have.property("name", "StorageFailure");
    expect((await lost!.done).kind).to.equal("left");
    expect(alarms.names).to.include("storageFailing");
    expect(world.broadcasts).to.have.length(1);

    relay.silence(false);
    await world.tick();
    expect(await waiting!.done).to.have.property("kind", "mined");
    expect(alarms.names).to.deep.equal([]);
    const [again] = dispatcher.submit([mint(2)], await head());
    expect(await again!.sent).to.have.property("hash");
    await world.pass();
    expect([await world.minted(1), await world.minted(2)]).to.deep.equal([1n, 1n]);
    await dispatcher.close();
    await database.close();
    await relay.close();
  });
});
