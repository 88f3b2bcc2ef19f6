import { isIP } from "node:net";
import { z } from "zod";

/** What `--help` and docs/keeper.md say of a setting, beside what its schema says. */
export interface SettingNotes {
  readonly description: string;
  /** What its number counts: "seconds", "blocks". */
  readonly unit?: string;
  /** Written where `--help` shows the default, when there is none: "none" unless given. */
  readonly without?: string;
}

/** Writes on a schema what people are told of it. The last step: zod keeps notes with the very object they were made on. */
export function noted<S extends z.ZodType>(
  schema: S,
  description: string,
  notes: Omit<SettingNotes, "description"> = {},
): S {
  return schema.meta({ description, ...notes });
}

/** A length of time, above nothing [seconds]. */
export function seconds(standard: number, description: string) {
  return noted(z.number().positive().default(standard), description, { unit: "seconds" });
}

/** An amount in the settlement currency. */
export function dollars(standard: number, description: string) {
  return noted(z.number().nonnegative().default(standard), description, { unit: "dollars" });
}

/** A whole number, 1 at least. */
export function count(standard: number, unit: string, description: string) {
  return noted(z.int().positive().default(standard), description, { unit });
}

/** A share [bps]. */
export function bps(standard: number, description: string) {
  return noted(z.int().min(0).max(10_000).default(standard), description, { unit: "bps" });
}

/** An address of a web server. */
export const httpUrl = z.url({ protocol: /^https?$/, error: "an http:// or https:// address" });

/** An address of IP, or a network: "10.0.0.0/8"; or one of the names that proxies' networks have. */
export const proxyAddress = z.string().refine(isProxyAddress, {
  error: "an address of IP, a network such as 10.0.0.0/8, loopback, linklocal or uniquelocal",
});

function isProxyAddress(text: string): boolean {
  if (["loopback", "linklocal", "uniquelocal"].includes(text)) return true;
  const [address = "", bits, ...rest] = text.split("/");
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  return most > 0 && isNetwork && rest.length === 0;
}

/** An address of a WebSocket. */
export const socketUrl = z.url({ protocol: /^wss?$/, error: "a ws:// or wss:// address" });
