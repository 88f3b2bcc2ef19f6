import type { NetworkConnection } from "hardhat/types/network";
import { deploy, type DeployedAddresses } from "../../ignition/deploy.js";
import type { DeploymentParameters } from "../../ignition/parameters.js";

/** What a deployment has sent, and where everything is since. */
interface Recorded {
  readonly transactions: readonly Sent[];
  readonly addresses: DeployedAddresses;
}

interface Sent {
  readonly from: string;
  readonly to: string | null;
  readonly input: string;
}

/** Enough for each of them: nothing is estimated again. */
const GAS = "0xf42400";

/** Deployments of this process on empty chains, by their parameters. */
const recorded = new Map<string, Recorded>();

/**
 * The same as `deploy`, which is what happens the first time. Ignition takes seconds to validate what it has validated before, once
 * for each file of tests; so on other empty chains its transactions are sent again: from the same account they make
 * the same addresses.
 */
export async function deployAgain(
  connection: NetworkConnection,
  parameters: DeploymentParameters,
): Promise<DeployedAddresses> {
  const { provider } = connection.ethers;
  if ((await provider.getBlockNumber()) !== 0) return deploy(connection, parameters);
  const key = JSON.stringify(parameters);
  const known = recorded.get(key);
  if (known === undefined) {
    const addresses = await deploy(connection, parameters);
    recorded.set(key, { addresses, transactions: await transactionsOf(connection) });
    return addresses;
  }
  for (const { from, to, input } of known.transactions) {
    const target = to === null ? {} : { to };
    await provider.send("eth_sendTransaction", [{ from, ...target, data: input, gas: GAS }]);
  }
  for (const [name, address] of Object.entries(known.addresses.contracts)) {
    if ((await provider.getCode(address)) === "0x") throw new Error(`${name} is not there`);
  }
  return known.addresses;
}

/** Everything that was sent on a chain. */
async function transactionsOf({ ethers: { provider } }: NetworkConnection): Promise<Sent[]> {
  const sent: Sent[] = [];
  const last = await provider.getBlockNumber();
  for (let number = 1; number <= last; ++number) {
    const block = (await provider.send("eth_getBlockByNumber", [
      `0x${number.toString(16)}`,
      true,
    ])) as { transactions: Sent[] };
    sent.push(...block.transactions);
  }
  return sent;
}
