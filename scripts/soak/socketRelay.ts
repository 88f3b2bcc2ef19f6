import { connect, type Socket } from "node:net";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** What becomes of a text that the server sends: another text, or nothing. */
export type ChangeText = (text: string) => string | undefined;

const TEXT = 0x81;

/**
 * Carries a WebSocket to another server, byte by byte but for what that server says in text, which may be changed or held
 * back. No library: what a server sends is not masked and, asked without extensions, not compressed.
 */
export function relaySocket(
  request: IncomingMessage,
  client: Duplex,
  { upstream, change }: { upstream: URL; change: ChangeText },
): void {
  const server = connect(Number(upstream.port), upstream.hostname);
  const lines = [`GET ${upstream.pathname} HTTP/1.1`, `Host: ${upstream.host}`];
  for (const [name, value] of Object.entries(request.headers)) {
    if (name === "host" || name === "sec-websocket-extensions") continue;
    lines.push(`${name}: ${String(value)}`);
  }
  server.write(`${lines.join("\r\n")}\r\n\r\n`);
  client.pipe(server);
  passOn(server, client, change);
  for (const end of [client, server]) {
    end.on("error", () => undefined);
    end.on("close", () => {
      client.destroy();
      server.destroy();
    });
  }
}

/** The answer to the handshake as it is, and then frame by frame. */
function passOn(server: Socket, client: Duplex, change: ChangeText): void {
  let waiting = Buffer.alloc(0);
  let isOpen = false;
  server.on("data", (bytes: Buffer) => {
    waiting = Buffer.concat([waiting, bytes]);
    if (!isOpen) {
      const end = waiting.indexOf("\r\n\r\n");
      if (end < 0) return;
      client.write(waiting.subarray(0, end + 4));
      waiting = waiting.subarray(end + 4);
      isOpen = true;
    }
    for (let frame = firstFrame(waiting); frame !== undefined; frame = firstFrame(waiting)) {
      waiting = waiting.subarray(frame.size);
      if (frame.bytes[0] !== TEXT) {
        client.write(frame.bytes);
        continue;
      }
      const text = change(frame.payload.toString());
      if (text !== undefined) client.write(frameOf(text));
    }
  });
}

/** The first whole frame of what has come so far. */
function firstFrame(bytes: Buffer): { bytes: Buffer; payload: Buffer; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const start = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < start) return undefined;
  const length =
    short === 127
      ? Number(bytes.readBigUInt64BE(2))
      : short === 126
        ? bytes.readUInt16BE(2)
        : short;
  const size = start + length;
  if (bytes.length < size) return undefined;
  return { bytes: bytes.subarray(0, size), payload: bytes.subarray(start, size), size };
}

function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(payload.length < 126 ? 2 : 4);
  header.writeUInt8(TEXT, 0);
  if (payload.length < 126) header.writeUInt8(payload.length, 1);
  else {
    header.writeUInt8(126, 1);
    header.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([header, payload]);
}
