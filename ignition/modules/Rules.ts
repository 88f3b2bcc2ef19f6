import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { ContractCallFuture } from "@nomicfoundation/ignition-core";
import { marketAddress, type MarketSource } from "../market.js";
import { type DeploymentParameters, KIND_BITS, RATE_FIELDS } from "../parameters.js";
import Governance from "./Governance.js";

/** The rules of every market, of every collateral token and of liquidation. */
export function rulesModule(parameters: DeploymentParameters, source: MarketSource) {
  return buildModule("Rules", (m) => {
    const { accessManager } = m.useModule(Governance);
    const market = source(m);
    const rules = m.contract("Rules", [accessManager]);

    for (const { symbol, number, market: traded } of parameters.underlyings) {
      if (traded === undefined) continue;
      const rates = Object.fromEntries(RATE_FIELDS.map((field) => [field, traded[field]]));
      const kinds = traded.kinds.reduce((bits, kind) => bits | KIND_BITS[kind], 0);
      m.call(rules, "setUnderlying", [number, { ...rates, kinds }], {
        id: `setUnderlying_${symbol}`,
      });
      const brackets = m.call(rules, "setBrackets", [number, traded.brackets], {
        id: `setBrackets_${symbol}`,
      });
      m.call(rules, "setFundingRules", [number, traded.funding], {
        id: `setFundingRules_${symbol}`,
        after: [brackets],
      });
    }

    // One after the other: the place in the list is the token's bit in an account's set.
    let previous: ContractCallFuture<string, string> | undefined;
    for (const collateral of parameters.collaterals) {
      const underlying = parameters.underlyings.find(
        ({ symbol }) => symbol === collateral.underlying,
      );
      if (underlying === undefined) throw new Error(`Unknown underlying ${collateral.underlying}`);
      const terms = {
        underlying: underlying.number,
        maintenanceHaircutBps: collateral.maintenanceHaircutBps,
        initialHaircutBps: collateral.initialHaircutBps,
        accepted: true,
      };
      previous = m.call(
        rules,
        "listCollateral",
        [marketAddress(market, collateral.symbol), terms],
        {
          id: `listCollateral_${collateral.symbol}`,
          after: previous === undefined ? [] : [previous],
        },
      );
    }
    m.call(rules, "setLiquidationRules", [parameters.liquidation]);
    return { rules };
  });
}
