import type { BaseContract } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import { plimsollModule } from "./modules/Plimsoll.js";
import { plimsollLocalModule } from "./modules/PlimsollLocal.js";
import { type DeploymentParameters, isLocal } from "./parameters.js";

/** Every contract of a deployment. */
export interface DeployedAddresses {
  contracts: Record<ContractName, string>;
  /** By symbol. */
  tokens: Record<string, string>;
  /** By name. */
  feeds: Record<string, string>;
}

type ContractName = keyof typeof RESULT_OF;

/** Contracts with their names in the results of the modules. */
const RESULT_OF = {
  AccessManager: "accessManager",
  PriceOracle: "oracle",
  Rules: "rules",
  VolatilityOracle: "volatilityOracle",
  Vault: "vault",
  DefaultProcess: "defaultProcess",
  Clearinghouse: "clearinghouse",
  MarginEngine: "marginEngine",
  Exchange: "exchange",
  Lens: "lens",
  Router: "router",
  StandingTopUp: "standingTopUp",
  LiquidationAutomation: "liquidationAutomation",
} as const;

export const CONTRACTS = Object.keys(RESULT_OF) as ContractName[];

/**
 * Deploys everything that the parameters describe, with their tokens and feeds where these are mocks. The first account
 * pays and is left without any right. The one way for the command line, for tests and for the demo.
 */
export async function deploy(
  connection: NetworkConnection,
  parameters: DeploymentParameters,
  options: { deploymentId?: string; displayUi?: boolean } = {},
): Promise<DeployedAddresses> {
  const [deployer] = await connection.ethers.getSigners();
  if (deployer === undefined) throw new Error("The network has no account to deploy with");
  const { admin, guardian } = parameters.governance;
  for (const holder of [admin, guardian]) {
    if (holder.toLowerCase() === deployer.address.toLowerCase()) {
      throw new Error(
        `Parameters: ${holder} deploys and so cannot hold a role: it gives up its rights`,
      );
    }
  }

  const results: Partial<Record<string, BaseContract>> = await connection.ignition.deploy(
    isLocal(parameters) ? plimsollLocalModule(parameters) : plimsollModule(parameters),
    options,
  );
  const deployed = async (name: string) => {
    const contract = results[name];
    if (contract === undefined) throw new Error(`The modules have no result named ${name}`);
    return await contract.getAddress();
  };

  const contracts = {} as Record<ContractName, string>;
  for (const [name, result] of Object.entries(RESULT_OF)) {
    contracts[name as ContractName] = await deployed(result);
  }
  const tokens: Record<string, string> = {};
  for (const { symbol, address } of [parameters.settlementToken, ...parameters.collaterals]) {
    tokens[symbol] = address ?? (await deployed(symbol));
  }
  const feeds: Record<string, string> = {};
  for (const [name, { address }] of Object.entries(parameters.feeds)) {
    feeds[name] = address ?? (await deployed(name));
  }
  return { contracts, tokens, feeds };
}
