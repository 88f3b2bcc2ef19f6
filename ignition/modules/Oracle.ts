import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { marketAddress, type MarketSource } from "../market.js";
import { type DeploymentParameters, wadOf } from "../parameters.js";
import Governance from "./Governance.js";

/** The price oracle with the sources of every underlying. */
export function oracleModule(parameters: DeploymentParameters, source: MarketSource) {
  return buildModule("Oracle", (m) => {
    const { accessManager } = m.useModule(Governance);
    const market = source(m);
    const oracle = m.contract("PriceOracle", [accessManager]);

    const feedsOf = (names: string[]) =>
      names.map((name) => {
        const feed = parameters.feeds[name];
        if (feed === undefined) throw new Error(`Unknown feed ${name}`);
        return {
          aggregator: marketAddress(market, name),
          maximumAge: feed.maximumAgeSeconds,
          minimum: wadOf(feed.minimum),
          maximum: wadOf(feed.maximum),
        };
      });
    for (const {
      symbol,
      number,
      primary,
      secondary,
      allowedDeviationBps,
    } of parameters.underlyings) {
      m.call(
        oracle,
        "setSources",
        [number, feedsOf(primary), feedsOf(secondary), allowedDeviationBps],
        { id: `setSources_${symbol}` },
      );
    }
    if (parameters.sequencer !== undefined) {
      const { uptimeFeed, gracePeriodSeconds } = parameters.sequencer;
      m.call(oracle, "setSequencer", [uptimeFeed, gracePeriodSeconds]);
    }
    return { oracle };
  });
}
