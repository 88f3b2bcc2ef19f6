import { readFileSync, writeFileSync } from "node:fs";
import { BaseWallet, computeAddress, encryptKeystoreJson, SigningKey, Wallet } from "ethers";
import type { KeeperConfig } from "./schema.js";
import type { Secret } from "./secret.js";
import type { KeeperSecrets } from "./secrets.js";

/** Why there is no wallet: a sentence with the cure. Nothing of what was tried is in it. */
export class WalletError extends Error {
  override readonly name = "WalletError";
}

/**
 * The wallet that signs: from the environment's key, or from the encrypted keystore.
 *
 * @returns Nothing when neither is given, as in a dry run.
 * @throws WalletError when the keystore cannot be opened.
 */
export async function openWallet(
  { wallet: { keystore } }: Pick<KeeperConfig, "wallet">,
  { keystorePassword, privateKey }: KeeperSecrets,
): Promise<BaseWallet | undefined> {
  if (privateKey !== undefined) return new BaseWallet(new SigningKey(hexOf(privateKey)));
  if (keystore === undefined) return undefined;
  if (keystorePassword === undefined) {
    throw new WalletError(`The keystore ${keystore} needs its password in the environment.`);
  }
  const json = readKeystore(keystore);
  try {
    return await Wallet.fromEncryptedJson(json, keystorePassword.reveal());
  } catch {
    // Without the cause: ethers' error has what it was given.
    throw new WalletError(
      `The keystore ${keystore} does not open: give its own password, or make a new one by \`keeper keystore\`.`,
    );
  }
}

/** What a new keystore is made of. */
export interface NewKeystore {
  readonly file: string;
  readonly password: Secret;
  /** The key to keep; a new one is made when there is none. */
  readonly privateKey?: Secret | undefined;
  /** Work to open it, a power of two: tests take less than the usual 131,072. */
  readonly scryptCost?: number;
}

/**
 * Writes an encrypted keystore that its owner alone can read; never over a file that is there.
 *
 * @returns The wallet's address.
 * @throws WalletError when the file exists or cannot be written.
 */
export async function createKeystore(options: NewKeystore): Promise<string> {
  const { file, password, privateKey, scryptCost = 131_072 } = options;
  const key = privateKey === undefined ? Wallet.createRandom().privateKey : hexOf(privateKey);
  const account = { address: computeAddress(key), privateKey: key };
  const scrypt = { N: scryptCost, r: 8, p: 1 };
  const json = await encryptKeystoreJson(account, password.reveal(), { scrypt });
  try {
    writeFileSync(file, `${json}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new WalletError(
      code === "EEXIST"
        ? `There is a file ${file} already, and it may hold a key: choose another name.`
        : `${file} cannot be written (${code}): choose a folder that you may write to.`,
      { cause: error },
    );
  }
  return account.address;
}

function readKeystore(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new WalletError(
      `The keystore ${file} cannot be read (${code}): correct wallet.keystore, or make one by \`keeper keystore\`.`,
      { cause: error },
    );
  }
}

function hexOf(key: Secret): string {
  const text = key.reveal();
  return text.startsWith("0x") ? text : `0x${text}`;
}
