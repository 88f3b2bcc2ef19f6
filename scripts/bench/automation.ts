import { concat, MaxUint256, parseUnits, ZeroHash } from "ethers";
import { parseWad } from "../../sdk/index.js";
import { CRASH_BPS, DEBTOR_DOLLARS, type Preparation, SETBACK_BPS } from "./act.js";
import { accountOf, ETH_PERP } from "./market.js";

/** What goes on while an owner sleeps. */

/** What the automation has. */
const AUTOMATION_DOLLARS = 100_000;
/** 10,000 bps, as an entry of a batch says it. */
const WHOLE_SLICE = "0x2710";

/** From the wallet, with a tip, whenever an account is halfway to the line. */
const INSTRUCTION = {
  kind: 1n,
  until: 2n ** 40n - 1n,
  triggerHealth: parseWad("1.5"),
  targetHealth: parseWad(2),
  windowSeconds: 86_400n,
  source: ZeroHash,
  budget: parseUnits("1000", 6),
  tipLimit: parseUnits("2", 6),
  leastAssetsPerShare: 0n,
};

/** Executed by a stranger for its tip. */
export const topUp: Preparation = async ({
  debtor,
  house,
  relay,
  standingTopUp,
  usdc,
  endow,
  open,
  movePrices,
}) => {
  await endow(debtor, usdc, DEBTOR_DOLLARS);
  await open(debtor, house, ETH_PERP);
  await usdc.connect(debtor).approve(standingTopUp, MaxUint256);
  const account = accountOf(debtor);
  await standingTopUp.connect(debtor).instruct(account, 0n, INSTRUCTION);
  // Executed once before, days ago, by the one who executes it now.
  await movePrices([ETH_PERP], SETBACK_BPS);
  await standingTopUp.connect(relay).topUp(account, 0n, INSTRUCTION.tipLimit);
  await movePrices([ETH_PERP], SETBACK_BPS);
  const request = await standingTopUp.topUp.populateTransaction(account, 0n, INSTRUCTION.tipLimit);
  return { sender: relay, request };
};

/** Three accounts go to the automation in one batch. */
export const performUpkeep: Preparation = async ({
  debtor,
  fellows,
  house,
  relay,
  vault,
  liquidationAutomation,
  ...market
}) => {
  const { usdc, endow, open, movePrices } = market;
  await endow(relay, usdc, AUTOMATION_DOLLARS);
  const into = await liquidationAutomation.account();
  await vault.connect(relay).deposit(into, usdc, parseUnits(String(AUTOMATION_DOLLARS), 6));
  const sinking = [debtor, ...fellows];
  for (const trader of sinking) {
    await endow(trader, usdc, DEBTOR_DOLLARS);
    await open(trader, house, ETH_PERP);
  }
  await liquidationAutomation.watch(sinking.map(accountOf));
  await movePrices([ETH_PERP], CRASH_BPS);
  // Named in a fixed order: the check begins anywhere.
  const entries = sinking.flatMap((trader) => [accountOf(trader), WHOLE_SLICE]);
  const request = await liquidationAutomation.performUpkeep.populateTransaction(concat(entries));
  return { sender: relay, request };
};
