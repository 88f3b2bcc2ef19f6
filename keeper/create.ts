import type { BaseWallet } from "ethers";
import type { FastifyPluginAsync } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import {
  connect,
  type DeploymentRecord,
  type ErrorContext,
  EventIndex,
  type EventIndexOptions,
  indexOptionsOf,
  type Plimsoll,
  readErrorContext,
} from "../sdk/index.js";
import type { Chain } from "./chain/chain.js";
import { createChain } from "./chain/createChain.js";
import { chainMetrics } from "./chain/metrics.js";
import { type Clock, systemClock } from "./clock.js";
import { watchOnly } from "./config/watchOnly.js";
import type { KeeperConfig } from "./config/schema.js";
import { createRoles } from "./createRoles.js";
import { createDispatcher } from "./dispatch/dispatcher.js";
import { dispatchMetrics } from "./dispatch/metrics.js";
import { MIGRATIONS } from "./migrations.js";
import { createAlarms } from "./operations/alarmBoard.js";
import type { Alarms } from "./operations/alarms.js";
import { keeperMetrics } from "./operations/metrics.js";
import type { KeeperStatus } from "./operations/status.js";
import { peopleMetrics } from "./people/metrics.js";
import type { Postbox } from "./people/notice.js";
import { openPeople, type PeopleSecrets } from "./people/people.js";
import { Figures } from "./figures.js";
import { Memory } from "./memory.js";
import { type Chore, Keeper } from "./service.js";
import { createAudit } from "./state/audit.js";
import { stateMetrics } from "./state/metrics.js";
import { createState } from "./state/state.js";
import type { Database } from "./storage/database.js";
import { claimDatabase } from "./storage/deployment.js";
import { createLeases, newHolder } from "./storage/leases.js";
import { migrate } from "./storage/migrate.js";
import { restoreIndex } from "./storage/restoreIndex.js";
import { messageOf } from "./messageOf.js";

/** What a keeper is created from. */
export interface CreateOptions {
  readonly config: KeeperConfig;
  readonly deployment: DeploymentRecord;
  /** Who signs; without one it looks on and sends nothing. */
  readonly wallet: BaseWallet | undefined;
  readonly database: Database;
  readonly secrets?: PeopleSecrets;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly clock?: Clock;
  /** Where notices go instead of to subscribers. */
  readonly postbox?: Postbox;
  /** Waits for the chain's first answers; if there is nothing to wait with, silence is an error. */
  readonly patiently?: Patiently;
  /** For so long a round waits for parts that are not urgent [milliseconds]; a second if nothing is said. */
  readonly patience?: number;
}

/** Asks the chain until it answers. What can be seen of the keeper meanwhile can be shown. */
type Patiently = <T>(
  ask: () => Promise<T>,
  seen: Pick<CreatedKeeper, "alarms" | "status">,
) => Promise<T>;

/** A keeper with what belongs to it. */
export interface CreatedKeeper {
  readonly keeper: Keeper;
  readonly alarms: Alarms;
  /** Pages for the server. */
  readonly plugins: readonly FastifyPluginAsync[];
  status(): KeeperStatus;
  /**
   * Takes up what an earlier run left under way: before the first round.
   *
   * @throws CouldNotLook when no node answered, StorageFailure when the database did not.
   */
  resume(): Promise<void>;
  /** Looks, acts and delivers until the signal is aborted; then settles what is under way and writes memory down. */
  run(signal: AbortSignal): Promise<void>;
  /** Ends what goes on in the background; what was given stays open. */
  close(): Promise<void>;
}

/** What was sent is waited for so long when the keeper ends; the next run settles what is left [milliseconds]. */
const LAST_WAIT_MILLISECONDS = 10_000;

/**
 * Puts a keeper together: tables, the chain, memory as it was written down last, the wallet's dispatcher, roles and chores.
 *
 * @throws ConnectError when the chain is another one; CouldNotLook when no node answers; ForeignDatabase when the database is another deployment's.
 */
export async function createKeeper(options: CreateOptions): Promise<CreatedKeeper> {
  const { clock = systemClock, config, database, deployment, logger, registry } = options;
  await migrate(database, MIGRATIONS);
  await claimDatabase(database, deployment);
  const alarms = createAlarms({ clock, logger, registry });
  const surroundings = { alarms, clock, logger };
  const metrics = chainMetrics(registry);
  const chain = await createChain({ ...surroundings, config: config.rpc, deployment, metrics });
  try {
    return await assemble({ ...options, ...surroundings, chain });
  } catch (error) {
    await chain.close();
    throw error;
  }
}

type Assembly = CreateOptions & {
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly chain: Chain;
};

