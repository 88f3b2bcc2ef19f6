import { type BaseWallet, type ContractTransaction, Wallet } from "ethers";
import {
  type AccountId,
  accountId,
  buildOrder,
  divDown,
  type InstrumentId,
  signOrder,
  type SignedOrder,
  WAD,
} from "../../sdk/index.js";
import { Rules__factory } from "../../typechain-types/index.js";
import { toWad } from "../demo/format.js";
import type { Market } from "../demo/market.js";
import type { Underlying } from "../demo/options.js";
import { firstPrice, PRICE_FEEDS, type Prices } from "../demo/parameters.js";
import type { Random } from "../demo/random.js";
import { Blocks } from "./blocks.js";

/** Somebody with an account; only keepers and the operator pay gas. */
interface Party {
  readonly wallet: BaseWallet;
  readonly account: AccountId;
  nextNonce: bigint;
}

/** How large a crowd is. */
export interface WorldOptions {
  readonly market: Market;
  readonly random: Random;
  readonly traders: number;
}

const OWNERS = 8;
const MAKER_DOLLARS = 60_000_000;
const FUND_DOLLARS = 2_000_000;
/** A trader brings so much; a keeper's account, so much more [dollars]. */
const LEAST_DOLLARS = 5_000;
const MOST_DOLLARS = 40_000;
/** Prices move by this much from block to block, now and then by more, and are drawn back (ratios). */
const STEP = 0.006;
const JUMP = 0.02;
const JUMPS = 0.06;
const RETURN = 0.01;
/** Share of what initial margin allows that a trader takes. */
const LEAST_USE = 0.6;
const MOST_USE = 0.95;
/** Liquidated traders come back, so many in a block. */
const RETURNS_OF_BLOCK = 3;
const UNDERLYINGS = ["eth", "btc"] as const;
const ORDER_LIFE = 10n ** 9n;

/** A crowd of traders at changing prices: what a keeper looks after in a soak. */
export class World {
  readonly blocks: Blocks;
  private readonly traders: Party[] = [];
  private makers: Party[] = [];
  private prices: Prices = { eth: firstPrice("eth"), btc: firstPrice("btc") };

  private constructor(private readonly options: WorldOptions) {
    const { chain, operator } = options.market;
    this.blocks = new Blocks(chain, operator);
  }

