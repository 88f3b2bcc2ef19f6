import { Command, CommanderError } from "commander";
import type { Clock } from "../clock.js";
import { type LoadedConfig, loadConfig } from "../config/load.js";
import { ConfigError } from "../config/problem.js";
import { readSecrets } from "../config/secrets.js";
import { databaseUrl } from "../config/storagePassword.js";
import { createKeystore, WalletError } from "../config/wallet.js";
import type { Database, Migration } from "../storage/database.js";
import { askNewPassword, PasswordError, requireLength, type Terminal } from "./askPassword.js";
import { settingsInForce } from "./configPage.js";
import { examine } from "./doctor/doctor.js";
import { checksOf, jsonOf, tableOf } from "./doctor/report.js";
import { runKeeper, type Service } from "./run.js";
import { addSettingFlags, givenFlags } from "./settingFlags.js";
import { settingsHelp } from "./settingsHelp.js";

/** What the commands work with. */
export interface CommandLineOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly service: Service;
  /** Opens the database of a setting: a file, or an address with its password. */
  readonly openDatabase: (setting: string) => Database | Promise<Database>;
  /** All rooms' steps. */
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly terminal: Terminal;
  readonly write: (text: string) => void;
  readonly complain: (text: string) => void;
}

/** Exit codes: all is well, something is wrong, the command cannot be understood. */
const FINE = 0;
const WRONG = 1;
const MISUSED = 2;

/**
 * Runs one command: `run`, which is meant when none is named, `doctor`, `config` or `keystore`.
 *
 * @param words What stands after the program's name.
 * @returns The exit code.
 */
export async function runCommandLine(
  words: readonly string[],
  options: CommandLineOptions,
): Promise<number> {
  let exitCode = FINE;
  const program = programOf(options, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has said what it had to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? FINE : MISUSED;
    const isForPeople =
      error instanceof ConfigError ||
      error instanceof WalletError ||
      error instanceof PasswordError;
    if (!isForPeople) throw error;
    options.complain(`${error.message}\n`);
    return error instanceof ConfigError ? MISUSED : WRONG;
  }
}

function programOf(options: CommandLineOptions, end: (code: number) => void): Command {
  const { complain, write } = options;
  const load = (command: Command): LoadedConfig =>
    loadConfig({ ...givenFlags(command), environment: options.environment });
  const program = new Command("keeper")
    .description("Finds, calls, tops up and liquidates accounts of a Plimsoll deployment")
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: complain })
    .addHelpText("after", settingsHelp);
  const command = (name: string, description: string): Command =>
    program.command(name, { isDefault: name === "run" }).description(description);

  addSettingFlags(command("run", "keeps until it is told to end (the default)")).action(
    async (_options, self: Command) => {
      end(await runKeeper(load(self), options.service));
    },
  );
  addSettingFlags(command("doctor", "looks at all that a keeper needs; 1 if anything is wrong"))
    .option("--json", "for programs", false)
    .action(async ({ json }: { json: boolean }, self: Command) => {
      end(await runDoctor(() => load(self), json, options));
    });
  addSettingFlags(command("config", "prints the settings in force, and where each was given"))
    .option("--json", "for programs", false)
    .action(({ json }: { json: boolean }, self: Command) => {
      write(settingsInForce(load(self), { json }));
    });
  command("keystore", "writes an encrypted key: a new one, or PLIMSOLL_KEEPER_PRIVATE_KEY")
    .argument("<file>", "where to")
    .action(async (file: string) => {
      await writeKeystore(file, options);
    });
  return program;
}

async function runDoctor(
  load: () => LoadedConfig,
  json: boolean,
  options: CommandLineOptions,
): Promise<number> {
  const { clock, migrations, openDatabase, write } = options;
  const checks = await (async () => {
    try {
      const loaded = load();
      const { config, secrets } = loaded;
      const open = () => openDatabase(databaseUrl(config.storage, secrets).reveal());
      return await examine({ loaded, clock, storage: { name: config.storage, open, migrations } });
    } catch (error) {
      if (error instanceof ConfigError) return checksOf(error);
      throw error;
    }
  })();
  write(json ? jsonOf(checks) : tableOf(checks));
  return checks.some(({ verdict }) => verdict === "wrong") ? WRONG : FINE;
}

async function writeKeystore(
  file: string,
  { environment, terminal, write }: CommandLineOptions,
): Promise<void> {
  const { problems, secrets } = readSecrets(environment);
  if (problems.length > 0) throw new ConfigError(problems);
  const password = secrets.keystorePassword ?? (await askNewPassword(terminal));
  requireLength(password.reveal());
  const address = await createKeystore({ file, password, privateKey: secrets.privateKey });
  write(
    `${file} has the key of ${address}. Keep a copy elsewhere: without it, or without its password, ` +
      `the wallet is lost.\nGive it to the keeper as wallet.keystore.\n`,
  );
}
