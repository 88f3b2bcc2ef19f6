import type { Logger } from "pino";
import type { Rpc } from "../../sdk/index.js";
import type { Dispatcher } from "../dispatch/dispatcher.js";
import type { GasCosts } from "./costs.js";
import type { RoleMetrics } from "./metrics.js";

/** What every role of this room is given. */
export interface RoleTools {
  /** `Chain.rpc`. */
  readonly rpc: Rpc;
  /** Whose transactions will be sent: calls are tried in its name. */
  readonly sender: string;
  readonly logger: Logger;
  /** One for all roles, so that all know the last price of ether. */
  readonly costs: GasCosts;
  /** The most that gas may cost of what earns nothing: `dispatch.mostCost` [wad]. */
  readonly mostCost: bigint;
  /** `Dispatcher.isHeld`: what is under way need not be looked at again. Without one nothing is. */
  readonly isHeld?: Dispatcher["isHeld"];
  readonly metrics?: RoleMetrics;
}
