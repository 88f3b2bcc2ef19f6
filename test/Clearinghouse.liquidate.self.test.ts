import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import { leastIncentive } from "./reference/liquidation.js";
import { max, sum } from "./reference/margin.js";

const { ethers, networkHelpers } = await hre.network.create();

/** Each position, balance or slice may round by a wei or two. */
const ROUNDING = 20n;

describe("Clearinghouse.liquidate: self-liquidation (LQ1)", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
    await market.endow(50_000);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  async function sinkTo(account: AccountId, percent: bigint) {
    return market.sink(account, [{ instrument: ETH_PERP, size: 10n * WAD }], {
      prices: { [ETH]: 2_700 },
      equity: ({ maintenance }) => (maintenance * percent) / 100n,
    });
  }

  /** What one owner has: accounts, of which none is worth less than nothing to it, and tokens. */
  async function wealthOf(owner: string, accounts: AccountId[]): Promise<bigint> {
    const margins = await Promise.all(accounts.map((account) => market.marginOf(account)));
    const wallet = await market.usdc.balanceOf(owner);
    return sum(margins.map(({ equity }) => max(equity, 0n))) + wallet * 10n ** 12n;
  }

  for (const percent of [99n, 75n, 47n, 42n, 30n, 11n, 10n]) {
    it(`wins an owner nothing at ${percent} % of the line (LQ1)`, async () => {
      const { alice } = market;
      const account = await market.fund(alice, 0n, 10_000);
      const into = await market.fund(alice, 1n, 10_000);
      await sinkTo(account, percent);
      const before = await wealthOf(alice.address, [account, into]);
      await market.liquidate(account, { by: alice, into });
      expect(await wealthOf(alice.address, [account, into])).to.be.at.most(before + ROUNDING);
    });
  }

  for (const percent of [9n, 5n, 0n, -20n, -80n]) {
    it(`wins an owner at ${percent} % of the line no more than the incentive's floor lacks (LQ1)`, async () => {
      const { alice } = market;
      const account = await market.fund(alice, 0n, 10_000);
      const into = await market.fund(alice, 1n, 10_000);
      const { equity, maintenance } = await sinkTo(account, percent);
      const before = await wealthOf(alice.address, [account, into]);
      await market.liquidate(account, { by: alice, into });
      const residual = leastIncentive(maintenance, market.parameters.liquidation) - max(equity, 0n);
      const after = await wealthOf(alice.address, [account, into]);
      expect(after - before).to.be.closeTo(residual, ROUNDING);
    });
  }

  it("wins a contract nothing that sinks, settles, liquidates itself and withdraws at once (LQ1)", async () => {
    const { vault, clearinghouse, usdc, stranger } = market;
    const actor = await ethers.deployContract("MockActor");
    const owner = await actor.getAddress();
    const [account, into] = [accountId(owner), accountId(owner, 1n)];
    await usdc.mint(stranger, 20_000_000_000n);
    await usdc.connect(stranger).approve(vault, 20_000_000_000n);
    for (const held of [account, into]) {
      await vault.connect(stranger).deposit(held, usdc, 10_000_000_000n);
    }
    await sinkTo(account, 60n);
    const before = await wealthOf(owner, [account, into]);
    const act = (contract: typeof vault | typeof clearinghouse, data: string) => ({
      target: contract,
      data,
    });
    const settle = clearinghouse.interface.encodeFunctionData("settleVariation", [account]);
    const seize = clearinghouse.interface.encodeFunctionData("liquidate", [
      account,
      into,
      WAD / 5n,
      parseWad(10_000),
    ]);
    const withdraw = vault.interface.encodeFunctionData("withdraw", [
      into,
      await usdc.getAddress(),
      1_000_000_000n,
      owner,
    ]);
    await actor.run([
      act(clearinghouse, settle),
      act(clearinghouse, seize),
      act(clearinghouse, settle),
      act(clearinghouse, seize),
      act(vault, withdraw),
    ]);
    expect(await wealthOf(owner, [account, into])).to.be.at.most(before + ROUNDING);
  });

  describe("with the price fixed", () => {
    const STEPS = 100;

    /** One act of an owner with three accounts; what is not allowed reverts and changes nothing. */
    function randomAct(accounts: AccountId[], random: ReturnType<typeof randomFrom>) {
      const { vault, clearinghouse, alice, usdc } = market;
      const [from, to] = [random.pick(accounts), random.pick(accounts)];
      const amount = random.between(1n, 20_000_000n);
      const size = random.between(-5n * WAD, 5n * WAD);
      const price = random.between(parseWad(2_565), parseWad(2_835));
      const part = random.between(10n ** 12n, WAD / 4n);
      return random.pick([
        () =>
          clearinghouse.connect(alice).liquidate(accounts[0] ?? from, to, part, parseWad(10_000)),
        () => market.clear({ account: from, instrument: ETH_PERP, size, price, maker: to }),
        () => vault.connect(alice).transfer(from, to, usdc, amount),
        () => vault.connect(alice).deposit(from, usdc, amount),
        () => vault.connect(alice).withdraw(from, usdc, amount, alice),
        () => clearinghouse.connect(alice).settleVariation(from),
      ]);
    }

    for (const seed of [1, 2, 3]) {
      it(`no sequence of ${STEPS} acts of one owner raises its total, seed ${seed} (LQ1, I8)`, async () => {
        const { alice, usdc, vault } = market;
        const random = randomFrom(seed);
        const accounts: AccountId[] = [];
        for (const subAccount of [0n, 1n, 2n]) {
          accounts.push(await market.fund(alice, subAccount, 10_000));
        }
        await usdc.mint(alice, 10_000_000_000n);
        await usdc.connect(alice).approve(vault, 10n ** 18n);
        await sinkTo(accounts[0] ?? accountId(alice.address), 60n);

        let total = await wealthOf(alice.address, accounts);
        const liquidations = market.clearinghouse.filters.Liquidated();
        let done = 0;
        for (let step = 0; step < STEPS; ++step) {
          try {
            await randomAct(accounts, random)();
            ++done;
          } catch (error) {
            expect(String(error), "a refusal has a reason").to.match(/custom error/);
          }
          const now = await wealthOf(alice.address, accounts);
          expect(now, `step ${step}`).to.be.at.most(total + ROUNDING);
          total = now;
        }
        expect(done).to.be.above(STEPS / 6);
        expect(await market.clearinghouse.queryFilter(liquidations)).not.to.be.empty;
      });
    }
  });
});
