import type { Provider } from "ethers";
import type { Clearinghouse, MarginEngine } from "../typechain-types/index.js";
import type { PriceOracle, Rules, Vault } from "../typechain-types/index.js";
import { refusalOf } from "./errors/revertData.js";
import { perpetual, type AccountId, type InstrumentId } from "./ids.js";
import type { AccountSnapshot, FundDraw, FundSnapshot } from "./margin/snapshot.js";
import type { MarketSnapshot, SidesSnapshot, VaultSnapshot } from "./margin/snapshot.js";
import { divDown, WAD } from "./wad.js";
import { decodeBrackets, decodeCollateralRules, decodeLiquidationRules } from "./words.js";

/**
 * What the margin arithmetic is given, read from the contracts. Everything is read of one block, so that what is worked
 * out of it is what the views say in that block. Whoever follows many accounts takes it from the event index instead.
 */

/** The contracts that are read. */
export interface ReadContracts {
  readonly vault: Vault;
  readonly clearinghouse: Clearinghouse;
  readonly oracle: PriceOracle;
  readonly rules: Rules;
  readonly marginEngine: MarginEngine;
}

/** Of which block: a number, so that all reads are of the same one. */
export interface AtBlock {
  readonly blockTag: number;
}

/**
 * The market as of a block: prices, rules, open interest and the insurance fund's cash. A price that the oracle refuses is
 * missing, and its last accepted one is there if there is one; any other failure is thrown.
 *
 * The model is the standard one: while a margin engine with another model takes over, give `model` yourself.
 *
 * @param underlyings Those that are traded, by number.
 */
export async function readMarket(
  contracts: ReadContracts,
  underlyings: readonly number[],
  at: AtBlock,
): Promise<MarketSnapshot> {
  const { vault, clearinghouse, rules } = contracts;
  const [time, rates, tokens, liquidation, fund] = await Promise.all([
    timeOf(contracts, at),
    Promise.all(underlyings.map(async (underlying) => rules.marginRatesOf(underlying, at))),
    readTokens(contracts, at),
    rules.liquidationRules(at),
    clearinghouse.insuranceFund(at),
  ]);
  const priced = [...new Set([...underlyings, ...tokens.map(({ underlying }) => underlying)])];
  const [fundCash, prices, open] = await Promise.all([
    vault.cashOf(fund, at),
    Promise.all(priced.map(async (underlying) => readPrice(contracts, underlying, at))),
    Promise.all(
      underlyings.map(async (number) => clearinghouse.openInterestOf(perpetual(number), at)),
    ),
  ]);
  return {
    time,
    prices: mapOf(priced, (place) => prices[place]?.price),
    lastPrices: mapOf(priced, (place) => prices[place]?.last),
    underlyings: mapOf(underlyings, (place) => {
      const read = rates[place];
      if (read === undefined) return undefined;
      const { initial, maintenance, brackets } = read;
      return {
        initialRate: initial,
        maintenanceRate: maintenance,
        brackets: decodeBrackets(brackets),
      };
    }),
    tokens,
    liquidation: decodeLiquidationRules(liquidation),
    openInterest: mapOf(underlyings.map(perpetual), (place) => open[place]),
    fundCash,
  };
}

/** An account as of a block. */
export async function readAccount(
  { vault, clearinghouse }: Pick<ReadContracts, "vault" | "clearinghouse">,
  account: AccountId,
  at: AtBlock,
): Promise<AccountSnapshot> {
  const [{ cash, tokens, amounts }, open] = await Promise.all([
    vault.balancesOf(account, at),
    clearinghouse.openPositionsOf(account, at),
  ]);
  const places = [...Array(256).keys()].filter((place) => (tokens >> BigInt(place)) & 1n);
  return {
    account,
    cash,
    positions: open.map(({ instrument, size, realQuote }) => ({ instrument, size, realQuote })),
    collateral: places.map((place, i) => ({ place, amount: amounts[i] ?? 0n })),
  };
}

