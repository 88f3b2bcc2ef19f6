import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { clearinghouseModule } from "./Clearinghouse.js";
import type { oracleModule } from "./Oracle.js";
import type { rulesModule } from "./Rules.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  oracle: ReturnType<typeof oracleModule>;
  rules: ReturnType<typeof rulesModule>;
  vault: ReturnType<typeof vaultModule>;
  clearinghouse: ReturnType<typeof clearinghouseModule>;
}

/** The margin engine with its models. Neither has an owner: both are replaced, not changed. */
export function marginModule(layers: Layers) {
  return buildModule("Margin", (m) => {
    const { oracle } = m.useModule(layers.oracle);
    const { rules } = m.useModule(layers.rules);
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);

    const standardMargin = m.contract("StandardMargin");
    const marginEngine = m.contract("MarginEngine", [
      vault,
      clearinghouse,
      oracle,
      rules,
      standardMargin,
    ]);
    return { standardMargin, marginEngine };
  });
}
