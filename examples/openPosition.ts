import { Contract, type ContractTransactionReceipt, type Signer } from "ethers";
import {
  accountId,
  buildOrder,
  connect,
  connectAs,
  type Deployment,
  orderDomain,
  parseWad,
  perpetual,
  sendExplained,
  signOrder,
} from "../sdk/index.js";

const TOKEN = ["function approve(address spender, uint256 amount) returns (bool)"];
const LIFE_SECONDS = 600n;

/** Who trades what. */
export interface OpenPosition {
  deployment: Deployment;
  /** Buys, and pays for the gas. */
  trader: Signer;
  /** Sells; its account must have margin too. */
  maker: Signer;
  /** The number of the underlying: ignition/parameters has them. */
  underlying: number;
  /** In smallest units of the settlement token, six decimals for USDC. */
  deposit: bigint;
  /** Decimal numbers. */
  size: string;
  price: string;
}

/**
 * Deposit and open a position: an order is only a signature, and costs nothing until somebody brings two that match to the
 * chain. Here the trader brings both; usually a matcher does.
 */
export async function openPosition(request: OpenPosition): Promise<ContractTransactionReceipt> {
  const { deployment, trader, maker } = request;
  const plimsoll = await connect(deployment, trader);
  const { vault, exchange, provider } = plimsoll;

  // An account needs no registration: it is an address and a number.
  const account = accountId(await trader.getAddress());
  const token = await vault.SETTLEMENT_TOKEN();
  const usdc = new Contract(token, TOKEN, trader);
  await sendExplained(usdc.getFunction("approve").send(vault, request.deposit));
  await sendExplained(vault.deposit(account, token, request.deposit));

  const { chainId } = await provider.getNetwork();
  const domain = orderDomain({ chainId, exchange: await exchange.getAddress() });
  const block = await provider.getBlock("latest");
  const terms = {
    instrument: perpetual(request.underlying),
    limitPrice: parseWad(request.price),
    expiry: BigInt(block?.timestamp ?? 0) + LIFE_SECONDS,
  };
  const size = parseWad(request.size);
  const buy = buildOrder({ ...terms, account, size });
  const seller = accountId(await maker.getAddress());
  const sell = buildOrder({ ...terms, account: seller, size: -size });

  const taking = await signOrder(trader, domain, buy);
  const resting = await signOrder(maker, domain, sell);
  // Whoever matches pays the gas and needs no right: connectAs(plimsoll, matcher) would do as well.
  const matcher = connectAs(plimsoll, trader);
  return sendExplained(matcher.exchange.matchOrders(taking, [resting], [size]));
}