/** What the vault lets go, as of a block. */
export async function readVault(
  { vault, rules }: Pick<ReadContracts, "vault" | "rules">,
  at: AtBlock,
): Promise<VaultSnapshot> {
  const [pool, { borrowCap }, decimals, settlement, count] = await Promise.all([
    vault.cashPool(at),
    vault.cashRules(at),
    vault.SETTLEMENT_DECIMALS(at),
    vault.SETTLEMENT_TOKEN(at),
    rules.collateralCount(at),
  ]);
  const [releasableCash, releasable] = await Promise.all([
    vault.releasableOf(settlement, at),
    Promise.all(
      placesOf(count).map(async (place) =>
        vault.releasableOf((await rules.collateralAt(place, at)).token, at),
      ),
    ),
  ]);
  return {
    supplyIndex: pool.supplyIndex,
    borrowIndex: pool.borrowIndex,
    // The contract says principal x index, rounded up: the index is never below 1, so this is the principal.
    debt: divDown(pool.debt, pool.borrowIndex),
    borrowCap,
    settlementDecimals: Number(decimals),
    releasableCash,
    releasable,
  };
}

/**
 * What the insurance fund may pay with, as of a block.
 *
 * @param draws What losses have drawn lately: no view says it, `FundDrawn` does.
 */
export async function readFund(
  { vault, clearinghouse }: Pick<ReadContracts, "vault" | "clearinghouse">,
  draws: ReadonlyMap<InstrumentId, FundDraw>,
  at: AtBlock,
): Promise<FundSnapshot> {
  const [reserve, interestReserve, deficit, { treasury, fundShare }, pool] = await Promise.all([
    clearinghouse.reserve(at),
    vault.interestReserve(at),
    clearinghouse.deficit(at),
    clearinghouse.feeShares(at),
    vault.cashPool(at),
  ]);
  const feeShare = BigInt(treasury) === 0n ? WAD : fundShare;
  return { reserve, interestReserve, deficit, feeShare, supplyIndex: pool.supplyIndex, draws };
}

/** What one unit of size has been charged on each side of instruments, as of a block. */
export async function readSides(
  { clearinghouse }: Pick<ReadContracts, "clearinghouse">,
  instruments: readonly InstrumentId[],
  at: AtBlock,
): Promise<SidesSnapshot> {
  const read = await Promise.all(
    instruments.map(async (instrument) => clearinghouse.indicesOf(instrument, at)),
  );
  return mapOf(instruments, (place) => {
    const sides = read[place];
    return sides && { longIndex: sides.longIndex, shortIndex: sides.shortIndex };
  });
}

async function readTokens({ rules }: ReadContracts, at: AtBlock) {
  const count = await rules.collateralCount(at);
  return Promise.all(
    placesOf(count).map(async (place) => {
      const read = await rules.collateralAt(place, at);
      return decodeCollateralRules(read.token, read.rules);
    }),
  );
}

/** Today's price, or the last accepted one, or neither. */
async function readPrice({ oracle }: ReadContracts, underlying: number, at: AtBlock) {
  const price = await unlessRefused(oracle.price(underlying, at));
  if (price !== undefined) return { price };
  return { last: await unlessRefused(oracle.lastPrice(underlying, at)) };
}

/** Nothing when the contract reverts with a reason; that it could not be asked is thrown. */
async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (refusalOf(error) === undefined) throw error;
    return undefined;
  }
}

async function timeOf({ vault }: ReadContracts, { blockTag }: AtBlock): Promise<bigint> {
  const provider: Provider | null | undefined = vault.runner?.provider;
  const block = await provider?.getBlock(blockTag);
  if (!block) throw new RangeError(`There is no block ${blockTag}`);
  return BigInt(block.timestamp);
}

function placesOf(count: bigint): number[] {
  return [...Array(Number(count)).keys()];
}

/** A map without what is missing. */
function mapOf<K, V>(keys: readonly K[], valueAt: (place: number) => V | undefined): Map<K, V> {
  const entries = keys.map((key, place) => [key, valueAt(place)] as const);
  return new Map(entries.filter((entry): entry is [K, V] => entry[1] !== undefined));
}
