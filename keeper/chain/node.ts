import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleType,
} from "cockatiel";
import type { NodeStatus } from "./chain.js";
import { BodyRefused, type Endpoint, post } from "./endpoint.js";
import { NodeFailure } from "./failures.js";
import type { ChainMetrics } from "./metrics.js";
import { batchErrorOf, type Question, repliesTo, type Reply, verdictOf } from "./replies.js";

/** A block as a node gives it. */
export interface Head {
  readonly number: number;
  readonly hash: string;
  /** [unix seconds] */
  readonly time: number;
}

/** Whether a node is on the deployment's chain. */
export type Identity =
  | { readonly isRight: true }
  | {
      readonly isRight: false;
      readonly problem: string;
      readonly kind: "unknown" | "behind" | "other";
    };

/** How a node is asked. */
export interface NodeOptions {
  readonly endpoint: Endpoint;
  /** [milliseconds] */
  readonly timeout: number;
  /** The first pause after it stopped to answer; later ones are longer [milliseconds]. */
  readonly pause: number;
  readonly metrics: ChainMetrics | undefined;
}

/** So many failures in a row, and the node is left alone for a while. */
const FAILURES = 3;
const UNKNOWN: Identity = {
  isRight: false,
  problem: "It has not said yet which chain it is on.",
  kind: "unknown",
};
const MOST_PAUSE_MILLISECONDS = 10_000;

/** One node: asks it, and remembers how it is. */
export class ChainNode {
  readonly name: string;
  readonly breaker: CircuitBreakerPolicy;
  /** Its last block. */
  head: Head | undefined;
  identity: Identity = UNKNOWN;
  /** It was silent when it was asked last. */
  isSilent = false;
  /** It is so far behind that others are asked. */
  isLagging = false;
  /** What it says about a block that others contradict. */
  contradiction: string | undefined;
  /** A block that all nodes are asked for, to compare them. */
  reference: Head | undefined;

  private readonly underWay = new Set<AbortController>();
  /** So many questions it takes in one request. */
  private mostTogether = Number.MAX_SAFE_INTEGER;
  private lastFailure: string | undefined;
  private closing: NodeFailure | undefined;
  private nextId = 1;

  constructor(private readonly options: NodeOptions) {
    this.name = options.endpoint.name;
    this.breaker = circuitBreaker(handleType(NodeFailure), {
      breaker: new ConsecutiveBreaker(FAILURES),
      halfOpenAfter: new ExponentialBackoff({
        initialDelay: options.pause,
        maxDelay: MOST_PAUSE_MILLISECONDS,
      }),
    });
    // Whatever answers at its address later may be another node.
    this.breaker.onBreak(() => (this.identity = UNKNOWN));
  }

  /** Whether it answers, as far as is known. */
  get isReachable(): boolean {
    return this.breaker.state === CircuitState.Closed && !this.isSilent;
  }

  /** Whether it was asked in vain: also when it never said which chain it is on. */
  get isLost(): boolean {
    return !this.isReachable || (this.identity === UNKNOWN && this.lastFailure !== undefined);
  }

  /** Whether what it says may be believed. */
  get isTrusted(): boolean {
    return this.identity.isRight && this.contradiction === undefined;
  }

  get status(): NodeStatus {
    const isUsed = this.isReachable && this.isTrusted && !this.isLagging;
    const head = this.isReachable ? this.head?.number : undefined;
    return { name: this.name, isUsed, head, problem: this.problem };
  }

  /** What is wrong with it, in a sentence. */
  private get problem(): string | undefined {
    if (this.isLost) return `It does not answer: ${this.lastFailure ?? "silence"}.`;
    if (!this.identity.isRight) return this.identity.problem;
    if (this.contradiction !== undefined) return this.contradiction;
    return this.isLagging ? "It is behind the other nodes." : undefined;
  }

