import { storagePassword } from "./storagePassword.js";
import { contradictionsOf } from "./contradictions.js";
import { type FileSettings, namesSecret, readSettingsFile, secretProblem } from "./file.js";
import { nearestWord } from "./nearest.js";
import { ConfigError, type Problem } from "./problem.js";
import { problemsOfIssues } from "./issues.js";
import { configSchema, type KeeperConfig } from "./schema.js";
import {
  fileVariableOf,
  type KeeperSecrets,
  readSecrets,
  SECRETS,
  type SecretName,
} from "./secrets.js";
import { type Setting, SETTINGS, VARIABLE_PREFIX, valueOfText } from "./settings.js";

/** Where settings may come from. */
export interface ConfigSources {
  /** Texts by setting: "rpc.urls". */
  readonly flags?: ReadonlyMap<string, string>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A file of settings, YAML or JSON. */
  readonly file?: string | undefined;
  /** What is wrong with the command line, to be told together with all the rest. */
  readonly problems?: readonly Problem[];
}

/** Where a setting's value was given: "--name", "PLIMSOLL_KEEPER_NAME", "keeper.yaml", "default". */
type Origin = string;

/** What the keeper runs with. */
export interface LoadedConfig {
  readonly config: KeeperConfig;
  readonly secrets: KeeperSecrets;
  /** By setting. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** The variable that names the file of settings, where no `--config` does. */
export const FILE_VARIABLE = `${VARIABLE_PREFIX}CONFIG`;

/**
 * The settings in force: flags before environment before file before defaults.
 *
 * @throws ConfigError with everything that is wrong, all at once.
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const { environment = {}, flags = new Map<string, string>() } = sources;
  const name = sources.file ?? environment[FILE_VARIABLE];
  const file = name === undefined || name === "" ? undefined : readSettingsFile(name);
  const { secrets, problems: secretProblems } = readSecrets(environment);
  const problems = [
    ...(sources.problems ?? []),
    ...unknownVariables(environment),
    ...(file?.problems ?? []),
    ...secretProblems,
  ];

  const given = givenValues({ flags, environment, file, name: name ?? "" });
  const parsed = configSchema.safeParse(nested(given, file));
  if (!parsed.success) {
    throw new ConfigError([...problems, ...problemsOfIssues(parsed.error.issues, given)]);
  }
  const password = storagePassword(parsed.data.storage, given.get("storage")?.place);
  problems.push(...password.problems);
  const config = { ...parsed.data, storage: password.storage };
  const all = { ...(password.secret && { postgresPassword: password.secret }), ...secrets };
  problems.push(...contradictionsOf(config, all));
  if (problems.length > 0) throw new ConfigError(problems);
  const origins = SETTINGS.map(({ name }) => [name, given.get(name)?.origin ?? "default"] as const);
  return { config, secrets: all, origins: new Map(origins) };
}

/** A value with where it was given. */
export interface GivenValue {
  readonly value: unknown;
  readonly origin: Origin;
  /** The origin, and in a file the entry. */
  readonly place: string;
}

function givenValues(from: {
  flags: ReadonlyMap<string, string>;
  environment: Readonly<Record<string, string | undefined>>;
  file: FileSettings | undefined;
  name: string;
}): Map<string, GivenValue> {
  const given = new Map<string, GivenValue>();
  for (const setting of SETTINGS) {
    const value = givenValue(setting, from);
    if (value !== undefined) given.set(setting.name, value);
  }
  return given;
}

function givenValue(
  setting: Setting,
  { environment, file, flags, name }: Parameters<typeof givenValues>[0],
): GivenValue | undefined {
  const flag = flags.get(setting.name);
  if (flag !== undefined) {
    return { value: valueOfText(setting, flag), origin: setting.flag, place: setting.flag };
  }
  const text = environment[setting.variable];
  // Compose files and units pass variables on that nobody set: they are empty.
  if (text !== undefined && text.trim() !== "") {
    const { variable } = setting;
    return { value: valueOfText(setting, text), origin: variable, place: variable };
  }
  if (file?.values.has(setting.name) !== true) return undefined;
  const value = file.values.get(setting.name);
  return { value, origin: name, place: `${name}: ${setting.name}` };
}

/** The values as the schema takes them. */
function nested(given: ReadonlyMap<string, GivenValue>, file: FileSettings | undefined): unknown {
  const root: Record<string, unknown> = {};
  const groupAt = (path: readonly string[]): Record<string, unknown> =>
    path.reduce((group, key) => (group[key] ??= {}) as Record<string, unknown>, root);
  for (const group of file?.groups ?? []) groupAt(group.split("."));
  for (const { name, path } of SETTINGS) {
    const found = given.get(name);
    if (found !== undefined) groupAt(path.slice(0, -1))[path.at(-1) ?? ""] = found.value;
  }
  return root;
}

function unknownVariables(environment: Readonly<Record<string, string | undefined>>): Problem[] {
  const secrets = (Object.keys(SECRETS) as SecretName[]).flatMap((name) => [
    SECRETS[name].variable as string,
    fileVariableOf(name) ?? [],
  ]);
  const known = [FILE_VARIABLE, ...secrets.flat(), ...SETTINGS.map(({ variable }) => variable)];
  return Object.keys(environment)
    .filter((variable) => variable.startsWith(VARIABLE_PREFIX) && !known.includes(variable))
    .map((variable) => {
      const near = nearestWord(variable, known);
      const cure = near === undefined ? "`keeper --help` lists all." : `Did you mean ${near}?`;
      return { place: variable, what: "is no variable of the keeper", cure };
    });
}

/** What is wrong with a flag that no setting has. */
export function unknownFlag(flag: string, known: readonly string[]): Problem {
  if (namesSecret(flag)) return secretProblem(flag, "the command line");
  const near = nearestWord(flag, known);
  const cure = near === undefined ? "`keeper --help` lists all." : `Did you mean ${near}?`;
  return { place: flag, what: "is no flag of the keeper", cure };
}
