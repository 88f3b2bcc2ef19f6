import type { Provider } from "ethers";
import {
  type AccountId,
  connect,
  decodeMargins,
  type Deployment,
  type MarginReading,
} from "../sdk/index.js";

/**
 * Connect and read margins: one call for any number of accounts.
 *
 * The deployment is the content of `deployments/<network>.json`. To read, a provider is enough; no key is needed.
 */
export async function readMargins(
  deployment: Deployment,
  provider: Provider,
  accounts: readonly AccountId[],
): Promise<MarginReading[]> {
  // Refuses a node of another chain, and addresses without code.
  const { lens } = await connect(deployment, provider);
  const readings = decodeMargins(await lens.marginsOf([...accounts]), accounts);
  // `priced` is false where a price is missing: of such an account nothing is known, least of all that it is healthy.
  return readings;
}
