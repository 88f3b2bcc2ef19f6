import { Contract, type Signer, ZeroHash } from "ethers";
import { type AccountId, connect, type Deployment, parseWad, sendExplained } from "../sdk/index.js";

const TOKEN = ["function approve(address spender, uint256 amount) returns (bool)"];
/** Kinds of sources, in the order of the contract. */
const WALLET = 1;
const NUMBER = 1;
const DAY = 86_400n;
const YEAR = 365n * DAY;

/**
 * A standing top-up from the owner's wallet: while the account's health is below 1.25, anyone may bring it to 1.5, with at
 * most `budget` a day and `tip` for the trouble. It is an allowance with a condition: cancel it, or take the allowance
 * back, and it is over at once.
 */
export async function instructTopUp(request: {
  deployment: Deployment;
  owner: Signer;
  account: AccountId;
  /** In smallest units of the settlement token. */
  budget: bigint;
  tip: bigint;
}): Promise<number> {
  const { deployment, owner, account, budget, tip } = request;
  const { standingTopUp, vault, provider } = await connect(deployment, owner);
  const usdc = new Contract(await vault.SETTLEMENT_TOKEN(), TOKEN, owner);
  await sendExplained(usdc.getFunction("approve").send(standingTopUp, budget));

  const block = await provider.getBlock("latest");
  await sendExplained(
    standingTopUp.instruct(account, NUMBER, {
      kind: WALLET,
      until: BigInt(block?.timestamp ?? 0) + YEAR,
      triggerHealth: parseWad("1.25"),
      targetHealth: parseWad("1.5"),
      windowSeconds: DAY,
      source: ZeroHash,
      budget,
      tipLimit: tip,
      leastAssetsPerShare: 0n,
    }),
  );
  return NUMBER;
}

/** What a keeper does: look, and execute for the most tip. Returns what was moved, or 0 when nothing was due. */
export async function executeTopUp(request: {
  deployment: Deployment;
  keeper: Signer;
  account: AccountId;
  number: number;
}): Promise<bigint> {
  const { deployment, keeper, account, number } = request;
  const { standingTopUp } = await connect(deployment, keeper);
  const { amount, mostTip } = await standingTopUp.previewTopUp(account, number);
  if (amount === 0n) return 0n;
  await sendExplained(standingTopUp.topUp(account, number, mostTip));
  return amount;
}
