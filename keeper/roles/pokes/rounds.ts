import type { Sources, StoredVolatility } from "../../../sdk/index.js";

/** What a feed says last: `latestRoundData`. */
export interface LatestRound {
  readonly roundId: bigint;
  /** [feed's decimals] */
  readonly answer: bigint;
  /** [unix seconds] */
  readonly updatedAt: bigint;
}

/** What {@link decidePoke} looks at. */
export interface PokeFacts {
  readonly followed: StoredVolatility;
  readonly latest: LatestRound;
  /** Of the block [unix seconds]. */
  readonly time: bigint;
  readonly rules: PokeRules;
}

/** When a poke is worth its gas. */
interface PokeRules {
  /** Rounds that one poke looks at. */
  readonly mostRounds: bigint;
  /** New rounds wait at most so long [seconds]. */
  readonly mostSeconds: bigint;
  /** Unless the price has moved so far since the last one that was followed [bps]. */
  readonly moveBps: bigint;
}

/**
 * Whether an oracle is to be poked: there are rounds that it has not followed, and they would fill a poke, or the price has
 * moved, or the last poke was long ago. What a poke brings does not depend on when it comes: every round counts with its own
 * time. Only how early margins learn of it does.
 */
export function decidePoke({ followed, latest, rules, time }: PokeFacts): boolean {
  const pending = pendingRounds(followed, latest, rules.mostRounds);
  // What is written for later is not looked at, and a proxy that has gone back says nothing.
  if (pending === 0n) return false;
  if (pending >= rules.mostRounds) return true;
  if (time - followed.acceptedAt >= rules.mostSeconds) return true;
  const moved = latest.answer - followed.answer;
  return (moved < 0n ? -moved : moved) * 10_000n >= rules.moveBps * followed.answer;
}

/** How many rounds wait; of a new phase nobody can tell, so as many as a poke looks at. */
function pendingRounds({ roundId }: StoredVolatility, latest: LatestRound, most: bigint): bigint {
  if (latest.roundId <= roundId) return 0n;
  const isSamePhase = latest.roundId >> 64n === roundId >> 64n;
  return isSamePhase ? latest.roundId - roundId : most;
}

/**
 * Whether the oracle is to follow another feed than it does, or the same within another band: the one feed that prices the
 * underlying now.
 */
export function decideFollow(
  sources: Pick<Sources, "primary">,
  followed: Pick<StoredVolatility, "feed" | "minimum" | "maximum"> | undefined,
): boolean {
  const [feed, ...others] = sources.primary;
  if (feed === undefined || others.length > 0) return false;
  if (followed === undefined) return true;
  return (
    feed.aggregator.toLowerCase() !== followed.feed.toLowerCase() ||
    feed.minimum !== followed.minimum ||
    feed.maximum !== followed.maximum
  );
}
