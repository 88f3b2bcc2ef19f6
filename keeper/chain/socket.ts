import { ExponentialBackoff } from "cockatiel";
import type { Logger } from "pino";
import type { Clock } from "../clock.js";
import type { Alarms } from "../operations/alarms.js";
import type { Endpoint } from "./endpoint.js";
import { Conversation } from "./conversation.js";
import type { DeployedAt } from "./identity.js";
import type { Head } from "./node.js";

/** What a socket needs. */
export interface SocketOptions {
  readonly endpoint: Endpoint;
  readonly deployment: DeployedAt;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly logger: Logger;
  /** Until it must have answered after it was opened [milliseconds]. */
  readonly timeout: number;
  /** Before it is opened again; longer each time [milliseconds]. */
  readonly pause: number;
  readonly onHead: (head: Head) => void;
  /** It tells of no blocks any more. */
  readonly onDead: () => void;
}

const MOST_PAUSE_MILLISECONDS = 10_000;
/** After this a socket that does not answer the closing handshake is left to itself. */
const CLOSE_MILLISECONDS = 500;

/** A socket over which a node announces its blocks; opened again whenever it ends. */
export class BlockSocket {
  readonly name: string;
  /** Whether it announces blocks, as far as is known. */
  isLive = false;
  /** Since when others tell of blocks of which it did not [unix milliseconds]. */
  missingSince: number | undefined;

  private end: ((reason: string) => void) | undefined;
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: SocketOptions) {
    this.name = options.endpoint.name;
  }

  /** Opens it, now and whenever it ends. */
  start(): void {
    this.running = this.run(this.stop.signal);
  }

  /** Ends it, to be opened again. */
  restart(reason: string): void {
    this.end?.(reason);
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.end?.("the keeper stops");
    await this.running;
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { alarms, clock, logger, pause } = this.options;
    const first = new ExponentialBackoff({
      initialDelay: pause,
      maxDelay: MOST_PAUSE_MILLISECONDS,
    }).next();
    let backoff = first;
    while (!signal.aborted) {
      const wasLive = await this.live();
      if (isAborted(signal)) return;
      backoff = wasLive ? first : backoff.next(undefined);
      logger.debug({ socket: this.name, pause: backoff.duration }, "The socket is opened again");
      await clock.sleep(backoff.duration, signal);
    }
    alarms.clear("socketDead", this.name);
  }

  /** From opening to the end; gives whether it told of blocks meanwhile. */
  private async live(): Promise<boolean> {
    const { alarms, deployment, endpoint, onDead, onHead, timeout } = this.options;
    const ended = new Promise<string>((resolve) => (this.end = resolve));
    const end = (reason: string): void => this.end?.(reason);
    const handshake = setTimeout(() => {
      end(`no answer for ${timeout / 1_000} s after it was opened`);
    }, timeout);
    const conversation = new Conversation(deployment, {
      onBegin: () => {
        clearTimeout(handshake);
        this.isLive = true;
        this.missingSince = undefined;
        alarms.clear("socketDead", this.name);
      },
      onHead: (head) => {
        this.missingSince = undefined;
        onHead(head);
      },
      onProblem: end,
    });
    const socket = new WebSocket(endpoint.url, { headers: { ...endpoint.headers } });
    const closed = listen(socket, conversation, end);

    const reason = await ended;
    clearTimeout(handshake);
    conversation.end();
    const wasLive = this.isLive;
    this.isLive = false;
    this.missingSince = undefined;
    onDead();
    if (!this.stop.signal.aborted) alarms.raise("socketDead", this.name, reason);
    socket.close();
    await settledWithin(closed, CLOSE_MILLISECONDS);
    return wasLive;
  }
}

/** Leads the conversation over a socket; resolves when the socket is closed. */
function listen(
  socket: WebSocket,
  conversation: Conversation,
  end: (reason: string) => void,
): Promise<void> {
  socket.addEventListener("open", () => {
    for (const question of conversation.questions()) socket.send(question);
  });
  socket.addEventListener("message", ({ data }) => {
    conversation.read(String(data));
  });
  socket.addEventListener("error", () => {
    end("it could not be opened, or broke");
  });
  return new Promise((resolve) => {
    socket.addEventListener("close", () => {
      end("it was closed");
      resolve();
    });
  });
}

async function settledWithin(promise: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

/** Asked anew: while something was waited for, it may have changed. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
