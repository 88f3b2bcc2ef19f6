import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { formatUnits, parseUnits } from "ethers";
import hre from "hardhat";
import { type DeploymentParameters, readParameters } from "../../ignition/parameters.js";
import { divDown, parseWad, perpetual, type SignedOrder, underlyingOf } from "../../sdk/index.js";
import {
  BTC_PERP,
  deployPlimsollWith,
  ETH,
  ETH_PERP,
  type Plimsoll,
} from "../../test/fixtures/plimsoll.js";
import { mintApproved } from "../../test/fixtures/tokens.js";
import type { MockToken } from "../../typechain-types/index.js";
import { isProductionBuild } from "../sources.js";

/** Underlyings beside the local ones, with the same rules as ETH, and their prices in dollars. */
const MORE_UNDERLYINGS = [
  { symbol: "SOL", number: 6, price: "150" },
  { symbol: "LINK", number: 7, price: "15" },
  { symbol: "AVAX", number: 8, price: "25" },
];

/** Five perpetuals on five underlyings. */
export const PERPETUALS = [
  ETH_PERP,
  BTC_PERP,
  ...MORE_UNDERLYINGS.map(({ number }) => perpetual(number)),
];

/** What a position is worth when it is opened [wad of dollars]. */
const NOTIONAL = parseWad(30_000);

/** What everyone but the debtor has in the account, and as much again in the wallet: dollars. */
const STAKE = 1_000_000;

/** Orders live so long that no figure depends on when it is measured [unix seconds]. */
const EXPIRY = 2_000_000_000n;

/** The first block's time; the network would otherwise begin now. */
const START = "2026-01-01T00:00:00Z";

/** The last of the 256 nonces that share the first word. */
const LAST_NONCE_OF_WORD = 255n;

/** A deployment in which everything has been used once, and what acts need to prepare themselves. */
export type Market = Awaited<ReturnType<typeof openMarket>>;

/** Builds with the production profile and deploys that on a simulated network of its own. */
export async function openMarket() {
  await hre.tasks
    .getTask("build")
    .run({ quiet: true, noTests: true, defaultBuildProfile: "production" });
  const connection = await hre.network.create({
    network: "hardhatMainnet",
    override: { initialDate: START },
  });
  const plimsoll = await deployPlimsollWith(connection, parametersOfFiveMarkets());
  await requireProduction(Object.keys(plimsoll.addresses.contracts));

  const { alice, bob, carol, dave: debtor, liquidator } = plimsoll;
  const makers = (await connection.ethers.getSigners()).slice(10, 15);
  const actions = { ...tradeActions(plimsoll), ...moneyActions(plimsoll) };

  for (const trader of [alice, bob, carol, liquidator, ...makers]) {
    await actions.endow(trader, plimsoll.usdc, STAKE);
  }
  // Someone is on both sides of every market, so that its open interest is never 0.
  for (const instrument of PERPETUALS) await actions.open(carol, bob, instrument);
  // Whoever is measured has used the account, a nonce of the word and the set of instruments.
  for (const trader of [alice, liquidator, ...makers]) {
    await actions.open(trader, bob, ETH_PERP);
    await actions.close(trader, bob, ETH_PERP);
  }
  return { connection, plimsoll, debtor, makers, ...actions };
}

/** The local parameters with three more underlyings to trade. */
function parametersOfFiveMarkets(): DeploymentParameters {
  const local = readParameters("local");
  const market = local.underlyings.find(({ number }) => number === ETH)?.market;
  const feed = local.feeds["ETH/USD"];
  if (market === undefined || feed?.mock === undefined) throw new Error("ETH has no local market");

  const { mock, ...limits } = feed;
  const feeds = { ...local.feeds };
  const underlyings = [...local.underlyings];
  for (const { symbol, number, price } of MORE_UNDERLYINGS) {
    const name = `${symbol}/USD`;
    feeds[name] = { ...limits, minimum: "0.1", mock: { ...mock, answer: price } };
    underlyings.push({
      symbol,
      number,
      primary: [name],
      secondary: [],
      allowedDeviationBps: 0,
      market,
    });
  }
  return { ...local, feeds, underlyings };
}

