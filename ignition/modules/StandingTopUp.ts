import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { marginModule } from "./Margin.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  vault: ReturnType<typeof vaultModule>;
  margin: ReturnType<typeof marginModule>;
}

/** What executes owners' standing instructions to top up their accounts; the core does not know it. */
export function standingTopUpModule(layers: Layers) {
  return buildModule("StandingTopUp", (m) => {
    const { vault } = m.useModule(layers.vault);
    const { marginEngine } = m.useModule(layers.margin);
    const standingTopUp = m.contract("StandingTopUp", [vault, marginEngine]);
    return { standingTopUp };
  });
}
