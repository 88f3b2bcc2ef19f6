import type { SigningKey } from "ethers";
import type { Logger } from "pino";
import type { ErrorContext } from "../../sdk/index.js";
import type { Chain } from "../chain/chain.js";
import type { Clock } from "../clock.js";
import type { KeeperConfig } from "../config/schema.js";
import type { Alarms } from "../operations/alarms.js";
import type { Database } from "../storage/database.js";
import type { Leases } from "../storage/leases.js";
import type { DispatchMetrics } from "./metrics.js";

/** What of a wallet is needed to sign; ethers' wallets have it. */
export interface SigningWallet {
  readonly address: string;
  readonly signingKey: Pick<SigningKey, "sign">;
}

/** What a dispatcher is made of. */
export interface DispatcherOptions {
  readonly chain: Chain;
  /** Whose transactions are sent. It signs; its own provider, if it has one, is not used. */
  readonly wallet: SigningWallet;
  /** Of one deployment alone: nonces and keys are those of its chain. {@link MIGRATIONS} are done. */
  readonly database: Database;
  readonly leases: Leases;
  readonly config: KeeperConfig["dispatch"];
  /** Simulates and says what it would send; neither leases nor nonces are touched. */
  readonly dryRun?: boolean;
  readonly alarms: Alarms;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: DispatchMetrics;
  /** What makes explanations readable. */
  readonly errorContext?: ErrorContext;
  /**
   * The most that the gas of a transfer of nothing may cost, which frees a nonce: `config.mostCost` at today's price of
   * ether; undefined while there is none [wei].
   */
  readonly cancelCost?: () => bigint | undefined;
}
