import { FILE_VARIABLE } from "../config/load.js";
import { fileVariableOf, type SecretName, SECRETS } from "../config/secrets.js";
import { type Setting, SETTINGS, textOfValue } from "../config/settings.js";
import { table } from "./markdown.js";

/** All settings and secrets, for the end of `--help`. */
export function settingsHelp(): string {
  const settings = SETTINGS.flatMap((setting) => [
    `  ${setting.flag} <${placeholderOf(setting)}>`,
    `      ${describe(setting)}`,
    `      ${setting.variable}; ${setting.name}`,
  ]);
  const secrets = (Object.keys(SECRETS) as SecretName[]).flatMap((name) => {
    const { description, variable } = SECRETS[name];
    const file = fileVariableOf(name);
    return [`  ${variable}${file === undefined ? "" : ` or ${file}`}`, `      ${description}`];
  });
  return [
    "",
    "Settings, by flag, variable of the environment, and name in the file (in this order, the first counts):",
    ...settings,
    "",
    `The file is that of --config or ${FILE_VARIABLE}: YAML or JSON.`,
    "",
    "Secrets, from the environment alone:",
    ...secrets,
    "",
    "docs/keeper.md explains all of it.",
  ].join("\n");
}

/** The tables of settings and secrets, for the keeper's pages. */
export const SETTINGS_TABLES: Readonly<Record<"settings" | "secrets", () => string>> = {
  settings: () =>
    table(
      ["setting", "default", "what it is"],
      SETTINGS.map((setting) => [
        `\`${setting.name}\``,
        standardOf(setting),
        setting.description + choicesOf(setting),
      ]),
    ),
  secrets: () =>
    table(
      ["variable", "or the path of a file in", "what it is"],
      (Object.keys(SECRETS) as SecretName[]).map((name) => {
        const { description, variable } = SECRETS[name];
        const file = fileVariableOf(name);
        return [`\`${variable}\``, file === undefined ? "-" : `\`${file}\``, description];
      }),
    ),
};

function describe(setting: Setting): string {
  return `${setting.description}${choicesOf(setting)} (${standardOf(setting)})`;
}

function choicesOf({ choices, kind }: Setting): string {
  if (choices.length === 0) return "";
  return ` ${kind === "list" ? "Any" : "One"} of: ${choices.join(", ")}.`;
}

function standardOf({ choices, isRequired, kind, standard, unit }: Setting): string {
  if (standard === undefined) return isRequired ? "must be given" : "none";
  if (kind === "list" && choices.length > 0) return "all";
  return `${textOfValue(standard)}${unit === undefined ? "" : ` ${unit}`}`;
}

function placeholderOf({ kind, unit }: Setting): string {
  if (kind === "boolean") return "true|false";
  if (kind === "list") return "a,b";
  return unit ?? kind;
}
