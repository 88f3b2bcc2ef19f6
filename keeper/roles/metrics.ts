import { Counter, Gauge, type Registry } from "prom-client";

/** What the roles of this room count. */
export interface RoleMetrics {
  readonly instructions: Gauge;
  readonly topUpsTried: Counter<"result">;
  readonly bankrupt: Gauge;
  readonly flagged: Gauge;
  readonly pokes: Counter<"kind">;
  readonly orders: Gauge<"kind">;
  readonly ordersRefused: Counter<"reason">;
  readonly triggersReached: Gauge;
  readonly makersSetAside: Counter;
}

/** The metrics of top-ups, deleveraging, pokes and trigger orders. */
export function rolesMetrics(registry: Registry): RoleMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `plimsoll_keeper_${name}`, help, registers });
  const counter = <T extends string>(name: string, help: string, labelNames: T[] = []) =>
    new Counter<T>({ name: `plimsoll_keeper_${name}`, help, labelNames, registers });
  return {
    instructions: gauge("instructions", "Standing top-ups that are in force."),
    topUpsTried: counter("top_ups_tried_total", "Standing top-ups that were tried, by result.", [
      "result",
    ]),
    bankrupt: gauge("bankrupt_accounts", "Accounts with less than nothing."),
    flagged: gauge("flagged_accounts", "Accounts that are flagged for deleveraging."),
    pokes: counter("pokes_total", "Proposals that keep rates, prices and funds up to date.", [
      "kind",
    ]),
    orders: new Gauge({
      name: "plimsoll_keeper_orders",
      help: "Signed orders in the book.",
      labelNames: ["kind"],
      registers,
    }),
    ordersRefused: counter("orders_refused_total", "Orders that were not taken in, by reason.", [
      "reason",
    ]),
    triggersReached: gauge("triggers_reached", "Trigger orders whose price is reached."),
    makersSetAside: counter("makers_set_aside_total", "Resting orders that made a match revert."),
  };
}
