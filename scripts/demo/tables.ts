import Table from "cli-table3";
import type { Role } from "./cast.js";
import { decimal, sizeOf, usd } from "./format.js";
import type { Holdings } from "./holdings.js";
import type { Market } from "./market.js";
import type { Palette } from "./terminal.js";
import { healthOf, type Reading } from "./watch.js";

/** A row of the status table. */
export interface AccountRow {
  readonly name: string;
  readonly reading: Reading;
  readonly holdings: Holdings;
}

const GAUGE_CELLS = 12;
/** Where the gauge ends: three times the maintenance margin is as good as any more. */
const GAUGE_END = 3;

const NO_BORDER = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "  ",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Who takes part, with what, and why. */
export function castTable(cast: readonly Role[], paint: Palette): string {
  const table = new Table({
    head: ["account", "brings", "wants", "story"].map(paint.faint),
    chars: NO_BORDER,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const role of cast) {
    const wants = role.bets
      .map(
        ({ underlying, side, leverage }) =>
          `${side} ${underlying.toUpperCase()} ${decimal(leverage, 1)}×`,
      )
      .join(", ");
    table.push([
      paint.strong(role.name),
      `$${decimal(role.dollars, 0)} ${role.asset}`,
      role.late ? `${wants}, later` : wants || "–",
      paint.faint(role.story),
    ]);
  }
  return table.toString();
}

/** How every account stands. */
export function statusTable(rows: readonly AccountRow[], market: Market, paint: Palette): string {
  const table = new Table({
    head: ["account", "positions", "equity", "initial", "maintenance", "health", "", "status"].map(
      paint.faint,
    ),
    chars: NO_BORDER,
    colAligns: ["left", "left", "right", "right", "right", "right", "left", "left"],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const { name, reading, holdings } of rows) {
    const health = healthOf(reading);
    const colour = colourOf(reading, paint);
    table.push([
      paint.strong(name),
      positionsOf(holdings, market) || paint.faint("–"),
      usd(reading.equity),
      paint.faint(usd(reading.initial)),
      paint.faint(usd(reading.maintenance)),
      Number.isFinite(health)
        ? colour(health >= 100 ? ">99" : decimal(health, 2))
        : paint.faint("–"),
      Number.isFinite(health) ? colour(gauge(health)) : "",
      colour(standingOf(reading, holdings)),
    ]);
  }
  return table.toString();
}

/** A bar whose first third is the maintenance margin: "████│██······". */
export function gauge(health: number): string {
  const line = Math.round(GAUGE_CELLS / GAUGE_END);
  const filled = Math.round((Math.min(Math.max(health, 0), GAUGE_END) / GAUGE_END) * GAUGE_CELLS);
  const cells = [..."█".repeat(filled), ..."·".repeat(GAUGE_CELLS - filled)];
  cells.splice(line, 0, "│");
  return cells.join("");
}

/** The status in words; an account that lost everything is not merely healthy. */
export function standingOf({ status, equity }: Reading, holdings: Holdings): string {
  const empty =
    holdings.positions.length === 0 && holdings.collateral.every((amount) => amount === 0n);
  return status === "healthy" && empty && equity === 0n ? "wiped out" : status;
}

/** "+3.20 ETH, −0.10 BTC". */
export function positionsOf({ positions }: Holdings, market: Market): string {
  return positions
    .map(({ instrument, size }) => sizeOf(size, unitOf(market, instrument)))
    .join(", ");
}

/** The unit of an instrument's size: "ETH". */
export function unitOf({ instruments }: Market, instrument: bigint): string {
  return instrument === instruments.eth ? "ETH" : "BTC";
}

/** How much of the whole each status has: "14 healthy · 2 margin call". */
export function statusCounts(readings: readonly Reading[], paint: Palette): string {
  const counts = new Map<Reading["status"], Reading[]>();
  for (const reading of readings)
    counts.set(reading.status, [...(counts.get(reading.status) ?? []), reading]);
  return [...counts]
    .map(([status, those]) =>
      those[0] === undefined ? "" : colourOf(those[0], paint)(`${those.length} ${status}`),
    )
    .join(paint.faint(" · "));
}

function colourOf({ status }: Reading, paint: Palette): (text: string) => string {
  switch (status) {
    case "healthy":
      return paint.good;
    case "margin call":
      return paint.warning;
    case "liquidatable":
      return paint.alarm;
    case "bankrupt":
      return paint.loss;
  }
}
