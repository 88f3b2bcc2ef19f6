import { secretProblem } from "./file.js";
import type { Problem } from "./problem.js";
import { Secret } from "./secret.js";
import type { KeeperSecrets } from "./secrets.js";
import { VARIABLE_PREFIX } from "./settings.js";

/** Whether `storage` is an address of Postgres. */
export function isPostgres(storage: string): boolean {
  return /^postgres(ql)?:\/\//.test(storage);
}

/**
 * Takes the password out of an address of Postgres, so that `storage` can be shown. From the environment it is welcome;
 * in a flag or a file it is refused.
 */
export function storagePassword(
  storage: string,
  place: string | undefined,
): { storage: string; secret?: Secret; problems: Problem[] } {
  if (!isPostgres(storage) || !URL.canParse(storage)) return { storage, problems: [] };
  const url = new URL(storage);
  const inQuery = url.searchParams.get("password");
  const text = inQuery ?? decodeURIComponent(url.password);
  if (text === "") return { storage, problems: [] };
  url.password = "";
  url.searchParams.delete("password");
  const where = place?.startsWith("--") === true ? "the command line" : "a file";
  const isFromEnvironment = place?.startsWith(VARIABLE_PREFIX) === true;
  const problems = isFromEnvironment
    ? []
    : [secretProblem(`The password in ${place ?? ""}`, where)];
  return { storage: url.href, secret: new Secret(text), problems };
}

/** The address to open the database with: secret as soon as a password is in it. */
export function databaseUrl(storage: string, { postgresPassword }: KeeperSecrets): Secret {
  if (!isPostgres(storage) || postgresPassword === undefined) return new Secret(storage);
  const url = new URL(storage);
  url.password = encodeURIComponent(postgresPassword.reveal());
  return new Secret(url.href);
}
