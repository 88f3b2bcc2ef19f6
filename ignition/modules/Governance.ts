import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** The AccessManager. The deployer is its admin until the handover, the last step of a deployment. */
export default buildModule("Governance", (m) => ({
  accessManager: m.contract("AccessManager", [m.getAccount(0)]),
}));
