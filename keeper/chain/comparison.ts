import type { ChainNode } from "./node.js";

/** So far below the lowest head are nodes compared: above that, differences are reorganisations. */
const DEPTH = 3;
/** A node that differs so often in a row is not used. */
const MOST_DIFFERENCES = 3;
/** A node that is behind so often in a row lags: it may just have been asked a moment earlier. */
const MOST_LAGS = 2;

/** The block at which nodes are compared; none when there is nothing to compare. */
export function referenceHeight(nodes: readonly ChainNode[]): number | undefined {
  const heads = comparable(nodes).flatMap(({ head }) => head?.number ?? []);
  if (heads.length < 2) return undefined;
  return Math.max(0, Math.min(...heads) - DEPTH);
}

/** Whether a node says of the reference block what most nodes say; between equals the preferred one is right. */
export function differenceOf(node: ChainNode, nodes: readonly ChainNode[]): string | undefined {
  const { reference } = node;
  const compared = comparable(nodes).filter(
    (other) => other.reference !== undefined && other.reference.number === reference?.number,
  );
  if (reference === undefined || compared.length < 2) return undefined;
  const sides = new Map<string, ChainNode[]>();
  for (const other of compared) {
    const hash = other.reference?.hash ?? "";
    sides.set(hash, [...(sides.get(hash) ?? []), other]);
  }
  // Sides stand in the order of their most preferred node, and sorting keeps the order of equals.
  const [leading] = [...sides].sort(([, a], [, b]) => b.length - a.length);
  if (leading === undefined || leading[0] === reference.hash) return undefined;
  const others = leading[1].map(({ name }) => name).join(", ");
  return `Block ${reference.number} is ${reference.hash} there, and ${leading[0]} at ${others}.`;
}

/** Counts what was seen of nodes poll by poll, so that a short difference counts for nothing. */
export class Comparison {
  private readonly lags = new Map<ChainNode, number>();
  private readonly differences = new Map<ChainNode, number>();

  constructor(
    private readonly nodes: readonly ChainNode[],
    private readonly laggingBlocks: number,
  ) {}

  /** Takes down how a node stands after it was asked. */
  update(node: ChainNode): void {
    const heads = comparable(this.nodes)
      .filter(({ isTrusted }) => isTrusted)
      .map(({ head }) => head?.number ?? 0);
    const isBehind = Math.max(0, ...heads) - (node.head?.number ?? 0) > this.laggingBlocks;
    node.isLagging = this.count(this.lags, node, isBehind) >= MOST_LAGS;

    const others = comparable(this.nodes).filter(
      (other) => other !== node && other.reference?.number === node.reference?.number,
    );
    // With nobody to compare it with, a node stays what it was.
    if (node.reference === undefined || others.length === 0) return;
    const difference = differenceOf(node, this.nodes);
    const count = this.count(this.differences, node, difference !== undefined);
    if (difference === undefined) node.contradiction = undefined;
    else if (count >= MOST_DIFFERENCES) node.contradiction = difference;
  }

  private count(counts: Map<ChainNode, number>, node: ChainNode, isSeen: boolean): number {
    const count = isSeen ? (counts.get(node) ?? 0) + 1 : 0;
    counts.set(node, count);
    return count;
  }
}

function comparable(nodes: readonly ChainNode[]): ChainNode[] {
  return nodes.filter(({ identity, isReachable }) => identity.isRight && isReachable);
}
