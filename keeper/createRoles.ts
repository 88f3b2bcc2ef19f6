import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { AccountId, Plimsoll } from "../sdk/index.js";
import type { Chain } from "./chain/chain.js";
import type { KeeperConfig } from "./config/schema.js";
import type { Dispatcher } from "./dispatch/dispatcher.js";
import type { Alarms } from "./operations/alarms.js";
import type { Postbox } from "./people/notice.js";
import { createGasCosts, wadOfDollars } from "./roles/costs.js";
import { createDeleverage } from "./roles/deleverage.js";
import { createLiquidate } from "./roles/liquidate.js";
import { liquidateMetrics } from "./roles/liquidateMetrics.js";
import { rolesMetrics } from "./roles/metrics.js";
import type { Role, RoleName } from "./roles/role.js";
import type { RoleTools } from "./roles/tools.js";
import { createTopUps } from "./roles/topUps.js";
import type { KeeperState } from "./state/state.js";
import type { Database } from "./storage/database.js";

/** What roles are made of. */
export interface RolesOptions {
  readonly config: KeeperConfig;
  readonly chain: Chain;
  readonly plimsoll: Plimsoll;
  readonly state: KeeperState;
  readonly dispatcher: Dispatcher;
  readonly database: Database;
  readonly postbox: Postbox;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly registry: Registry;
}
