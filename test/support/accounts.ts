import {
  accountId,
  amountOfWad,
  indexOfSide,
  marginOf,
  mulDown,
  perpetual,
  presentOf,
  principalOf,
  realQuoteOf,
  storedQuoteOf,
  WAD,
  type AccountId,
  type AccountSnapshot,
  type CashIndices,
  type CollateralSnapshot,
  type InstrumentId,
  type MarketSnapshot,
  type SideIndices,
} from "../../sdk/index.js";
import { randomFrom } from "../fixtures/random.js";

/** What the contracts store of an account. */
export interface StoredAccount {
  readonly account: AccountId;
  /** [wad] */
  readonly principal: bigint;
  readonly positions: readonly { instrument: InstrumentId; size: bigint; quote: bigint }[];
  readonly collateral: readonly CollateralSnapshot[];
}

/** What accrues. */
export interface Indices {
  readonly cash: CashIndices;
  readonly sides: ReadonlyMap<InstrumentId, SideIndices>;
}

type Random = ReturnType<typeof randomFrom>;

/** Which account to invent. */
export interface AccountRequest {
  /** Its sub-account's number. */
  readonly place: number;
  readonly random: Random;
  readonly market: MarketSnapshot;
  /** Under these it is near its line, if it is. */
  readonly indices: Indices;
}

const MOST_UNDERLYINGS = 32;
const OWNER = "0x00000000000000000000000000000000000a11ce";

/** Before anything has accrued. */
export const NO_INDICES: Indices = {
  cash: { supplyIndex: WAD, borrowIndex: WAD },
  sides: new Map(
    Array.from({ length: MOST_UNDERLYINGS }, (_, i) => [
      perpetual(i + 1),
      { longIndex: 0n, shortIndex: 0n },
    ]),
  ),
};

/** An account as it is seen while the indices are these. */
export function snapshotOf(stored: StoredAccount, indices: Indices): AccountSnapshot {
  return {
    account: stored.account,
    cash: presentOf(stored.principal, indices.cash),
    positions: stored.positions.map(({ instrument, size, quote }) => {
      const index = indexOfSide(size, indices.sides.get(instrument)!);
      return { instrument, size, realQuote: realQuoteOf(size, quote, index) };
    }),
    collateral: stored.collateral,
  };
}

/** A number of any magnitude between two powers of ten. */
export function ofAnySize(random: Random, least: number, most: number): bigint {
  const exponent = least + Math.floor(random.next() * (most - least));
  return random.between(10n ** BigInt(exponent), 10n ** BigInt(exponent + 1));
}

/** Prices from a millionth to a million, rates to 100 %, brackets that matter, open interest that sometimes does. */
export function randomMarket(seed: number): MarketSnapshot {
  const random = randomFrom(seed);
  const numbers = Array.from({ length: MOST_UNDERLYINGS }, (_, i) => i + 1);
  const bps = (least: bigint, most: bigint) => random.between(least, most);
  const underlyings = numbers.map((number) => {
    const maintenanceRate = random.between(WAD / 200n, WAD / 2n);
    const [firstEnd, second, third] = [ofAnySize(random, 2, 10), ofAnySize(random, 2, 10), 7n];
    const secondFactorBps = bps(10_001n, 20_000n);
    const thirdFactorBps = secondFactorBps + bps(1n, 20_000n);
    return [
      number,
      {
        maintenanceRate,
        initialRate: maintenanceRate + random.between(0n, WAD / 2n),
        brackets: {
          firstEnd,
          secondEnd: firstEnd + second,
          thirdEnd: firstEnd + second * third,
          secondFactorBps,
          thirdFactorBps,
          lastFactorBps: thirdFactorBps + bps(1n, 60_000n),
        },
      },
    ] as const;
  });
  const prices = new Map(numbers.map((number) => [number, ofAnySize(random, 12, 24)]));
  return {
    time: 0n,
    prices,
    lastPrices: new Map(),
    underlyings: new Map(underlyings),
    tokens: Array.from({ length: 16 }, (_, place) => {
      const maintenanceHaircutBps = bps(0n, 5_000n);
      return {
        token: OWNER,
        decimals: random.pick([0, 6, 8, 18, 18, 24]),
        underlying: random.pick(numbers),
        maintenanceHaircutBps,
        initialHaircutBps: place % 8 === 7 ? 10_000n : maintenanceHaircutBps + bps(0n, 4_999n),
      };
    }),
    liquidation: {
      leastIncentiveBps: 1_000n,
      mostIncentiveBps: 6_000n,
      insuranceFeeBps: 1_000n,
      bufferBps: 1_500n,
      minimumMargin: random.pick([0n, 20n, 65_535n]),
      minimumMarginOfItem: random.pick([0n, 5n, 65_533n]),
      fundDrawCapBps: 1_000n,
      openInterestBase: ofAnySize(random, 5, 9),
      mostInstruments: 32,
      gainsHaircutCapBps: 500n,
      lendersCapBps: 500n,
    },
    openInterest: new Map(
      numbers.map((number) => [
        perpetual(number),
        (ofAnySize(random, 22, 29) * WAD) / prices.get(number)!,
      ]),
    ),
    fundCash: ofAnySize(random, 18, 26),
  };
}

