import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { parse } from "csv-parse/sync";
import { network } from "hardhat";
import { feedOf, MAXIMUM_AGE } from "./support/sources.js";

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

const ETH = 1n;
const ROUNDS = fileURLToPath(
  new URL(
    "../../shared/data/prices/chainlink_mainnet_eth_usd_2023-2024_rounds.csv.gz",
    import.meta.url,
  ),
);
/** The first round of a phase, as Chainlink's proxy still answers it: no price and no time. */
const QUIRK_ROUND = 110680464442257309696n;
const STRETCH = 400;

interface Round {
  ts: string;
  roundId: string;
  answer: string;
}

function readRounds(): Round[] {
  return parse<Round>(gunzipSync(readFileSync(ROUNDS)), { columns: true });
}

async function deployReplay() {
  const [governor] = await ethers.getSigners();
  const manager = await ethers.deployContract("AccessManager", [governor!.address]);
  const oracle = await ethers.deployContract("PriceOracle", [await manager.getAddress()]);
  const feed = await ethers.deployContract("MockV3Aggregator", [8n, 0n]);
  await oracle.setSources(ETH, [await feedOf(feed)], [], 0n);
  return { oracle, feed };
}

describe("PriceOracle: replay of real Chainlink rounds", () => {
  before(function () {
    if (!existsSync(ROUNDS)) this.skip();
  });

  it("has a price at every moment between the rounds of a stretch", async () => {
    const { oracle, feed } = await loadFixture(deployReplay);
    const rounds = readRounds().slice(0, STRETCH);
    // The chain's clock cannot go back to 2023: the whole stretch is moved by the same time.
    const shift = BigInt(await time.latest()) + 1_000n - BigInt(rounds[0]!.ts);
    let longest = 0n;
    for (const [place, round] of rounds.entries()) {
      const at = BigInt(round.ts) + shift;
      await time.setNextBlockTimestamp(at);
      await feed.updateRoundData(BigInt(round.roundId), round.answer, at, at);
      expect(await oracle.price(ETH)).to.equal(BigInt(round.answer) * 10n ** 10n);

      const next = rounds[place + 1];
      if (next === undefined) break;
      const gap = BigInt(next.ts) - BigInt(round.ts);
      if (gap > longest) longest = gap;
      // The last moment at which this round is still the latest one.
      await time.increaseTo(at + gap - 1n);
      expect(await oracle.price(ETH)).to.equal(BigInt(round.answer) * 10n ** 10n);
    }
    expect(longest).to.be.greaterThan(3_600n).and.at.most(MAXIMUM_AGE);
  });

  it("counts the first round of a phase, without answer and time, as stale", async () => {
    const { oracle, feed } = await loadFixture(deployReplay);
    const [first] = readRounds();
    expect(BigInt(first!.roundId)).to.equal(QUIRK_ROUND + 1n);
    await feed.updateRoundData(QUIRK_ROUND, 0n, 0n, 0n);
    await expect(oracle.price(ETH))
      .to.be.revertedWithCustomError(oracle, "StalePrice")
      .withArgs(ETH, await feed.getAddress(), 0n, MAXIMUM_AGE);
    const now = BigInt(await time.latest());
    await feed.updateRoundData(BigInt(first!.roundId), first!.answer, now, now);
    expect(await oracle.price(ETH)).to.equal(BigInt(first!.answer) * 10n ** 10n);
  });
});
