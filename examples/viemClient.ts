import {
  type Account,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  parseEventLogs,
} from "viem";
import {
  type AccountId,
  buildOrder,
  type DeploymentRecord,
  exchangeAbi,
  explainError,
  formatExplanation,
  marginEngineAbi,
  type OrderRequest,
  orderTypedData,
  vaultAbi,
} from "../sdk/index.js";

/** Read with viem: the constants type arguments and results, and no provider of ethers is needed. */
export async function readWithViem(deployment: DeploymentRecord, url: string, account: AccountId) {
  const client = createPublicClient({ transport: http(url) });
  const { equity, initial, maintenance } = await client.readContract({
    address: deployment.contracts.MarginEngine as Hex,
    abi: marginEngineAbi,
    functionName: "marginOf",
    args: [account],
  });
  return { equity, initial, maintenance };
}

/** Sign an order with viem: the message is typed by the EIP-712 type. */
export async function signWithViem(
  deployment: DeploymentRecord,
  url: string,
  signer: Account | Hex,
  request: OrderRequest,
) {
  const wallet = createWalletClient({ account: signer, transport: http(url) });
  const { chainId, contracts } = deployment;
  const order = buildOrder(request);
  const typed = orderTypedData({ chainId, exchange: contracts.Exchange }, order);
  return { order, signature: await wallet.signTypedData(typed) };
}

/** Events with viem: the fills of one transaction. */
export async function fillsOf(url: string, hash: Hex) {
  const client = createPublicClient({ transport: http(url) });
  const { logs } = await client.getTransactionReceipt({ hash });
  const fills = parseEventLogs({ abi: exchangeAbi, eventName: "OrderFilled", logs });
  return fills.map(({ args: { account, fill } }) => ({ account, fill }));
}

/** Errors with viem: every ABI has every error, and explainError takes viem's errors as well. */
export async function whyNoWithdrawal(
  deployment: DeploymentRecord,
  url: string,
  { account, owner, token, amount }: { account: AccountId; owner: Hex; token: Hex; amount: bigint },
): Promise<string | undefined> {
  const client = createPublicClient({ transport: http(url) });
  try {
    await client.simulateContract({
      account: owner,
      address: deployment.contracts.Vault as Hex,
      abi: vaultAbi,
      functionName: "withdraw",
      args: [account, token, amount, owner],
    });
    return undefined;
  } catch (error) {
    return formatExplanation(explainError(error));
  }
}
