import { ABIS } from "../abi/index.js";
import type { Plimsoll } from "../connect.js";
import type { EventIndexOptions } from "./eventIndex.js";

/** The ABI of each contract that an index listens to. */
export const INDEXED_ABIS = {
  vault: ABIS.Vault,
  clearinghouse: ABIS.Clearinghouse,
  exchange: ABIS.Exchange,
  rules: ABIS.Rules,
  oracle: ABIS.PriceOracle,
  volatilityOracle: ABIS.VolatilityOracle,
} as const satisfies EventIndexOptions["abis"];

/**
 * What an index of a deployment is made of.
 *
 * @param plimsoll What `connect` gives.
 * @param options The first block that may have an event: on a public chain that of the deployment's first transaction.
 */
export async function indexOptionsOf(
  plimsoll: Pick<Plimsoll, "deployment" | "vault">,
  { firstBlock }: { readonly firstBlock: number },
): Promise<EventIndexOptions> {
  const { contracts } = plimsoll.deployment;
  const [settlementToken, decimals] = await Promise.all([
    plimsoll.vault.SETTLEMENT_TOKEN(),
    plimsoll.vault.SETTLEMENT_DECIMALS(),
  ]);
  return {
    abis: INDEXED_ABIS,
    deployment: {
      contracts: {
        vault: contracts.Vault,
        clearinghouse: contracts.Clearinghouse,
        exchange: contracts.Exchange,
        rules: contracts.Rules,
        oracle: contracts.PriceOracle,
        volatilityOracle: contracts.VolatilityOracle,
      },
      settlementToken,
      settlementDecimals: Number(decimals),
      firstBlock,
    },
  };
}
