import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { type DeploymentParameters, wadOf } from "../parameters.js";
import Governance from "./Governance.js";
import type { oracleModule } from "./Oracle.js";
import type { rulesModule } from "./Rules.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  oracle: ReturnType<typeof oracleModule>;
  rules: ReturnType<typeof rulesModule>;
  vault: ReturnType<typeof vaultModule>;
}

/** The clearinghouse with its linked library, who receives fees, and the settlement token's peg. */
export function clearinghouseModule(parameters: DeploymentParameters, layers: Layers) {
  return buildModule("Clearinghouse", (m) => {
    const { accessManager } = m.useModule(Governance);
    const { oracle } = m.useModule(layers.oracle);
    const { rules } = m.useModule(layers.rules);
    const { vault } = m.useModule(layers.vault);

    const defaultProcess = m.library("DefaultProcess");
    const clearinghouse = m.contract("Clearinghouse", [accessManager, vault, oracle, rules], {
      libraries: { DefaultProcess: defaultProcess },
    });
    m.call(clearinghouse, "setFeeShares", [
      parameters.governance.treasury,
      wadOf(parameters.fees.fundShare),
    ]);
    const { underlying, allowedBps } = parameters.settlementToken.peg;
    const number = parameters.underlyings.find(({ symbol }) => symbol === underlying)?.number;
    if (number === undefined) throw new Error(`Unknown underlying ${underlying}`);
    m.call(clearinghouse, "setPeg", [number, allowedBps]);
    return { defaultProcess, clearinghouse };
  });
}
