import { divideUp, max, min, mulDown, ONE_BPS, WAD, WAD_OF_BPS, wadOfAmount } from "./wad.js";

/** What a feed says of one round. */
export interface PriceRound {
  /** In the feed's decimals; 0 or less is no price. */
  readonly answer: bigint;
  /** 0 for a round that never was [unix seconds]. */
  readonly updatedAt: bigint;
}

/** What is fixed when volatility is kept for a feed. */
export interface VolatilityListing {
  /** What volatility is taken to be without news: 60 for 60 % a year. */
  readonly priorSigmaPercent: bigint;
  readonly decimals: bigint;
  /** Answers at this price and below are passed over [wad]. */
  readonly minimum: bigint;
  /** Answers at this price and above are passed over [wad]. */
  readonly maximum: bigint;
}

/** A price as it is stored: `mantissa << shift`, the mantissa below 2^56. */
export interface KeptPrice {
  readonly mantissa: bigint;
  readonly shift: bigint;
}

/** What the oracle remembers between two rounds. */
export interface VolatilityState {
  readonly listing: VolatilityListing;
  /** Of the last accepted round. */
  readonly price: KeptPrice;
  /** Of the last accepted round [unix seconds]. */
  readonly lastTime: bigint;
  /** With the half-life of 72 hours [1e-12 per year]. */
  readonly slowVariance: bigint;
  /** With the half-life of 24 hours [1e-12 per year]. */
  readonly fastVariance: bigint;
}

/** Volatility at a time [wad per square root of a year]. */
export interface Sigmas {
  readonly slow: bigint;
  readonly fast: bigint;
}

/** How volatility becomes a rate: the parameters of an underlying with these names [bps]. */
export interface RateParameters {
  readonly maintenanceBaseBps: bigint;
  readonly maintenanceSlopeBps: bigint;
  readonly maintenanceFloorBps: bigint;
  readonly maintenanceCapBps: bigint;
  readonly initialFloorBps: bigint;
  readonly maintenanceToInitialBps: bigint;
}

/** Shares of notional [wad]. */
export interface MarginRates {
  readonly maintenance: bigint;
  readonly initial: bigint;
}

/** The numbers of the rule that nobody can change. */
export const VOLATILITY = {
  /** [seconds] */
  year: 31_536_000n,
  /** 72 hours / ln 2 [seconds]. */
  slowSeconds: 373_947n,
  /** 24 hours / ln 2 [seconds]. */
  fastSeconds: 124_649n,
  /** A feed that is silent for longer is taken to have moved as the prior says [seconds]. */
  honestGap: 3_900n,
  /** The largest squared move that one round counts for, a log return of 20 %: a fall of 18 %, a rise of 22 % [wad]. */
  mostMove: 40_000_000_000_000_000n,
  /** Volatility of 1,000 % a year [1e-12 per year]. */
  mostVariance: 10n ** 14n,
  /** The largest sigma that is noted [bps]. */
  mostSigmaBps: 65_535n,
  /** The mantissa of a kept price is below this. */
  mantissaEnd: 1n << 56n,
} as const;

const { fastSeconds, honestGap, mantissaEnd, mostMove, mostSigmaBps } = VOLATILITY;
const { mostVariance, slowSeconds, year } = VOLATILITY;

/** An answer as the oracle keeps it: low bits are dropped until the mantissa fits. */
export function keptPrice(answer: bigint): KeptPrice {
  let mantissa = answer;
  let shift = 0n;
  while (mantissa >= mantissaEnd) {
    mantissa >>= 1n;
    shift++;
  }
  return { mantissa, shift };
}

/**
 * The state of a fresh listing: both variances are the prior's.
 *
 * @param round The feed's latest round.
 * @throws RangeError when the round is none that the oracle accepts.
 */
export function initialVolatility(listing: VolatilityListing, round: PriceRound): VolatilityState {
  if (!isPrice(listing, round)) {
    const given = `${round.answer.toString()} at ${round.updatedAt.toString()}`;
    throw new RangeError(`Volatility begins with a price inside the band, not ${given}`);
  }
  const prior = priorVariance(listing);
  return {
    listing,
    price: keptPrice(round.answer),
    lastTime: round.updatedAt,
    slowVariance: prior,
    fastVariance: prior,
  };
}

/** Whether the oracle takes a round: a price inside the band that is not older than the last one taken. */
export function acceptsRound(state: VolatilityState, round: PriceRound): boolean {
  return isPrice(state.listing, round) && round.updatedAt >= state.lastTime;
}

/**
 * The state after one more round, which is the state itself when the round is passed over:
 *
 *     r^2        = (p1 - p0)^2 / (p0 p1), at most 0.04
 *     moved      = r^2 x year, after a silence of more than 3,900 s at least prior variance x what is beyond them
 *     variance   = (T variance + moved) / (T + elapsed)      T = half-life / ln 2
 *
 * r^2 is the squared log return up to the fourth power of it and the same for a rise and the fall that undoes it. Both
 * variances are rounded up. Rounds have times of their own, so it does not matter how many of them are told at once.
 */
