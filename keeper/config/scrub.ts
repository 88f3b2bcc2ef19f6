import { publicUrl } from "./publicUrl.js";
import type { KeeperConfig } from "./schema.js";
import type { KeeperSecrets } from "./secrets.js";

/** Takes out of a text what nobody may see. */
export type Scrub = (text: string) => string;

/** Shorter texts would be found in innocent ones. */
const LEAST_SECRET = 4;
const LEAST_USER = 8;
/** A part of a provider's path that is so long is a key: "v3" and "mainnet" are not. */
const LEAST_KEY = 12;

/**
 * A last guard before anything is written: libraries put addresses and what they were given into their errors. Takes every
 * secret out, in the forms in which it can appear, and of nodes' addresses all but scheme, host and port.
 */
export function scrubOf(config: Pick<KeeperConfig, "rpc">, secrets: KeeperSecrets): Scrub {
  const replacements = new Map<string, string>();
  for (const text of secretTexts(secrets)) {
    for (const form of formsOf(text)) replacements.set(form, "[secret]");
  }
  for (const url of [...config.rpc.urls, ...config.rpc.sockets]) {
    for (const part of keysOf(url)) {
      for (const form of formsOf(part)) replacements.set(form, "[secret]");
    }
    if (publicUrl(url) !== url.replace(/\/$/, "")) replacements.set(url, publicUrl(url));
  }
  // The longest first: a key is a part of its address.
  const ordered = [...replacements].sort(([a], [b]) => b.length - a.length);
  return (text) => ordered.reduce((left, [from, to]) => left.replaceAll(from, to), text);
}

function secretTexts({ privateKey, smtpPassword, smtpUser, ...others }: KeeperSecrets): string[] {
  const texts = Object.values(others).map((secret) => secret.reveal());
  const digits = privateKey?.reveal().replace(/^0x/, "");
  const password = smtpPassword?.reveal();
  const user = smtpUser?.reveal();
  // How mail servers are told both at once.
  const login = user !== undefined && password !== undefined ? `\0${user}\0${password}` : undefined;
  return [
    ...[...texts, password, login].filter((text) => (text?.length ?? 0) >= LEAST_SECRET),
    ...[digits, digits?.toLowerCase(), digits?.toUpperCase()],
    ...(user !== undefined && user.length >= LEAST_USER ? [user] : []),
  ].filter((text) => text !== undefined);
}

/** What could be a key in an address. */
function keysOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const parsed = new URL(url);
  const { pathname, searchParams } = parsed;
  const [password, username] = [parsed.password, parsed.username].map(decodeURIComponent) as [
    string,
    string,
  ];
  return [
    ...pathname.split("/").filter((part) => part.length >= LEAST_KEY),
    ...[...searchParams.values(), password].filter((part) => part.length >= LEAST_SECRET),
    ...(username.length >= LEAST_USER ? [username] : []),
    // In a header they are sent as one.
    ...(username === "" ? [] : [`${username}:${password}`]),
  ];
}

/** As it is, in JSON, in an address, and as mail and web servers are told it. */
function formsOf(text: string): string[] {
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    Buffer.from(text).toString("base64"),
  ];
}
