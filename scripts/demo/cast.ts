import type { Underlying } from "./options.js";
import type { Random } from "./random.js";

/** What can be put into an account. */
export type Asset = "USDC" | "WETH" | "wstETH" | "WBTC";

/** A position that somebody wants. */
export interface Bet {
  readonly underlying: Underlying;
  readonly side: "long" | "short";
  /** Notional over the account's equity. */
  readonly leverage: number;
}

/** How somebody answers a margin call. */
type Reaction = "none" | "deposits" | "reduces";

/** One account of the demo and why it is there. */
export interface Role {
  /** Unique; sub-accounts are written "Finn/1". */
  readonly name: string;
  /** Whose key: accounts of one owner share it. */
  readonly owner: string;
  /** 0 is the owner's first account; others hold one position: isolated margin. */
  readonly subAccount: number;
  readonly kind: "trader" | "maker" | "liquidator";
  readonly asset: Asset;
  /** Value of the deposit [dollars]. */
  readonly dollars: number;
  readonly bets: readonly Bet[];
  readonly reaction: Reaction;
  /** Dollars still in the wallet for answering a margin call. */
  readonly spare: number;
  /** When it opens its bets: with all others, at the worst possible moment, or after the path's end. */
  readonly opens: "first" | "atTheBottom" | "afterwards";
  /** Borrowed against the deposit at the beginning [dollars]. */
  readonly loan: number;
  readonly story: string;
}

type Sketch = Pick<Role, "name" | "story"> & Partial<Omit<Role, "name" | "story">>;

const long = (underlying: Underlying, leverage: number): Bet => ({
  underlying,
  side: "long",
  leverage,
});
const short = (underlying: Underlying, leverage: number): Bet => ({
  underlying,
  side: "short",
  leverage,
});

/** Sizes vary by this much with the seed, leverage by a tenth of it. */
const VARIATION = 0.25;

/**
 * Everybody who takes part.
 *
 * @param random Varies deposits and leverage.
 * @param driver The underlying that the path drives; the late trader trades it.
 */
export function castOf(random: Random, driver: Underlying): Role[] {
  return sketches(driver).map((sketch) => {
    const role: Role = {
      owner: sketch.name.split("/")[0] ?? sketch.name,
      subAccount: Number(sketch.name.split("/")[1] ?? 0),
      kind: "trader",
      asset: "USDC",
      dollars: 0,
      bets: [],
      reaction: "none",
      spare: 0,
      opens: "first",
      loan: 0,
      ...sketch,
    };
    if (role.kind !== "trader") return role;
    const size = random.between(1 - VARIATION, 1 + VARIATION);
    const leverage = random.between(1 - VARIATION / 10, 1 + VARIATION / 10);
    return {
      ...role,
      dollars: Math.round((role.dollars * size) / 100) * 100,
      spare: Math.round((role.spare * size) / 100) * 100,
      loan: Math.round((role.loan * size) / 100) * 100,
      bets: role.bets.map((bet) => ({ ...bet, leverage: bet.leverage * leverage })),
    };
  });
}

function sketches(driver: Underlying): Sketch[] {
  return [
    {
      name: "Maker North",
      kind: "maker",
      dollars: 10_000_000,
      story: "market maker: quotes both sides, takes the other end of every trade",
    },
    {
      name: "Maker South",
      kind: "maker",
      dollars: 10_000_000,
      story: "market maker, the competitor",
    },
    {
      name: "Salvor",
      kind: "liquidator",
      dollars: 3_000_000,
      story: "liquidator: watches everybody, takes over slices, trades them away",
    },
    {
      name: "Tug",
      kind: "liquidator",
      dollars: 3_000_000,
      story: "liquidator in reserve, should Salvor itself be short of margin",
    },
    { name: "Ada", dollars: 20_000, bets: [long("eth", 11)], story: "all in on ETH, no reserve" },
    {
      name: "Ben",
      dollars: 40_000,
      bets: [long("eth", 6)],
      story: "his order is filled in two parts",
    },
    {
      name: "Cleo",
      asset: "WETH",
      dollars: 60_000,
      bets: [long("eth", 2.2)],
      story: "long ETH on ETH: collateral and position fall together",
    },
    {
      name: "Dan",
      asset: "wstETH",
      dollars: 80_000,
      bets: [long("btc", 1.2)],
      story: "staked ETH as collateral for a little BTC",
    },
    {
      name: "Eve",
      asset: "WBTC",
      dollars: 70_000,
      bets: [long("btc", 3)],
      story: "long BTC on BTC",
    },
    {
      name: "Finn",
      dollars: 25_000,
      bets: [long("btc", 0.8)],
      story: "careful with the main account ...",
    },
    {
      name: "Finn/1",
      dollars: 6_000,
      bets: [long("eth", 9)],
      story: "... and a gamble kept apart from it",
    },
    {
      name: "Gus/1",
      dollars: 9_000,
      bets: [long("btc", 7)],
      story: "two isolated bets: this one long ...",
    },
    { name: "Gus/2", dollars: 8_000, bets: [short("eth", 10)], story: "... and this one short" },
    {
      name: "Hana",
      dollars: 50_000,
      bets: [short("eth", 2.5)],
      story: "bets on the fall; filled by both makers at once",
    },
    {
      name: "Ivo",
      asset: "WETH",
      dollars: 60_000,
      bets: [short("eth", 0.95)],
      story: "hedger: sold as much ETH as he holds",
    },
    {
      name: "Jon",
      dollars: 30_000,
      bets: [long("eth", 2.8)],
      reaction: "deposits",
      spare: 50_000,
      story: "answers margin calls with deposits while he can",
    },
    {
      name: "Kim",
      dollars: 35_000,
      bets: [long("eth", 2.8)],
      reaction: "reduces",
      story: "answers margin calls by selling a part",
    },
    {
      name: "Lou",
      dollars: 50_000,
      bets: [long("eth", 2.5), short("btc", 2.5)],
      story: "a pair in one cross-margin account",
    },
    {
      name: "Max",
      dollars: 15_000,
      bets: [short(driver, 11)],
      opens: "atTheBottom",
      story: "waits, then sells the bottom",
    },
    { name: "Nia", dollars: 40_000, story: "no position: nothing to lose here" },
    {
      name: "Pia",
      dollars: 30_000,
      bets: [long("eth", 2.05)],
      story: "moderate: two times leverage",
    },
    {
      name: "Quin",
      dollars: 90_000,
      bets: [long("eth", 3.6)],
      story: "a large position with a margin that looks comfortable",
    },
    {
      name: "Rae",
      asset: "WETH",
      dollars: 150_000,
      loan: 60_000,
      story: "needs dollars, keeps the ETH: borrows against it",
    },
    {
      name: "Uma",
      dollars: 30_000,
      bets: [long(driver, 11)],
      opens: "afterwards",
      story: "comes when all is over, sure that the worst has passed",
    },
    {
      name: "Vic",
      dollars: 40_000,
      bets: [long(driver, 10)],
      opens: "afterwards",
      story: "follows Uma, with more",
    },
  ];
}
