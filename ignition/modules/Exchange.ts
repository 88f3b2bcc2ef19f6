import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { ContractCallFuture } from "@nomicfoundation/ignition-core";
import { type DeploymentParameters, wadOf } from "../parameters.js";
import type { clearinghouseModule } from "./Clearinghouse.js";
import Governance from "./Governance.js";
import type { oracleModule } from "./Oracle.js";
import type { vaultModule } from "./Vault.js";

interface Layers {
  oracle: ReturnType<typeof oracleModule>;
  vault: ReturnType<typeof vaultModule>;
  clearinghouse: ReturnType<typeof clearinghouseModule>;
}

/** The venue, with the fees of each tier. */
export function exchangeModule(parameters: DeploymentParameters, layers: Layers) {
  return buildModule("Exchange", (m) => {
    const { accessManager } = m.useModule(Governance);
    const { oracle } = m.useModule(layers.oracle);
    const { vault } = m.useModule(layers.vault);
    const { clearinghouse } = m.useModule(layers.clearinghouse);

    const exchange = m.contract("Exchange", [accessManager, clearinghouse, vault, oracle]);
    // One after the other: tier 0 bounds those that follow.
    let previous: ContractCallFuture<string, string> | undefined;
    for (const [tier, { taker, maker }] of parameters.fees.tiers.entries()) {
      previous = m.call(exchange, "setFeeRates", [tier, wadOf(taker), wadOf(maker)], {
        id: `setFeeRates_${tier}`,
        after: previous === undefined ? [] : [previous],
      });
    }
    return { exchange };
  });
}
