import { createChain } from "./chain/createChain.js";
import { chainMetrics } from "./chain/metrics.js";
import { systemClock } from "./clock.js";
import { readDeployment } from "./config/deployment.js";
import { databaseUrl } from "./config/storagePassword.js";
import { openWallet } from "./config/wallet.js";
import { MIGRATIONS } from "./migrations.js";
import { createAlarms } from "./operations/alarmBoard.js";
import type { ServiceOptions } from "./operations/run.js";
import { createServer } from "./operations/server.js";
import { migrate } from "./storage/migrate.js";
import { openDatabase } from "./storage/openDatabase.js";

/** The service of `npm run keeper`: opens everything, keeps until the signal, closes everything. */
export async function keep(options: ServiceOptions): Promise<void> {
  const { config, logger, registry, secrets, signal } = options;
  const clock = systemClock;
  const deployment = readDeployment(config.deployment);
  const wallet = await openWallet(config, secrets);
  const alarms = createAlarms({ clock, logger, registry });
  const database = openDatabase(databaseUrl(config.storage, secrets).reveal());
  await migrate(database, MIGRATIONS);
  const metrics = chainMetrics(registry);
  const chain = await createChain({
    config: config.rpc,
    deployment,
    clock,
    alarms,
    logger,
    metrics,
  });
  const server = await createServer({
    settings: config.server,
    registry,
    alarms,
    status: () => ({
      name: config.name,
      chainId: deployment.chainId,
      isReady: false,
      isDryRun: config.dryRun,
      roles: config.roles,
      wallet: wallet?.address,
      block: undefined,
      accounts: 0,
      accountsBelow: 0,
      underWay: [],
      nodes: chain.nodes,
    }),
    plugins: [],
    logger,
  });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
  await server.close();
  await chain.close();
  await database.close();
}
