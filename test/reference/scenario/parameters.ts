import { type DeploymentParameters, readParameters } from "../../../ignition/parameters.js";

/** Worlds whose limits a few accounts of ordinary size can reach. */

/** Decimals of the settlement token and of the collateral, by variant. */
const DECIMALS = [
  { USDC: 6, WETH: 18, wstETH: 18, WBTC: 8 },
  { USDC: 18, WETH: 6, wstETH: 24, WBTC: 8 },
  { USDC: 20, WETH: 18, wstETH: 20, WBTC: 2 },
];
/** What cash costs: little, and up to the most that governance may set, with and without a share for the fund. */
const CASH = [
  { baseBps: 200, slopeBps: 800, kinkBps: 8_500, slopeAboveBps: 9_000, reservePercent: 20 },
  { baseBps: 5_000, slopeBps: 20_000, kinkBps: 100, slopeAboveBps: 24_000, reservePercent: 0 },
  { baseBps: 0, slopeBps: 30_000, kinkBps: 10_000, slopeAboveBps: 0, reservePercent: 100 },
];

const FUNDING = [
  {},
  {
    interestMillionths: -2_000,
    deadBandMillionths: 0,
    capMillionths: 20_000,
    depthShareBps: 8_334,
  },
  { deadBandMillionths: 2_000, capMillionths: 3_000, depthShareBps: 1_250 },
];

export const VARIANTS = DECIMALS.length;

/** The local parameters with a third perpetual, small limits, higher rates, and bends where the search for the least slice meets them. */
export function scenarioParameters(variant: number): DeploymentParameters {
  const local = readParameters("local");
  const decimals: Record<string, number> = DECIMALS[variant]!;
  const decimalsOf = (symbol: string) => ({ decimals: decimals[symbol] ?? 18 });
  const { settlementToken, collaterals, feeds } = local;

  const brackets = {
    firstEnd: 20_000,
    secondEnd: 60_000,
    thirdEnd: 200_000,
    secondFactorBps: 15_000,
    thirdFactorBps: 25_000,
    lastFactorBps: 50_000,
  };
  const underlyings = local.underlyings.map((underlying) => {
    const { market } = underlying;
    if (market === undefined) return underlying;
    // Rates high enough for days of them to make accounts sink.
    const funding = { ...market.funding, interestMillionths: 300, ...FUNDING[variant] };
    // Prices that move by a third in an hour have a sigma of 5: rates that bring such accounts neither all down nor none.
    const rates = { maintenanceBaseBps: 300, maintenanceSlopeBps: 120, maintenanceCapBps: 900 };
    return {
      ...underlying,
      market: { ...market, ...rates, openInterestCap: 1_000_000, brackets, funding },
    };
  });
  const [eth, btc] = underlyings;
  if (eth?.market === undefined || btc?.market === undefined) throw new Error("No local markets");
  // The floor of the rate decides here.
  underlyings.push({
    symbol: "SOL",
    number: 6,
    primary: ["SOL/USD"],
    secondary: [],
    allowedDeviationBps: 0,
    market: { ...eth.market, maintenanceFloorBps: 450, priorSigmaPercent: 50 },
  });

  // Feeds of a day are silent sooner, so that collateral is without a price now and then.
  const slower = Object.entries(feeds).map(
    ([name, feed]) =>
      [name, { ...feed, maximumAgeSeconds: Math.min(feed.maximumAgeSeconds, 20_000) }] as const,
  );
  const solFeed = { maximumAgeSeconds: 3_900, minimum: "1", maximum: "100000" };
  const limitsOf = (depositCap: string, outflowAmount: string) => ({
    limits: { depositCap, outflowAmount, outflowBps: 1_000 },
  });
  return {
    ...local,
    settlementToken: {
      ...settlementToken,
      ...decimalsOf("USDC"),
      ...limitsOf("1200000", "20000"),
    },
    collaterals: collaterals.map((token) => ({
      ...token,
      ...decimalsOf(token.symbol),
      ...(token.symbol === "WBTC" ? limitsOf("2", "0.2") : limitsOf("60", "4")),
    })),
    feeds: {
      ...Object.fromEntries(slower),
      "SOL/USD": { ...solFeed, mock: { decimals: 8, answer: "150" } },
    },
    underlyings,
    cash: { ...CASH[variant]!, borrowCap: 8_000 },
    liquidation: {
      ...local.liquidation,
      deleverageDelay: 600,
      lendersCapBps: 20,
      mostInstruments: 2,
      fundDrawCapBps: 3_000,
      openInterestBase: 15_000,
    },
  };
}
