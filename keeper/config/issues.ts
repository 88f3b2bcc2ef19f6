import type { z } from "zod";
import type { GivenValue } from "./load.js";
import type { Problem } from "./problem.js";
import { type Setting, SETTINGS, textOfValue } from "./settings.js";

type Issue = z.core.$ZodIssue;

/** What the schema refuses, as sentences for people: where it was given and what is wanted, never the value. */
export function problemsOfIssues(
  issues: readonly Issue[],
  given: ReadonlyMap<string, GivenValue>,
): Problem[] {
  return issues.map((issue) => {
    const setting = SETTINGS.find(({ path }) => path.every((part, i) => issue.path[i] === part));
    if (setting === undefined) {
      const place = issue.path.join(".");
      return { place, what: `is wrong: ${issue.message}`, cure: "`keeper --help` lists all." };
    }
    const found = given.get(setting.name);
    if (found === undefined) return missing(setting);
    const item = issue.path.at(setting.path.length);
    const place = typeof item === "number" ? `${found.place} (number ${item + 1})` : found.place;
    return { place, what: wantedBy(issue, setting), cure: example(setting) };
  });
}

function missing({ flag, name, variable }: Setting): Problem {
  return {
    place: name,
    what: "is missing, and its group does not work without it",
    cure: `Give ${flag}, ${variable} or the file's ${name}.`,
  };
}

function wantedBy(issue: Issue, { choices, unit }: Setting): string {
  const of = unit === undefined ? "" : ` [${unit}]`;
  if (issue.code === "invalid_type")
    return `must be ${NOUNS[issue.expected] ?? issue.expected}${of}`;
  if (issue.code === "invalid_value") return `must be of: ${choices.join(", ")}`;
  if (issue.code === "too_big") return `must be at most ${issue.maximum}${of}`;
  if (issue.code === "too_small") {
    if (issue.origin === "array" || issue.origin === "string") return "must not be empty";
    return `must be ${issue.inclusive === true ? "at least" : "more than"} ${issue.minimum}${of}`;
  }
  // The schema's own words for forms say what is wanted; zod's name only the form.
  const hasWords = !issue.message.startsWith("Invalid");
  if (issue.code === "invalid_format" && !hasWords) return `is no ${issue.format}`;
  return hasWords ? `must be ${issue.message}` : "is not as it must be";
}

const NOUNS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  string: "a text",
};

function example({ description, standard }: Setting): string {
  if (standard === undefined) return description;
  return `${description} The default is ${textOfValue(standard)}.`;
}
