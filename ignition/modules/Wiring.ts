import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { parseUnits } from "ethers";
import { marketAddress, type MarketSource } from "../market.js";
import type { DeploymentParameters } from "../parameters.js";
import type { clearinghouseModule } from "./Clearinghouse.js";
import type { exchangeModule } from "./Exchange.js";
import type { marginModule } from "./Margin.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  vault: ReturnType<typeof vaultModule>;
  clearinghouse: ReturnType<typeof clearinghouseModule>;
  margin: ReturnType<typeof marginModule>;
  exchange: ReturnType<typeof exchangeModule>;
}

/** The references that no constructor could take, because what they point at came later, and with them limits and rates. */
export function wiringModule(
  parameters: DeploymentParameters,
  source: MarketSource,
  layers: Layers,
) {
  return buildModule("Wiring", (m) => {
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);
    const { marginEngine } = m.useModule(layers.margin);
    const { exchange } = m.useModule(layers.exchange);

    const wired = m.call(vault, "wire", [clearinghouse, marginEngine]);
    const market = source(m);
    for (const { symbol, decimals, limits } of [
      parameters.settlementToken,
      ...parameters.collaterals,
    ]) {
      const { depositCap, outflowAmount, outflowBps } = limits;
      const given = {
        depositCap: parseUnits(depositCap, decimals),
        outflowAmount: parseUnits(outflowAmount, decimals),
        outflowBps,
      };
      m.call(vault, "setTokenLimits", [marketAddress(market, symbol), given], {
        id: `setTokenLimits_${symbol}`,
        // A token that has limits can be deposited.
        after: [wired],
      });
    }
    m.call(vault, "setCashRules", [parameters.cash]);
    m.call(clearinghouse, "setMarginEngine", [marginEngine]);
    m.call(clearinghouse, "setVenue", [exchange, true]);
    return {};
  });
}
