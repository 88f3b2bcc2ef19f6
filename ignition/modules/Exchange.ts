import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { type DeploymentParameters, wadOf } from "../parameters.js";
import type { clearinghouseModule } from "./Clearinghouse.js";
import Governance from "./Governance.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  vault: ReturnType<typeof vaultModule>;
  clearinghouse: ReturnType<typeof clearinghouseModule>;
}

/** The venue, with its fees. */
export function exchangeModule(parameters: DeploymentParameters, layers: Layers) {
  return buildModule("Exchange", (m) => {
    const { accessManager } = m.useModule(Governance);
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);

    const exchange = m.contract("Exchange", [accessManager, clearinghouse, vault]);
    m.call(exchange, "setFeeRates", [wadOf(parameters.fees.taker), wadOf(parameters.fees.maker)]);
    return { exchange };
  });
}
