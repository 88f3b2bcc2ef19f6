import { z } from "zod";
import { ROLE_NAMES } from "../roles/role.js";
import { chainSettings } from "./chainSettings.js";
import { peopleSettings } from "./peopleSettings.js";
import { roleSettings } from "./roleSettings.js";
import { noted, proxyAddress, seconds } from "./setting.js";

/** Every setting of the keeper, from flags, environment and file alike. Secrets are not among them: see `secrets.ts`. */
export const configSchema = z.strictObject({
  name: noted(
    z
      .string()
      .regex(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, dots, hyphens and underscores")
      .default("keeper"),
    "What this keeper is called in logs, leases and metrics.",
  ),
  deployment: noted(
    z.string().min(1).default("deployments/localhost.json"),
    "The file with the addresses, which `npm run deploy` wrote.",
  ),
  ...chainSettings,
  wallet: z
    .strictObject({
      keystore: noted(
        z.string().min(1).optional(),
        "An encrypted key file (`keeper keystore` makes one), instead of a key in the environment.",
      ),
    })
    .prefault({}),
  storage: noted(
    z.string().min(1).default("keeper.sqlite"),
    "A SQLite file, or `postgres://user@host/database`; `:memory:` forgets all at the end.",
  ),
  roles: noted(
    z.array(z.enum(ROLE_NAMES)).default([...ROLE_NAMES]),
    "What this keeper does; `none` to watch only.",
  ),
  dryRun: noted(z.boolean().default(false), "Looks and decides, and sends nothing."),
  ...roleSettings,
  ...peopleSettings,
  audit: z
    .strictObject({
      accountsOfBlock: noted(
        z.int().nonnegative().default(50),
        "How many accounts of memory are compared with the chain after each block.",
        { unit: "accounts" },
      ),
    })
    .prefault({}),
  checkpointSeconds: seconds(60, "How often memory is written to the database."),
  server: z
    .strictObject({
      host: noted(
        z.string().min(1).default("127.0.0.1"),
        "The address that the server listens at.",
      ),
      port: noted(
        z.int().min(0).max(65_535).default(9_464),
        "Its port, for metrics, health and subscriptions; 0 takes any that is free.",
      ),
      proxies: noted(
        z.array(proxyAddress).default(["loopback"]),
        "Proxies before it that say in X-Forwarded-For who asks: addresses, networks, or `loopback`; `none` to believe nobody.",
      ),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: noted(
        z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
        "The least important lines that are written.",
      ),
      pretty: noted(z.boolean().default(false), "Lines for people instead of JSON."),
    })
    .prefault({}),
});

/** All settings with their defaults. */
export type KeeperConfig = z.infer<typeof configSchema>;
