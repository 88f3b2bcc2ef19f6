import { type DeploymentParameters, readParameters } from "../../ignition/parameters.js";
import { DemoFailure } from "./errors.js";
import type { Underlying } from "./options.js";

/** Both prices at one moment [dollars]. */
export type Prices = Readonly<Record<Underlying, number>>;

/**
 * The parameters of the local deployment, but for the first prices and for one more: as deployed, one market may draw half of
 * the insurance fund in a day. Here it may draw all, so that a short run with a small fund shows who pays after the fund.
 */
export const parameters = withWholeFund(readParameters("local"));

/** What one market may draw of the insurance fund in a day as deployed [bps]. */
export const deployedFundDrawCapBps = readParameters("local").liquidation.fundDrawCapBps;

/** Names of the feeds that the path drives. */
export const PRICE_FEEDS: Readonly<Record<Underlying, string>> = { eth: "ETH/USD", btc: "BTC/USD" };

/** The price that the parameters give a feed at first [dollars]. */
export function firstPrice(underlying: Underlying): number {
  return Number(feedOf(underlying).mock?.answer);
}

/** What a feed refuses: at these prices and beyond [dollars]. */
export function sanityBand(underlying: Underlying): { least: number; most: number } {
  const { minimum, maximum } = feedOf(underlying);
  return { least: Number(minimum), most: Number(maximum) };
}

function withWholeFund(deployed: DeploymentParameters): DeploymentParameters {
  return { ...deployed, liquidation: { ...deployed.liquidation, fundDrawCapBps: 10_000 } };
}

function feedOf(underlying: Underlying) {
  const name = PRICE_FEEDS[underlying];
  const feed = parameters.feeds[name];
  if (feed === undefined) throw new DemoFailure(`The local parameters have no feed ${name}.`);
  return feed;
}
