import { blockParams, type DeployedAt, identityOf } from "./identity.js";
import type { Head } from "./node.js";
import { headOf } from "./pool.js";

/** What is asked when a socket opens, by the id of the question. */
const CHAIN_ID = 1;
const DEPLOYED_BLOCK = 2;
const SUBSCRIPTION = 3;
const LATEST = 4;

/** Who is told of what. */
export interface ConversationEvents {
  /** The node is of the right chain and announces blocks from now on. */
  readonly onBegin: () => void;
  readonly onHead: (head: Head) => void;
  readonly onProblem: (problem: string) => void;
}

/** What is said over one connection: first which chain it is, then its blocks. */
export class Conversation {
  private isOver = false;
  private readonly answers = new Map<number, unknown>();

  constructor(
    private readonly deployment: DeployedAt,
    private readonly events: ConversationEvents,
  ) {}

  questions(): string[] {
    const asked: [number, string, unknown[]][] = [
      [CHAIN_ID, "eth_chainId", []],
      [DEPLOYED_BLOCK, "eth_getBlockByNumber", blockParams(this.deployment)],
      [SUBSCRIPTION, "eth_subscribe", ["newHeads"]],
      [LATEST, "eth_getBlockByNumber", ["latest", false]],
    ];
    return asked.map(([id, method, params]) =>
      JSON.stringify({ jsonrpc: "2.0", id, method, params }),
    );
  }

  /** From now on nothing that it says counts. */
  end(): void {
    this.isOver = true;
  }

  read(text: string): void {
    if (this.isOver) return;
    let message: SocketMessage | null;
    try {
      message = JSON.parse(text) as SocketMessage | null;
    } catch {
      this.events.onProblem("it sent no JSON");
      return;
    }
    if (message?.method === "eth_subscription") this.readHead(message.params?.result);
    else if (typeof message?.id === "number") this.readAnswer(message.id, message);
  }

  private readAnswer(id: number, { error, result }: SocketMessage): void {
    if (error !== undefined) {
      this.events.onProblem(`it refused: ${error.message ?? "no reason given"}`);
      return;
    }
    this.answers.set(id, result);
    if (this.answers.size < LATEST) return;
    const { answers, deployment } = this;
    const identity = identityOf(deployment, answers.get(CHAIN_ID), answers.get(DEPLOYED_BLOCK));
    if (!identity.isRight) {
      this.events.onProblem(identity.problem);
      return;
    }
    this.events.onBegin();
    this.readHead(answers.get(LATEST));
  }

  private readHead(block: unknown): void {
    const head = headOf(block);
    // Before it is known whether this is the right chain, nothing that it says counts.
    if (head !== undefined && this.answers.size >= LATEST) this.events.onHead(head);
  }
}

interface SocketMessage {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: { readonly result?: unknown };
  readonly result?: unknown;
  readonly error?: { readonly message?: string };
}
