/** When the node says by its socket that there is a block: as soon as any keeper can know of it. */
export class HeadWatch {
  private socket: WebSocket | undefined;
  private waiting: ((time: number) => void)[] = [];

  /** @param url Of the node, for HTTP. */
  constructor(private readonly url: string) {}

  /** Subscribes. */
  async start(): Promise<void> {
    const socket = new WebSocket(this.url.replace("http", "ws"));
    this.socket = socket;
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    socket.addEventListener("message", ({ data }) => {
      if (!String(data).includes("eth_subscription")) return;
      const time = performance.now();
      for (const tell of this.waiting.splice(0)) tell(time);
    });
    const subscribe = { jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] };
    socket.send(JSON.stringify(subscribe));
  }

  /** When the next block is announced [milliseconds as of performance.now]. */
  next(): Promise<number> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Ends it. */
  stop(): void {
    this.socket?.close();
  }
}
