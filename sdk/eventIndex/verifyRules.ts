import { refusalOf } from "../errors/revertData.js";
import { perpetual, type AccountId } from "../ids.js";
import { ratesOf } from "../volatility.js";
import { min } from "../wad.js";
import { forEach, someOf } from "./comparison.js";
import { listedToken } from "./projection.js";
import { NOBODY, volatilityKey } from "./emptyState.js";
import { rampedAt } from "../ramps.js";
import {
  isOpen,
  liquidationParametersAt,
  parametersOf,
  storedBracketsAt,
  storedRatesAt,
  storedSigmasAt,
} from "./ramps.js";
import type { IndexState, StoredUnderlying } from "./state.js";
import type { Verification } from "./verify.js";
import { bracketWord, collateralWord, liquidationWord, rateWord, underlyingWord } from "./words.js";

const WAD_OF_PERCENT = 10n ** 16n;
const MOST_TIER = 7;

/** Every parameter of underlyings, tokens and liquidation, those on their way included. */
export async function verifyRules(at: Verification): Promise<void> {
  const { comparison, contracts, index, overrides, time } = at;
  const { rules } = contracts;
  const { singles, underlyings } = index.state;
  await forEach(underlyings, async ([underlying, stored]) => {
    if (isOpen(stored.rates)) return verifyUnderlying(at, underlying, stored);
    const listed = await isListed(() => rules.marginRatesOf(underlying, overrides));
    comparison.same(`whether marginRatesOf(${underlying}) answers`, false, listed);
  });
  const count = await rules.collateralCount(overrides);
  comparison.same("collateralCount", BigInt(singles.tokens.length), count);
  await forEach(singles.tokens.entries(), async ([place, token]) => {
    const expected = { token, rules: collateralWord(listedToken(index.state, token), time) };
    const said = await rules.collateralAt(place, overrides);
    comparison.sameFields(`collateralAt(${place})`, expected, said);
  });
  const { liquidation } = singles;
  const word =
    liquidation === undefined
      ? 0n
      : liquidationWord(liquidationParametersAt(liquidation, time), liquidation.endOfRamp);
  comparison.same("liquidationRules", word, await rules.liquidationRules(overrides));
  const oracle = await rules.volatilityOracle(overrides);
  comparison.sameFields("volatilityOracle", { ...singles.volatilityOracle }, oracle);
}

/** Whether a view answers; one that nobody could ask is another matter. */
async function isListed(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (refusalOf(error) === undefined) throw error;
    return false;
  }
}

async function verifyUnderlying(
  { comparison, contracts, overrides, time }: Verification,
  underlying: number,
  stored: StoredUnderlying,
): Promise<void> {
  const { rules } = contracts;
  const said = await rules.marginRatesOf(underlying, overrides);
  const brackets = storedBracketsAt(stored, time);
  const now = storedRatesAt(stored, time);
  comparison.sameFields(`marginRatesOf(${underlying})`, ratesFigures(stored, time), said);
  const [word, first] = await rules.tradingRules(perpetual(underlying), overrides);
  comparison.same(`tradingRules(${underlying}).rules`, underlyingWord(stored, now), word);
  const moves = time < stored.rates.endOfRamp;
  const whole = bracketWord(brackets, stored.funding);
  const firstOnly = (whole & ((1n << 40n) - 1n)) | ((whole >> 192n) << 192n);
  comparison.same(`tradingRules(${underlying}).brackets`, moves ? whole : firstOnly, first);
}

/** MarginRates, field by field. */
function ratesFigures(stored: StoredUnderlying, time: bigint) {
  const { formerRates, rates } = stored;
  const { slow, fast } = storedSigmasAt(rates, time);
  const target = ratesOf(parametersOf(rates), { slow, fast });
  const prior = parametersOf(rates).priorSigmaPercent * WAD_OF_PERCENT;
  const isMoving = time < rates.endOfRamp;
  const formerPrior = (isMoving ? formerRates?.parameters?.priorSigmaPercent : undefined) ?? 0n;
  return {
    ...storedRatesAt(stored, time),
    brackets: bracketWord(storedBracketsAt(stored, time)),
    slowSigma: slow,
    fastSigma: fast,
    priorSigma:
      formerPrior === 0n
        ? prior
        : rampedAt(formerPrior * WAD_OF_PERCENT, prior, rates.endOfRamp, time),
    lastRoundAt: rates.volatility?.roundAt ?? 0n,
    rules: rateWord(rates),
    formerRules: isMoving ? rateWord(formerRates) : 0n,
    endOfRamp: rates.endOfRamp,
    targetInitial: target.initial,
    targetMaintenance: target.maintenance,
    targetBrackets: bracketWord(stored.brackets ?? storedBracketsAt(stored, time)),
  };
}

