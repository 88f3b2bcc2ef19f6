import { z } from "zod";
import { configSchema } from "./schema.js";

/** Every variable of the environment that is the keeper's begins so. */
export const VARIABLE_PREFIX = "PLIMSOLL_KEEPER_";

/** Texts become values in these ways. */
type SettingKind = "text" | "number" | "boolean" | "list";

/** One setting, as the schema has it: its names in all places where it can be given. */
export interface Setting {
  /** In a file, and as the word for it: "rpc.timeoutSeconds". */
  readonly name: string;
  readonly path: readonly string[];
  /** On the command line: "--rpc-timeout-seconds". */
  readonly flag: string;
  /** In the environment: "PLIMSOLL_KEEPER_RPC_TIMEOUT_SECONDS". */
  readonly variable: string;
  readonly kind: SettingKind;
  readonly description: string;
  readonly unit: string | undefined;
  /** The words that it may be, or hold. */
  readonly choices: readonly string[];
  /** What it is when nobody gives it; undefined when it is nothing then. */
  readonly standard: unknown;
  /** Whether its group works only with it. */
  readonly isRequired: boolean;
}

/** What zod says of a schema, as far as it is used here. */
interface Described {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly unit?: string;
}

const DESCRIBED = z.toJSONSchema(configSchema, { io: "input" }) as Described;

/** All settings, in the schema's order. */
export const SETTINGS: readonly Setting[] = settingsOf(DESCRIBED);

/** Names of groups of settings that are off unless one of theirs is given: "people.smtp". */
export const OPTIONAL_GROUPS: readonly string[] = optionalGroupsOf(DESCRIBED);

/** Names of all groups: "rpc", "people.smtp". */
export const GROUPS: ReadonlySet<string> = new Set(
  SETTINGS.flatMap(({ path }) => path.slice(0, -1).map((_, i) => path.slice(0, i + 1).join("."))),
);

function settingsOf(group: Described, above: readonly string[] = []): Setting[] {
  return Object.entries(group.properties ?? {}).flatMap(([key, described]) => {
    const path = [...above, key];
    if (described.type === "object") return settingsOf(described, path);
    const isRequired = group.required?.includes(key) === true;
    return [settingOf(described, path, isRequired)];
  });
}

function settingOf(described: Described, path: readonly string[], isRequired: boolean): Setting {
  const name = path.join(".");
  const { default: standard, description, unit } = described;
  if (description === undefined) throw new Error(`The schema does not describe ${name}`);
  const words = path.flatMap((part) => part.split(/(?=[A-Z])/)).map((word) => word.toLowerCase());
  return {
    name,
    path,
    flag: `--${words.join("-")}`,
    variable: VARIABLE_PREFIX + words.join("_").toUpperCase(),
    kind: kindOf(described),
    description,
    unit,
    choices: described.enum ?? described.items?.enum ?? [],
    standard,
    isRequired,
  };
}

function kindOf({ type }: Described): SettingKind {
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean") return "boolean";
  return type === "array" ? "list" : "text";
}

function optionalGroupsOf(group: Described, above: readonly string[] = []): string[] {
  return Object.entries(group.properties ?? {}).flatMap(([key, described]) => {
    if (described.type !== "object") return [];
    const path = [...above, key];
    const inside = optionalGroupsOf(described, path);
    return described.default === undefined ? [path.join("."), ...inside] : inside;
  });
}

/** The setting of a name that the code itself gives. */
export function settingNamed(name: string): Setting {
  const found = SETTINGS.find((setting) => setting.name === name);
  if (found === undefined) throw new Error(`The schema has no setting ${name}`);
  return found;
}

/** A flag or variable's text as the value that the schema wants; what cannot be read stays text, for the schema to refuse. */
export function valueOfText({ kind }: Setting, text: string): unknown {
  const trimmed = text.trim();
  switch (kind) {
    case "text":
      return trimmed;
    case "number":
      return /^-?\d[\d_]*(\.\d+)?$/.test(trimmed) ? Number(trimmed.replaceAll("_", "")) : text;
    case "boolean":
      if (["true", "yes", "1"].includes(trimmed)) return true;
      return ["false", "no", "0"].includes(trimmed) ? false : text;
    case "list": {
      if (trimmed === "none") return [];
      const items = trimmed.split(",").map((item) => item.trim());
      return items.filter((item) => item !== "");
    }
  }
}

/** A value as it would be written on the command line. */
export function textOfValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}
