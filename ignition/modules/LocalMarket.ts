import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { ContractFuture } from "@nomicfoundation/ignition-core";
import { parseUnits } from "ethers";
import type { DeploymentParameters } from "../parameters.js";

/** Tokens and feeds for networks that have none: anyone may mint the tokens and set the answers. */
export function localMarketModule(parameters: DeploymentParameters) {
  return buildModule("LocalMarket", (m) => {
    const market: Record<string, ContractFuture<string>> = {};
    for (const token of [parameters.settlementToken, ...parameters.collaterals]) {
      if (token.mock === undefined) throw new Error(`${token.symbol} is not a mock`);
      market[token.symbol] = m.contract(
        "MockToken",
        [token.mock.name, token.symbol, token.decimals],
        { id: token.symbol },
      );
    }
    for (const [name, { mock }] of Object.entries(parameters.feeds)) {
      if (mock === undefined) throw new Error(`${name} is not a mock`);
      market[name] = m.contract(
        "MockV3Aggregator",
        [mock.decimals, parseUnits(mock.answer, mock.decimals)],
        // A future's id has no slash.
        { id: name.replace("/", "_") },
      );
    }
    return market;
  });
}
