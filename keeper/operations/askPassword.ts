import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { Secret } from "../config/secret.js";

/** Nobody can be asked, or the answers differ: a sentence with the cure. */
export class PasswordError extends Error {
  override readonly name = "PasswordError";
}

const LEAST_LENGTH = 12;

/** Where somebody can be asked. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/**
 * Asks for a new password twice, without showing it.
 *
 * @throws PasswordError when there is no terminal, or the two differ.
 */
export async function askNewPassword(terminal: Terminal): Promise<Secret> {
  if (!terminal.input.isTTY) {
    throw new PasswordError(
      "There is no terminal to ask for the password: set PLIMSOLL_KEEPER_KEYSTORE_PASSWORD.",
    );
  }
  const first = await askHidden("Password of the new keystore: ", terminal);
  requireLength(first);
  const second = await askHidden("The same again: ", terminal);
  if (first === second) return new Secret(first);
  throw new PasswordError("The two passwords differ: nothing was written, begin again.");
}

/** @throws PasswordError when a password could be guessed too soon. */
export function requireLength(password: string): void {
  if (password.length >= LEAST_LENGTH) return;
  throw new PasswordError(`A keystore's password has ${LEAST_LENGTH} characters or more.`);
}

function askHidden(question: string, { input, output }: Terminal): Promise<string> {
  // The terminal's echo goes through here, and nowhere else.
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const reader = createInterface({ input, output: nowhere, terminal: true });
  output.write(question);
  return new Promise((resolve, reject) => {
    reader.on("SIGINT", () => {
      reader.close();
    });
    reader.once("close", () => {
      output.write("\n");
      reject(new PasswordError("Nothing was written."));
    });
    reader.once("line", (line) => {
      resolve(line);
      reader.close();
    });
  });
}
