import { mulDown, WAD } from "../../../sdk/index.js";
import { abs, ceilDiv, max, min } from "../margin.js";
import { onTheWay } from "./ramp.js";
import { demand } from "./refusal.js";
import type { World } from "./world.js";

/**
 * How much prices move: two rational moving averages of the squared returns of a feed's rounds. Variances are [1e-12 per
 * year], sigma is a [wad].
 */

const YEAR = 31_536_000n;
/** [wad] */
const ONE_PERCENT = 10n ** 16n;
/** 72 h / ln 2 and 24 h / ln 2 [seconds]. */
const SLOW_SECONDS = 373_947n;
const FAST_SECONDS = 124_649n;
/** A feed that was silent for longer has moved at least as the prior says [seconds]. */
const HONEST_GAP = 3_900n;
const MOST_VARIANCE = 10n ** 14n;
/** The most that one round counts: 20 %, squared [wad]. */
const MOST_SQUARED = (4n * WAD) / 100n;
/** Rounds of one call. */
const MOST_ROUNDS = 256n;

/** What a feed said once. */
export interface Round {
  /** [feed's decimals] */
  answer: bigint;
  /** [unix seconds] */
  updatedAt: bigint;
}

/** How far the rounds of an underlying's feed were followed, and what came of it. Never changed, only replaced. */
export interface Followed {
  readonly slow: bigint;
  readonly fast: bigint;
  /** Of the last accepted round; the answer without what lies below its first 56 bits. */
  readonly acceptedAt: bigint;
  readonly answer: bigint;
  /** How many rounds were looked at: the number of the last. */
  readonly looked: bigint;
  /** Those after it. */
  readonly ahead: readonly Round[];
}

/** What is between the prices of a feed that count, both excluded [wad], and how it writes them. */
interface Band {
  minimum: bigint;
  maximum: bigint;
  decimals: number;
}

/** Begins with the prior, after the first round. */
export function followedFrom(first: Round, ahead: Round[], priorPercent: bigint): Followed {
  const variance = varianceOfPrior(priorPercent);
  return {
    slow: variance,
    fast: variance,
    acceptedAt: first.updatedAt,
    answer: keptAnswer(first.answer),
    looked: 1n,
    ahead,
  };
}

/** A feed says something; it counts once somebody pokes. */
export function addRounds(world: World, feed: string, rounds: Round[]): void {
  const underlying = [...world.rules.underlyings.values()].find(
    ({ market, feeds }) => market !== undefined && feeds[0] === feed,
  );
  if (underlying === undefined) return;
  const followed = world.followed.get(underlying.number)!;
  const ahead = [...followed.ahead, ...rounds];
  world.followed.set(underlying.number, { ...followed, ahead });
}

/** Anyone: the next rounds, in order, each once. */
export function poke(world: World, underlying: number, mostRounds: bigint): void {
  const start = world.followed.get(underlying);
  demand(start !== undefined, "NotFollowed");
  const feed = world.rules.underlyings.get(underlying)!.feeds[0]!;
  const band = world.rules.feeds.get(feed)!;
  const count = Number(min(mostRounds, MOST_ROUNDS));
  let followed: Followed = { ...start, ahead: start.ahead.slice(count) };
  for (const round of start.ahead.slice(0, count)) {
    followed = { ...followed, looked: followed.looked + 1n };
    if (isAccepted(followed, round, band)) followed = accept(world, underlying, followed, round);
  }
  world.followed.set(underlying, followed);
}

/** An answer strictly inside the band, not older than the last accepted one. */
function isAccepted(followed: Followed, { answer, updatedAt }: Round, band: Band): boolean {
  const price = answer * 10n ** BigInt(18 - band.decimals);
  const isPrice = price > 0n && price > band.minimum && price < band.maximum;
  return isPrice && updatedAt !== 0n && updatedAt >= followed.acceptedAt;
}

/** variance' = (T x variance + moved) / (T + elapsed), at most MOST_VARIANCE, rounded up */
function accept(world: World, underlying: number, followed: Followed, round: Round): Followed {
  const elapsed = round.updatedAt - followed.acceptedAt;
  const moved = max(
    movedBy(followed.answer, round.answer),
    priorVarianceOf(world, underlying) * max(elapsed - HONEST_GAP, 0n),
  );
  const after = (variance: bigint, memory: bigint) =>
    min(ceilDiv(memory * variance + moved, memory + elapsed), MOST_VARIANCE);
  return {
    ...followed,
    slow: after(followed.slow, SLOW_SECONDS),
    fast: after(followed.fast, FAST_SECONDS),
    acceptedAt: round.updatedAt,
    answer: keptAnswer(round.answer),
  };
}

/** (p' - p)^2 / (p p') x year: about the squared logarithm of the return [1e-12 x seconds per year] */
function movedBy(before: bigint, answer: bigint): bigint {
  const distance = abs(answer - before) * WAD;
  const squared = mulDown(distance / before, distance / answer);
  return ceilDiv(min(squared, MOST_SQUARED) * YEAR, 10n ** 6n);
}

/** The first 56 bits of an answer. */
function keptAnswer(answer: bigint): bigint {
  const dropped = BigInt(Math.max(answer.toString(2).length - 56, 0));
  return (answer >> dropped) << dropped;
}

/** Sigma as it was noted, in whole bps, on its way to the prior since the last accepted round, rounded up [wad]. */
export function sigmasOf(
  { slow, fast, acceptedAt }: Followed,
  priorPercent: bigint,
  now: bigint,
): { slow: bigint; fast: bigint } {
  const silence = now - acceptedAt;
  const prior = priorPercent * ONE_PERCENT;
  const sigma = (variance: bigint, memory: bigint) =>
    ceilDiv(memory * notedBps(variance) * 10n ** 14n + prior * silence, memory + silence);
  return { slow: sigma(slow, SLOW_SECONDS), fast: sigma(fast, FAST_SECONDS) };
}

/** What the rules are told of a variance: 16 bits [bps per year]. */
function notedBps(variance: bigint): bigint {
  return min(rootUp(ceilDiv(variance, 10n ** 4n)), 2n ** 16n - 1n);
}

function varianceOfPrior(percent: bigint): bigint {
  return percent * percent * 10n ** 8n;
}

/** On its way while the rates are: nobody gains by filling an old gap with a new prior [wad]. */
export function priorSigmaOf(world: World, underlying: number): bigint {
  const { from, to, end } = world.rates.get(underlying)!;
  const priors = [from, to].map(({ priorSigmaPercent }) => priorSigmaPercent * ONE_PERCENT);
  return onTheWay(priors as [bigint, bigint], end, world.now);
}

/** A gap is held to whole percents of the prior. */
function priorVarianceOf(world: World, underlying: number): bigint {
  return varianceOfPrior(priorSigmaOf(world, underlying) / ONE_PERCENT);
}

/** The least number whose square is not below this one. */
function rootUp(square: bigint): bigint {
  let root = BigInt(Math.ceil(Math.sqrt(Number(square))));
  if (root > 0n) root = (root + square / root) / 2n;
  while (root * root < square) ++root;
  while (root > 0n && (root - 1n) * (root - 1n) >= square) --root;
  return root;
}
