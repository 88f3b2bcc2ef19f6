import { z } from "zod";
import { ROLE_NAMES } from "../roles/role.js";

/** Every setting of the keeper, from flags, environment and file alike. Secrets are not among them: see `secrets.ts`. */

const url = z.url();
const seconds = z.number().positive();
const dollars = z.number().nonnegative();
const accountIdText = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, "an account id: 0x and 64 hexadecimal digits");

export const configSchema = z.strictObject({
  /** What this keeper is called in logs, leases and metrics. */
  name: z.string().min(1).max(64).default("keeper"),
  /** The file that `npm run deploy` wrote. */
  deployment: z.string().default("deployments/localhost.json"),
  rpc: z
    .strictObject({
      /** HTTP addresses, the preferred one first. */
      urls: z.array(url).min(1).default(["http://127.0.0.1:8545"]),
      /** WebSocket addresses that announce blocks; without one they are asked for. */
      sockets: z.array(url).default([]),
      timeoutSeconds: seconds.default(5),
      /** How often a node is asked for its last block where no socket announces it. */
      pollSeconds: seconds.default(1),
      /** No new block for so long is an alarm. */
      stalledSeconds: seconds.default(60),
      /** A node so many blocks behind the best is not asked. */
      laggingBlocks: z.int().positive().default(3),
      /** The first block that may have an event: that of the deployment's first transaction. */
      firstBlock: z.int().nonnegative().default(0),
      /** Most blocks of one question for logs. */
      mostBlocks: z.int().positive().default(2_000),
    })
    .prefault({}),
  /** ":memory:", a SQLite file, or "postgres://…"; a password comes from the environment. */
  storage: z.string().default("keeper.sqlite"),
  roles: z.array(z.enum(ROLE_NAMES)).default([...ROLE_NAMES]),
  /** Looks and decides, and sends nothing. */
  dryRun: z.boolean().default(false),
  liquidate: z
    .strictObject({
      /** The account that takes slices over; the wallet owns it or is its operator. */
      account: accountIdText.optional(),
      /** What must be left of a slice's discount after gas. */
      leastProfit: dollars.default(0),
      /** Initial margin that the liquidator's account keeps free. */
      reserve: dollars.default(0),
      /** How much dearer than previewed a slice may be, of its value [bps]. */
      slackBps: z.int().min(0).max(10_000).default(50),
      /** Accounts up to so far above the line are computed exactly [bps]. */
      guardBps: z.int().min(0).max(10_000).default(10),
    })
    .prefault({}),
  dispatch: z
    .strictObject({
      /** Transactions of the wallet that may wait for a block at a time. */
      mostUnderWay: z.int().positive().max(64).default(16),
      /** A transaction that waits so many blocks gets a higher fee. */
      bumpBlocks: z.int().positive().default(2),
      /** By how much [%]: nodes want 10 at least. */
      bumpPercent: z.int().min(10).max(200).default(20),
      /** Blocks after which a transaction that is in one is settled. */
      confirmations: z.int().nonnegative().default(3),
      /** What another keeper waits before it takes over what this one had. */
      leaseSeconds: seconds.default(5),
      /** Below this the wallet is an alarm [ether]. */
      leastEther: z.number().nonnegative().default(0.05),
      /** The underlying whose price is ether's. */
      etherUnderlying: z.int().positive().default(1),
      /** For what earns nothing: the most that one transaction's gas may cost. */
      mostCost: dollars.default(20),
    })
    .prefault({}),
  pokes: z
    .strictObject({
      fundingSeconds: seconds.default(3_600),
      /** Prices, the peg and fees are noted as often. */
      noteSeconds: seconds.default(3_600),
      /** Rounds of a feed that one poke looks at. */
      mostRounds: z.int().positive().max(256).default(64),
    })
    .prefault({}),
  topUps: z.strictObject({ leastProfit: dollars.default(0) }).prefault({}),
  people: z
    .strictObject({
      /** Repeats of a margin call that nobody answers. */
      repeatSeconds: seconds.default(3_600),
      /** Where people reach this keeper, for links in messages. */
      publicUrl: url.optional(),
      webhooks: z.boolean().default(true),
      /** Webhooks may point to this machine's own network: for tests only. */
      allowPrivateWebhooks: z.boolean().default(false),
      smtp: z
        .strictObject({
          host: z.string(),
          port: z.int(),
          secure: z.boolean().default(true),
          from: z.email(),
        })
        .optional(),
      telegram: z.strictObject({ apiRoot: url.default("https://api.telegram.org") }).optional(),
    })
    .prefault({}),
  audit: z
    .strictObject({
      /** Accounts that are compared with the chain after each block. */
      accountsOfBlock: z.int().nonnegative().default(50),
    })
    .prefault({}),
  /** Memory is written to the database so often. */
  checkpointSeconds: seconds.default(60),
  server: z
    .strictObject({
      host: z.string().default("127.0.0.1"),
      port: z.int().min(0).max(65_535).default(9_464),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
      /** For people instead of machines. */
      pretty: z.boolean().default(false),
    })
    .prefault({}),
});

/** All settings with their defaults. */
export type KeeperConfig = z.infer<typeof configSchema>;
