import { callMargin } from "../model/marginCall.js";
import { poke, type Round } from "../model/volatility.js";
import { accountOf, copyOf } from "../model/world.js";
import type { Act } from "./act.js";
import { newsOfRounds } from "./newsOfRates.js";
import { chance, isReadable, knownMargin, type Table } from "./table.js";

/** What anyone does about volatility and about accounts that come near their line, and odd rounds that feeds write. */

/** A feed's traded underlying. */
const TRADED: Record<string, number> = { "ETH/USD": 1, "BTC/USD": 2, "SOL/USD": 6 };

/** Rounds that nobody reads as a price: another one follows in the same transaction. */
interface OddRounds {
  feed: string;
  /** The call that makes the feed write them. */
  call: string;
  rounds: Round[];
}

/** Now and then a feed that is about to answer writes nonsense first: a zero, something absurd, something old, or a gap. */
export function drawOddRounds(table: Table, feeds: string[], after: bigint): OddRounds[] {
  const { dice, stage, world } = table;
  const traded = feeds.filter((feed) => feed in TRADED);
  if (traded.length === 0 || !chance(table, 0.06)) return [];
  const feed = dice.pick(traded);
  const { looked, ahead, answer: last } = world.followed.get(TRADED[feed]!)!;
  const { updatedAt } = world.feeds.get(feed)!;
  const next = looked + BigInt(ahead.length) + 1n;
  const now = world.now + after;
  const kinds: { skipped: bigint; round: Round }[] = [
    { skipped: 0n, round: { answer: 0n, updatedAt: now } },
    { skipped: 0n, round: { answer: last * 10n ** 6n, updatedAt: now } },
    { skipped: 0n, round: { answer: (last * 11n) / 10n, updatedAt: updatedAt - 10_000n } },
    { skipped: 0n, round: { answer: (last * 4n) / 5n, updatedAt: 0n } },
    { skipped: 1n, round: { answer: (last * 9n) / 10n, updatedAt: now } },
  ];
  const { skipped, round } = dice.pick(kinds);
  const { interface: abi } = stage.plimsoll.feedOf(feed);
  const { answer, updatedAt: at } = round;
  const empty = skipped === 0n ? [] : [{ answer: 0n, updatedAt: 0n }];
  return [
    {
      feed,
      call: abi.encodeFunctionData("updateRoundData", [next + skipped, answer, at, at]),
      rounds: [...empty, round],
    },
  ];
}

/** All rounds since the last time, some of them, or none. */
export function drawPoke(table: Table): Act {
  const { dice, stage, world } = table;
  const underlying = chance(table, 0.04) ? dice.pick([3, 99]) : dice.pick([1, 2, 6]);
  const most = chance(table, 0.7) ? 1_000n : dice.between(0n, 12n);
  const count = world.followed.get(underlying)?.ahead.length ?? 0;
  return {
    kind: "poke",
    says: `at most ${most} of the ${count} rounds of ${underlying} are followed`,
    from: dice.pick(stage.owners).address,
    to: stage.addresses.volatilityOracle,
    data: stage.plimsoll.volatilityOracle.interface.encodeFunctionData("poke", [underlying, most]),
    after: 1n,
    touched: [dice.pick(table.accounts)],
    apply: (state) => {
      const before = copyOf(state);
      poke(state, underlying, most);
      return newsOfRounds(before, state, underlying);
    },
  };
}

/** An account below initial margin, one that was called before, one without a price, or any. */
export function drawCallMargin(table: Table): Act {
  const { dice, stage, world, accounts } = table;
  const below = accounts.filter((id) => {
    const margin = knownMargin(world, id);
    return margin !== undefined && margin.equity < margin.initial;
  });
  const again = below.filter((id) => world.calls.has(id));
  const unread = accounts.filter((id) =>
    accountOf(world, id).positions.some(({ instrument }) => !isReadable(table, instrument)),
  );
  const choices = [below, below, again, unread, accounts].filter((ids) => ids.length > 0);
  const account = dice.pick(dice.pick(choices));
  return {
    kind: "callMargin",
    says: `${account} is called for margin`,
    from: dice.pick(stage.owners).address,
    to: stage.addresses.clearinghouse,
    data: stage.plimsoll.clearinghouse.interface.encodeFunctionData("callMargin", [account]),
    after: 1n,
    touched: [account],
    apply: (state) => {
      const isAgain = state.calls.has(account);
      callMargin(state, account);
      return isAgain ? ["an account is called for margin again"] : [];
    },
  };
}
