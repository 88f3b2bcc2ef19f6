import { type Command, Option } from "commander";
import { unknownFlag } from "../config/load.js";
import type { Problem } from "../config/problem.js";
import { SETTINGS } from "../config/settings.js";

const CONFIG_FLAG = "--config";

/** Lets a command take a flag for each setting. They are not in commander's own list: all are in the help's end. */
export function addSettingFlags(command: Command): Command {
  command.option(`${CONFIG_FLAG} <file>`, "a file of settings, YAML or JSON");
  for (const { flag, kind } of SETTINGS) {
    const value = kind === "boolean" ? "[boolean]" : "<value>";
    command.addOption(new Option(`${flag} ${value}`).hideHelp());
  }
  // What is unknown is told together with everything else that is wrong.
  return command.allowUnknownOption().allowExcessArguments();
}

/** What a command line says of settings. */
export interface GivenFlags {
  readonly flags: ReadonlyMap<string, string>;
  readonly file: string | undefined;
  readonly problems: readonly Problem[];
}

/** The settings' flags that were given to a command. */
export function givenFlags(command: Command): GivenFlags {
  const given = command.opts<Record<string, string | true | undefined>>();
  const flags = new Map<string, string>();
  for (const { flag, name } of SETTINGS) {
    const value = given[new Option(flag).attributeName()];
    if (value !== undefined) flags.set(name, value === true ? "true" : value);
  }
  const { config } = given;
  return {
    flags,
    file: typeof config === "string" ? config : undefined,
    problems: problemsOfRest(command),
  };
}

/** Words that no option took: values of unknown flags are among them, and are never repeated. */
function problemsOfRest(command: Command): Problem[] {
  const known = command.options.flatMap(({ long }) => long ?? []);
  const unknown = command.args.filter((word) => word.startsWith("-"));
  if (unknown.length > 0) {
    return unknown.map((word) => unknownFlag(word.split("=", 1)[0] ?? "", known));
  }
  if (command.args.length === 0) return [];
  const what = `has ${command.args.length} word(s) that belong to no flag`;
  return [{ place: "The command line", what, cure: "Give every value after its flag." }];
}
