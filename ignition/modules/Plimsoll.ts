import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { givenMarket, type MarketSource } from "../market.js";
import type { DeploymentParameters } from "../parameters.js";
import { clearinghouseModule } from "./Clearinghouse.js";
import { exchangeModule } from "./Exchange.js";
import Governance from "./Governance.js";
import { handoverModule } from "./Handover.js";
import { liquidationAutomationModule } from "./LiquidationAutomation.js";
import { marginModule } from "./Margin.js";
import { oracleModule } from "./Oracle.js";
import { peripheryModule } from "./Periphery.js";
import { rulesModule } from "./Rules.js";
import { standingTopUpModule } from "./StandingTopUp.js";
import { vaultModule } from "./Vault.js";
import { volatilityModule } from "./Volatility.js";
import { wiringModule } from "./Wiring.js";

/**
 * The whole clearinghouse, layer by layer, configured and handed over to governance.
 *
 * @param parameters What `ignition/parameters/<network>.json` says.
 * @param source Tokens and feeds: by default those whose addresses the parameters give.
 */
export function plimsollModule(
  parameters: DeploymentParameters,
  source: MarketSource = givenMarket(parameters),
) {
  const oracle = oracleModule(parameters, source);
  const rules = rulesModule(parameters, source);
  const volatility = volatilityModule(parameters, { oracle, rules });
  const vault = vaultModule(parameters, source, rules);
  const clearinghouse = clearinghouseModule(parameters, { oracle, rules, vault });
  const margin = marginModule({ oracle, rules, vault, clearinghouse });
  const exchange = exchangeModule(parameters, { oracle, vault, clearinghouse });
  const periphery = peripheryModule({ rules, vault, clearinghouse, exchange });
  const standingTopUp = standingTopUpModule({ vault, clearinghouse });
  const liquidationAutomation = liquidationAutomationModule(parameters, {
    vault,
    clearinghouse,
    periphery,
  });
  const wiring = wiringModule(parameters, source, { vault, clearinghouse, margin, exchange });
  const handover = handoverModule(
    parameters,
    [oracle, rules, volatility, clearinghouse, exchange, wiring],
    (m) => ({
      PriceOracle: m.useModule(oracle).oracle,
      Rules: m.useModule(rules).rules,
      Vault: m.useModule(vault).vault,
      Clearinghouse: m.useModule(clearinghouse).clearinghouse,
      Exchange: m.useModule(exchange).exchange,
    }),
  );

  return buildModule("Plimsoll", (m) => {
    m.useModule(handover);
    return {
      ...m.useModule(Governance),
      ...m.useModule(oracle),
      ...m.useModule(rules),
      ...m.useModule(volatility),
      ...m.useModule(vault),
      ...m.useModule(clearinghouse),
      ...m.useModule(margin),
      ...m.useModule(exchange),
      ...m.useModule(periphery),
      ...m.useModule(standingTopUp),
      ...m.useModule(liquidationAutomation),
    };
  });
}
