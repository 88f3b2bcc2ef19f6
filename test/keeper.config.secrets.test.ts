import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { expect } from "chai";
import { computeAddress } from "ethers";
import { configSchema } from "../keeper/config/schema.js";
import { scrubOf } from "../keeper/config/scrub.js";
import { Secret } from "../keeper/config/secret.js";
import { readSecrets } from "../keeper/config/secrets.js";
import { createKeystore, openWallet, WalletError } from "../keeper/config/wallet.js";

const PRIVATE_KEY = `0x${"4c".repeat(32)}`;
const PASSWORD = "correct horse battery";
/** Little work: what is tested is not how long guessing takes. */
const CHEAP = 2;

describe("The keeper's secrets", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-secrets-"));
  });

  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("say [secret] however they are printed", () => {
    const secret = new Secret("hush");
    const nested = { deep: { secret } };
    for (const text of [
      String(secret),
      secret.toString(),
      JSON.stringify(nested),
      inspect(nested, { depth: 9, showHidden: true }),
      inspect(secret),
    ]) {
      expect(text).to.include("[secret]").and.not.include("hush");
    }
    expect(secret.reveal()).to.equal("hush");
  });

  describe("in files", () => {
    function secretFile(name: string, mode: number, text = "hush\n"): string {
      const file = path.join(folder, name);
      writeFileSync(file, text);
      chmodSync(file, mode);
      return file;
    }

    it("are read when their owner alone may read them", () => {
      const file = secretFile("private", 0o600);
      const { problems, secrets } = readSecrets({ PLIMSOLL_KEEPER_SMTP_PASSWORD_FILE: file });
      expect(problems).to.deep.equal([]);
      expect(secrets.smtpPassword?.reveal()).to.equal("hush");
    });

    it("are refused when others may read them", () => {
      const file = secretFile("open", 0o640);
      const { problems, secrets } = readSecrets({ PLIMSOLL_KEEPER_KEYSTORE_PASSWORD_FILE: file });
      expect(secrets).to.deep.equal({});
      expect(problems).to.deep.equal([
        {
          place: "PLIMSOLL_KEEPER_KEYSTORE_PASSWORD_FILE",
          what: `names ${file}, which others than its owner may read`,
          cure: `Run \`chmod 600 ${file}\`.`,
        },
      ]);
    });

    it("may have the group's bit among systemd's credentials, whose folder is closed", () => {
      const credentials = path.join(folder, "credentials");
      mkdirSync(credentials);
      const file = secretFile("credentials/telegram", 0o440);
      const environment = { PLIMSOLL_KEEPER_TELEGRAM_TOKEN_FILE: file };
      const { secrets } = readSecrets({ ...environment, CREDENTIALS_DIRECTORY: credentials });
      expect(secrets.telegramToken?.reveal()).to.equal("hush");
      expect(readSecrets(environment).problems).to.have.length(1);
    });

    it("are refused when they are empty, are not there, or are given in the environment too", () => {
      const empty = secretFile("empty", 0o600, "\n");
      const whatOf = (environment: Record<string, string>) =>
        readSecrets(environment).problems.map(({ what }) => what);
      expect(whatOf({ PLIMSOLL_KEEPER_SMTP_USER_FILE: empty })).to.deep.equal([
        `names ${empty}, which is empty`,
      ]);
      const nowhere = path.join(folder, "nowhere");
      expect(whatOf({ PLIMSOLL_KEEPER_SMTP_USER_FILE: nowhere })).to.deep.equal([
        `names ${nowhere}, which cannot be read (ENOENT)`,
      ]);
      const both = { PLIMSOLL_KEEPER_SMTP_USER: "me", PLIMSOLL_KEEPER_SMTP_USER_FILE: empty };
      expect(whatOf(both)).to.deep.equal(["is given, and so is PLIMSOLL_KEEPER_SMTP_USER_FILE"]);
    });
  });

  describe("in a keystore", () => {
    it("are there again with the password, in a file for its owner alone", async () => {
      const file = path.join(folder, "key.json");
      const password = new Secret(PASSWORD);
      const privateKey = new Secret(PRIVATE_KEY);
      const address = await createKeystore({ file, password, privateKey, scryptCost: CHEAP });
      expect(address).to.equal(computeAddress(PRIVATE_KEY));
      expect(statSync(file).mode & 0o777).to.equal(0o600);
      expect(readFileSync(file, "utf8")).not.to.include("4c4c4c4c");
      const config = { wallet: { keystore: file } };
      const wallet = await openWallet(config, { keystorePassword: password });
      expect(wallet?.address).to.equal(address);
    });

    it("are new ones when there is no key, without a second way to them", async () => {
      const file = path.join(folder, "new.json");
      const password = new Secret(PASSWORD);
      const address = await createKeystore({ file, password, scryptCost: CHEAP });
      const opened = await openWallet(
        { wallet: { keystore: file } },
        { keystorePassword: password },
      );
      expect(opened?.address).to.equal(address);
      expect(readFileSync(file, "utf8")).not.to.include("mnemonic");
    });

    it("are never written over a file that is there", async () => {
      const file = path.join(folder, "old.json");
      writeFileSync(file, "old");
      const problem = await problemOf(
        createKeystore({ file, password: new Secret(PASSWORD), scryptCost: CHEAP }),
      );
      expect(problem).to.include("There is a file").and.include("choose another name");
      expect(readFileSync(file, "utf8")).to.equal("old");
    });

    it("stay closed with another password, of which nothing is said", async () => {
      const file = path.join(folder, "closed.json");
      await createKeystore({ file, password: new Secret(PASSWORD), scryptCost: CHEAP });
      const secrets = { keystorePassword: new Secret("another password") };
      const problem = await problemOf(openWallet({ wallet: { keystore: file } }, secrets));
      expect(problem).to.equal(
        `The keystore ${file} does not open: give its own password, or make a new one by \`keeper keystore\`.`,
      );
    });
  });

  describe("in what is written", () => {
    const config = configSchema.parse({
      rpc: {
        urls: ["https://node.example/v3/0123456789abcdef0123", "http://127.0.0.1:8545"],
        sockets: ["wss://me:socketpass@node.example/ws?apikey=querykey99"],
      },
    });
    const scrub = scrubOf(config, {
      privateKey: new Secret(PRIVATE_KEY),
      smtpUser: new Secret("mailer@plimsoll.example"),
      smtpPassword: new Secret('pa"ss\\word'),
      telegramToken: new Secret("1234:AbCdEf/="),
    });

    it("are taken out in every form", () => {
      const written = [
        PRIVATE_KEY,
        PRIVATE_KEY.slice(2).toUpperCase(),
        JSON.stringify({ pass: 'pa"ss\\word' }),
        encodeURIComponent("1234:AbCdEf/="),
        Buffer.from('pa"ss\\word').toString("base64"),
        Buffer.from('\0mailer@plimsoll.example\0pa"ss\\word').toString("base64"),
        "could not reach https://node.example/v3/0123456789abcdef0123",
        "path /v3/0123456789abcdef0123, key querykey99, user me:socketpass",
      ].map(scrub);
      const hidden = ["4c4c", "4C4C", "pa\\", "AbCdEf", "0123456789", "querykey", "socketpass"];
      hidden.push(Buffer.from('pa"ss').toString("base64").slice(0, 6), "mailer");
      for (const text of written) {
        for (const part of hidden) expect(text, text).not.to.include(part);
      }
      expect(written[6]).to.equal("could not reach https://node.example");
    });

    it("leave other words as they are, an address without a key too", () => {
      const text = "http://127.0.0.1:8545 is behind; v3 of keeper";
      expect(scrub(text)).to.equal(text);
    });
  });
});

async function problemOf(act: Promise<unknown>): Promise<string> {
  try {
    await act;
  } catch (error) {
    if (error instanceof WalletError) return error.message;
    throw error;
  }
  throw new Error("It was done");
}
