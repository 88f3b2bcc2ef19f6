import { expect } from "chai";
import { network } from "hardhat";
import { belowLine, nearLine } from "../keeper/state/belowLine.js";
import { LensPages } from "../keeper/state/lensPages.js";
import { type AccountId, insuranceFundOf, parseWad } from "../sdk/index.js";
import { accountsOf, stateOver } from "./fixtures/keeperState.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";

const connection = await network.create();
const { loadFixture, takeSnapshot } = connection.networkHelpers;

const ACCOUNTS = 8;
const STEPS = 30;
/** One step in so many replaces the blocks of the steps before it. */
const STEPS_OF_FORK = 6;

async function deployCrowd() {
  const market = await deployLiquidationMarket(connection);
  const accounts: AccountId[] = [];
  for (let number = 0; number < ACCOUNTS; ++number) {
    accounts.push(await market.fund(market.alice, BigInt(number), 4_000 + 500 * number));
  }
  return { ...market, accounts };
}

describe("What the keeper takes to be below the line", () => {
  for (const seed of [1, 2, 3]) {
    it(`is what the Lens says of all accounts, after every block and reorganisation (seed ${seed})`, async () => {
      const market = await loadFixture(deployCrowd);
      const world = await stateOver(market);
      const lens = new LensPages({ rpc: world.chain.rpc, plimsoll: world.plimsoll });
      const { below, chance } = chances(seed);
      const act = async (): Promise<unknown> => {
        const account = market.accounts[below(ACCOUNTS)]!;
        if (chance(0.5)) {
          const moved = 80 + below(36);
          return market.setPrices({ [ETH]: 30 * moved, [BTC]: 1_000 * (85 + below(31)) });
        }
        const instrument = chance(0.5) ? ETH_PERP : BTC_PERP;
        const most = instrument === ETH_PERP ? 12 : 0.4;
        const size = parseWad((((below(200) - 100) / 100) * most).toFixed(4));
        return market.clear({ account, instrument, size: size === 0n ? 1n : size });
      };
      let found = 0;
      let fork = await takeSnapshot();
      for (let step = 1; step <= STEPS; ++step) {
        // Three blocks are replaced at a time.
        if (step % STEPS_OF_FORK === STEPS_OF_FORK / 2) fork = await takeSnapshot();
        if (step % STEPS_OF_FORK === 0) await fork.restore();
        // What the contracts refuse is no step; the price is another all the same.
        await act().catch(() => market.setPrices({ [ETH]: 2_600 + below(800) }));
        const view = await world.state.update();
        if (view === undefined) throw new Error("There is no view");
        const fund = insuranceFundOf(view.index);
        const all = accountsOf(view.index).filter((account) => account !== fund);
        const said = await lens.liquidatable(all, view.block.hash);
        const seen = [...belowLine(view, nearLine(view, 10), () => false)];
        expect(seen.map(({ account }) => account)).to.have.members([...said]);
        found += said.size;
      }
      expect(found).to.be.above(0);
    }).timeout(20_000);
  }
});

function chances(seed: number) {
  const { next } = randomFrom(seed);
  return {
    below: (count: number) => Math.floor(next() * count),
    chance: (share: number) => next() < share,
  };
}