export function afterRound(state: VolatilityState, round: PriceRound): VolatilityState {
  if (!acceptsRound(state, round)) return state;
  const elapsed = round.updatedAt - state.lastTime;
  const squared = squaredMove(state.price.mantissa << state.price.shift, round.answer);
  const seen = divideUp(squared * year, 10n ** 6n);
  const silent = elapsed > honestGap ? priorVariance(state.listing) * (elapsed - honestGap) : 0n;
  const moved = max(seen, silent);
  const next = (variance: bigint, memory: bigint): bigint =>
    min(divideUp(memory * variance + moved, memory + elapsed), mostVariance);
  return {
    listing: state.listing,
    price: keptPrice(round.answer),
    lastTime: round.updatedAt,
    slowVariance: next(state.slowVariance, slowSeconds),
    fastVariance: next(state.fastVariance, fastSeconds),
  };
}

/** What the oracle notes of a variance with the rules: sigma, rounded up to whole basis points, at most 65,535 [bps]. */
export function sigmaBpsOf(variance: bigint): bigint {
  return min(divideUp(squareRootUp(variance * 10n ** 24n), WAD_OF_BPS), mostSigmaBps);
}

/**
 * Volatility as margins read it at a time, from what was noted at the last round. Without news it goes back to the prior,
 * from above and from below, rounded up:
 *
 *     sigma(t) = (T sigma + prior x dt) / (T + dt)
 *
 * @param time Not before the last round [unix seconds].
 */
export function sigmaAt(state: VolatilityState, time: bigint): Sigmas {
  const waited = time - state.lastTime;
  if (waited < 0n) {
    const known = `Volatility is known since ${state.lastTime.toString()}`;
    throw new RangeError(`${known}, not at ${time.toString()}`);
  }
  const prior = (state.listing.priorSigmaPercent * WAD) / 100n;
  const read = (variance: bigint, memory: bigint): bigint =>
    silentFor(sigmaBpsOf(variance) * WAD_OF_BPS, prior, waited, memory);
  return {
    slow: read(state.slowVariance, slowSeconds),
    fast: read(state.fastVariance, fastSeconds),
  };
}

/**
 * A sigma some time after the last round, on the way to the prior: (T sigma + prior x dt) / (T + dt), rounded up [wad].
 *
 * @param elapsed dt [seconds].
 * @param memory T: {@link VOLATILITY.slowSeconds} or {@link VOLATILITY.fastSeconds}.
 */
export function silentFor(sigma: bigint, prior: bigint, elapsed: bigint, memory: bigint): bigint {
  return divideUp(memory * sigma + prior * elapsed, memory + elapsed);
}

/**
 * The rates of both requirements:
 *
 *     rate(sigma) = clamp(A + B sigma, floor, cap)
 *     maintenance = rate(slow)
 *     initial     = max(rate(max(slow, fast)) / ratio, floor of initial)
 *
 * @returns Rounded up.
 */
export function ratesOf(parameters: RateParameters, { slow, fast }: Sigmas): MarginRates {
  const scaled = divideUp(
    rateOf(parameters, max(slow, fast)) * ONE_BPS,
    parameters.maintenanceToInitialBps,
  );
  return {
    maintenance: rateOf(parameters, slow),
    initial: max(scaled, parameters.initialFloorBps * WAD_OF_BPS),
  };
}

function rateOf(parameters: RateParameters, sigma: bigint): bigint {
  const { maintenanceBaseBps, maintenanceSlopeBps, maintenanceFloorBps, maintenanceCapBps } =
    parameters;
  const rate = maintenanceBaseBps * WAD_OF_BPS + divideUp(maintenanceSlopeBps * sigma, ONE_BPS);
  return min(max(rate, maintenanceFloorBps * WAD_OF_BPS), maintenanceCapBps * WAD_OF_BPS);
}

/** The squared move from one price to another, both in the feed's decimals [wad]. */
function squaredMove(before: bigint, after: bigint): bigint {
  const distance = after > before ? after - before : before - after;
  return min(mulDown((distance * WAD) / before, (distance * WAD) / after), mostMove);
}

function isPrice(listing: VolatilityListing, { answer, updatedAt }: PriceRound): boolean {
  if (answer <= 0n || updatedAt === 0n) return false;
  const price = wadOfAmount(answer, Number(listing.decimals));
  return price > listing.minimum && price < listing.maximum;
}

/** [1e-12 per year] */
function priorVariance({ priorSigmaPercent }: VolatilityListing): bigint {
  return priorSigmaPercent * priorSigmaPercent * 10n ** 8n;
}

/** The least integer whose square is not below x. */
function squareRootUp(x: bigint): bigint {
  if (x < 2n) return x;
  // Newton's steps fall towards the floor of the root when they begin above it.
  let root = 1n << BigInt(Math.ceil(x.toString(2).length / 2));
  for (;;) {
    const next = (root + x / root) >> 1n;
    if (next >= root) break;
    root = next;
  }
  return root * root === x ? root : root + 1n;
}
