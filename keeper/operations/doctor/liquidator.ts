import {
  type AccountId,
  formatAccount,
  ownerOf,
  parseWad,
  type Plimsoll,
  WAD,
} from "../../../sdk/index.js";
import type { KeeperConfig } from "../../config/schema.js";
import { type Check, findingsOf, reasonOf } from "./check.js";

/** The bit of an operator's permissions that lets it take slices over. */
const LIQUIDATE = 8n;
/** A permission that ends sooner is worth a word [seconds]. */
const WEEK = 604_800n;

const { ok, warning, wrong } = findingsOf("liquidator");

/** Whose account, and who would take over for it. */
export interface LiquidatorOptions {
  readonly plimsoll: Pick<Plimsoll, "vault" | "marginEngine" | "provider">;
  readonly config: KeeperConfig;
  /** The wallet's address; nothing when it looks on only. */
  readonly wallet: string | undefined;
}

/** Looks at the liquidator's account: that the wallet may use it, and that it can take something over. */
export async function checkLiquidator(options: LiquidatorOptions): Promise<Check[]> {
  const { config, wallet } = options;
  const account = config.liquidate.account as AccountId | undefined;
  if (!config.roles.includes("liquidate") || account === undefined) {
    return [ok("account", "none is needed: this keeper does not liquidate")];
  }
  const margin = await checkMargin(account, options);
  if (wallet === undefined) return [margin];
  return [await checkPermission(account, wallet, options), margin];
}

async function checkPermission(
  account: AccountId,
  wallet: string,
  { plimsoll }: LiquidatorOptions,
): Promise<Check> {
  const owner = ownerOf(account);
  const name = formatAccount(account);
  if (owner.toLowerCase() === wallet.toLowerCase()) {
    return ok("permission", `the wallet owns ${name}`);
  }
  const [{ permissions, until }, block] = await Promise.all([
    plimsoll.vault.operatorOf(owner, wallet),
    plimsoll.provider.getBlock("latest"),
  ]);
  const now = BigInt(block?.timestamp ?? 0);
  const cure =
    `Let ${owner} call Vault.setOperator(${wallet}, 8, <unix seconds of its end>), ` +
    "or give liquidate.account an account of the wallet's.";
  if ((permissions & LIQUIDATE) === 0n) {
    const found = `the wallet neither owns ${name} nor is its operator with LIQUIDATE`;
    return wrong("permission", found, cure);
  }
  const end = endOf(until);
  if (until < now) return wrong("permission", `the wallet's LIQUIDATE ended at ${end}`, cure);
  const found = `the wallet is operator of ${name} with LIQUIDATE until ${end}`;
  return until - now < WEEK ? warning("permission", found, cure) : ok("permission", found);
}

async function checkMargin(
  account: AccountId,
  { config, plimsoll }: LiquidatorOptions,
): Promise<Check> {
  const { reserve } = config.liquidate;
  try {
    const { equity, initial } = await plimsoll.marginEngine.marginOf(account);
    const free = equity - initial;
    const found = `it has ${dollarsOf(free)} dollars of free margin`;
    if (free > parseWad(reserve.toString())) return ok("margin", found);
    const cure =
      `Deposit settlement tokens to ${formatAccount(account)}; it takes over as much as its free margin ` +
      `beyond liquidate.reserve (${reserve}) bears.`;
    return wrong("margin", found, cure);
  } catch (error) {
    const cure =
      "Wait until the prices of what it holds can be read, or use an account without them.";
    return wrong("margin", `its margin cannot be read: ${reasonOf(error)}`, cure);
  }
}

/** A date; permissions that outlast dates have none. */
function endOf(until: bigint): string {
  const milliseconds = Number(until) * 1_000;
  return milliseconds > 8.64e15 ? "the end of time" : new Date(milliseconds).toISOString();
}

function dollarsOf(wad: bigint): string {
  return (Number(wad / 10n ** 14n) / Number(WAD / 10n ** 14n)).toFixed(2);
}
