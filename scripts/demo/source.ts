import { basename } from "node:path";
import { readCandles, type Candle } from "../prices/candles.js";
import type { PriceStep } from "./drive.js";
import { UsageError } from "./errors.js";
import { decimal, percent } from "./format.js";
import { firstPrice, type Prices, sanityBand } from "./parameters.js";
import type { DemoOptions, Underlying } from "./options.js";
import { followPrice, sampleFeed, walkCandles } from "./path.js";
import { syntheticCandles } from "./synthetic.js";
import { type Drawdown, isoOf, selectWindow } from "./window.js";

/** The prices that the demo replays, and where they come from. */
export interface Scenario {
  readonly title: string;
  readonly driver: Underlying;
  readonly synthetic: boolean;
  readonly steps: readonly PriceStep[];
  readonly drawdown: Drawdown | undefined;
  /** How the path was made, in sentences. */
  readonly notes: readonly string[];
}

/** Most reports of the feeds: what a run costs in time. */
const MOST_STEPS = 190;
const SYNTHETIC_START: Prices = { eth: firstPrice("eth"), btc: firstPrice("btc") };
/** BTC moves less than ETH: its log return is this much of ETH's, and ETH's of BTC's the inverse. */
const BETA: Readonly<Record<Underlying, number>> = { eth: 0.8, btc: 1.25 };

/** Reads or makes the prices that were asked for. */
export async function loadScenario(options: DemoOptions): Promise<Scenario> {
  const { prices: file, underlying: driver, hours, seed } = options;
  const synthetic = file === undefined;
  let candles: readonly Candle[];
  let drawdown: Drawdown | undefined;
  if (synthetic) {
    candles = syntheticCandles({ seed, start: SYNTHETIC_START[driver], begin: 0, hours });
    ({ drawdown } = selectWindow(candles, { hours, from: 0 }));
  } else {
    ({ candles, drawdown } = selectWindow(await readCandles(file), { hours, from: options.from }));
  }

  const { points, deviation, heartbeat } = sampleFeed(walkCandles(candles), MOST_STEPS);
  const first = points[0]?.price ?? 0;
  const follower = driver === "eth" ? "btc" : "eth";
  const beta = BETA[driver];
  const followerStart = (first * SYNTHETIC_START[follower]) / SYNTHETIC_START[driver];
  const steps = points.map(({ time, price }): PriceStep => {
    const followed = followPrice(followerStart, { move: price / first, beta });
    return {
      time,
      prices: driver === "eth" ? { eth: price, btc: followed } : { btc: price, eth: followed },
    };
  });

  requireInBand(steps, driver);

  const [driving, following] = [driver.toUpperCase(), follower.toUpperCase()];
  const where = synthetic
    ? `A made-up crash from seed ${seed}: calm, squeeze, slide, crash with gaps, bounce.`
    : `${basename(file)}, ${isoOf(points[0]?.time ?? 0)} to ${isoOf(points.at(-1)?.time ?? 0)}${options.from === undefined ? `, around its largest fall within ${hours} hours` : ""}.`;
  return {
    title: synthetic ? `Synthetic crash, seed ${seed}` : basename(file),
    driver,
    synthetic,
    steps,
    drawdown,
    notes: [
      where,
      `${driving}/USD is driven by ${candles.length} candles (open, the two extremes, close) reported as a Chainlink feed would: ` +
        `when the price has moved ${percent(deviation)} or ${decimal(heartbeat / 3600, 1)} h have passed. That makes ${steps.length} reports, each a block; chain time moves with them.`,
      `${following}/USD has no file: it follows with a beta of ${beta} in log returns, beginning at ${decimal(followerStart / first, follower === "btc" ? 1 : 4)} times the ${driving} price.`,
    ],
  };
}

/**
 * Refuses prices that the deployed oracle would refuse.
 *
 * @throws UsageError
 */
function requireInBand(steps: readonly PriceStep[], driver: Underlying): void {
  for (const underlying of ["eth", "btc"] as const) {
    const { least, most } = sanityBand(underlying);
    const wrong = steps.find(
      ({ prices }) => prices[underlying] <= least || prices[underlying] >= most,
    );
    if (wrong === undefined) continue;
    const price = decimal(wrong.prices[underlying], 2);
    throw new UsageError(
      `${underlying.toUpperCase()}/USD would be ${price}: the oracle takes only what is between ${least} and ${most}.`,
      underlying === driver
        ? "Check that --underlying fits the file and that its prices are in dollars."
        : `It follows ${driver.toUpperCase()}/USD of the file: check that --underlying fits the file.`,
    );
  }
}