/** Fees, and what is left of orders. */
export async function verifyExchange(at: Verification): Promise<void> {
  const { comparison, contracts, index, mostOfUsers, overrides } = at;
  const { exchange } = contracts;
  const { fills, nonces, terms } = index.state;
  for (let tier = 0; tier <= MOST_TIER; ++tier) {
    const said = await exchange.feeRates(tier, overrides);
    comparison.sameFields(`feeRates(${tier})`, feeRatesOf(index.state, tier), said);
  }
  await forEach(someOf(terms, mostOfUsers), async ([account, { feeTier, leastNonce }]) => {
    comparison.same(`feeTierOf(${account})`, feeTier, await exchange.feeTierOf(account, overrides));
    const least = await exchange.leastNonceOf(account, overrides);
    comparison.same(`leastNonceOf(${account})`, leastNonce, least);
  });
  await forEach(someOf(fills, mostOfUsers), async ([hash, filled]) => {
    comparison.same(`filledOf(${hash})`, filled, await exchange.filledOf(hash, overrides));
  });
  await forEach(usedNonces(someOf(nonces, mostOfUsers), mostOfUsers), async ([account, nonce]) => {
    const isUsed = await exchange.isNonceUsed(account, nonce, overrides);
    comparison.same(`isNonceUsed(${account}, ${nonce})`, true, isUsed);
  });
}

/** What a tier is charged: never more than tier 0. */
function feeRatesOf(
  { feeTiers }: IndexState,
  tier: number,
): { readonly takerFee: bigint; readonly makerFee: bigint } {
  const base = feeTiers.get(0) ?? { taker: 0n, maker: 0n };
  const own = feeTiers.get(tier) ?? base;
  return { takerFee: min(own.taker, base.taker), makerFee: min(own.maker, base.maker) };
}

function* usedNonces(
  nonces: Iterable<[string, bigint]>,
  most: number,
): Generator<[AccountId, bigint]> {
  let count = 0;
  for (const [key, bits] of nonces) {
    const [account, word] = key.split("/") as [AccountId, string];
    for (let bit = 0n; bit < 256n; ++bit) {
      if (((bits >> bit) & 1n) === 0n) continue;
      if (++count > most) return;
      yield [account, (BigInt(`0x${word}`) << 8n) | bit];
    }
  }
}

/** Where prices and volatility come from, and who governs. */
export async function verifyOracles(at: Verification): Promise<void> {
  const { comparison, contracts, index, overrides } = at;
  const { oracle, volatilityOracle } = contracts;
  const { authorities, sources, volatilities } = index.state;
  await forEach(sources, async ([underlying, stored]) => {
    const said = await oracle.sourcesOf(underlying, overrides);
    comparison.same(`sourcesOf(${underlying})`, sourceWords(stored), sourceWords(said));
  });
  const followed = (await volatilityOracle.getAddress()).toLowerCase();
  await forEach(sources.keys(), async (underlying) => {
    const stored = volatilities.get(volatilityKey(followed, underlying));
    const feed = await volatilityOracle.feedOf(underlying, overrides);
    const { feed: address = NOBODY, minimum = 0n, maximum = 0n } = stored ?? {};
    comparison.sameFields(`feedOf(${underlying})`, { feed: address, minimum, maximum }, feed);
    if (stored === undefined) return;
    const { acceptedAt, answer, before, fastVariance, roundId, slowVariance } = stored;
    const expected = {
      ...{ acceptedAt, answer, before, fastVariance, roundId, slowVariance },
      slowVarianceBefore: stored.slowBefore,
      fastVarianceBefore: stored.fastBefore,
    };
    const said = await volatilityOracle.volatilityOf(underlying, overrides);
    comparison.sameFields(`volatilityOf(${underlying})`, expected, said);
  });
  const { clearinghouse, exchange, rules, vault } = contracts;
  await forEach([clearinghouse, exchange, oracle, rules, vault], async (contract) => {
    const address = (await contract.getAddress()).toLowerCase();
    const authority = authorities.get(address) ?? NOBODY;
    comparison.same(`authority of ${address}`, authority, await contract.authority(overrides));
  });
}

type Feeds = Awaited<ReturnType<Verification["contracts"]["oracle"]["sourcesOf"]>>;

function sourceWords(sources: IndexedSources | Feeds): (bigint | string[])[] {
  const feeds = (given: readonly IndexedFeed[]): string[] =>
    [...given].flatMap(({ aggregator, maximumAge, maximum, minimum }) =>
      [aggregator, maximumAge, minimum, maximum].map(String),
    );
  return [feeds(sources.primary), feeds(sources.secondary), sources.allowedDeviationBps];
}

type IndexedSources = IndexState["sources"] extends Map<number, infer S> ? S : never;
type IndexedFeed = IndexedSources["primary"][number];
