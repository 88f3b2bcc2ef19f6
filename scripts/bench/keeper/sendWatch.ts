import { once } from "node:events";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const HOST = "127.0.0.1";
const SENDING = '"eth_sendRawTransaction"';

/** What stands between a keeper and its node and takes down when transactions come by. */
export class SendWatch {
  /** When a transaction came by last, and how many did [milliseconds as of performance.now]. */
  last = 0;
  count = 0;
  private readonly agent = new Agent({ keepAlive: true });
  private server: Server | undefined;
  private waiting: (() => void)[] = [];

  constructor(private readonly node: string) {}

  /** Begins to listen; returns where. */
  async start(): Promise<string> {
    const { agent, node } = this;
    this.server = createServer((asked, answer) => {
      const parts: Buffer[] = [];
      asked.on("data", (part: Buffer) => parts.push(part));
      asked.on("end", () => {
        const body = Buffer.concat(parts);
        if (body.includes(SENDING)) this.note();
        const headers = { "content-type": "application/json", "content-length": body.length };
        const passed = request(node, { method: "POST", agent, headers }, (answered) => {
          answer.writeHead(answered.statusCode ?? 502, answered.headers);
          answered.pipe(answer);
        });
        passed.on("error", () => answer.destroy());
        passed.end(body);
      });
    }).listen(0, HOST);
    await once(this.server, "listening");
    return `http://${HOST}:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves with the time of the next transaction; with nothing when none comes for so long [milliseconds]. */
  next(atMost: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(undefined);
      }, atMost);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve(this.last);
      });
    });
  }

  /** Resolves when no transaction has come for so long [milliseconds]. */
  async quiet(milliseconds: number): Promise<void> {
    while ((await this.next(milliseconds)) !== undefined);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.agent.destroy();
    if (this.server === undefined) return;
    this.server.closeAllConnections();
    const closed = once(this.server, "close");
    this.server.close();
    await closed;
  }

  private note(): void {
    this.last = performance.now();
    ++this.count;
    for (const tell of this.waiting.splice(0)) tell();
  }
}
