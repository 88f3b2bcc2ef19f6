import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { marketAddress, type MarketSource } from "../market.js";
import type { DeploymentParameters } from "../parameters.js";
import Governance from "./Governance.js";
import type { rulesModule } from "./Rules.js";

/** The vault, which keeps the settlement token as cash and the tokens of the rules as collateral. */
export function vaultModule(
  parameters: DeploymentParameters,
  source: MarketSource,
  rulesLayer: ReturnType<typeof rulesModule>,
) {
  return buildModule("Vault", (m) => {
    const { accessManager } = m.useModule(Governance);
    const { rules } = m.useModule(rulesLayer);
    const settlementToken = marketAddress(source(m), parameters.settlementToken.symbol);
    return { vault: m.contract("Vault", [accessManager, settlementToken, rules]) };
  });
}
