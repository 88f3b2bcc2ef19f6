import { Interface } from "ethers";
import { ABIS } from "../../../sdk/abi/index.js";
import { INDEXED_ABIS } from "../../../sdk/eventIndex/indexed.js";
import { fundingSince, type FundingState } from "../../../sdk/funding.js";
import {
  type AccountId,
  type ChainBlock,
  type ChainLog,
  type ContractRole,
  CONTRACT_ROLES,
  type EventIndexOptions,
  type InstrumentId,
  perpetual,
} from "../../../sdk/index.js";

/** How large the invented chain is. */
export interface StreamSizes {
  readonly accounts: number;
  readonly tradesOfBlock: number;
}

/** Each account trades once a round, always something else, with another account. */
const ROUNDS = 3;
const MARKETS_OF_ROUND = 3;
export const MARKETS = ROUNDS * MARKETS_OF_ROUND;
const FIRST_TIME = 1_800_000_000n;
const DEPOSITS_OF_BLOCK = 500;
/** A quarter of the accounts bring a token beside their cash. */
const HOLDERS = 4;
const FEE = 10n ** 15n;
const USDC_WAD = 10n ** 12n;
const MILLIONTHS = 100n;
/** Primes, so that every round meets the accounts in an order of its own and leaves none out. */
const STRIDES = [961_748_941, 982_451_653, 899_809_363] as const;

const addressOf = (number: number): string => `0x${number.toString(16).padStart(40, "c")}`;

const TOKENS = [addressOf(0x10), addressOf(0x11)] as const;
const SETTLEMENT_TOKEN = addressOf(0x12);
const CONTRACTS = Object.fromEntries(
  CONTRACT_ROLES.map((role, i) => [role, addressOf(i + 1)]),
) as Record<ContractRole, string>;

/** What an index of the invented chain is made of. */
export const STREAM_OPTIONS: EventIndexOptions = {
  deployment: {
    contracts: CONTRACTS,
    settlementToken: SETTLEMENT_TOKEN,
    settlementDecimals: 6,
    firstBlock: 1,
  },
  abis: INDEXED_ABIS,
};

/** The events that the stream has many of, with the first topic of each. */
const [DEPOSITED, CASH_POSTED] = ["Deposited", "CashPosted"].map((name) =>
  topicOf(ABIS.Vault, name),
) as [string, string];
const [POSITION_CHANGED, TRADE_CLEARED, FUNDING_ACCRUED] = [
  "PositionChanged",
  "TradeCleared",
  "FundingAccrued",
].map((name) => topicOf(ABIS.Clearinghouse, name)) as [string, string, string];
const ORDER_FILLED = topicOf(ABIS.Exchange, "OrderFilled");

function topicOf(abi: ConstructorParameters<typeof Interface>[0], name: string): string {
  const event = new Interface(abi).getEvent(name);
  if (event === null) throw new RangeError(`There is no event ${name}`);
  return event.topicHash;
}

/** A number as a word of 64 digits. */
function word(value: bigint | number): string {
  const unsigned = value < 0 ? BigInt.asUintN(256, BigInt(value)) : value;
  return unsigned.toString(16).padStart(64, "0");
}

/** The account of that number: an owner whose address looks like any other. */
function streamAccount(number: number): AccountId {
  const parts = ["0x"];
  let mixed = number;
  for (let i = 0; i < 5; ++i) {
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ i, 0x9e3779b1);
    parts.push((mixed >>> 0).toString(16).padStart(8, "0"));
  }
  // Joined, as all that follows: one flat text, as those that a node's answer is read into.
  return [...parts, number.toString(16).padStart(24, "0")].join("") as AccountId;
}

/**
 * The blocks of an invented chain, logs encoded as a node gives them: everybody deposits, then trades in rounds, each round
 * in another order, until all have three positions; after that the trades of the first round again, without end. Nothing is
 * kept of what was given: it takes no memory that would pass for an index's.
 */
export class EventStream {
  private readonly logs: ChainLog[] = [];
  private readonly funding = new Map<InstrumentId, FundingState>();
  private number = 0;

  constructor(private readonly sizes: StreamSizes) {
    if (sizes.accounts % 2 !== 0) throw new RangeError("Accounts trade in pairs");
  }

  /** Until every account has its positions. */
  *load(): Generator<ChainBlock, void> {
    TOKENS.forEach((token, place) => {
      this.list(token, place);
    });
    for (let account = 0; account < this.sizes.accounts; ++account) {
      this.deposit(account);
      if (this.logs.length >= DEPOSITS_OF_BLOCK) yield this.block();
    }
    for (let round = 0; round < ROUNDS; ++round) yield* this.trades(round, 1n);
  }

  /** As many blocks more as wanted, one after the other: sizes grow. */
  *more(): Generator<ChainBlock, void> {
    for (let times = 2n; ; ++times) yield* this.trades(0, times);
  }

