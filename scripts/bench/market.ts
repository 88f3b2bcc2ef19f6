import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { MaxUint256, parseUnits } from "ethers";
import {
  accountId,
  type AccountId,
  buildOrder,
  divDown,
  orderDomain,
  type OrderRequest,
  parseWad,
  type SignedOrder,
  signOrder,
  underlyingOf,
} from "../../sdk/index.js";
import type { MockToken } from "../../typechain-types/index.js";
import { type Deployment, deployProduction, PERPETUALS } from "./deployment.js";

/** What a position is worth when it is opened [wad of dollars]. */
const NOTIONAL = parseWad(30_000);

/** What everyone but the debtor has in the account, and as much again in the wallet: dollars. */
const STAKE = 1_000_000;

/** Orders live so long that no figure depends on when it is measured [unix seconds]. */
const EXPIRY = 2_000_000_000n;

/** The last of the 128 nonces that share the first word. */
const LAST_NONCE_OF_WORD = 127n;

/** The price has moved since the last trade, as it has in life. */
export const DRIFT_BPS = 10n;

/** What one poke looks at, if there is as much. */
export const MOST_ROUNDS = 256;

/** What an act trades when it trades one instrument. */
export const [ETH_PERP = 0n] = PERPETUALS;

/** A deployment in which everything has been used once, and what acts need to prepare themselves. */
export type Market = Awaited<ReturnType<typeof openMarket>>;

/** What is bought (positive) or sold, and on which condition. */
type OrderTerms = Pick<OrderRequest, "instrument" | "size" | "triggerPrice" | "flags">;

/** Who trades with whom, who buys when the size is positive. */
interface Sides {
  taker: HardhatEthersSigner;
  maker: HardhatEthersSigner;
}

export async function openMarket() {
  const deployment = await deployProduction();
  const { taker, house, holder, liquidator, makers, usdc } = deployment;
  const actions = { ...moneyActions(deployment), ...(await tradeActions(deployment)) };

  for (const trader of [taker, house, holder, liquidator, ...makers]) {
    await actions.endow(trader, usdc, STAKE);
  }
  // Someone is on both sides of every market, so that its open interest is never 0.
  for (const instrument of PERPETUALS) await actions.open(holder, house, instrument);
  // Whoever is measured has used the account, a nonce of the word and the set of instruments.
  for (const trader of [taker, liquidator, ...makers]) {
    await actions.open(trader, house, ETH_PERP);
    await actions.close(trader, house, ETH_PERP);
  }
  // Every price has moved since it is followed.
  await deployment.movePrices(PERPETUALS, DRIFT_BPS);
  for (const instrument of PERPETUALS) {
    await deployment.volatilityOracle.poke(underlyingOf(instrument), MOST_ROUNDS);
  }
  // The insurance fund has cash, and the reserve is not 0.
  await deployment.clearinghouse.distributeFees();
  await actions.open(holder, house, ETH_PERP);
  return { ...deployment, ...actions };
}

/** The account that a trader trades with. */
export function accountOf({ address }: HardhatEthersSigner): AccountId {
  return accountId(address);
}

function moneyActions({ vault }: Deployment) {
  /** Gives a trader so much of a token in the account and in the wallet, from which the vault may take all. */
  async function endow(
    trader: HardhatEthersSigner,
    token: MockToken,
    amount: number,
  ): Promise<void> {
    const units = parseUnits(String(amount), await token.decimals());
    await token.mint(trader, 2n * units);
    await token.connect(trader).approve(vault, MaxUint256);
    await vault.connect(trader).deposit(accountOf(trader), token, units);
  }

  return { endow };
}

async function tradeActions({ connection, clearinghouse, exchange, relay }: Deployment) {
  const { chainId } = await connection.ethers.provider.getNetwork();
  const domain = orderDomain({ chainId, exchange: await exchange.getAddress() });
  let lastNonce = 0n;

  /** An order at the mark, or so many hundredths of a percent above it. */
  async function sign(
    trader: HardhatEthersSigner,
    { aboveBps = 0n, ...order }: OrderTerms & { nonce: bigint; aboveBps?: bigint },
  ): Promise<SignedOrder> {
    const mark = await clearinghouse.markOf(order.instrument);
    const limitPrice = (mark * (10_000n + aboveBps)) / 10_000n;
    const account = accountOf(trader);
    return signOrder(trader, domain, buildOrder({ ...order, account, limitPrice, expiry: EXPIRY }));
  }

  /**
   * An order at the mark to be measured: its nonce's word is in use, and its signature has no zero byte, which would be
   * cheaper by chance.
   */
  async function signMeasured(
    trader: HardhatEthersSigner,
    order: OrderTerms,
  ): Promise<SignedOrder> {
    for (let nonce = LAST_NONCE_OF_WORD; nonce > lastNonce; --nonce) {
      const signed = await sign(trader, { ...order, nonce });
      if (!Buffer.from(signed.signature.slice(2), "hex").includes(0)) return signed;
    }
    throw new Error("No nonce of the word gives a signature without zero bytes");
  }

  /** Trades at the mark, or above it. */
  async function trade(
    { taker, maker }: Sides,
    terms: { instrument: bigint; size: bigint; aboveBps?: bigint },
  ): Promise<void> {
    const nonce = ++lastNonce;
    const { size } = terms;
    const takerOrder = await sign(taker, { ...terms, nonce });
    const makerOrder = await sign(maker, { ...terms, size: -size, nonce });
    const fill = size < 0n ? -size : size;
    await exchange.connect(relay).matchOrders(takerOrder, [makerOrder], [fill]);
  }

  /** Buys for 30,000 dollars. */
  async function open(
    taker: HardhatEthersSigner,
    maker: HardhatEthersSigner,
    instrument: bigint,
  ): Promise<void> {
    const size = divDown(NOTIONAL, await clearinghouse.markOf(instrument));
    await trade({ taker, maker }, { instrument, size });
  }

  /** Sells all. */
  async function close(
    taker: HardhatEthersSigner,
    maker: HardhatEthersSigner,
    instrument: bigint,
    aboveBps = 0n,
  ): Promise<void> {
    const { size } = await clearinghouse.positionOf(accountOf(taker), instrument);
    await trade({ taker, maker }, { instrument, size: -size, aboveBps });
  }

  /** The transaction that fills a taker and makers wholly, the makers with the same size each; a condition is the taker's. */
  async function matchRequest(
    taker: HardhatEthersSigner,
    makers: HardhatEthersSigner[],
    { instrument, size, ...condition }: OrderTerms,
  ) {
    const takerOrder = await signMeasured(taker, {
      ...condition,
      instrument,
      size: size * BigInt(makers.length),
    });
    const makerOrders: SignedOrder[] = [];
    for (const maker of makers) {
      makerOrders.push(await signMeasured(maker, { instrument, size: -size }));
    }
    const fills = makers.map(() => (size < 0n ? -size : size));
    return exchange.matchOrders.populateTransaction(takerOrder, makerOrders, fills);
  }

  return { open, close, matchRequest };
}
