/** Where in the chain something was found. */
export interface Place {
  readonly block: number;
  readonly logIndex?: number;
  readonly event?: string;
}

/**
 * What the chain says cannot follow from what it said before: an event is missing, or the index began too late. Nothing of
 * the block was taken in. Fatal: whoever sees it rebuilds the index, from another node.
 */
export class IndexOutOfStep extends Error {
  override readonly name = "IndexOutOfStep";

  constructor(
    readonly problem: string,
    readonly place: Place,
  ) {
    super(`${describe(place)}: ${problem}`);
  }
}

/** A block does not follow the last one that was taken in: the chain was reorganised. Look for the common ancestor. */
export class NotTheNextBlock extends Error {
  override readonly name = "NotTheNextBlock";
}

/** More blocks were replaced than the index can take back. Fatal: go on from an older checkpoint, or rebuild. */
export class ReorgTooDeep extends Error {
  override readonly name = "ReorgTooDeep";

  constructor(readonly oldestKnown: number) {
    super(
      `The chain no longer has block ${oldestKnown}, the oldest that can be taken back: ` +
        "go on from an older checkpoint, or rebuild the index",
    );
  }
}

/** The node did not answer, or not with what was asked for. To be tried again: nothing is known of what was asked. */
export class CouldNotLook extends Error {
  override readonly name = "CouldNotLook";
}

function describe({ block, logIndex, event }: Place): string {
  const log = logIndex === undefined ? "" : `, log ${logIndex}`;
  return `Block ${block}${log}${event === undefined ? "" : ` (${event})`}`;
}
