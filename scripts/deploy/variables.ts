import hre from "hardhat";
import { configVariable } from "hardhat/config";
import { DeployError } from "./errors.js";

const PRIVATE_KEY = /^(0x)?[0-9a-fA-F]{64}$/;

/** The configuration variables that a network of hardhat.config.ts needs: its URL's, then those of its private keys. */
export function networkVariables(network: string): { url: string[]; accounts: string[] } {
  const config: unknown = hre.userConfig.networks?.[network];
  const { url, accounts } = (config ?? {}) as { url?: unknown; accounts?: unknown };
  return { url: namesIn(url), accounts: namesIn(accounts) };
}

/** Values by name, from the environment or Hardhat's keystore; throws a DeployError that names all that are missing. */
export async function requireVariables(names: readonly string[]): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  // One after the other: the keystore asks for its password once.
  for (const name of names) values[name] = await valueOf(name);
  const missing = names.filter((name) => values[name] === "");
  if (missing.length > 0) throw new DeployError(describeMissing(missing));
  return values;
}

/** Throws a DeployError that does not repeat the value. */
export function requirePrivateKeys(
  names: readonly string[],
  values: Readonly<Record<string, string>>,
): void {
  const wrong = names.find((name) => !PRIVATE_KEY.test(values[name] ?? ""));
  if (wrong === undefined) return;
  throw new DeployError(
    `${wrong} is no private key, which has 64 hexadecimal digits: ` +
      `set it with \`npx hardhat keystore set ${wrong} --force\`, then run this again.`,
  );
}

function describeMissing(names: readonly string[]): string {
  const commands = names.map((name) => `  npx hardhat keystore set ${name}`);
  return (
    `${names.join(", ")} ${names.length === 1 ? "is" : "are"} not set: store each in Hardhat's keystore ` +
    "(or export it as an environment variable), then run this again; docs/deployment.md says what each is.\n" +
    commands.join("\n")
  );
}

/** Empty when the variable is not set. */
async function valueOf(name: string): Promise<string> {
  return hre.hooks.runHandlerChain(
    "configurationVariables",
    "fetchValue",
    [configVariable(name)],
    (_context, variable) => Promise.resolve(process.env[variable.name] ?? ""),
  );
}

/** Names of the configuration variables in a part of the configuration. */
function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== "object" || value === null) return [];
  const { _type, name } = value as { _type?: unknown; name?: unknown };
  return _type === "ConfigurationVariable" && typeof name === "string" ? [name] : [];
}
