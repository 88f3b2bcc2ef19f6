import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { type DeploymentParameters, readParameters } from "../parameters.js";
import { localMarketModule } from "./LocalMarket.js";
import { plimsollModule } from "./Plimsoll.js";

/** The same layers on tokens and feeds that the deployment makes itself. */
export function plimsollLocalModule(parameters: DeploymentParameters) {
  const market = localMarketModule(parameters);
  const plimsoll = plimsollModule(parameters, (m) => m.useModule(market));
  return buildModule("PlimsollLocal", (m) => ({
    ...m.useModule(market),
    ...m.useModule(plimsoll),
  }));
}

/** For `hardhat ignition deploy` and `visualize`. */
export default plimsollLocalModule(readParameters("local"));
