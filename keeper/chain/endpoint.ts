import { NodeFailure, reasonOf } from "./failures.js";

/** A node's address, for HTTP or WebSocket. */
export interface Endpoint {
  /** Host and port. */
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** HTTP answers to a body that is too large for the node: it may take half of it. */
export class BodyRefused extends Error {
  override readonly name = "BodyRefused";
}

/** A connection that was kept open may be closed by the node just when it is used again. */
const STALE_CONNECTION = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"];

/** Addresses by host and port; those that share both are numbered, since the rest of a URL may be a key. */
export function endpointsOf(urls: readonly string[]): Endpoint[] {
  const names = urls.map((text) => new URL(text).host);
  return urls.map((text, i) => {
    const url = new URL(text);
    const headers: Record<string, string> = {};
    if (url.username !== "") {
      // fetch and WebSocket take no credentials in an address.
      const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      headers.authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
      url.username = url.password = "";
    }
    const sameBefore = names.slice(0, i).filter((name) => name === url.host).length;
    const name = sameBefore === 0 ? url.host : `${url.host} (${sameBefore + 1})`;
    return { name, url: url.href, headers };
  });
}

/**
 * Sends a body and gives what came back, parsed.
 *
 * @param signal Ends it with its reason.
 * @throws NodeFailure when there is no answer.
 * @throws BodyRefused when the node does not take so much at once.
 */
export async function post(
  endpoint: Endpoint,
  body: string,
  signal: AbortSignal,
): Promise<unknown> {
  const { name } = endpoint;
  const { status, text } = await send(endpoint, body, signal);
  if (status === 413) throw new BodyRefused(`HTTP ${status}`);
  if (status === 429 || status >= 500) throw new NodeFailure(name, "refused", `HTTP ${status}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    if (status >= 400) throw new NodeFailure(name, "refused", `HTTP ${status}`, { cause });
    throw new NodeFailure(name, "malformed", "sent no JSON", { cause });
  }
  // Some send errors of JSON-RPC with a status of their own.
  const { error } = (parsed ?? {}) as { error?: unknown };
  if (status >= 400 && !Array.isArray(parsed) && error === undefined) {
    throw new NodeFailure(name, "refused", `HTTP ${status}`);
  }
  return parsed;
}

async function send(
  { headers, name, url }: Endpoint,
  body: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  for (let attempt = 1; ; ++attempt) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body,
        signal,
        redirect: "error",
      });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      if (signal.reason instanceof NodeFailure) throw signal.reason;
      const { code } = ((cause as Error).cause ?? {}) as { code?: string };
      if (attempt === 1 && code !== undefined && STALE_CONNECTION.includes(code)) continue;
      throw new NodeFailure(name, "unreachable", reasonOf(cause), { cause });
    }
  }
}
