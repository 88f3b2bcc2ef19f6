import { Readable } from "node:stream";
import MailComposer from "nodemailer/lib/mail-composer/index.js";
import SMTPConnection from "nodemailer/lib/smtp-connection/index.js";
import { isThisMachine } from "../thisMachine.js";
import type { Channel, Delivery, Letter } from "./channel.js";

/** The mail server. The password is never in a log. */
export interface EmailOptions {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; otherwise it is asked for as soon as the server offers it. */
  readonly secure: boolean;
  readonly from: string;
  readonly user?: string;
  readonly password?: string;
  /** The longest that one attempt takes [milliseconds]. */
  readonly timeout: number;
  /** Accepts certificates that nobody vouches for: for tests. */
  readonly allowAnyCertificate?: boolean;
}

/**
 * Messages by SMTP, a connection for each. A receiver cannot tell a second copy from a second message, so a message whose
 * fate is unknown is not sent again; that is so only from the moment at which the server asked for its text.
 */
export function emailChannel(options: EmailOptions): Channel {
  return {
    name: "email",
    knowsRepeats: false,
    async send(letter, signal) {
      const mail = await composed(letter, options.from);
      return sendMail(mail, { ...options, to: letter.destination, signal });
    },
    close: () => Promise.resolve(),
  };
}

async function composed(letter: Letter, from: string): Promise<Buffer> {
  const { destination, id, leaveUrl, message } = letter;
  const composer = new MailComposer({
    from,
    to: destination,
    ...message,
    messageId: `<${id}@${from.split("@")[1] ?? "keeper"}>`,
    headers: {
      "auto-submitted": "auto-generated",
      ...(leaveUrl === undefined
        ? {}
        : {
            "list-unsubscribe": `<${leaveUrl}>`,
            "list-unsubscribe-post": "List-Unsubscribe=One-Click",
          }),
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** Whether a connection must be encrypted before anything is said: a password goes to no other machine in the clear. */
export function needsTls({
  host,
  secure,
  user,
}: Pick<EmailOptions, "host" | "secure"> & { readonly user: string | undefined }): boolean {
  return !secure && user !== undefined && !isThisMachine(host);
}

interface Sending extends EmailOptions {
  readonly to: string;
  readonly signal: AbortSignal;
}

function sendMail(mail: Buffer, options: Sending): Promise<Delivery> {
  const { allowAnyCertificate = false, from, host, password, port, secure, signal } = options;
  const { timeout, to, user } = options;
  return new Promise((resolve) => {
    const connection = new SMTPConnection({
      host,
      port,
      secure,
      connectionTimeout: timeout,
      greetingTimeout: timeout,
      socketTimeout: timeout,
      requireTLS: needsTls({ host, secure, user }),
      tls: { rejectUnauthorized: !allowAnyCertificate },
    });
    let isAsked = false;
    const end = (delivery: Delivery): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      connection.close();
      resolve(delivery);
    };
    const fail = (error: SMTPConnection.SMTPError): void => {
      end(failureOf(error, isAsked));
    };
    const stop = (): void => {
      fail(Object.assign(new Error("out of time"), { code: "ETIMEDOUT" }));
    };
    const timer = setTimeout(stop, timeout);
    signal.addEventListener("abort", stop);
    const text = new Readable({
      read() {
        // Read only after the server's 354: from now on it may have the message, whatever happens.
        isAsked = true;
        this.push(mail);
        this.push(null);
      },
    });
    const send = (): void => {
      connection.send({ from, to }, text, (error) => {
        if (error === null) end({ kind: "sent" });
        else fail(error);
      });
    };
    connection.on("error", fail);
    connection.connect((error) => {
      if (error !== undefined) fail(error);
      else if (user === undefined || password === undefined) send();
      else {
        connection.login({ user, pass: password }, (refused) => {
          if (refused === null) send();
          else fail(refused);
        });
      }
    });
    if (signal.aborted) stop();
  });
}

/** What the server said is not repeated beyond its code: servers quote what they were given. */
function failureOf({ code, responseCode }: SMTPConnection.SMTPError, isAsked: boolean): Delivery {
  const what = responseCode === undefined ? (code ?? "an error") : String(responseCode);
  const reason = `The mail server did not take the message: ${what}`;
  // With an answer of the server everything is clear.
  if (isAsked && responseCode === undefined) return { kind: "unknown", reason };
  // Also a recipient that was refused may be our own doing, a relay that does not know us: it never ends a subscription.
  return { kind: "failed", reason, isOurs: code !== "EENVELOPE" };
}