  /** Gives everybody money and positions. */
  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    const { market, random, traders } = options;
    await world.blocks.begin();
    await world.mintAll();
    const wallets = Array.from({ length: OWNERS }, () => walletOf(random));
    world.makers = [0, 1].map(() => partyOf(walletOf(random), 0));
    for (const { account } of world.makers) await world.deposit(account, MAKER_DOLLARS);
    await world.deposit(market.fund, FUND_DOLLARS);
    await world.blocks.mine();
    for (let i = 0; i < traders; ++i) {
      const trader = partyOf(wallets[i % OWNERS] ?? walletOf(random), 1 + i);
      world.traders.push(trader);
      await world.join(trader);
      if (i % 20 === 19) await world.blocks.mine();
    }
    await world.blocks.mine();
    return world;
  }

  /** All accounts that can fall below the line. */
  get accounts(): readonly AccountId[] {
    return this.traders.map(({ account }) => account);
  }

  /** Gives a keeper's account money, and its wallet ether. */
  async equip(wallet: string, dollars: number): Promise<void> {
    await this.options.market.chain.fund(wallet);
    await this.deposit(accountId(wallet), dollars);
    await this.blocks.mine();
  }

  /** One block: new prices, unless it is calm, and some who were liquidated come back. */
  async step({ isCalm = false } = {}): Promise<number> {
    await this.movePrices(isCalm ? 0 : 1);
    if (isCalm) return this.blocks.mine();
    const flat = await this.flatTraders();
    for (const trader of flat.slice(0, RETURNS_OF_BLOCK)) await this.join(trader);
    return this.blocks.mine();
  }

  /** Replaces the last blocks by others with other prices, and adds one. */
  async reorganise(depth: number): Promise<void> {
    await this.blocks.takeBack(depth);
    for (let i = 0; i <= depth; ++i) {
      await this.movePrices();
      await this.blocks.mine();
    }
  }

  private async movePrices(most = 1): Promise<void> {
    const { market, random } = this.options;
    const moved = (underlying: Underlying): number => {
      const [now, first] = [this.prices[underlying], firstPrice(underlying)];
      const scale = random.uniform() < JUMPS ? JUMP : STEP;
      const change = scale * random.between(-1.7, 1.7) + RETURN * Math.log(first / now);
      return now * (1 + most * change);
    };
    this.prices = { eth: moved("eth"), btc: moved("btc") };
    for (const underlying of UNDERLYINGS) {
      await this.blocks.answer(market.feeds[PRICE_FEEDS[underlying]], this.prices[underlying]);
    }
  }

  private async flatTraders(): Promise<Party[]> {
    const { clearinghouse } = this.options.market;
    const { random } = this.options;
    const begin = Math.floor(random.uniform() * this.traders.length);
    const some = [...this.traders.slice(begin), ...this.traders.slice(0, begin)].slice(0, 24);
    const held = await Promise.all(some.map(({ account }) => clearinghouse.instrumentsOf(account)));
    return some.filter((_, i) => held[i]?.length === 0);
  }

  /** A trader deposits and opens a position with a maker. */
  private async join(trader: Party): Promise<void> {
    const { market, random } = this.options;
    const dollars = Math.round(random.between(LEAST_DOLLARS, MOST_DOLLARS));
    const underlying = random.uniform() < 0.5 ? "eth" : "btc";
    const instrument = market.instruments[underlying];
    const rate = await this.initialRateOf(underlying);
    const leverage = random.between(LEAST_USE, MOST_USE) / rate;
    const price = toWad(this.prices[underlying]);
    const long = random.uniform() < 0.5;
    const size = divDown(toWad(dollars * leverage), price) * (long ? 1n : -1n);
    const maker = this.makers[random.uniform() < 0.5 ? 0 : 1];
    if (maker === undefined || size === 0n) return;
    await this.deposit(trader.account, dollars);
    await this.trade({ taker: trader, maker, instrument, size, price });
  }

  private async initialRateOf(underlying: Underlying): Promise<number> {
    const { chain, deployment } = this.options.market;
    const rules = Rules__factory.connect(deployment.contracts.Rules, chain.provider);
    const rates = await rules.marginRatesOf(underlying === "eth" ? 1 : 2);
    return Number(rates.initial) / 1e18 + 0.002;
  }

  private async trade(deal: {
    taker: Party;
    maker: Party;
    instrument: InstrumentId;
    size: bigint;
    price: bigint;
  }): Promise<void> {
    const { exchange } = this.options.market;
    const { taker, maker, instrument, size, price } = deal;
    // The mark may be rounded otherwise than here.
    const slack = price / 10_000n;
    const [limit, offer] = size > 0n ? [price + slack, price] : [price - slack, price];
    const orders = await Promise.all([
      this.sign(taker, { instrument, size, limitPrice: limit }),
      this.sign(maker, { instrument, size: -size, limitPrice: offer }),
    ]);
    const fills = [size < 0n ? -size : size];
    await this.send(await exchange.matchOrders.populateTransaction(orders[0], [orders[1]], fills));
  }

  private sign(
    party: Party,
    wish: { instrument: InstrumentId; size: bigint; limitPrice: bigint },
  ): Promise<SignedOrder> {
    const expiry = BigInt(Math.floor(Date.now() / 1000)) + ORDER_LIFE;
    const nonce = party.nextNonce++;
    const order = buildOrder({ account: party.account, ...wish, expiry, flags: 0n, nonce });
    return signOrder(party.wallet, this.options.market.domain, order);
  }

  private async mintAll(): Promise<void> {
    const { settlement, operator, vault } = this.options.market;
    const { contract } = settlement;
    const plenty = 10n ** 18n;
    await this.send(await contract.mint.populateTransaction(operator.address, plenty));
    await this.send(await contract.approve.populateTransaction(vault.target, plenty));
    await this.blocks.mine();
  }

  private async deposit(account: AccountId, dollars: number): Promise<void> {
    const { settlement, vault } = this.options.market;
    const amount = (toWad(dollars) * 10n ** BigInt(settlement.decimals)) / WAD;
    await this.send(await vault.deposit.populateTransaction(account, settlement.address, amount));
  }

  private send(request: ContractTransaction): Promise<void> {
    return this.blocks.send(request);
  }
}

function partyOf(wallet: BaseWallet, subAccount: number): Party {
  return { wallet, account: accountId(wallet.address, subAccount), nextNonce: 1n };
}

function walletOf(random: Random): BaseWallet {
  const digits = Array.from({ length: 64 }, () => Math.floor(random.uniform() * 16).toString(16));
  return new Wallet(`0x${digits.join("")}`);
}
