import Table from "cli-table3";
import { wadOfAmount } from "../../sdk/index.js";
import type { Role } from "./cast.js";
import { change, decimal, sizeOf, toNumber, usd } from "./format.js";
import type { Holdings } from "./holdings.js";
import type { Market } from "./market.js";
import type { Palette } from "./terminal.js";
import { healthOf, type Reading, STATUSES } from "./watch.js";

/** A row of the status table. */
export interface AccountRow {
  readonly name: string;
  readonly reading: Reading;
  readonly holdings: Holdings;
  /** Whether a liquidation has taken all of it. */
  readonly closed: boolean;
}

const GAUGE_CELLS = 12;
/** Where the gauge ends: three times the maintenance margin is as good as any more. */
const GAUGE_END = 3;

/** For tables without lines. */
export const NO_BORDER = {
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
    table.push([
      paint.strong(role.name),
      `$${decimal(role.dollars, 0)} ${role.asset}`,
      wantsOf(role) || "–",
      paint.faint(role.story),
    ]);
  }
  return table.toString();
}

/** "long ETH 2.2×", "a loan of $60,000". */
function wantsOf({ bets, opens, loan }: Role): string {
  const wants = bets.map(
    ({ underlying, side, leverage }) =>
      `${side} ${underlying.toUpperCase()} ${decimal(leverage, 1)}×`,
  );
  if (opens !== "first") wants.push("later");
  if (loan > 0) wants.push(`a loan of $${decimal(loan, 0)}`);
  return wants.join(", ");
}

/** How every account stands against its requirements. */
export function statusTable(rows: readonly AccountRow[], market: Market, paint: Palette): string {
  return accountTable(rows, {
    market,
    paint,
    head: ["equity", "initial", "maintenance"],
    figures: ({ reading: { equity, initial, maintenance } }) => [
      usd(equity),
      paint.faint(usd(initial)),
      paint.faint(usd(maintenance)),
    ],
  });
}

/** What became of everybody's money. */
export function resultTable(
  rows: readonly AccountRow[],
  { market, paint, putIn }: { market: Market; paint: Palette; putIn: ReadonlyMap<string, bigint> },
): string {
  return accountTable(rows, {
    market,
    paint,
    head: ["put in", "equity", "result"],
    figures: ({ reading: { account, equity } }) => {
      const paid = putIn.get(account) ?? 0n;
      if (paid === 0n) return [paint.faint("–"), usd(equity), paint.faint("–")];
      const result = toNumber(equity) / toNumber(paid) - 1;
      return [
        paint.faint(usd(paid)),
        usd(equity),
        (result < 0 ? paint.alarm : paint.good)(change(result)),
      ];
    },
  });
}

function accountTable(
  rows: readonly AccountRow[],
  options: {
    market: Market;
    paint: Palette;
    head: readonly string[];
    figures: (row: AccountRow) => string[];
  },
): string {
  const { market, paint, head, figures } = options;
  const table = new Table({
    head: ["account", "holds", ...head, "health", "", "status"].map(paint.faint),
    chars: NO_BORDER,
    colAligns: ["left", "left", ...head.map(() => "right" as const), "right", "left", "left"],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) {
    const { name, reading, holdings, closed } = row;
    const health = healthOf(reading);
    const colour = colourOf(reading, paint);
    table.push([
      paint.strong(name),
      holdingsOf(holdings, market) || paint.faint("–"),
      ...figures(row),
      Number.isFinite(health)
        ? colour(health >= 100 ? ">99" : decimal(health, 2))
        : paint.faint("–"),
      Number.isFinite(health) ? colour(gauge(health)) : "",
      closed ? paint.alarm(standingOf(reading, { closed })) : colour(reading.status),
    ]);
  }
  return table.toString();
}

/** A bar whose first third is the maintenance margin: "████│██······". */
function gauge(health: number): string {
  const line = Math.round(GAUGE_CELLS / GAUGE_END);
  const filled = Math.round((Math.min(Math.max(health, 0), GAUGE_END) / GAUGE_END) * GAUGE_CELLS);
  const cells = "█".repeat(filled).padEnd(GAUGE_CELLS, "·");
  return `${cells.slice(0, line)}│${cells.slice(line)}`;
}

/** The status in words; an account that was closed is not merely healthy. */
export function standingOf({ status, equity }: Reading, { closed }: { closed: boolean }): string {
  if (!closed) return status;
  return equity === 0n ? "wiped out" : "closed";
}

/** "+3.20 ETH, −0.10 BTC on 2.50 WETH". */
function holdingsOf({ positions, collateral }: Holdings, market: Market): string {
  const perpetuals = positions.map(({ instrument, size }) =>
    sizeOf(size, unitOf(market, instrument)),
  );
  const tokens = market.collaterals.flatMap(({ symbol, decimals }, i) => {
    const quantity = wadOfAmount(collateral[i] ?? 0n, decimals);
    return quantity === 0n ? [] : [sizeOf(quantity, symbol).replace("+", "")];
  });
  return [perpetuals.join(", "), tokens.length === 0 ? "" : `on ${tokens.join(", ")}`]
    .filter(Boolean)
    .join(" ");
}

/** The unit of an instrument's size: "ETH". */
export function unitOf({ instruments }: Pick<Market, "instruments">, instrument: bigint): string {
  return instrument === instruments.eth ? "ETH" : "BTC";
}

/** How much of the whole each status has: "14 healthy · 2 in margin call". */
export function statusCounts(readings: readonly Reading[], paint: Palette): string {
  const words = {
    healthy: "healthy",
    "margin call": "in margin call",
    liquidatable: "liquidatable",
    bankrupt: "bankrupt",
  } as const;
  return STATUSES.flatMap((status) => {
    const number = readings.filter((reading) => reading.status === status).length;
    return number === 0 ? [] : [colourOf({ status }, paint)(`${number} ${words[status]}`)];
  }).join(paint.faint(" · "));
}

function colourOf({ status }: Pick<Reading, "status">, paint: Palette): (text: string) => string {
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
