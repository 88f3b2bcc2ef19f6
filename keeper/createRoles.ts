import type { FastifyPluginAsync } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { type AccountId, type ErrorContext, orderDomain, type Plimsoll } from "../sdk/index.js";
import type { Chain } from "./chain/chain.js";
import type { Clock } from "./clock.js";
import type { KeeperConfig } from "./config/schema.js";
import type { Dispatcher } from "./dispatch/dispatcher.js";
import type { Alarms } from "./operations/alarms.js";
import type { PeopleMetrics } from "./people/metrics.js";
import type { Postbox } from "./people/notice.js";
import { createGasCosts, wadOfDollars } from "./roles/costs.js";
import { createDeleverage } from "./roles/deleverage.js";
import { createFunding } from "./roles/funding.js";
import { createLiquidate } from "./roles/liquidate.js";
import { liquidateMetrics } from "./roles/liquidateMetrics.js";
import { marginCallsRole } from "./roles/marginCalls.js";
import { rolesMetrics } from "./roles/metrics.js";
import { OrderBook } from "./roles/orders/orderBook.js";
import { ordersPlugin } from "./roles/orders/ordersPlugin.js";
import type { Role, RoleName } from "./roles/role.js";
import type { RoleTools } from "./roles/tools.js";
import { createTopUps } from "./roles/topUps.js";
import { createTriggers } from "./roles/triggers.js";
import { createVolatility } from "./roles/volatility.js";
import type { KeeperState } from "./state/state.js";
import type { Database } from "./storage/database.js";

/** What roles are made of. */
export interface RolesOptions {
  readonly config: KeeperConfig;
  readonly chain: Chain;
  readonly plimsoll: Plimsoll;
  readonly context: ErrorContext;
  readonly state: KeeperState;
  readonly dispatcher: Dispatcher;
  readonly database: Database;
  readonly postbox: Postbox;
  readonly alarms: Alarms;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly peopleMetrics: PeopleMetrics;
}

/** The roles that are switched on, and the pages that they bring. */
export interface CreatedRoles {
  readonly roles: readonly Role[];
  readonly plugins: readonly FastifyPluginAsync[];
}

/** Makes the roles that the settings name. */
export function createRoles(options: RolesOptions): CreatedRoles {
  const { config, logger } = options;
  const tools = toolsOf(options);
  const book = config.roles.includes("triggers") ? orderBookOf(options) : undefined;
  const makers = makersOf(options, tools, book);
  const roles = config.roles.map((name) => {
    const role = makers[name]();
    if (role === undefined) {
      logger.warn({ role: name }, "This role has no account to work with, so it is off.");
    }
    return role;
  });
  return {
    roles: roles.filter((role) => role !== undefined),
    plugins: book === undefined ? [] : [ordersPageOf(options, tools, book)],
  };
}

function toolsOf(options: RolesOptions): RoleTools {
  const { chain, config, dispatcher, logger, registry } = options;
  return {
    rpc: chain.rpc,
    sender: dispatcher.address,
    logger,
    costs: createGasCosts(),
    mostCost: wadOfDollars(config.dispatch.mostCost),
    isHeld: (key, block) => dispatcher.isHeld(key, block),
    metrics: rolesMetrics(registry),
  };
}

function makersOf(
  options: RolesOptions,
  tools: RoleTools,
  book: OrderBook | undefined,
): Readonly<Record<RoleName, () => Role | undefined>> {
  const { config, database, plimsoll } = options;
  const { StandingTopUp: standingTopUp } = plimsoll.deployment.contracts;
  const { firstBlock, mostBlocks } = config.rpc;
  return {
    liquidate: () => liquidateOf(options),
    topUps: () => {
      const leastProfit = wadOfDollars(config.topUps.leastProfit);
      return createTopUps({
        ...tools,
        ...{ database, firstBlock, leastProfit, mostBlocks, standingTopUp },
      });
    },
    triggers: () => book && createTriggers({ ...tools, book }),
    deleverage: () => createDeleverage(tools),
    marginCalls: () => marginCallsOf(options, standingTopUp),
    volatility: () => createVolatility({ ...tools, mostRounds: config.pokes.mostRounds }),
    funding: () => createFunding({ ...tools, noteSeconds: config.pokes.noteSeconds }),
  };
}

function orderBookOf({ chain, clock, database, plimsoll }: RolesOptions): OrderBook {
  const { chainId, contracts } = plimsoll.deployment;
  const domain = orderDomain({ chainId: BigInt(chainId), exchange: contracts.Exchange });
  return new OrderBook({ clock, database, domain, rpc: chain.rpc });
}

function ordersPageOf(
  { config, plimsoll }: RolesOptions,
  { metrics }: RoleTools,
  book: OrderBook,
): FastifyPluginAsync {
  const { firstBlock } = config.rpc;
  const options = { book, contracts: plimsoll, firstBlock, ...(metrics && { metrics }) };
  return async (server) => {
    await server.register(ordersPlugin, options);
  };
}

function liquidateOf(options: RolesOptions): Role | undefined {
  const { alarms, chain, config, dispatcher, logger, plimsoll, registry, state } = options;
  const { account } = config.liquidate;
  if (account === undefined) return undefined;
  return createLiquidate({
    ...{ alarms, chain, config, logger, plimsoll, state },
    liquidator: account.toLowerCase() as AccountId,
    sender: dispatcher.address,
    isHeld: (key, block) => dispatcher.isHeld(key, block),
    isUnderWay: (key, block) => dispatcher.isUnderWay(key, block),
    metrics: liquidateMetrics(registry),
  });
}

function marginCallsOf(options: RolesOptions, standingTopUp: string): Role {
  const { alarms, chain, clock, config, context, database, dispatcher, logger, postbox } = options;
  return marginCallsRole({
    ...{ alarms, clock, context, database, logger, postbox, standingTopUp },
    clearinghouse: options.plimsoll.deployment.contracts.Clearinghouse,
    rpc: chain.rpc,
    metrics: options.peopleMetrics,
    repeatSeconds: config.people.repeatSeconds,
    confirmations: config.dispatch.confirmations,
    mostCost: config.dispatch.mostCost,
    isHeld: (key, block) => dispatcher.isHeld(key, block),
  });
}