/** Refuses artifacts of another profile: their figures would look like ours and mean nothing. */
async function requireProduction(contracts: string[]): Promise<void> {
  for (const name of contracts) {
    const buildInfoId = await hre.artifacts.getBuildInfoId(name);
    if (buildInfoId === undefined || !isProductionBuild(buildInfoId)) {
      throw new Error(`The artifact of ${name} is not from the production profile`);
    }
  }
}

function tradeActions(plimsoll: Plimsoll) {
  const { clearinghouse, exchange, stranger, accountOf } = plimsoll;
  let lastNonce = 0n;

  /** The size that is worth 30,000 dollars now [wad]. */
  async function sizeFor(instrument: bigint): Promise<bigint> {
    return divDown(NOTIONAL, await clearinghouse.markOf(instrument));
  }

  /** Trades at the mark with orders of the same nonce; the taker buys when the size is positive. */
  async function trade(
    taker: HardhatEthersSigner,
    maker: HardhatEthersSigner,
    instrument: bigint,
    size: bigint,
  ): Promise<void> {
    const price = await clearinghouse.markOf(instrument);
    const changes = { nonce: ++lastNonce, expiry: EXPIRY };
    const [takerOrder, makerOrder] = [changes, changes];
    await plimsoll.trade({ taker, maker, instrument, size, price, takerOrder, makerOrder });
  }

  /** Buys for 30,000 dollars. */
  async function open(
    taker: HardhatEthersSigner,
    maker: HardhatEthersSigner,
    instrument: bigint,
  ): Promise<void> {
    await trade(taker, maker, instrument, await sizeFor(instrument));
  }

  /** Sells all. */
  async function close(
    taker: HardhatEthersSigner,
    maker: HardhatEthersSigner,
    instrument: bigint,
  ): Promise<void> {
    const { size } = await clearinghouse.positionOf(accountOf(taker), instrument);
    await trade(taker, maker, instrument, -size);
  }

  /**
   * An order at the mark to be measured: its nonce's word is in use, and its signature has no zero byte, which would be
   * cheaper by chance.
   */
  async function signedOrder(
    trader: HardhatEthersSigner,
    instrument: bigint,
    size: bigint,
  ): Promise<SignedOrder> {
    const limitPrice = await clearinghouse.markOf(instrument);
    const request = { instrument, size, limitPrice, expiry: EXPIRY };
    for (let nonce = LAST_NONCE_OF_WORD; nonce > lastNonce; --nonce) {
      const signed = await plimsoll.signedOrderOf(trader, { ...request, nonce });
      if (!Buffer.from(signed.signature.slice(2), "hex").includes(0)) return signed;
    }
    throw new Error("No nonce of the word gives a signature without zero bytes");
  }

  /** The transaction that fills orders wholly: each maker sells the same size. */
  async function matchRequest(
    taker: HardhatEthersSigner,
    makers: HardhatEthersSigner[],
    instrument: bigint,
    size: bigint,
  ) {
    const takerOrder = await signedOrder(taker, instrument, size * BigInt(makers.length));
    const makerOrders: SignedOrder[] = [];
    for (const maker of makers) makerOrders.push(await signedOrder(maker, instrument, -size));
    const fills = makers.map(() => (size < 0n ? -size : size));
    return {
      sender: stranger,
      request: await exchange.matchOrders.populateTransaction(takerOrder, makerOrders, fills),
    };
  }

  return { open, close, matchRequest };
}

function moneyActions(plimsoll: Plimsoll) {
  const { vault, oracle, accountOf } = plimsoll;

  /** Gives a trader so much of a token in the account and in the wallet, from which the vault may take all. */
  async function endow(
    trader: HardhatEthersSigner,
    token: MockToken,
    amount: number,
  ): Promise<void> {
    const units = parseUnits(String(amount), await token.decimals());
    await mintApproved(plimsoll, trader, token, 2n * units);
    await vault.connect(trader).deposit(accountOf(trader), token, units);
  }

  /** Moves the prices of instruments by so many hundredths of a percent. */
  async function movePrices(instruments: bigint[], bps: bigint): Promise<void> {
    for (const underlying of instruments.map(underlyingOf)) {
      const price = ((await oracle.price(underlying)) * (10_000n + bps)) / 10_000n;
      await plimsoll.setPrice(underlying, formatUnits(price, 18));
    }
  }

  return { endow, movePrices };
}
