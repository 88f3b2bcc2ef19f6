import { expect } from "chai";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { type AccountId, accountId, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployFundingMarket, type FundingMarket } from "./fixtures/funding.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import { abs, sum } from "./reference/margin.js";

const { networkHelpers, ethers } = await hre.network.create();
const { time } = networkHelpers;

const DAYS = 30;
const DAY = 86_400;
const STEPS = 120;
/** Governance changes the rules so many times; each takes its two days. */
const CHANGES = 4;

/** Ten owners with two accounts of 2 million dollars each. */
async function deployTwentyAccounts(network: NetworkConnection) {
  const market = await deployFundingMarket(network);
  const owners = (await ethers.getSigners()).slice(-10);
  const accounts: AccountId[] = [];
  for (const owner of owners) {
    for (const subAccount of [0n, 1n]) {
      accounts.push(await market.fund(owner, subAccount, 2_000_000));
    }
  }
  expect(accounts[0]).to.equal(accountId(owners[0]!.address));
  return { ...market, accounts };
}

/** What each account's real quote is: what funding changes while nobody trades [wad]. */
async function realQuotesOf({ clearinghouse }: FundingMarket, accounts: AccountId[]) {
  const open = await Promise.all(accounts.map((one) => clearinghouse.openPositionsOf(one)));
  return open.map((positions) => sum(positions.map(({ realQuote }) => realQuote)));
}

/** A trade of two of them, at any price in the band that both can bear, from dust to a million dollars. */
function randomTrade(random: ReturnType<typeof randomFrom>, accounts: AccountId[]) {
  const buyer = random.pick(accounts);
  const seller = random.pick(accounts.filter((one) => one !== buyer));
  return {
    buyer,
    seller,
    dollars: random.pick([1, 777, 30_000, 200_000, 1_000_000]),
    premium: Number(random.between(-10_000n, 10_000n)),
    fee: random.pick([0, 300, 500, 700]),
  };
}

describe("Clearinghouse", () => {
  it(`pays no more funding than it charges: ${DAYS} days, 20 accounts, any trades, pokes and rates (FI3)`, async () => {
    const market = await networkHelpers.loadFixture(deployTwentyAccounts);
    const { accounts, clear, clearinghouse, rules, fundingRules, asGovernance } = market;
    const random = randomFrom(20_261_121);
    const [start, moved] = [await time.latest(), { trades: 0, funded: 0n }];

    for (let step = 0; step < STEPS; ++step) {
      const trade = randomTrade(random, accounts);
      // Who has too little for it is refused, as anybody would be.
      moved.trades += await clear(trade).then(
        () => 1,
        () => 0,
      );
      const before = await realQuotesOf(market, accounts);
      if (step % (STEPS / CHANGES) === 7) {
        const interestMillionths = Number(random.between(-5_000n, 5_000n));
        const changed = { ...fundingRules, interestMillionths };
        await asGovernance(rules, "setFundingRules", [ETH, changed]);
      } else {
        await market.goTo(await time.latest(), Number(random.between(1n, 28_800n)));
      }
      for (let pokes = random.between(0n, 2n); pokes > 0n; --pokes) {
        await clearinghouse.connect(market.owners.stranger).accrueFunding(ETH_PERP);
      }
      const after = await realQuotesOf(market, accounts);

      const changes = after.map((quote, place) => quote - before[place]!);
      const credits = sum(changes.filter((change) => change > 0n));
      const debits = sum(changes.filter((change) => change < 0n).map(abs));
      expect(credits, "credits").to.be.at.most(debits + BigInt(accounts.length));
      expect(debits - credits, "a wei for each account").to.be.at.most(BigInt(accounts.length));
      moved.funded += credits;
    }

    await market.goTo(start, Math.max(DAYS * DAY, (await time.latest()) - start + 1));
    await expectBooks(market);
    expect(moved.trades).to.be.greaterThan(STEPS / 2);
    expect(moved.funded).to.be.greaterThan(WAD);
    for (const account of accounts) await clearinghouse.settleVariation(account).catch(() => null);
    await expectBooks(market);
  });
});
