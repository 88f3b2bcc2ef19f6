import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Problem } from "./problem.js";
import { Secret } from "./secret.js";
import { VARIABLE_PREFIX } from "./settings.js";

/** What must never be seen, by name; each comes from the environment, or from a file that the environment names. */
export const SECRETS = {
  privateKey: {
    variable: `${VARIABLE_PREFIX}PRIVATE_KEY`,
    description: "The wallet's key: 0x and 64 hexadecimal digits.",
    mayBeInFile: false,
  },
  keystorePassword: {
    variable: `${VARIABLE_PREFIX}KEYSTORE_PASSWORD`,
    description: "Opens the encrypted key file `wallet.keystore`.",
    mayBeInFile: true,
  },
  postgresPassword: {
    variable: `${VARIABLE_PREFIX}POSTGRES_PASSWORD`,
    description: "The password of the user in `storage`.",
    mayBeInFile: true,
  },
  smtpUser: {
    variable: `${VARIABLE_PREFIX}SMTP_USER`,
    description: "Who logs in to the mail server.",
    mayBeInFile: true,
  },
  smtpPassword: {
    variable: `${VARIABLE_PREFIX}SMTP_PASSWORD`,
    description: "The mail server's password.",
    mayBeInFile: true,
  },
  telegramToken: {
    variable: `${VARIABLE_PREFIX}TELEGRAM_TOKEN`,
    description: "The token of the Telegram bot.",
    mayBeInFile: true,
  },
} as const;

/** One of {@link SECRETS}. */
export type SecretName = keyof typeof SECRETS;

/** The secrets that were given. */
export type KeeperSecrets = { readonly [N in SecretName]?: Secret };

/** The variable that names a file with the secret: "…_PASSWORD_FILE". */
export function fileVariableOf(name: SecretName): string | undefined {
  const { mayBeInFile, variable } = SECRETS[name];
  return mayBeInFile ? `${variable}_FILE` : undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The secrets of an environment, and what is wrong with them. */
export function readSecrets(environment: Environment): {
  secrets: KeeperSecrets;
  problems: Problem[];
} {
  const secrets: Partial<Record<SecretName, Secret>> = {};
  const problems: Problem[] = [];
  for (const name of Object.keys(SECRETS) as SecretName[]) {
    const found = readSecret(name, environment);
    if (found instanceof Secret) secrets[name] = found;
    else if (found !== undefined) problems.push(found);
  }
  return { secrets, problems };
}

function readSecret(name: SecretName, environment: Environment): Secret | Problem | undefined {
  const { variable } = SECRETS[name];
  const fileVariable = fileVariableOf(name);
  const text = environment[variable]?.trim() ?? "";
  const file = fileVariable === undefined ? undefined : environment[fileVariable];
  if (fileVariable === undefined || file === undefined || file === "") {
    return text === "" ? undefined : new Secret(text);
  }
  if (text !== "") {
    return {
      place: variable,
      what: `is given, and so is ${fileVariable}`,
      cure: "Give one of them.",
    };
  }
  return readSecretFile(file, fileVariable, environment);
}

function readSecretFile(
  file: string,
  fileVariable: string,
  environment: Environment,
): Secret | Problem {
  try {
    if (isOpenToOthers(file, environment)) {
      const what = `names ${file}, which others than its owner may read`;
      return { place: fileVariable, what, cure: `Run \`chmod 600 ${file}\`.` };
    }
    const text = readFileSync(file, "utf8").trim();
    if (text !== "") return new Secret(text);
    return { place: fileVariable, what: `names ${file}, which is empty`, cure: "Fill it." };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    return {
      place: fileVariable,
      what: `names ${file}, which cannot be read (${code})`,
      cure: "Give the path of a file that the keeper's user may read.",
    };
  }
}

/** systemd's credentials lie in a folder that only the service can enter; there the group's bit is the service's own. */
function isOpenToOthers(file: string, { CREDENTIALS_DIRECTORY }: Environment): boolean {
  const isCredential =
    CREDENTIALS_DIRECTORY !== undefined &&
    path.dirname(path.resolve(file)) === path.resolve(CREDENTIALS_DIRECTORY);
  return (statSync(file).mode & (isCredential ? 0o007 : 0o077)) !== 0;
}
