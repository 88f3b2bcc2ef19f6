import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { DeploymentParameters } from "../parameters.js";
import type { oracleModule } from "./Oracle.js";
import type { rulesModule } from "./Rules.js";

interface Layers {
  oracle: ReturnType<typeof oracleModule>;
  rules: ReturnType<typeof rulesModule>;
}

/** The volatility oracle, which nobody governs: the Rules listen to it, and it follows the feed of everything traded. */
export function volatilityModule(parameters: DeploymentParameters, layers: Layers) {
  return buildModule("Volatility", (m) => {
    const { oracle } = m.useModule(layers.oracle);
    const { rules } = m.useModule(layers.rules);

    const volatilityOracle = m.contract("VolatilityOracle", [oracle, rules]);
    const listened = m.call(rules, "setVolatilityOracle", [volatilityOracle]);
    for (const { symbol, number, market } of parameters.underlyings) {
      if (market === undefined) continue;
      m.call(volatilityOracle, "follow", [number], {
        id: `follow_${symbol}`,
        // It reads the source from the price oracle and the prior from the Rules.
        after: [listened, layers.oracle, layers.rules],
      });
    }
    return { volatilityOracle };
  });
}
