import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { clearinghouseModule } from "./Clearinghouse.js";
import type { exchangeModule } from "./Exchange.js";
import type { rulesModule } from "./Rules.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  rules: ReturnType<typeof rulesModule>;
  vault: ReturnType<typeof vaultModule>;
  clearinghouse: ReturnType<typeof clearinghouseModule>;
  exchange: ReturnType<typeof exchangeModule>;
}

/** What makes the core handy and what the core does not know: batch reads, and several acts in one transaction. */
export function peripheryModule(layers: Layers) {
  return buildModule("Periphery", (m) => {
    const { rules } = m.useModule(layers.rules);
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);
    const { exchange } = m.useModule(layers.exchange);

    const lens = m.contract("Lens", [clearinghouse, rules]);
    const router = m.contract("Router", [vault, rules, clearinghouse, exchange]);
    return { lens, router };
  });
}
