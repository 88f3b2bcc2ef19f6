import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { parse } from "csv-parse/sync";
import { network } from "hardhat";
import {
  afterRound,
  initialVolatility,
  ratesOf,
  sigmaAt,
  type VolatilityState,
} from "../sdk/volatility.js";
import { feedOf } from "./support/sources.js";
import {
  aggregatorOf,
  BAND,
  deployVolatility,
  ETH,
  idOf,
  keptOf,
  type MockRound,
  RATES,
  UNIT,
  type VolatilityScene,
} from "./support/volatility.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

const HOUR = 3_600n;
/** The phase in which Chainlink's rounds of these years are; the one before it ends where they begin. */
const PHASE = 6n;
/** Rounds of one transaction that writes them. */
const WRITTEN = 300;
/** Rounds between two comparisons. */
const STEP = 50;
const LISTING = { priorSigmaPercent: 60n, decimals: 8n, ...BAND };

interface RoundRow {
  ts: string;
  roundId: string;
  answer: string;
}

/** All of them, 21,800, take minutes; else so many of each file, August 2023 among ETH's. */
const takesAll = process.env.PLIMSOLL_ALL_ROUNDS !== undefined;

const FILES = [
  { symbol: "eth", most: 5_000 },
  { symbol: "btc", most: 2_000 },
].map(({ symbol, most }) => ({
  symbol,
  most: takesAll ? Infinity : most,
  path: fileURLToPath(
    new URL(
      `../../shared/data/prices/chainlink_mainnet_${symbol}_usd_2023-2024_rounds.csv.gz`,
      import.meta.url,
    ),
  ),
}));

/** In the order of their numbers, which for a few is not that of the file. */
function readRounds(path: string): { round: bigint; answer: bigint; at: bigint }[] {
  return parse<RoundRow>(gunzipSync(readFileSync(path)), { columns: true })
    .map(({ ts, roundId, answer }) => ({
      round: BigInt(roundId) - (PHASE << 64n),
      answer: BigInt(answer),
      at: BigInt(ts),
    }))
    .sort((one, other) => Number(one.round - other.round));
}

async function deployUnfollowed() {
  return deployVolatility(ethers);
}

/** A feed at the end of phase 5, followed, and then at phase 6 with all its rounds, those of the future too. */
async function deployReplay(scene: VolatilityScene, rounds: MockRound[]) {
  const { prices, volatility } = scene;
  const feed = await ethers.deployContract("MockPhasedFeed", [8n, PHASE - 1n]);
  const last = { answer: rounds[0]!.answer, updatedAt: rounds[0]!.updatedAt - HOUR };
  await feed.write(PHASE - 1n, 40_000n, [last]);
  await prices.setSources(ETH, [await feedOf(feed, BAND)], [], 0n);
  await time.increaseTo(last.updatedAt);
  await volatility.follow(ETH);

  await feed.prepare(PHASE);
  for (let done = 0; done < rounds.length; done += WRITTEN) {
    await feed.write(PHASE, BigInt(done + 1), rounds.slice(done, done + WRITTEN));
  }
  await feed.moveTo(PHASE);
  return { feed, last };
}

/** What the contracts and their mirror say now, side by side. */
async function expectSame({ volatility, rules }: VolatilityScene, state: VolatilityState) {
  const kept = await keptOf(volatility);
  expect([kept.slowVariance, kept.fastVariance, kept.acceptedAt]).to.deep.equal([
    state.slowVariance,
    state.fastVariance,
    state.lastTime,
  ]);
  expect(kept.answer).to.equal(state.price.mantissa << state.price.shift);
  const now = BigInt(await time.latest());
  const sigmas = sigmaAt(state, now);
  const { slowSigma, fastSigma, maintenance, initial } = await rules.marginRatesOf(ETH);
  expect([slowSigma, fastSigma]).to.deep.equal([sigmas.slow, sigmas.fast]);
  const rates = ratesOf(RATES, sigmas);
  expect([maintenance, initial]).to.deep.equal([rates.maintenance, rates.initial]);
}

describe("VolatilityOracle: replay of real Chainlink rounds", () => {
  for (const { symbol, path, most } of FILES) {
    it(`says of rounds of ${symbol} what its mirror says, to the wei`, async function () {
      // The rounds are shared material that is no part of the project.
      if (!existsSync(path)) this.skip();
      const scene = await loadFixture(deployUnfollowed);
      const read = readRounds(path).slice(0, most);
      expect(read.map(({ round }) => round)).to.deep.equal(read.map((_, i) => BigInt(i + 1)));
      // The chain's clock cannot go back to 2023; BTC's prices are brought into ETH's band.
      const shift = BigInt(await time.latest()) + 2n * HOUR - read[0]!.at;
      const scale = symbol === "btc" ? 20n : 1n;
      const rounds = read.map(({ answer, at }) => ({
        answer: answer / scale,
        updatedAt: at + shift,
      }));
      const { last } = await deployReplay(scene, rounds);

      let state = initialVolatility(LISTING, last);
      let compared = 0;
      let [least, largest] = [state.slowVariance, 0n];
      for (let next = 0; next < rounds.length; ++compared) {
        const until = rounds[Math.min(next + STEP, rounds.length) - 1]!.updatedAt;
        const now = until + BigInt(compared % 60);
        await time.setNextBlockTimestamp(now);
        await scene.volatility.poke(ETH, 256n);
        for (; next < rounds.length && rounds[next]!.updatedAt <= now; ++next) {
          state = afterRound(state, rounds[next]!);
        }
        await expectSame(scene, state);
        expect((await keptOf(scene.volatility)).roundId).to.equal(idOf(PHASE, BigInt(next)));
        if (state.slowVariance > largest) largest = state.slowVariance;
        if (state.slowVariance < least) least = state.slowVariance;
      }
      expect(compared).to.be.at.least(Math.floor(rounds.length / STEP) - 2);
      expect(largest, "calm and restless times were among them").to.be.greaterThan(4n * least);

      // A year of silence after all of it.
      await time.increase(365n * 86_400n);
      await expectSame(scene, state);
    });
  }

  it("passes over the zero of a phase's round 0 and starts with its round 1", async () => {
    const scene = await loadFixture(deployUnfollowed);
    const at = BigInt(await time.latest());
    const rounds = [{ answer: 1_908n * UNIT, updatedAt: at + 2n * HOUR }];
    const { feed } = await deployReplay(scene, rounds);
    const aggregator = await aggregatorOf(ethers, feed, PHASE);
    expect((await aggregator.getRoundData(0n))[1]).to.equal(0n);
    await time.increaseTo(rounds[0]!.updatedAt);
    expect(await scene.volatility.poke.staticCall(ETH, 256n)).to.equal(2n);
  });
});
