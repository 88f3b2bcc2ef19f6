import { CouldNotLook } from "../../sdk/index.js";
import { NodeFailure } from "./failures.js";
import type { ChainMetrics } from "./metrics.js";
import type { ChainNode, Head } from "./node.js";
import { type Question, type Reply, verdictOf } from "./replies.js";

/** A reply, or why there is none from any node. */
export type Outcome = Reply | CouldNotLook;

/** What a pool is made of. */
export interface PoolOptions {
  /** The preferred one first. */
  readonly nodes: readonly ChainNode[];
  readonly metrics: ChainMetrics | undefined;
  /** Told of every block that was given to whoever asked. */
  readonly onServed: (head: Head) => void;
}

/**
 * Asks one node, and the next one when it does not answer. One look at the chain stays with one node: another takes over in
 * its middle only if it has the last block that was seen in the look, so that nobody computes with two chains at once.
 */
export class NodePool {
  /** The node of this look. */
  current: ChainNode | undefined;
  /** The last block that was seen in this look. */
  private anchor: Head | undefined;
  /** What was found out about nodes and anchors, so that many questions at once find it out once. */
  private readonly inStep = new WeakMap<ChainNode, { anchor: Head; has: Promise<boolean> }>();

  constructor(private readonly options: PoolOptions) {}

  /**
   * A new look at the chain begins; now nodes may be changed freely.
   *
   * @param after The last block that was seen.
   * @param isStuck Whether there is a block after it that the node of the last look does not give.
   */
  beginLook(after: number, isStuck: boolean): void {
    this.anchor = undefined;
    const usable = this.usable();
    const current = this.current !== undefined && usable.includes(this.current);
    const reached = current && !isStuck ? (this.current?.head?.number ?? 0) : 0;
    const least = isStuck ? after + 1 : Math.max(after, reached);
    const better = usable.find(({ head }) => head !== undefined && head.number >= least);
    // A node that is no further than the look before would seem to take blocks back.
    if (better !== undefined) this.current = better;
    else if (!current) [this.current] = usable.sort(byHead);
  }

  /** Replies to all questions, by their order. */
  async ask(questions: readonly Question[]): Promise<Outcome[]> {
    const outcomes = new Map<Question, Reply>();
    const failures: NodeFailure[] = [];
    let open = questions;
    for (const node of this.candidates()) {
      // Meanwhile it may have been found silent; and nothing new is learnt from a node that is behind.
      if (!node.isReachable || isBehind(node, failures)) continue;
      try {
        await this.requireInStep(node);
        const replies = await node.ask(open);
        this.moveTo(node, failures);
        for (const [i, question] of open.entries()) {
          const reply = replies[i];
          if (reply === undefined) continue;
          const failure = failureOf(node, question, reply);
          if (failure === undefined) outcomes.set(question, reply);
          else failures.push(failure);
          this.notice(node, question, reply);
        }
      } catch (error) {
        if (!(error instanceof NodeFailure)) throw error;
        failures.push(error);
      }
      open = open.filter((question) => !outcomes.has(question));
      if (open.length === 0) break;
    }
    return questions.map((question) => outcomes.get(question) ?? this.couldNotLook(failures));
  }

  /** Nodes that may be asked, the one of this look first. A single one that only stumbled is asked twice. */
  private candidates(): ChainNode[] {
    const usable = this.usable();
    const first = usable.find((node) => node === this.current) ?? usable[0];
    if (first === undefined) return [];
    const others = usable.filter((node) => node !== first);
    return [first, ...(others.length === 0 ? [first] : others)];
  }

  /** Those that lag come last: they are asked when nothing else is there. */
  private usable(): ChainNode[] {
    const { nodes } = this.options;
    const usable = nodes.filter(({ isReachable, isTrusted }) => isReachable && isTrusted);
    return [
      ...usable.filter(({ isLagging }) => !isLagging),
      ...usable.filter(({ isLagging }) => isLagging),
    ];
  }

  /** A node that takes over must have the block that was seen last. */
  private async requireInStep(node: ChainNode): Promise<void> {
    const { anchor } = this;
    if (anchor === undefined || this.current === undefined || node === this.current) return;
    let known = this.inStep.get(node);
    if (known?.anchor !== anchor) {
      known = { anchor, has: hasBlock(node, anchor) };
      this.inStep.set(node, known);
    }
    if (await known.has) return;
    const detail = `has not block ${anchor.number} (${anchor.hash}) that was seen in this look`;
    throw new NodeFailure(node.name, "behind", detail);
  }

  private moveTo(node: ChainNode, failures: readonly NodeFailure[]): void {
    if (failures.length > 0 && node !== this.current)
      this.options.metrics?.countFailover(node.name);
    // A node that only lacks one block stays the node of this look.
    if (failures.every(({ kind }) => kind !== "behind")) this.current = node;
  }

  /** Remembers blocks that are given away. */
  private notice(node: ChainNode, { method, params }: Question, reply: Reply): void {
    if (method !== "eth_getBlockByNumber" || !("result" in reply)) return;
    const head = headOf(reply.result);
    if (head === undefined) return;
    const [tag] = params as unknown[];
    if (tag === "latest") node.head = head;
    if (this.anchor === undefined || head.number >= this.anchor.number) this.anchor = head;
    this.options.onServed(head);
  }

  private couldNotLook(failures: readonly NodeFailure[]): CouldNotLook {
    if (failures.length === 0) {
      const states = this.options.nodes.map(({ status: { name, problem } }) => {
        return `${name}: ${problem ?? "it may be used again"}`;
      });
      return new CouldNotLook(`No node can be asked (${states.join("; ")})`);
    }
    const [cause] = failures;
    const reasons = [...new Set(failures.map(({ message }) => message))].join("; ");
    return new CouldNotLook(`No node answered (${reasons})`, { cause });
  }
}

/** A block by what a node gave for it. */
export function headOf(block: unknown): Head | undefined {
  if (typeof block !== "object" || block === null) return undefined;
  const { hash, number, timestamp } = block as Record<string, unknown>;
  if (typeof hash !== "string" || typeof number !== "string" || typeof timestamp !== "string") {
    return undefined;
  }
  return { hash, number: Number(number), time: Number(timestamp) };
}

function isBehind(node: ChainNode, failures: readonly NodeFailure[]): boolean {
  return failures.some((failure) => failure.node === node.name && failure.kind === "behind");
}

function byHead(a: ChainNode, b: ChainNode): number {
  return (b.head?.number ?? -1) - (a.head?.number ?? -1);
}

async function hasBlock(node: ChainNode, { hash, number }: Head): Promise<boolean> {
  const block = await node.request("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]);
  return headOf(block)?.hash === hash;
}

function failureOf(node: ChainNode, question: Question, reply: Reply): NodeFailure | undefined {
  const verdict = verdictOf(question.method, reply);
  if (verdict === "answer" || !("error" in reply)) return undefined;
  const kind = verdict === "behind" ? "behind" : "refused";
  return new NodeFailure(node.name, kind, `${question.method}: ${reply.error.message}`);
}