/** What the chain is asked for before anything else. */
interface Connection {
  readonly plimsoll: Plimsoll;
  readonly context: ErrorContext;
  readonly indexOptions: EventIndexOptions;
}

async function connectTo(
  deployment: DeploymentRecord,
  { chain, config }: Pick<Assembly, "chain" | "config">,
): Promise<Connection> {
  const plimsoll = await connect(deployment, chain.provider);
  const { firstBlock } = config.rpc;
  const [context, indexOptions] = await Promise.all([
    readErrorContext(plimsoll),
    indexOptionsOf(plimsoll, { firstBlock }),
  ]);
  return { plimsoll, context, indexOptions };
}

function askOnce<T>(ask: () => Promise<T>): Promise<T> {
  return ask();
}

async function assemble(options: Assembly): Promise<CreatedKeeper> {
  const { alarms, chain, clock, config, database, deployment, logger, registry } = options;
  const surroundings = { alarms, clock, logger };
  const figures = new Figures({
    ...{ alarms, chain, clock, config },
    chainId: deployment.chainId,
    wallet: options.wallet?.address,
    metrics: keeperMetrics(registry, clock),
  });
  const status = (): KeeperStatus => figures.status();
  const { patiently = askOnce } = options;
  const ask = (): Promise<Connection> => connectTo(deployment, options);
  const { context, indexOptions, plimsoll } = await patiently(ask, { alarms, status });
  const leases = createLeases(database, { holder: newHolder(config.name) });
  const restored = await restoreIndex(database, { ...indexOptions, log: logger });
  const rebuild = (): EventIndex => new EventIndex(indexOptions);
  const figuresOfState = stateMetrics(registry);
  const state = createState({
    ...{ ...surroundings, chain, config, plimsoll, rebuild },
    index: restored?.index ?? rebuild(),
    metrics: figuresOfState,
  });
  const dispatcher = createDispatcher({
    ...{ ...surroundings, chain, database, leases },
    wallet: options.wallet ?? watchOnly(config),
    config: config.dispatch,
    dryRun: config.dryRun || options.wallet === undefined,
    metrics: dispatchMetrics(registry),
    errorContext: context,
    cancelCost: () => figures.weiOf(config.dispatch.mostCost),
  });
  const metricsOfPeople = peopleMetrics(registry);
  const people = openPeople({
    ...{ ...surroundings, database, leases, rpc: chain.rpc, metrics: metricsOfPeople },
    settings: config.people,
    secrets: options.secrets ?? {},
    scope: {
      chainId: BigInt(deployment.chainId),
      clearinghouse: deployment.contracts.Clearinghouse,
      keeper: config.name,
    },
    isKnown: (account) => state.index.state.accounts.has(account),
  });
  const { plugins, roles } = createRoles({
    ...{ ...surroundings, chain, config, context, database, dispatcher, plimsoll, registry, state },
    postbox: options.postbox ?? people.postbox,
    peopleMetrics: metricsOfPeople,
  });
  const audit = createAudit({
    ...{ ...surroundings, chain, config, plimsoll, state },
    metrics: figuresOfState,
  });
  const { stored } = restored ?? {};
  const memory = new Memory({ clock, config, database, leases, logger, state, stored });
  const chores: Chore[] = [
    { name: "audit", run: (view) => audit.run(view) },
    { name: "checkpoint", run: () => memory.saveWhenDue() },
  ];
  const keeper = new Keeper({
    ...{ ...surroundings, chain, state, dispatcher, roles, chores },
    onRound: (round) => {
      people.wake();
      figures.take(round);
    },
    onSubmitted: (submissions, began) => {
      figures.followAll(submissions, began);
    },
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  });
  return {
    keeper,
    alarms,
    plugins: [people.plugin, ...plugins],
    status,
    resume: () => dispatcher.resume(),
    async run(signal) {
      // What nobody listens to meanwhile would end the process before anything is settled.
      const delivering = people.run(signal).catch((error: unknown) => {
        alarms.raise("looksFailing", "people", messageOf(error));
        logger.error({ err: error }, "Messages to people are delivered no longer");
      });
      await keeper.run(signal);
      await keeper.settle(AbortSignal.timeout(LAST_WAIT_MILLISECONDS));
      await memory.save();
      await delivering;
    },
    async close() {
      const ends = [() => dispatcher.close(), () => memory.close(), () => chain.close()];
      // The chain has sockets and timers: it ends also where the database does not answer the others any more.
      for (const end of ends) {
        await end().catch((error: unknown) => {
          logger.warn({ err: error }, "A part of the keeper could not be ended in order");
        });
      }
    },
  };
}
