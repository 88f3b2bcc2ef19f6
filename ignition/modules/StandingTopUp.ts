import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { clearinghouseModule } from "./Clearinghouse.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  vault: ReturnType<typeof vaultModule>;
  clearinghouse: ReturnType<typeof clearinghouseModule>;
}

/** What executes owners' standing instructions to top up their accounts; the core does not know it. */
export function standingTopUpModule(layers: Layers) {
  return buildModule("StandingTopUp", (m) => {
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);
    const standingTopUp = m.contract("StandingTopUp", [vault, clearinghouse]);
    return { standingTopUp };
  });
}
