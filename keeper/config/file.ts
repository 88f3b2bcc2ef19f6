import { readFileSync } from "node:fs";
import { parse, YAMLParseError } from "yaml";
import { nearestWord } from "./nearest.js";
import type { Problem } from "./problem.js";
import { GROUPS, OPTIONAL_GROUPS, SETTINGS } from "./settings.js";

/** What a settings file holds. */
export interface FileSettings {
  /** Values by the settings' names. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Groups that are there, be they empty: some are switched on by that. */
  readonly groups: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** Words that say that something is a secret. */
const SECRET_WORDS = /private|password|secret|token|mnemonic|seed|passphrase|(^|[._-])user$/i;

/** Whether a name is one of a secret, which belongs into the environment. */
export function namesSecret(name: string): boolean {
  return SECRET_WORDS.test(name);
}

/** Why a secret is refused where it stands. */
export function secretProblem(place: string, where: string): Problem {
  return {
    place,
    what: `is a secret in ${where}, which others can read`,
    cure:
      "Take it out, and give it by the environment (docs/keeper.md, Secrets); " +
      "if anybody could have seen it, make a new one.",
  };
}

/** Reads a file of settings: YAML, of which JSON is a part. */
export function readSettingsFile(file: string): FileSettings {
  const values = new Map<string, unknown>();
  const groups = new Set<string>();
  const problems: Problem[] = [];
  const content = contentOf(file, problems);
  if (content !== undefined) {
    collect(content, "", { file, values, groups, problems });
  }
  return { values, groups, problems };
}

function contentOf(file: string, problems: Problem[]): object | undefined {
  try {
    const content: unknown = parse(readFileSync(file, "utf8"));
    if (content === null || content === undefined) return undefined;
    if (isGroup(content)) return content;
    problems.push({
      place: file,
      what: "is no list of settings",
      cure: 'Write settings by name, such as "name: keeper".',
    });
  } catch (error) {
    // What the parser quotes could be a secret: the place alone is told.
    const [position] = error instanceof YAMLParseError ? (error.linePos ?? []) : [];
    const code = (error as NodeJS.ErrnoException).code ?? "";
    problems.push(
      position === undefined
        ? { place: file, what: `cannot be read (${code})`, cure: "Give --config an existing file." }
        : {
            place: `${file}:${position.line}:${position.col}`,
            what: "is neither YAML nor JSON",
            cure: "Correct the file there.",
          },
    );
  }
  return undefined;
}

interface Collection {
  readonly file: string;
  readonly values: Map<string, unknown>;
  readonly groups: Set<string>;
  readonly problems: Problem[];
}

function collect(group: object, above: string, into: Collection): void {
  const { file, values, groups, problems } = into;
  for (const [key, value] of Object.entries(group) as [string, unknown][]) {
    const name = above === "" ? key : `${above}.${key}`;
    const place = `${file}: ${name}`;
    if (SETTINGS.some((setting) => setting.name === name)) values.set(name, value);
    else if (!GROUPS.has(name)) problems.push(unknownEntry(name, file));
    else if (isGroup(value)) {
      groups.add(name);
      collect(value, name, into);
    } else if (value !== null || OPTIONAL_GROUPS.includes(name)) {
      const cure = "Indent its settings under it, write {} for their defaults, or leave it out.";
      problems.push({ place, what: "is a group of settings, and is none here", cure });
    }
  }
}

function unknownEntry(name: string, file: string): Problem {
  const place = `${file}: ${name}`;
  if (namesSecret(name)) return secretProblem(place, "a file");
  const near = nearestWord(name, [...SETTINGS.map((setting) => setting.name), ...GROUPS]);
  const cure = near === undefined ? "`keeper --help` lists all." : `Did you mean ${near}?`;
  return { place, what: "is no setting", cure };
}

function isGroup(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
