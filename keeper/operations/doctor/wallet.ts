import { formatEther, type Provider } from "ethers";
import type { LoadedConfig } from "../../config/load.js";
import { openWallet, WalletError } from "../../config/wallet.js";
import { type Check, findingsOf } from "./check.js";

const { ok, warning, wrong } = findingsOf("wallet");

/** Looks at the wallet: that its key opens. */
export async function checkWallet({
  config,
  secrets,
}: Pick<LoadedConfig, "config" | "secrets">): Promise<{ checks: Check[]; address?: string }> {
  try {
    const wallet = await openWallet(config, secrets);
    if (wallet === undefined) {
      return { checks: [ok("key", "there is none, and nothing is sent")] };
    }
    const { address } = wallet;
    return { checks: [ok("key", `it signs for ${address}`)], address };
  } catch (error) {
    if (!(error instanceof WalletError)) throw error;
    return { checks: [wrong("key", error.message, "Correct the keystore or its password.")] };
  }
}

/** Looks at what the wallet has for gas. */
export async function checkEther(
  { config }: Pick<LoadedConfig, "config">,
  address: string,
  provider: Provider,
): Promise<Check> {
  const balance = await provider.getBalance(address);
  const { leastEther } = config.dispatch;
  const found = `it has ${formatEther(balance)} ether`;
  const cure = `Send ether to ${address}.`;
  if (balance === 0n && !config.dryRun) return wrong("ether", found, cure);
  if (Number(formatEther(balance)) >= leastEther) return ok("ether", found);
  return warning("ether", `${found}, less than dispatch.leastEther (${leastEther})`, cure);
}
