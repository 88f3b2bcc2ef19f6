/** A keeper's process whose service does what its first argument says: for tests of how processes end. */
import { loadConfig } from "../../keeper/config/load.js";
import { runKeeper, type Service } from "../../keeper/operations/run.js";

const hold = setInterval(() => undefined, 1_000);

const SERVICES: Readonly<Record<string, Service>> = {
  settles: async ({ logger, signal }) => {
    logger.info("begun");
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        resolve();
      });
    });
    logger.info("settled");
  },
  hangs: async ({ logger }) => {
    logger.info("begun");
    await new Promise(() => undefined);
  },
  fails: () => Promise.reject(new Error("no database")),
  forgets: async ({ logger }) => {
    logger.info("begun");
    void Promise.reject(new Error("nobody waited for this"));
    await new Promise(() => undefined);
  },
};

const service = SERVICES[process.argv[2] ?? ""];
if (service === undefined) throw new Error("No such service");
const loaded = loadConfig({ environment: { PLIMSOLL_KEEPER_ROLES: "none" } });
process.exitCode = await runKeeper(loaded, service);
clearInterval(hold);
