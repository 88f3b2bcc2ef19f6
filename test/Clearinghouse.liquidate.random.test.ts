import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import { takeOver } from "./fixtures/takeover.js";

const { networkHelpers } = await hre.network.create();

const ROUNDS = 10;

describe("Clearinghouse.liquidate: random portfolios", () => {
  let market: LiquidationMarket;
  let random: ReturnType<typeof randomFrom>;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
  });

  /** Cash, some collaterals, and one or two positions that lose by the move that comes. */
  async function sinkRandom(): Promise<AccountId> {
    const account = await market.fund(market.alice, 0n, 60_000);
    for (const [place, amount] of [5, 2, 0.1].entries()) {
      const token = market.collaterals[place] ?? market.weth;
      const held = (random.next() * amount).toFixed(8);
      if (random.next() < 0.4) await market.deposit(market.alice, { token, amount: held });
    }
    const up = random.next() < 0.5;
    const side = up ? -1n : 1n;
    const legs = [{ instrument: ETH_PERP, size: side * random.between(60n * WAD, 100n * WAD) }];
    if (random.next() < 0.6) {
      const size = random.between(WAD / 10n, WAD / 2n);
      legs.push({ instrument: BTC_PERP, size: random.pick([size, -size]) });
    }
    const prices = {
      [ETH]: (up ? 3_400 + random.next() * 50 : 2_600 - random.next() * 50).toFixed(8),
      [BTC]: (99_500 + random.next() * 1_000).toFixed(8),
    };
    const percent = random.between(-30n, 99n);
    await market.sink(account, legs, {
      prices,
      equity: ({ maintenance }) => (maintenance * percent) / 100n,
    });
    return account;
  }

  /** Some of the time the liquidator and a winner have positions of their own. */
  async function openOthers(): Promise<void> {
    const winner = await market.fund(market.carol, 0n, 500_000);
    for (const account of [market.rescuer, winner]) {
      if (random.next() < 0.5) continue;
      const size = random.between(-60n * WAD, 60n * WAD);
      await market.clear({ account, instrument: ETH_PERP, size });
    }
    if (random.next() < 0.5) await market.endow((random.next() * 3_000).toFixed(6));
  }

  /** Slices of random size until nothing more can be taken; returns how many there were. */
  async function liquidateAll(account: AccountId): Promise<number> {
    for (let slices = 0; slices < 6; ++slices) {
      if ((await market.marginEngine.statusOf(account)) < 2n) return slices;
      const maxFraction = slices < 4 ? random.between(WAD / 50n, WAD) : WAD;
      try {
        await takeOver(market, account, { maxFraction });
      } catch (error) {
        expect(String(error)).to.include("MustCloseWhole");
      }
    }
    throw new Error("The account is below its line after all slices");
  }

  for (const seed of [11, 12, 13]) {
    it(`improves ${ROUNDS} random accounts slice by slice, and the books balance, seed ${seed} (LQ2, I2, I6)`, async () => {
      random = randomFrom(seed);
      const snapshot = await networkHelpers.takeSnapshot();
      let slices = 0;
      for (let round = 0; round < ROUNDS; ++round) {
        await openOthers();
        const account = await sinkRandom();
        slices += await liquidateAll(account);
        const { equity, maintenance } = await market.marginOf(account);
        expect(equity).to.be.at.least(maintenance);
        await expectBooks(market);
        await snapshot.restore();
      }
      expect(slices).to.be.above(ROUNDS);
    });
  }

  it("leaves the winners' side of a bankrupt book with what is there, account by account (I7)", async () => {
    const account = await market.fund(market.alice, 0n, 10_000);
    const winners = await Promise.all(
      [market.carol, market.dave].map((owner) => market.fund(owner, 0n, 50_000)),
    );
    const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
    for (const [place, winner] of winners.entries()) {
      const size = -BigInt(place + 1) * 5n * WAD;
      await market.clear({ account: winner, instrument: ETH_PERP, size });
    }
    const before = await Promise.all(winners.map((winner) => market.marginOf(winner)));
    await market.sink(account, legs, { prices: { [ETH]: 2_700 }, equity: () => -parseWad(150) });
    await takeOver(market, account);
    // 150 dollars over 15 ETH short: 10 dollars for each.
    for (const [place, winner] of winners.entries()) {
      const size = BigInt(place + 1) * 5n;
      const gain = size * parseWad(300) - size * parseWad(10);
      const { equity } = await market.marginOf(winner);
      expect(equity - (before[place]?.equity ?? 0n)).to.equal(gain);
    }
    await expectBooks(market);
  });
});
