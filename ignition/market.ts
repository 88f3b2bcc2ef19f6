import type {
  ContractFuture,
  IgnitionModuleBuilder,
  IgnitionModuleResult,
} from "@nomicfoundation/ignition-core";
import type { DeploymentParameters } from "./parameters.js";

/** Tokens by symbol and feeds by name: addresses, or contracts of the same deployment. */
export type Market = Record<string, string | ContractFuture<string>>;

/** Where a module finds the market that it works on. */
export type MarketSource = (m: IgnitionModuleBuilder) => Market | IgnitionModuleResult<string>;

/** The market whose addresses the parameters give. */
export function givenMarket(parameters: DeploymentParameters): MarketSource {
  const tokens = [parameters.settlementToken, ...parameters.collaterals];
  const addresses = [
    ...tokens.map(({ symbol, address }) => [symbol, address] as const),
    ...Object.entries(parameters.feeds).map(([name, { address }]) => [name, address] as const),
  ].map(([name, address]) => {
    if (address === undefined) throw new Error(`The parameters give no address for ${name}`);
    return [name, address];
  });
  return () => Object.fromEntries(addresses) as Market;
}

/** An entry of a market that must be there. */
export function marketAddress(market: Market, name: string): string | ContractFuture<string> {
  const address = market[name];
  if (address === undefined) throw new Error(`The market has no ${name}`);
  return address;
}