  /** What an account's cash is after its deposit [token]. */
  private depositOf(account: number): bigint {
    return 1_000_000_000n + BigInt(account % 977) * 10_000_000n;
  }

  private *trades(round: number, times: bigint): Generator<ChainBlock, void> {
    let count = 0;
    for (let pair = 0; pair < this.sizes.accounts / 2; ++pair) {
      this.trade(pair, round, times);
      if (++count % this.sizes.tradesOfBlock === 0) yield this.block();
    }
    if (this.logs.length > 0) yield this.block();
  }

  private deposit(account: number): void {
    const [id, amount] = [streamAccount(account), this.depositOf(account)];
    const sender = topicOfAddress(id.slice(0, 42));
    this.log(
      "vault",
      [DEPOSITED, id, topicOfAddress(SETTLEMENT_TOKEN), sender],
      [amount, amount * USDC_WAD],
    );
    if (account % HOLDERS !== 0) return;
    const token = TOKENS[(account / HOLDERS) % TOKENS.length] as string;
    const held = BigInt(1 + (account % 1_009)) * 10n ** 15n + 7n;
    this.log("vault", [DEPOSITED, id, topicOfAddress(token), sender], [held, held]);
  }

  /** The first of a pair buys from the second; each has traded so many times in all afterwards. */
  private trade(pair: number, round: number, times: bigint): void {
    const { accounts } = this.sizes;
    const stride = STRIDES[round % STRIDES.length] as number;
    const [taker, maker] = [(2 * pair * stride) % accounts, ((2 * pair + 1) * stride) % accounts];
    const market = round * MARKETS_OF_ROUND + (pair % MARKETS_OF_ROUND) + 1;
    const price = 2_000n * BigInt(market) * 10n ** 18n;
    const size = (BigInt(1 + (pair % 9_973)) * 10n ** 14n + 7n) * times;
    const instrument = perpetual(market);
    this.accrue(instrument, price);

    const quote = (size * price) / 10n ** 18n;
    const trades = times === 1n ? BigInt(round + 1) : BigInt(ROUNDS - 1) + times;
    for (const [account, sign] of [
      [taker, 1n],
      [maker, -1n],
    ] as const) {
      const id = streamAccount(account);
      const cash = this.depositOf(account) * USDC_WAD - FEE * trades;
      this.log(
        "clearinghouse",
        [POSITION_CHANGED, id, topicOfNumber(instrument)],
        [sign * size, -sign * quote],
      );
      this.log("vault", [CASH_POSTED, id], [-FEE, cash]);
      const orderHash = topicOfNumber(BigInt(account) * 1_000_003n + trades);
      this.log("exchange", [ORDER_FILLED, orderHash, id], [trades, size, size, 0n]);
    }
    const cleared = [TRADE_CLEARED, topicOfNumber(instrument), streamAccount(taker)];
    this.log("clearinghouse", [...cleared, streamAccount(maker)], [size, price, FEE, FEE]);
  }

  /** The first trade of a block in an instrument brings its indices up to the block. */
  private accrue(instrument: InstrumentId, mark: bigint): void {
    const before = this.funding.get(instrument);
    if (before?.accruedAt === this.time) return;
    const moved = before === undefined ? 0n : fundingSince(before, this.time);
    const index = (before?.longIndex ?? 0n) + moved;
    const figures = { mark, interest: MILLIONTHS, premium: 0n };
    this.funding.set(instrument, {
      longIndex: index,
      shortIndex: index,
      ...figures,
      accruedAt: this.time,
    });
    this.log(
      "clearinghouse",
      [FUNDING_ACCRUED, topicOfNumber(instrument)],
      [index, index, mark, MILLIONTHS, 0n],
    );
  }

  private list(token: string, place: number): void {
    const parameters = [place + 1, 1_500, 2_000, true];
    const encoded = new Interface(ABIS.Rules).encodeEventLog("CollateralSet", [
      token,
      place,
      18,
      parameters,
      0,
    ]);
    this.logs.push({ ...encoded, address: CONTRACTS.rules, logIndex: this.logs.length });
  }

  /** Of the block that is being made [unix seconds]. */
  private get time(): bigint {
    return FIRST_TIME + BigInt(this.number);
  }

  private log(role: ContractRole, topics: string[], values: readonly bigint[]): void {
    const data = ["0x", ...values.map(word)].join("");
    this.logs.push({ address: CONTRACTS[role], topics, data, logIndex: this.logs.length });
  }

  private block(): ChainBlock {
    const { time } = this;
    const logs = this.logs.splice(0);
    const parentHash = `0x${word(this.number)}`;
    const number = ++this.number;
    return { number, hash: `0x${word(number)}`, parentHash, time, logs };
  }
}

function topicOfAddress(address: string): string {
  return ["0x", "0".repeat(24), address.slice(2)].join("");
}

function topicOfNumber(value: bigint): string {
  return ["0x", word(value)].join("");
}
