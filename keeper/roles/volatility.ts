import { Interface } from "ethers";
import { type StoredVolatility, volatilityKey, volatilityOracleAbi } from "../../sdk/index.js";
import type { KeeperView } from "../state/view.js";
import { callAt } from "./calls.js";
import { inTurns } from "./inTurns.js";
import { decideFollow, decidePoke, type LatestRound } from "./pokes/rounds.js";
import type { Proposal, Role } from "./role.js";
import type { RoleTools } from "./tools.js";

/** What the role is made of. */
export interface VolatilityOptions extends RoleTools {
  /** Rounds that one poke looks at: `pokes.mostRounds`. */
  readonly mostRounds: number;
  /** New rounds wait at most so long; an hour unless said otherwise [seconds]. */
  readonly mostSeconds?: number;
  /** Unless the price has moved so far since the last that was followed; 1 % unless said otherwise [bps]. */
  readonly moveBps?: number;
}

const ORACLE = new Interface(volatilityOracleAbi);
const FEED = new Interface([
  "function latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)",
]);
/** Feeds are governance's choice, and yet not ours [gas]. */
const MOST_GAS_OF_FEED = 500_000n;
const CALLS_AT_ONCE = 8;

/** Brings the volatility oracle in charge up to its feeds' rounds, and to the feeds that price its underlyings. */
export function createVolatility(options: VolatilityOptions): Role {
  return {
    name: "volatility",
    async look(view) {
      const { oracle } = view.index.state.singles.volatilityOracle;
      if (BigInt(oracle) === 0n) return [];
      const underlyings = [...view.index.state.underlyings]
        .filter(([, { rates }]) => rates.parameters !== undefined)
        .map(([number]) => number);
      const found = await inTurns(underlyings, CALLS_AT_ONCE, (underlying) =>
        actFor(options, view, { oracle, underlying }),
      );
      return found.filter((proposal) => proposal !== undefined);
    },
  };
}

interface Subject {
  readonly oracle: string;
  readonly underlying: number;
}

async function actFor(
  options: VolatilityOptions,
  view: KeeperView,
  subject: Subject,
): Promise<Proposal | undefined> {
  const { sources, volatilities } = view.index.state;
  const followed = volatilities.get(volatilityKey(subject.oracle, subject.underlying));
  const source = sources.get(subject.underlying);
  const isOther = source !== undefined && decideFollow(source, followed);
  const name = isOther ? "follow" : "poke";
  const key = `${name} ${subject.underlying}`;
  if (options.isHeld?.(key, view.block) === true) return undefined;
  if (!isOther && !(followed && (await isDue(options, view, followed)))) return undefined;

  const { mostRounds, rpc, sender } = options;
  const values = isOther ? [subject.underlying] : [subject.underlying, mostRounds];
  const data = ORACLE.encodeFunctionData(name, values);
  const call = { to: subject.oracle, from: sender, data };
  const result = await callAt(rpc, call, view.block.number);
  // Of rounds that it does not look at yet, or a feed that is silent: later.
  if (!result.isAnswer || (!isOther && BigInt(result.data) === 0n)) return undefined;
  options.metrics?.pokes.inc({ kind: name });
  return {
    role: "volatility",
    key,
    to: subject.oracle,
    data,
    priority: 0,
    mostCost: options.costs.weiOf(options.mostCost, view),
    about: isOther
      ? `let the volatility of underlying ${subject.underlying} follow another feed`
      : `brought the volatility of underlying ${subject.underlying} up to its feed`,
  };
}

async function isDue(
  { mostRounds, mostSeconds = 3_600, moveBps = 100, rpc }: VolatilityOptions,
  { block }: KeeperView,
  followed: StoredVolatility,
): Promise<boolean> {
  const data = FEED.encodeFunctionData("latestRoundData");
  const asked = { to: followed.feed, data, gas: MOST_GAS_OF_FEED };
  const result = await callAt(rpc, asked, block.number);
  // A silent feed has nothing to say; that its price cannot be read is an alarm already.
  if (!result.isAnswer || result.data.length < 2 + 5 * 64) return false;
  const latest = FEED.decodeFunctionResult("latestRoundData", result.data);
  const rules = {
    mostRounds: BigInt(mostRounds),
    mostSeconds: BigInt(mostSeconds),
    moveBps: BigInt(moveBps),
  };
  const { roundId, answer, updatedAt } = latest.toObject() as unknown as LatestRound;
  const facts = { followed, latest: { roundId, answer, updatedAt }, time: block.time, rules };
  return decidePoke(facts);
}
