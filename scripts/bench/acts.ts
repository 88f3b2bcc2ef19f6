import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { MaxInt256, parseUnits } from "ethers";
import { ORDER_FLAGS, parseWad, underlyingOf, WAD } from "../../sdk/index.js";
import { type Act, CRASH_BPS, DEBTOR_DOLLARS, type Preparation, SETBACK_BPS } from "./act.js";
import { performUpkeep, topUp } from "./automation.js";
import { PERPETUALS } from "./deployment.js";
import type { Key } from "./figures.js";
import { accountOf, DRIFT_BPS, ETH_PERP, type Market, MOST_ROUNDS } from "./market.js";

/** What is sent: a key of the figures, or a batch that one of them is computed from. */
export type ActName = Exclude<Key, "furtherMaker"> | "matchOneMaker" | "matchFiveMakers";

/** Of USDC [token]. */
const AMOUNT = parseUnits("1000", 6);

/** What each maker sells [wad]. */
const SIZE = parseWad(1);

/** After this one it owes more than it has. */
const COLLAPSE_BPS = -900n;

/** More than a trade costs its taker. */
const FEES_BPS = 10n;

/** A flagged account waits an hour, and its flag is good for a day more [seconds]. */
const FLAG_SECONDS = 7_200;

/** What 0.1 WETH, 0.1 wstETH and 0.003 WBTC are worth; the debtor has so much less in cash. */
const COLLATERAL_DOLLARS = 960;

/** Every act, by what it measures. */
export const ACTS: Record<ActName, Preparation> = {
  async deposit({ taker, vault, usdc }) {
    const request = await vault.deposit.populateTransaction(accountOf(taker), usdc, AMOUNT);
    return { sender: taker, request };
  },

  async withdrawWithPosition({ taker, house, vault, usdc, open }) {
    await open(taker, house, ETH_PERP);
    const account = accountOf(taker);
    const request = await vault.withdraw.populateTransaction(account, usdc, AMOUNT, taker);
    return { sender: taker, request };
  },

  matchOpen: async (market) => match(market, { makers: 1, held: false }),
  matchIncrease: async (market) => match(market, { makers: 1, held: true }),
  matchOneMaker: async (market) => match(market, { makers: 1, held: true }),
  matchFiveMakers: async (market) => match(market, { makers: 5, held: true }),

  async matchClose({ taker, makers, relay, clearinghouse, open, movePrices, matchRequest }) {
    const [maker] = makers;
    if (maker === undefined) throw new Error("There are no makers");
    await open(taker, maker, ETH_PERP);
    await movePrices([ETH_PERP], DRIFT_BPS);
    const { size } = await clearinghouse.positionOf(accountOf(taker), ETH_PERP);
    const request = await matchRequest(taker, [maker], { instrument: ETH_PERP, size: -size });
    return { sender: relay, request };
  },

  /** As `matchClose`, by a stop-loss whose price has just been reached. */
  async triggerFill({ taker, makers, relay, clearinghouse, open, movePrices, matchRequest }) {
    const [maker] = makers;
    if (maker === undefined) throw new Error("There are no makers");
    await open(taker, maker, ETH_PERP);
    await movePrices([ETH_PERP], -DRIFT_BPS);
    const { size } = await clearinghouse.positionOf(accountOf(taker), ETH_PERP);
    const request = await matchRequest(taker, [maker], {
      instrument: ETH_PERP,
      size: -size,
      triggerPrice: await clearinghouse.markOf(ETH_PERP),
      flags: ORDER_FLAGS.triggerBelow | ORDER_FLAGS.reduceOnly,
    });
    return { sender: relay, request };
  },

  async settleVariation({ taker, house, clearinghouse, open, movePrices }) {
    await open(taker, house, ETH_PERP);
    await movePrices([ETH_PERP], DRIFT_BPS);
    const request = await clearinghouse.settleVariation.populateTransaction(accountOf(taker));
    return { sender: taker, request };
  },

  liquidate1Warm: async (market) => liquidate(market, { positions: 1, warm: true }),
  liquidate1Fresh: async (market) => liquidate(market, { positions: 1, warm: false }),
  liquidate5Warm: async (market) => liquidate(market, { positions: 5, warm: true }),
  liquidate5Fresh: async (market) => liquidate(market, { positions: 5, warm: false }),
  liquidate5WithCollateral: async (market) => {
    const { debtor, liquidator, weth, wsteth, wbtc, endow } = market;
    for (const trader of [debtor, liquidator]) {
      await endow(trader, weth, 0.1);
      await endow(trader, wsteth, 0.1);
      await endow(trader, wbtc, 0.003);
    }
    return liquidate(market, { positions: 5, warm: true, collateral: COLLATERAL_DOLLARS });
  },

  async accrueFunding({ clearinghouse, relay, changeFundingRules }) {
    await changeFundingRules(ETH_PERP);
    const request = await clearinghouse.accrueFunding.populateTransaction(ETH_PERP);
    return { sender: relay, request };
  },

  async deleverage({ debtor, house, clearinghouse, relay, waitUntil, ...market }) {
    await sink(debtor, house, market);
    const account = accountOf(debtor);
    await waitUntil(FLAG_SECONDS);
    await clearinghouse.flag(account);
    const { size } = await clearinghouse.positionOf(account, ETH_PERP);
    const request = await clearinghouse.deleverage.populateTransaction(
      ...([account, accountOf(house), ETH_PERP, size] as const),
    );
    return { sender: relay, request };
  },

  async writeOff({ debtor, house, clearinghouse, relay, close, ...market }) {
    await sink(debtor, house, market);
    // Who has nothing left pays no fees: somebody helps it out by as much.
    await close(debtor, house, ETH_PERP, FEES_BPS);
    const request = await clearinghouse.writeOff.populateTransaction(accountOf(debtor));
    return { sender: relay, request };
  },

  async callMargin({ debtor, house, clearinghouse, relay, usdc, endow, open, movePrices }) {
    await endow(debtor, usdc, DEBTOR_DOLLARS);
    await open(debtor, house, ETH_PERP);
    await movePrices([ETH_PERP], SETBACK_BPS);
    const request = await clearinghouse.callMargin.populateTransaction(accountOf(debtor));
    return { sender: relay, request };
  },

  async pokeVolatility({ relay, volatilityOracle }) {
    const underlying = underlyingOf(ETH_PERP);
    await volatilityOracle.poke(underlying, MOST_ROUNDS);
    // The round of the measured moment is the only one that nobody has looked at.
    const request = await volatilityOracle.poke.populateTransaction(underlying, MOST_ROUNDS);
    return { sender: relay, request };
  },

  topUp,
  performUpkeep,

  marginView1: async (market) => viewMargin(market, 1),
  marginView5: async (market) => viewMargin(market, 5),
};

