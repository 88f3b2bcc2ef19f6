/** The figures that a keeper is measured by, each with what it must reach. */
const LIMITS = {
  /** Every account x 3 positions valued again, with size brackets: the median of wall time [milliseconds]. */
  remarkMillionAccountsMs: { most: 80 },
  /** An index from a million events, wall time: the median of several. */
  eventsPerSecond: { least: 200_000 },
  /** From the block with the price to the transaction at the node, 95th percentile [milliseconds]. */
  priceToLiquidationP95Ms: { most: 100 },
  /** The most while blocks come in [megabytes of a million bytes]. */
  residentMillionAccountsMB: { most: 1_000 },
} as const satisfies Readonly<Record<string, { most: number } | { least: number }>>;

/** Name of a figure. */
type FigureName = keyof typeof LIMITS;

/** All of them. */
const FIGURE_NAMES = Object.keys(LIMITS) as FigureName[];

/** One measurement, in a process of its own: figures that have limits, and what else it tells. */
export interface Measurement {
  readonly figures: Partial<Record<FigureName, number>>;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A figure as it is shown. */
export interface FigureRow {
  readonly name: FigureName;
  readonly measured: number;
  readonly limit: string;
  readonly isKept: boolean;
}

/** The figures that were measured beside their limits; a figure that is no number keeps none. */
export function rowsOf(figures: Measurement["figures"]): FigureRow[] {
  return FIGURE_NAMES.flatMap((name) => {
    const measured = figures[name];
    if (measured === undefined) return [];
    const limit: { most?: number; least?: number } = LIMITS[name];
    const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY } = limit;
    return {
      name,
      measured,
      limit: limit.most === undefined ? `>= ${least}` : `<= ${most}`,
      isKept: measured >= least && measured <= most,
    };
  });
}
