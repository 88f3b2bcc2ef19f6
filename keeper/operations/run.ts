import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { LoadedConfig } from "../config/load.js";
import type { KeeperConfig } from "../config/schema.js";
import { type Scrub, scrubOf } from "../config/scrub.js";
import type { KeeperSecrets } from "../config/secrets.js";
import { systemClock } from "../clock.js";
import { createLogger } from "./log.js";
import { createRegistry } from "./metrics.js";

/** What the service begins with. */
export interface ServiceOptions {
  readonly config: KeeperConfig;
  readonly secrets: KeeperSecrets;
  readonly logger: Logger;
  readonly registry: Registry;
  /** For what is written elsewhere than in the log. */
  readonly scrub: Scrub;
  /** Aborted when the keeper should end: it stops looking, settles what is under way, and writes its memory down. */
  readonly signal: AbortSignal;
}

/** The service: resolves when it has ended after the signal; rejects when it cannot go on. */
export type Service = (options: ServiceOptions) => Promise<void>;

/** A second signal so soon is the first one told twice: by the terminal and by npm [milliseconds]. */
const ECHO_MILLISECONDS = 500;
/** By convention 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

type SignalName = keyof typeof SIGNALS;

/**
 * Runs the service until it is told to end.
 *
 * @returns The exit code: 0 after a signal, 1 after a failure. A second signal, and what nobody caught, end the process at once.
 */
export async function runKeeper(
  { config, secrets }: LoadedConfig,
  service: Service,
): Promise<number> {
  const scrub = scrubOf(config, secrets);
  const logger = createLogger({ settings: config.log, base: { keeper: config.name }, scrub });
  const registry = createRegistry({ keeper: config.name });
  const ending = new AbortController();
  const release = watchProcess(logger, ending);
  try {
    await service({ config, secrets, logger, registry, scrub, signal: ending.signal });
    logger.info("The keeper has ended.");
    return 0;
  } catch (error) {
    logger.fatal({ err: error }, "The keeper cannot go on.");
    return 1;
  } finally {
    release();
    registry.clear();
  }
}

/** Signals and what nobody caught, until it is released. */
function watchProcess(logger: Logger, ending: AbortController): () => void {
  let first: number | undefined;
  const onSignal = (name: SignalName): void => {
    const now = systemClock.now();
    if (first === undefined) {
      first = now;
      logger.info({ signal: name }, "The keeper ends; a second signal ends it at once.");
      ending.abort();
    } else if (now - first > ECHO_MILLISECONDS) {
      logger.warn({ signal: name }, "The keeper ends at once; the next run settles what is left.");
      process.exit(SIGNALS[name]);
    }
  };
  const onFailure = (error: unknown): void => {
    logger.fatal({ err: error }, "Something failed that nobody had thought of.");
    process.exit(1);
  };
  const names = Object.keys(SIGNALS) as SignalName[];
  for (const name of names) process.on(name, onSignal);
  process.on("uncaughtException", onFailure);
  process.on("unhandledRejection", onFailure);
  return () => {
    for (const name of names) process.off(name, onSignal);
    process.off("uncaughtException", onFailure);
    process.off("unhandledRejection", onFailure);
  };
}
