import { ABIS, type ContractName, type Deployment } from "../sdk/index.js";

type Address = `0x${string}`;

/** What wagmi's hooks take as `useReadContract({ ...contracts.Vault, functionName, args })`. */
export type WagmiContracts = {
  readonly [N in ContractName]: {
    readonly address: Address;
    readonly abi: (typeof ABIS)[N];
    readonly chainId: number;
  };
};

/**
 * The contracts of a deployment for wagmi: one constant in a frontend, made from its record.
 *
 *     const contracts = wagmiContracts(sepolia);
 *     const { data } = useReadContract({ ...contracts.MarginEngine, functionName: "marginOf", args: [account] });
 */
export function wagmiContracts({ chainId, contracts }: Deployment): WagmiContracts {
  const entries = (Object.keys(ABIS) as ContractName[]).map((name) => [
    name,
    { address: contracts[name] as Address, abi: ABIS[name], chainId },
  ]);
  return Object.fromEntries(entries) as WagmiContracts;
}
