import { pino, type DestinationStream, type Logger } from "pino";
import { PinoPretty } from "pino-pretty";
import type { KeeperConfig } from "../config/schema.js";
import type { Scrub } from "../config/scrub.js";

/** What a logger is made of. */
export interface LogOptions {
  readonly settings: KeeperConfig["log"];
  /** On every line: the keeper's name, and the chain once it is known. */
  readonly base: Readonly<Record<string, string | number>>;
  readonly scrub: Scrub;
  /** Where lines go; the standard output unless given. */
  readonly destination?: DestinationStream;
}

/** Names of fields that are taken out wherever they stand: nobody should log them, and somebody will. */
const SECRET_FIELDS = [
  "privateKey",
  "password",
  "pass",
  "secret",
  "token",
  "authorization",
  "cookie",
  "requestUrl",
];

/**
 * The keeper's log: JSON lines, or lines for people. It is written before the call returns, so that the reason of an end is
 * there after it, and every line is scrubbed.
 */
export function createLogger({ base, destination, scrub, settings }: LogOptions): Logger {
  const to = destination ?? pino.destination({ fd: 1, sync: true });
  const out = settings.pretty ? prettyTo(to) : to;
  const options = {
    level: settings.level,
    base: { ...base },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: "[secret]",
    },
  };
  return pino(options, {
    write: (line) => {
      out.write(scrub(line));
    },
  });
}

/** Signs that move the cursor, begin lines or turn text around. */
const CONTROLS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Contracts and nodes of strangers put texts into errors: on a terminal they are not to act, or to look like lines of ours. */
function withoutControls(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value.replace(CONTROLS, (sign) => {
    if (key === "stack" && sign === "\n") return sign;
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Makes each line one for people as it comes, and passes it on. */
function prettyTo(to: DestinationStream): DestinationStream {
  const colorize = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  const prettify = PinoPretty.prettyFactory({ colorize, translateTime: "SYS:HH:MM:ss.l" });
  return {
    write: (line) => {
      to.write(prettify(JSON.parse(line, withoutControls)));
    },
  };
}
