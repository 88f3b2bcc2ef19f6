import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { ZeroAddress } from "ethers";
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

/** The margin engine with the standard margin model. It has no owner: it is succeeded, not changed. */
export function marginModule(layers: Layers) {
  return buildModule("Margin", (m) => {
    const { oracle } = m.useModule(layers.oracle);
    const { rules } = m.useModule(layers.rules);
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);

    const marginEngine = m.contract("MarginEngine", [
      vault,
      clearinghouse,
      oracle,
      rules,
      ZeroAddress,
    ]);
    return { marginEngine };
  });
}
