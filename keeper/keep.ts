import pRetry from "p-retry";
import { CouldNotLook } from "../sdk/index.js";
import { readDeployment } from "./config/deployment.js";
import type { KeeperSecrets } from "./config/secrets.js";
import { databaseUrl } from "./config/storagePassword.js";
import { openWallet } from "./config/wallet.js";
import { type CreatedKeeper, createKeeper } from "./create.js";
import type { ServiceOptions } from "./operations/run.js";
import { createServer } from "./operations/server.js";
import type { PeopleSecrets } from "./people/people.js";
import { type Database, StorageFailure } from "./storage/database.js";
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
    patiently: (ask, seen) => patiently(ask, seen, options),
  }).catch(unlessEnded(signal));
  if (created === undefined) return;
  try {
    await serve(created, options, async () => {
      // What was under way comes first: without it the same could be sent twice.
      const resume = (): Promise<void> => created.resume();
      await untilDone("resume", resume, created, signal).catch(unlessEnded(signal));
      await created.run(signal);
    });
  } finally {
    await created.close();
  }
}

/** Asks until a node answers; from the first silence on the pages are there and say so. */
async function patiently<T>(
  ask: () => Promise<T>,
  seen: Pick<CreatedKeeper, "alarms" | "status">,
  options: ServiceOptions,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof CouldNotLook)) throw error;
    seen.alarms.raise("looksFailing", "start", error.message);
  }
  const asked = (): Promise<T> => untilDone("start", ask, seen, options.signal);
  return serve({ ...seen, plugins: [] }, options, asked);
}

/**
 * Tries again and again while nodes or the database do not answer: an alarm meanwhile.
 *
 * @throws Whatever else goes wrong; the signal's reason when it is aborted.
 */
async function untilDone<T>(
  subject: string,
  act: () => Promise<T>,
  { alarms }: Pick<CreatedKeeper, "alarms">,
  signal: AbortSignal,
): Promise<T> {
  const done = await pRetry(act, {
    ...{ retries: Infinity, maxTimeout: MOST_PAUSE, signal },
    shouldRetry: ({ error }) => error instanceof CouldNotLook || error instanceof StorageFailure,
    onFailedAttempt: ({ error }) => {
      alarms.raise("looksFailing", subject, error.message);
    },
  });
  alarms.clear("looksFailing", subject);
  return done;
}

/** Nothing, for what went wrong because the keeper was told to end. */
function unlessEnded(signal: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

/** The pages are there as long as it goes on. */
async function serve<T>(
  { alarms, plugins, status }: Pick<CreatedKeeper, "alarms" | "plugins" | "status">,
  { config, logger, registry }: ServiceOptions,
  act: () => Promise<T>,
): Promise<T> {
  const settings = config.server;
  const server = await createServer({ alarms, logger, plugins, registry, settings, status });
  try {
    return await act();
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
