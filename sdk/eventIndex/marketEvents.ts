import type { AccountId } from "../ids.js";
import { nonceKey, volatilityKey } from "./emptyState.js";
import {
  authorityUpdated,
  mustEqual,
  nothingStored,
  type Handlers,
  type Reduction,
} from "./reduction.js";
import type { StoredTerms, StoredVolatility } from "./state.js";

const NEW_TERMS: StoredTerms = { leastNonce: 0n, feeTier: 0n };

/** What the Exchange says of orders and fees. */
export const EXCHANGE_EVENTS: Handlers<"exchange"> = {
  AuthorityUpdated: authorityUpdated,
  // Declared by the EIP-712 base; its domain never changes here.
  EIP712DomainChanged: nothingStored,

  OrderFilled(at, { orderHash, account, nonce, fill, filled, left }) {
    mustEqual(at, "What is filled", filled, (at.state.fills.get(orderHash) ?? 0n) + fill);
    if (left === 0n) useNonce(at, account as AccountId, nonce);
    if (left !== 0n || filled !== fill)
      at.journal.set("fills", orderHash, left === 0n ? undefined : filled);
  },

  OrdersCancelled(at, { account, nonces }) {
    for (const nonce of nonces) useNonce(at, account as AccountId, nonce);
  },

  OrdersCancelledUpTo(at, { account, nonce }) {
    const terms = termsOf(at, account);
    at.journal.set("terms", account as AccountId, { ...terms, leastNonce: nonce });
  },

  FeeRatesSet(at, { tier, takerFee, makerFee }) {
    at.journal.set("feeTiers", Number(tier), { taker: takerFee, maker: makerFee });
  },

  FeeTierSet(at, { account, tier }) {
    const terms = termsOf(at, account);
    at.journal.set("terms", account as AccountId, { ...terms, feeTier: tier });
  },
};

/** What the price oracle says of its sources. */
export const ORACLE_EVENTS: Handlers<"oracle"> = {
  AuthorityUpdated: authorityUpdated,

  SourcesSet(at, { underlying, ...sources }) {
    at.journal.set("sources", Number(underlying), sources);
  },

  PriceNoted(at, { underlying, price }) {
    at.journal.set("notedPrices", Number(underlying), { price, notedAt: at.time });
  },

  SequencerSet(at, { uptimeFeed, gracePeriodSeconds }) {
    at.journal.put("sequencer", { uptimeFeed, gracePeriodSeconds });
  },
};

const NOT_FOLLOWED: StoredVolatility = {
  feed: "",
  minimum: 0n,
  maximum: 0n,
  roundId: 0n,
  answer: 0n,
  acceptedAt: 0n,
  slowVariance: 0n,
  fastVariance: 0n,
  slowBefore: 0n,
  fastBefore: 0n,
  before: 0n,
};

/** What a volatility oracle says of the rounds that it has followed. */
export const VOLATILITY_EVENTS: Handlers<"volatilityOracle"> = {
  FeedFollowed(at, { underlying, feed, roundId }) {
    // It follows the feed that prices the underlying now, within its band.
    const source = at.state.sources.get(Number(underlying))?.primary[0];
    if (source?.aggregator !== feed) return at.fail(`${feed} does not price ${underlying}`);
    const { minimum, maximum } = source;
    changeVolatility(at, underlying, { feed, minimum, maximum, roundId });
  },

  RoundsFollowed(at, { underlying, roundId, answer, acceptedAt, slowVariance, fastVariance }) {
    changeVolatility(at, underlying, { roundId, answer, acceptedAt, slowVariance, fastVariance });
  },

  VariancesKept(at, { underlying, ...kept }) {
    changeVolatility(at, underlying, kept);
  },
};

function changeVolatility(
  at: Reduction,
  underlying: bigint,
  changed: Partial<StoredVolatility>,
): void {
  const key = volatilityKey(at.address, Number(underlying));
  const before = at.state.volatilities.get(key) ?? NOT_FOLLOWED;
  at.journal.set("volatilities", key, { ...before, ...changed });
}

function termsOf({ state }: Reduction, account: string): StoredTerms {
  return state.terms.get(account as AccountId) ?? NEW_TERMS;
}

function useNonce({ journal, state }: Reduction, account: AccountId, nonce: bigint): void {
  const key = nonceKey(account, nonce);
  journal.set("nonces", key, (state.nonces.get(key) ?? 0n) | (1n << (nonce & 255n)));
}
