import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
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

/** The references that no constructor could take, because what they point at came later. */
export function wiringModule(layers: Layers) {
  return buildModule("Wiring", (m) => {
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);
    const { marginEngine } = m.useModule(layers.margin);
    const { exchange } = m.useModule(layers.exchange);

    m.call(vault, "wire", [clearinghouse, marginEngine]);
    m.call(clearinghouse, "setMarginEngine", [marginEngine]);
    m.call(clearinghouse, "setVenue", [exchange, true]);
    return {};
  });
}
