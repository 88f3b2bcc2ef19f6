import Table from "cli-table3";
import type { LoadedConfig } from "../config/load.js";
import { publicUrl } from "../config/publicUrl.js";
import { type SecretName, SECRETS } from "../config/secrets.js";
import { type Setting, SETTINGS, textOfValue } from "../config/settings.js";

/** The settings in force with where each was given; secrets are "set" or "not set". */
export function settingsInForce(loaded: LoadedConfig, { json }: { json: boolean }): string {
  const rows = [...SETTINGS.map((setting) => rowOf(setting, loaded)), ...secretRows(loaded)];
  if (json) return `${JSON.stringify(rows, null, 2)}\n`;
  const table = new Table({
    head: ["setting", "value", "given by"],
    style: { head: [], border: [] },
  });
  for (const { name, origin, value } of rows) table.push([name, value ?? "", origin]);
  return `${table.toString()}\n`;
}

interface SettingRow {
  readonly name: string;
  /** Missing when it has none. */
  readonly value: string | undefined;
  readonly origin: string;
}

function rowOf(setting: Setting, { config, origins }: LoadedConfig): SettingRow {
  const { name, path } = setting;
  const value = path.reduce<unknown>(
    (group, key) => (group as Record<string, unknown> | undefined)?.[key],
    config,
  );
  const origin = origins.get(name) ?? "default";
  return { name, value: value === undefined ? undefined : shown(name, value), origin };
}

/** Addresses of nodes may have a key in them. */
function shown(name: string, value: unknown): string {
  const isOfNodes = name === "rpc.urls" || name === "rpc.sockets";
  return textOfValue(isOfNodes ? (value as string[]).map(publicUrl) : value);
}

function secretRows({ secrets }: LoadedConfig): SettingRow[] {
  return (Object.keys(SECRETS) as SecretName[]).map((name) => ({
    name: SECRETS[name].variable,
    value: secrets[name] === undefined ? "not set" : "set",
    origin: secrets[name] === undefined ? "" : "environment",
  }));
}