/** Indices as after years, or as on the first day. */
export function randomIndices(seed: number): Indices {
  const random = randomFrom(seed);
  if (random.next() < 0.3) return NO_INDICES;
  const moved = () => random.pick([1n, -1n]) * ofAnySize(random, 0, 21);
  const instruments = Array.from({ length: MOST_UNDERLYINGS }, (_, i) => perpetual(i + 1));
  return {
    cash: {
      supplyIndex: random.between((WAD * 8n) / 10n, WAD * 2n),
      borrowIndex: random.between(WAD, WAD * 3n),
    },
    sides: new Map(
      instruments.map((instrument) => [instrument, { longIndex: moved(), shortIndex: moved() }]),
    ),
  };
}

/**
 * An account of any size, from one wei of notional to a trillion, with 1 to 32 positions and up to 16 tokens, or of collateral
 * alone. Half of them are within a hair of their line: that far off what everything cancels to is as small as it gets.
 */
export function randomAccount({ place, random, market, indices }: AccountRequest): StoredAccount {
  const scale = Math.floor(random.next() * 30);
  const first = Math.floor(random.next() * MOST_UNDERLYINGS);
  const count = random.next() < 0.05 ? 0 : 1 + Math.floor(MOST_UNDERLYINGS * random.next() ** 3);
  const positions = Array.from({ length: count }, (_, i) => {
    const underlying = ((first + i) % MOST_UNDERLYINGS) + 1;
    const instrument = perpetual(underlying);
    const price = market.prices.get(underlying)!;
    const notional = ofAnySize(random, Math.max(scale - 4, 0), scale + 1);
    const size = ((notional * WAD) / price + 1n) * random.pick([1n, -1n]);
    const paid = (price * random.between(900n, 1_100n)) / 1_000n;
    const index = indexOfSide(size, indices.sides.get(instrument)!);
    return { instrument, size, quote: storedQuoteOf(size, -mulDown(size, paid), index) };
  });
  const tokens = Math.floor(17 * random.next() ** 4);
  const collateral = market.tokens.slice(16 - tokens).map(({ decimals, underlying }, i) => {
    const value = ofAnySize(random, Math.max(scale - 4, 0), scale + 1);
    const quantity = (value * WAD) / market.prices.get(underlying)!;
    return { place: 16 - tokens + i, amount: amountOfWad(quantity, decimals) };
  });
  const without = { account: accountId(OWNER, place), principal: 0n, positions, collateral };
  return { ...without, principal: randomPrincipal(without, { random, market, indices }) };
}

function randomPrincipal(
  without: StoredAccount,
  { random, market, indices }: Omit<AccountRequest, "place">,
): bigint {
  const sign = random.pick([1n, -1n]);
  if (random.next() < 0.5) return sign * ofAnySize(random, 0, 30);
  const { equity, maintenance } = marginOf(snapshotOf(without, indices), market);
  const off = random.pick([0n, sign, sign * ofAnySize(random, 0, 6)]);
  return principalOf(maintenance - equity + off, indices.cash);
}
