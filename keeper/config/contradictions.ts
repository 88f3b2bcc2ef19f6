import { isThisMachine } from "../thisMachine.js";
import type { Problem } from "./problem.js";
import type { KeeperConfig } from "./schema.js";
import { fileVariableOf, type KeeperSecrets, SECRETS } from "./secrets.js";
import { settingNamed } from "./settings.js";
import { isPostgres } from "./storagePassword.js";

/** Settings that are each right and cannot be together. */
export function contradictionsOf(config: KeeperConfig, secrets: KeeperSecrets): Problem[] {
  return [
    ...walletProblems(config, secrets),
    ...roleProblems(config),
    ...storageProblems(config, secrets),
    ...mailProblems(config, secrets),
    ...telegramProblems(config, secrets),
  ];
}

function walletProblems(
  { dryRun, roles, wallet }: KeeperConfig,
  secrets: KeeperSecrets,
): Problem[] {
  const { keystorePassword, privateKey } = secrets;
  const { keystore } = wallet;
  if (keystore !== undefined && privateKey !== undefined) {
    const what = `is given, and so is ${SECRETS.privateKey.variable}`;
    return [{ place: "wallet.keystore", what, cure: "Give one of them: there is one wallet." }];
  }
  if (keystore !== undefined && keystorePassword === undefined) {
    const names = [SECRETS.keystorePassword.variable, fileVariableOf("keystorePassword")];
    const cure = `Set ${names.join(" or ")}.`;
    return [{ place: "wallet.keystore", what: "is given without its password", cure }];
  }
  if (privateKey !== undefined && !/^(0x)?[0-9a-f]{64}$/i.test(privateKey.reveal())) {
    const cure = "Give 0x and 64 hexadecimal digits, or an encrypted wallet.keystore.";
    return [{ place: SECRETS.privateKey.variable, what: "is no private key", cure }];
  }
  const isNeeded = !dryRun && roles.length > 0;
  if (!isNeeded || keystore !== undefined || privateKey !== undefined) return [];
  const cure =
    `Set ${SECRETS.privateKey.variable}, or make a keystore by \`keeper keystore\` and give ` +
    "wallet.keystore, or look on with --dry-run.";
  return [{ place: "wallet", what: "is missing: nobody could sign transactions", cure }];
}

function roleProblems({ liquidate, roles, rpc }: KeeperConfig): Problem[] {
  const problems: Problem[] = [];
  if (roles.includes("liquidate") && liquidate.account === undefined) {
    const place = "liquidate.account";
    const { flag, variable } = settingNamed(place);
    const cure = `Give ${flag} or ${variable}, or leave liquidate out of roles.`;
    problems.push({ place, what: "is missing, and roles has liquidate", cure });
  }
  if (new Set(roles).size < roles.length) {
    problems.push({ place: "roles", what: "names a role twice", cure: "Name it once." });
  }
  if (rpc.stalledSeconds <= rpc.pollSeconds) {
    const what = "is not longer than rpc.pollSeconds, so that the alarm would always be on";
    const cure = "Make it several times the chain's time between blocks.";
    problems.push({ place: "rpc.stalledSeconds", what, cure });
  }
  return problems;
}

function storageProblems(
  { storage }: KeeperConfig,
  { postgresPassword }: KeeperSecrets,
): Problem[] {
  if (isPostgres(storage) && !URL.canParse(storage)) {
    const what = "is no address of Postgres";
    return [{ place: "storage", what, cure: "Write postgres://user@host:5432/database." }];
  }
  if (/^\w+:\/\//.test(storage) && !isPostgres(storage)) {
    const what = "is of a kind of database that the keeper does not know";
    return [{ place: "storage", what, cure: "Give a SQLite file, or postgres://…" }];
  }
  if (isPostgres(storage) || postgresPassword === undefined) return [];
  return [
    {
      place: SECRETS.postgresPassword.variable,
      what: "is given, and storage is not Postgres",
      cure: "Give storage as postgres://user@host/database, or leave the password out.",
    },
  ];
}

function mailProblems({ people: { smtp } }: KeeperConfig, secrets: KeeperSecrets): Problem[] {
  const { smtpPassword, smtpUser } = secrets;
  const [user, password] = [SECRETS.smtpUser.variable, SECRETS.smtpPassword.variable];
  if ((smtpUser === undefined) !== (smtpPassword === undefined)) {
    const [place, other] = smtpUser === undefined ? [password, user] : [user, password];
    return [{ place, what: `is given without ${other}`, cure: "Give both, or neither." }];
  }
  if (smtp === undefined && smtpUser !== undefined) {
    const cure = "Give people.smtp.host, port and from, or leave the secrets out.";
    return [{ place: user, what: "is given, and no mail server is", cure }];
  }
  if (smtp === undefined || smtpUser !== undefined || isThisMachine(smtp.host)) return [];
  const cure = `Set ${user} and ${password}. Only a relay on this machine goes without.`;
  return [{ place: "people.smtp", what: "is given without a user and a password", cure }];
}

function telegramProblems(
  { people: { telegram } }: KeeperConfig,
  { telegramToken }: KeeperSecrets,
): Problem[] {
  const { variable } = SECRETS.telegramToken;
  if (telegram !== undefined && telegramToken === undefined) {
    const cure = `Set ${variable} to the token that @BotFather gave.`;
    return [{ place: "people.telegram", what: "is on without the bot's token", cure }];
  }
  if (telegram !== undefined || telegramToken === undefined) return [];
  const cure = "Switch it on by people.telegram.apiRoot, or leave the token out.";
  return [{ place: variable, what: "is given, and Telegram is not on", cure }];
}