  /**
   * Asks, and gives the replies in the order of the questions.
   *
   * @throws NodeFailure when it does not answer, or could answer none of them.
   */
  async ask(questions: readonly Question[], timeout = this.options.timeout): Promise<Reply[]> {
    const ended = this.options.metrics?.startRequest(this.name);
    try {
      const replies = await this.breaker.execute(() => this.askInTime(questions, timeout));
      this.isSilent = false;
      ended?.("answered");
      return replies;
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        throw new NodeFailure(this.name, "unreachable", this.lastFailure ?? "no answer");
      }
      if (error instanceof NodeFailure) {
        this.lastFailure = error.detail;
        ended?.(error.kind);
      }
      throw error;
    }
  }

  /** Asks one thing; an error of JSON-RPC counts as no answer. */
  async request(method: string, params: unknown[], timeout?: number): Promise<unknown> {
    const [reply] = await this.ask([this.question(method, params)], timeout);
    if (reply !== undefined && "result" in reply) return reply.result;
    throw new NodeFailure(this.name, "refused", reply?.error.message ?? "no answer");
  }

  question(method: string, params: unknown[]): Question {
    return { jsonrpc: "2.0", id: this.nextId++, method, params };
  }

  /** Ends everything that waits for it. */
  abort(reason: NodeFailure): void {
    for (const one of this.underWay) one.abort(reason);
  }

  /** Ends everything, also what is asked later. */
  close(): void {
    this.closing = new NodeFailure(this.name, "unreachable", "the keeper stops");
    this.abort(this.closing);
  }

  private async askInTime(questions: readonly Question[], timeout: number): Promise<Reply[]> {
    if (this.closing !== undefined) throw this.closing;
    const controller = new AbortController();
    this.underWay.add(controller);
    const timer = setTimeout(() => {
      const seconds = timeout / 1_000;
      controller.abort(new NodeFailure(this.name, "timeout", `silent for ${seconds} s`));
    }, timeout);
    try {
      const replies = await this.askTogether(questions, controller.signal);
      this.requireSome(questions, replies);
      return replies;
    } catch (error) {
      if (error instanceof NodeFailure && error.kind === "timeout") this.isSilent = true;
      throw error;
    } finally {
      clearTimeout(timer);
      this.underWay.delete(controller);
    }
  }

  /** In one request, or in as many as the node wants. */
  private async askTogether(questions: readonly Question[], signal: AbortSignal): Promise<Reply[]> {
    if (questions.length > this.mostTogether) {
      const groups: (readonly Question[])[] = [];
      for (let i = 0; i < questions.length; i += this.mostTogether) {
        groups.push(questions.slice(i, i + this.mostTogether));
      }
      return (await Promise.all(groups.map((group) => this.askTogether(group, signal)))).flat();
    }
    const [first] = questions;
    const body = JSON.stringify(questions.length === 1 ? first : questions);
    try {
      const answer = await post(this.options.endpoint, body, signal);
      this.requireBatch(batchErrorOf(questions, answer));
      const replies = repliesTo(questions, answer);
      if (typeof replies !== "string") return replies;
      throw new NodeFailure(this.name, "malformed", replies);
    } catch (error) {
      if (!(error instanceof BodyRefused)) throw error;
      if (questions.length === 1) throw new NodeFailure(this.name, "refused", "HTTP 413");
      this.mostTogether = Math.ceil(questions.length / 2);
      return this.askTogether(questions, signal);
    }
  }

  /** One error for a batch means that it is too large, unless it says that the node can do nothing now. */
  private requireBatch(error: Reply | undefined): void {
    if (error === undefined) return;
    if (verdictOf("", error) !== "failed") throw new BodyRefused();
    this.requireSome([], [error]);
  }

  /** A node that could look at nothing is as good as one that is silent. */
  private requireSome(questions: readonly Question[], replies: readonly Reply[]): void {
    const isAllLost = replies.every(
      (reply, i) => verdictOf(questions[i]?.method ?? "", reply) === "failed",
    );
    const [first] = replies;
    if (!isAllLost || first === undefined || !("error" in first)) return;
    throw new NodeFailure(this.name, "refused", first.error.message);
  }
}