/** A taker buys from makers; all of them hold the position already, or none does. */
async function match(
  { taker, makers, relay, open, movePrices, matchRequest }: Market,
  options: { makers: number; held: boolean },
): Promise<Act> {
  const sellers = makers.slice(0, options.makers);
  if (options.held) {
    for (const seller of sellers) await open(taker, seller, ETH_PERP);
  }
  await movePrices([ETH_PERP], DRIFT_BPS);
  const request = await matchRequest(taker, sellers, { instrument: ETH_PERP, size: SIZE });
  return { sender: relay, request };
}

/** A debtor sinks below the line; a slice of what it holds goes to a liquidator who is warm or fresh. */
async function liquidate(
  { debtor, house, liquidator, clearinghouse, usdc, endow, open, movePrices }: Market,
  options: { positions: number; warm: boolean; collateral?: number },
): Promise<Act> {
  const instruments = PERPETUALS.slice(0, options.positions);
  await endow(debtor, usdc, DEBTOR_DOLLARS * options.positions - (options.collateral ?? 0));
  for (const instrument of instruments) {
    await open(debtor, house, instrument);
    if (options.warm) await open(liquidator, house, instrument);
  }
  await movePrices(instruments, CRASH_BPS);
  const [account, into] = [accountOf(debtor), accountOf(liquidator)];
  const request = await clearinghouse.liquidate.populateTransaction(account, into, WAD, MaxInt256);
  return { sender: liquidator, request };
}

/** A debtor's losses become larger than what it has. */
async function sink(
  debtor: HardhatEthersSigner,
  house: HardhatEthersSigner,
  { usdc, endow, open, movePrices }: Pick<Market, "usdc" | "endow" | "open" | "movePrices">,
): Promise<void> {
  await endow(debtor, usdc, DEBTOR_DOLLARS);
  await open(debtor, house, ETH_PERP);
  await movePrices([ETH_PERP], COLLAPSE_BPS);
}

/** A view, sent as a transaction: what it costs beyond being one is what a contract pays for the call. */
async function viewMargin(
  { taker, house, relay, marginEngine, open }: Market,
  positions: number,
): Promise<Act> {
  for (const instrument of PERPETUALS.slice(0, positions)) await open(taker, house, instrument);
  const request = await marginEngine.marginOf.populateTransaction(accountOf(taker));
  return { sender: relay, request };
}
