/** A seeded source of random numbers: the same seed gives the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform in [least, most). */
  between(least: number, most: number): number;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
}

/**
 * Mulberry32: 32 bits of state are plenty for a demo, and the code fits on a card.
 *
 * @param seed Any integer; its low 32 bits count.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  return {
    uniform,
    between: (least, most) => least + (most - least) * uniform(),
    // Box-Muller; 1 - u keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
