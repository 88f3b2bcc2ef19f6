import { Api } from "grammy";
import { createTransport } from "nodemailer";
import type { LoadedConfig } from "../../config/load.js";
import { needsTls } from "../../people/email.js";
import { type Check, findingsOf, reasonOf } from "./check.js";

const { ok, wrong } = findingsOf("people");

const TIMEOUT_SECONDS = 10;

/** Looks at what messages go through: that the mail server and Telegram let the keeper in. Nothing is sent. */
export async function checkPeople(
  loaded: Pick<LoadedConfig, "config" | "secrets">,
): Promise<Check[]> {
  return [...(await checkMail(loaded)), ...(await checkTelegram(loaded))];
}

async function checkMail({
  config,
  secrets: { smtpPassword, smtpUser },
}: Pick<LoadedConfig, "config" | "secrets">): Promise<Check[]> {
  const { smtp } = config.people;
  if (smtp === undefined) return [];
  const { host, port, secure } = smtp;
  const auth =
    smtpUser === undefined || smtpPassword === undefined
      ? {}
      : { auth: { user: smtpUser.reveal(), pass: smtpPassword.reveal() } };
  const milliseconds = TIMEOUT_SECONDS * 1_000;
  const transport = createTransport({
    ...{ host, port, secure, ...auth },
    requireTLS: needsTls({ host, secure, user: smtpUser?.reveal() }),
    connectionTimeout: milliseconds,
    greetingTimeout: milliseconds,
    socketTimeout: milliseconds,
  });
  try {
    await transport.verify();
    return [ok("e-mail", `${host}:${port} lets the keeper in`)];
  } catch (error) {
    const { code } = error as { code?: string };
    const cure =
      code === "EAUTH"
        ? "Correct PLIMSOLL_KEEPER_SMTP_USER and PLIMSOLL_KEEPER_SMTP_PASSWORD."
        : "Correct people.smtp: host, port, and secure, which is for port 465.";
    return [wrong("e-mail", `${host}:${port}: ${reasonOf(error)}`, cure)];
  } finally {
    transport.close();
  }
}

async function checkTelegram({
  config,
  secrets: { telegramToken },
}: Pick<LoadedConfig, "config" | "secrets">): Promise<Check[]> {
  const { telegram } = config.people;
  if (telegram === undefined || telegramToken === undefined) return [];
  try {
    const api = new Api(telegramToken.reveal(), {
      apiRoot: telegram.apiRoot,
      timeoutSeconds: TIMEOUT_SECONDS,
    });
    const { username } = await api.getMe();
    return [ok("Telegram", `the bot is @${username}`)];
  } catch (error) {
    const { error_code: code } = error as { error_code?: number };
    const cure =
      code === 401 || code === 404
        ? "Correct PLIMSOLL_KEEPER_TELEGRAM_TOKEN: @BotFather knows it."
        : "See that this machine reaches people.telegram.apiRoot.";
    return [wrong("Telegram", reasonOf(error), cure)];
  }
}
