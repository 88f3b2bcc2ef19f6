import type { Clock } from "../clock.js";
import type { KeeperConfig } from "../config/schema.js";
import type { Alarms } from "../operations/alarms.js";
import { Comparison, referenceHeight } from "./comparison.js";
import { NodeFailure } from "./failures.js";
import type { Heads } from "./heads.js";
import { type DeployedAt, identify } from "./identity.js";
import type { ChainMetrics } from "./metrics.js";
import type { ChainNode } from "./node.js";
import { headOf, type NodePool } from "./pool.js";
import type { BlockSocket } from "./socket.js";

/** What is watched, and with what. */
export interface WatchOptions {
  readonly config: KeeperConfig["rpc"];
  readonly deployment: DeployedAt;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly metrics: ChainMetrics | undefined;
  readonly nodes: readonly ChainNode[];
  readonly sockets: readonly BlockSocket[];
  readonly pool: NodePool;
  readonly heads: Heads;
}

/** Between two polls of all nodes there are so many moments at which some are polled. */
const TICKS_OF_POLL = 4;
/** Every so many polls a node is asked again which chain it is on. */
const POLLS_OF_IDENTITY = 30;
const LEAST_POLL_TIMEOUT_MILLISECONDS = 1_000;
const LEAST_SILENCE_MILLISECONDS = 250;

/** Asks all nodes for their last block again and again, and says what is wrong with them. */
export class NodeWatch {
  private readonly comparison: Comparison;
  private readonly underWay = new Map<ChainNode, Promise<void>>();
  private readonly polls = new Map<ChainNode, number>();
  private readonly pollMilliseconds: number;

  constructor(private readonly options: WatchOptions) {
    const { config, nodes } = options;
    this.comparison = new Comparison(nodes, config.laggingBlocks);
    this.pollMilliseconds = config.pollSeconds * 1_000;
  }

  /** Asks all nodes once; resolves when one can be used, or all have been asked. */
  async begin(): Promise<void> {
    const { nodes } = this.options;
    const asked = nodes.map(async (node) => {
      await this.poll(node, undefined);
      if (!node.status.isUsed) throw new Error("The node cannot be used");
    });
    await Promise.any(asked).catch(() => undefined);
    this.judge();
  }

  /** Goes on until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, nodes } = this.options;
    for (let tick = 1; !signal.aborted; ++tick) {
      await clock.sleep(this.pollMilliseconds / TICKS_OF_POLL, signal);
      if (isAborted(signal)) break;
      const height = referenceHeight(nodes);
      const due = tick % TICKS_OF_POLL === 0 ? nodes : nodes.filter((node) => this.isUrgent(node));
      for (const node of due) void this.poll(node, height);
      this.judge();
    }
    await Promise.all(this.underWay.values());
  }

  /** Where no socket tells of blocks the node that is used is asked more often, and so are those that are wanted back. */
  private isUrgent(node: ChainNode): boolean {
    const { pool, sockets } = this.options;
    if (!node.isReachable) return true;
    return node === pool.current && !sockets.some(({ isLive }) => isLive);
  }

  /** Asks one node, unless it is still being asked. */
  private poll(node: ChainNode, height: number | undefined): Promise<void> {
    const before = this.underWay.get(node);
    if (before !== undefined) return before;
    const poll = this.look(node, height)
      .catch((error: unknown) => {
        this.notice(node, error);
      })
      .finally(() => {
        this.underWay.delete(node);
        this.judge();
      });
    this.underWay.set(node, poll);
    return poll;
  }

  private async look(node: ChainNode, height: number | undefined): Promise<void> {
    const { deployment, heads, metrics } = this.options;
    const polls = (this.polls.get(node) ?? 0) + 1;
    this.polls.set(node, polls);
    if (!node.identity.isRight || polls % POLLS_OF_IDENTITY === 0) {
      node.identity = await identify(node, deployment, this.pollTimeout);
    }
    if (!node.identity.isRight) {
      heads.forget(node.name);
      return;
    }
    const questions = [node.question("eth_getBlockByNumber", ["latest", false])];
    if (height !== undefined) {
      questions.push(node.question("eth_getBlockByNumber", [`0x${height.toString(16)}`, false]));
    }
    const [latest, reference] = (await node.ask(questions, this.pollTimeout)).map((reply) =>
      "result" in reply ? headOf(reply.result) : undefined,
    );
    if (latest === undefined) throw new NodeFailure(node.name, "malformed", "gave no last block");
    node.head = latest;
    node.reference = reference;
    metrics?.setHead(node.name, latest.number);
    this.comparison.update(node);
    if (!node.isTrusted) heads.forget(node.name);
    else if (heads.announce(node.name, latest)) this.noticeNew();
  }

  /** A block of which no socket told. */
  private noticeNew(): void {
    const { clock, metrics, sockets } = this.options;
    metrics?.countHead("asked");
    for (const socket of sockets) if (socket.isLive) socket.missingSince ??= clock.now();
  }

  private notice(node: ChainNode, error: unknown): void {
    if (!(error instanceof NodeFailure)) throw error;
    const { nodes } = this.options;
    const isSpared = nodes.some((other) => other !== node && other.status.isUsed);
    // What waits for a node that is silent even to a poll need not wait longer, if another can be asked.
    if (error.kind === "timeout" && isSpared) node.abort(error);
  }

  private get pollTimeout(): number {
    const patience = Math.max(2 * this.pollMilliseconds, LEAST_POLL_TIMEOUT_MILLISECONDS);
    return Math.min(patience, this.options.config.timeoutSeconds * 1_000);
  }

  /** Turns alarms on and off by what is known. */
  private judge(): void {
    const { alarms, nodes } = this.options;
    for (const node of nodes) {
      const { identity, name, status } = node;
      const set = (isOn: boolean, alarm: Parameters<Alarms["raise"]>[0]): void => {
        if (isOn) alarms.raise(alarm, name, status.problem ?? "");
        else alarms.clear(alarm, name);
      };
      set(node.isLost, "nodeUnreachable");
      // What a node that does not answer would say is not known: those alarms stay as they are.
      if (node.isLost) continue;
      const kind = identity.isRight ? undefined : identity.kind;
      set(kind === "other" || node.contradiction !== undefined, "nodeContradicting");
      set(kind === "behind" || node.isLagging, "nodeLagging");
    }
    this.judgeBlocks();
    this.judgeSockets();
  }

  private judgeBlocks(): void {
    const { alarms, clock, config, heads } = this.options;
    const now = clock.now();
    const limit = config.stalledSeconds * 1_000;
    const last =
      heads.newest === undefined ? "none was seen" : `the last is ${heads.newest.number}`;
    if (now - heads.newAt > limit) {
      const seconds = Math.round((now - heads.newAt) / 1_000);
      alarms.raise("blocksStalled", "", `No new block for ${seconds} s; ${last}.`);
    } else if (now - heads.timeMovedAt > limit) {
      const seconds = Math.round((now - heads.timeMovedAt) / 1_000);
      alarms.raise("blocksStalled", "", `Blocks have had the same time for ${seconds} s; ${last}.`);
    } else alarms.clear("blocksStalled", "");
  }

  private judgeSockets(): void {
    const { clock, sockets } = this.options;
    const silence = Math.max(2 * this.pollMilliseconds, LEAST_SILENCE_MILLISECONDS);
    for (const socket of sockets) {
      const { missingSince } = socket;
      if (missingSince === undefined || clock.now() - missingSince <= silence) continue;
      socket.restart("it told of no block while nodes had new ones");
    }
  }
}

/** Asked anew: while something was waited for, it may have changed. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
