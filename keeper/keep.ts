import pRetry from "p-retry";
import type { KeeperConfig } from "./config/schema.js";
import { readDeployment } from "./config/deployment.js";
import type { KeeperSecrets } from "./config/secrets.js";
import { databaseUrl } from "./config/storagePassword.js";
import { openWallet } from "./config/wallet.js";
import { type CreatedKeeper, createKeeper } from "./create.js";
import type { ServiceOptions } from "./operations/run.js";
import { createServer } from "./operations/server.js";
import type { PeopleSecrets } from "./people/people.js";
import type { Database } from "./storage/database.js";
import { openDatabase } from "./storage/openDatabase.js";

/** The longest pause before what an earlier run left under way is taken up once more [milliseconds]. */
const MOST_PAUSE = 5_000;

/** The service of `npm run keeper`: opens everything, keeps until the signal, closes everything. */
export async function keep(options: ServiceOptions): Promise<void> {
  const { config, secrets } = options;
  const database = openDatabase(databaseUrl(config.storage, secrets).reveal());
  try {
    await keepWith(database, options);
  } finally {
    await database.close();
  }
}

async function keepWith(database: Database, options: ServiceOptions): Promise<void> {
  const { config, logger, registry, secrets, signal } = options;
  const created = await createKeeper({
    ...{ config, database, logger, registry },
    deployment: readDeployment(config.deployment),
    wallet: await openWallet(config, secrets),
    secrets: peopleSecrets(secrets),
  });
  try {
    await serve(created, { config, logger, registry }, async () => {
      // What was under way comes first: without it the same could be sent twice.
      await pRetry(() => created.resume(), {
        ...{ retries: Infinity, maxTimeout: MOST_PAUSE, signal },
        onFailedAttempt: ({ error }) => {
          created.alarms.raise("looksFailing", "resume", error.message);
        },
      }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      created.alarms.clear("looksFailing", "resume");
      await created.run(signal);
    });
  } finally {
    await created.close();
  }
}

/** The pages are there as long as it goes on. */
async function serve(
  { alarms, plugins, status }: CreatedKeeper,
  {
    config,
    logger,
    registry,
  }: Pick<ServiceOptions, "logger" | "registry"> & { config: KeeperConfig },
  act: () => Promise<void>,
): Promise<void> {
  const settings = config.server;
  const server = await createServer({ alarms, logger, plugins, registry, settings, status });
  try {
    await act();
  } finally {
    await server.close();
  }
}

function peopleSecrets({ smtpPassword, smtpUser, telegramToken }: KeeperSecrets): PeopleSecrets {
  return {
    smtpUser: smtpUser?.reveal(),
    smtpPassword: smtpPassword?.reveal(),
    telegramToken: telegramToken?.reveal(),
  };
}
