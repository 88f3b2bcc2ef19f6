import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { DeploymentParameters } from "../parameters.js";
import type { clearinghouseModule } from "./Clearinghouse.js";
import type { peripheryModule } from "./Periphery.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  vault: ReturnType<typeof vaultModule>;
  clearinghouse: ReturnType<typeof clearinghouseModule>;
  periphery: ReturnType<typeof peripheryModule>;
}

/** The keeper of last resort. Its account is empty and governance's: nobody else's money is ever at its risk. */
export function liquidationAutomationModule(parameters: DeploymentParameters, layers: Layers) {
  return buildModule("LiquidationAutomation", (m) => {
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);
    const { lens } = m.useModule(layers.periphery);

    const liquidationAutomation = m.contract("LiquidationAutomation", [
      parameters.governance.admin,
      vault,
      clearinghouse,
      lens,
    ]);
    return { liquidationAutomation };
  });
}
