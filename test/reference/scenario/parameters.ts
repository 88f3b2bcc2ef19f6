import type { DeploymentParameters } from "../../../ignition/parameters.js";
import { stillParameters } from "../../fixtures/plimsoll.js";

/** Worlds whose limits a few accounts of ordinary size can reach. */

/** Decimals of the settlement token and of the collateral, by variant. */
const DECIMALS = [
  { USDC: 6, WETH: 18, wstETH: 18, WBTC: 8 },
  { USDC: 18, WETH: 6, wstETH: 24, WBTC: 8 },
  { USDC: 20, WETH: 18, wstETH: 20, WBTC: 2 },
];
export const VARIANTS = DECIMALS.length;

/** The local parameters with a third perpetual, small limits and bends where the search for the least slice meets them. */
export function scenarioParameters(variant: number): DeploymentParameters {
  const local = stillParameters();
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
    return { ...underlying, market: { ...market, openInterestCap: 1_000_000, brackets } };
  });
  const [eth, btc] = underlyings;
  if (eth?.market === undefined || btc?.market === undefined) throw new Error("No local markets");
  // The fast sigma decides here, and the floor of the rate there.
  btc.market.fastSigmaBps = 9_000;
  underlyings.push({
    symbol: "SOL",
    number: 6,
    primary: ["SOL/USD"],
    secondary: [],
    allowedDeviationBps: 0,
    market: { ...eth.market, maintenanceFloorBps: 450, slowSigmaBps: 5_000, fastSigmaBps: 2_000 },
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
    liquidation: {
      ...local.liquidation,
      mostInstruments: 2,
      fundDrawCapBps: 3_000,
      openInterestBase: 15_000,
    },
  };
}
