import type { DeploymentRecord } from "../../../sdk/index.js";

/** Where a node is asked, with its key in a header where fetch takes none in an address. */
export function requestOf(text: string): { url: string; headers: Record<string, string> } {
  const url = new URL(text);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (url.username !== "") {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(user).toString("base64")}`;
    url.username = url.password = "";
  }
  return { url: url.href, headers };
}

/** A node refused or did not answer: why, without its address. */
class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Asks one node directly, without failover. */
export class NodeProbe {
  constructor(
    private readonly url: string,
    private readonly timeoutSeconds: number,
  ) {}

  /**
   * The answer to one question.
   *
   * @throws NoAnswer
   */
  async ask(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const answer = await this.post({ jsonrpc: "2.0", id: 1, method, params });
    const { error, result } = answer as { error?: { message?: unknown }; result?: unknown };
    if (error !== undefined) {
      throw new NoAnswer(typeof error.message === "string" ? error.message : "it refused");
    }
    return result;
  }

  /** Whether several questions in one request are answered. */
  async takesBatches(): Promise<boolean> {
    const question = { jsonrpc: "2.0", method: "eth_chainId", params: [] };
    const answer = await this.post([1, 2].map((id) => ({ ...question, id }))).catch(
      () => undefined,
    );
    return Array.isArray(answer) && answer.length === 2;
  }

  /** The hash of its block that has the whole deployment; undefined where there is none. */
  async hashAt({ block }: DeploymentRecord): Promise<string | undefined> {
    const tag = `0x${block.number.toString(16)}`;
    const found = await this.ask("eth_getBlockByNumber", [tag, false]);
    return (found as { hash?: string } | null)?.hash;
  }

  private async post(body: unknown): Promise<unknown> {
    const { headers, url } = requestOf(this.url);
    const signal = AbortSignal.timeout(this.timeoutSeconds * 1_000);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        signal,
      });
      const text = await response.text();
      if (text.trimStart().startsWith("{") || text.trimStart().startsWith("[")) {
        return JSON.parse(text);
      }
      throw new NoAnswer(`HTTP ${response.status} without JSON`);
    } catch (error) {
      if (error instanceof NoAnswer) throw error;
      throw new NoAnswer(causeOf(error, this.timeoutSeconds), { cause: error });
    }
  }
}

/** Why there was no answer: fetch itself says only that it failed. */
function causeOf(error: unknown, timeoutSeconds: number): string {
  if ((error as Error).name === "TimeoutError") return `nothing within ${timeoutSeconds} seconds`;
  const { code } = ((error as Error).cause ?? {}) as { code?: string };
  return code ?? (error as Error).name;
}
