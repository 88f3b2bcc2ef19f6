/** What a process held at some time of its life. */
export interface MemorySample {
  /** Since its start [seconds]. */
  readonly age: number;
  /** Resident [bytes]. */
  readonly resident: number;
}

/** Memory of processes that were there long enough to tell. */
export interface MemoryTrend {
  /** The median of the middle third of the longest life, and of its last third [bytes]. */
  readonly middle: number;
  readonly last: number;
  readonly isFlat: boolean;
}

/** A process is warm after so long [seconds]. */
const WARM = 20;
const FEWEST_SAMPLES = 9;
/** What garbage that waits to be collected may come to: a share and a constant [bytes]. */
const SHARE = 1.1;
const SPARE = 24 * 2 ** 20;

/** Whether memory grows: the last third of a life is compared with the middle one. Nothing for lives that are too short. */
export function trendOf(samples: readonly MemorySample[]): MemoryTrend | undefined {
  const warm = samples.filter(({ age }) => age >= WARM).map(({ resident }) => resident);
  if (warm.length < FEWEST_SAMPLES) return undefined;
  const third = Math.floor(warm.length / 3);
  const [middle, last] = [medianOf(warm.slice(third, 2 * third)), medianOf(warm.slice(2 * third))];
  return { middle, last, isFlat: last <= middle * SHARE + SPARE };
}

function medianOf(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[figures.length >> 1] ?? 0;
}
