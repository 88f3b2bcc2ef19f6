import { expect } from "chai";
import hre from "hardhat";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";
import { equityOf, max, referenceMargin } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

/** Each item's requirement is rounded up at each of its steps, the reference's once. */
const ROUNDING_OF_ITEM = 3n;

describe("MarginEngine: margin", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
  });

  describe("marginOf", () => {
    /** A hundred accounts with any mix of cash, collateral and positions that opens. */
    async function openAccounts(random: ReturnType<typeof randomFrom>): Promise<AccountId[]> {
      const { alice, vault, usdc, weth, wsteth, wbtc } = market;
      const asAlice = vault.connect(alice);
      // Together with the house they bring more than the local cap.
      await market.asGovernance(vault, "setTokenLimits", [
        await usdc.getAddress(),
        { depositCap: 10n ** 15n, outflowAmount: 0n, outflowBps: 10_000n },
      ]);
      for (const token of [usdc, weth, wsteth, wbtc]) {
        await token.mint(alice, 10n ** 30n);
        await token.connect(alice).approve(vault, 10n ** 30n);
      }
      const accounts: AccountId[] = [];
      for (let batch = 0n; batch < 10n; ++batch) {
        const legs = [];
        for (let place = 0n; place < 10n; ++place) {
          const account = accountId(alice.address, 10n * batch + place);
          const dollars = random.pick([1_000n, 40_000n, 3_000_000n]);
          await asAlice.deposit(
            account,
            usdc,
            random.between(dollars * 500_000n, dollars * 1_000_000n),
          );
          for (const [token, most] of [
            [weth, 10n * WAD],
            [wsteth, 5n * WAD],
            [wbtc, 10n ** 8n],
          ] as const) {
            if (random.next() < 0.25)
              await asAlice.deposit(account, token, random.between(1n, most));
          }
          const eth = (dollars * WAD) / 900n;
          const btc = (dollars * WAD) / 40_000n;
          if (random.next() < 0.8)
            legs.push({ account, instrument: ETH_PERP, size: random.between(-eth, eth) });
          if (random.next() < 0.6)
            legs.push({ account, instrument: BTC_PERP, size: random.between(-btc, btc) });
          accounts.push(account);
        }
        await market.clear(...legs);
      }
      return accounts;
    }

    it("agrees with the exact reference for 100 random accounts at 3 prices each (RD3)", async () => {
      const random = randomFrom(300);
      const accounts = await openAccounts(random);
      const { liquidation: rules } = market.parameters;
      for (let round = 0; round < 3; ++round) {
        const prices = {
          [ETH]: dollarsBetween(random, 2_000, 4_000),
          [BTC]: dollarsBetween(random, 70_000, 130_000),
        };
        await market.setPrices(prices);
        for (const account of accounts) {
          const reference = await market.referenceOf(account);
          const expected = referenceMargin(reference, rules);
          const { equity, initial, maintenance } = await market.marginOf(account);
          const items = BigInt(reference.positions.length + reference.collateral.length);
          expect(equity).to.equal(expected.equity);
          // Never below the exact requirement, never more than its rounding above.
          expect(initial - expected.initial).to.be.within(0n, items * ROUNDING_OF_ITEM);
          expect(maintenance - expected.maintenance).to.be.within(0n, items * ROUNDING_OF_ITEM);
          expect(initial).to.be.at.least(maintenance);
        }
      }
    }).timeout(240_000);

    function dollarsBetween(
      random: ReturnType<typeof randomFrom>,
      least: number,
      most: number,
    ): string {
      return (least + random.next() * (most - least)).toFixed(8);
    }

    it("grows with size by the brackets, continuously at each end", async () => {
      const nobody = accountId(market.dave.address);
      await market.setPrice(ETH, 2_500);
      const requirementOf = async (size: bigint) => {
        const delta = { instrument: ETH_PERP, size, price: parseWad(2_500) };
        return market.marginEngine.marginWith(nobody, [delta], 0n);
      };
      // 1 M; 1 + 4 x 1.5 = 7 M; 7 + 15 x 2.5 = 44.5 M; 44.5 + 30 x 5 = 194.5 M charged.
      for (const [size, charged, slopeBps] of [
        [400n, 1_000_000n, 15_000n],
        [2_000n, 7_000_000n, 25_000n],
        [8_000n, 44_500_000n, 50_000n],
        [20_000n, 194_500_000n, 50_000n],
      ] as const) {
        for (const side of [1n, -1n]) {
          const { maintenance, initial } = await requirementOf(side * size * WAD);
          const exact = (charged * WAD * 38n) / 1_000n;
          expect(maintenance).to.be.equal(exact);
          expect(initial).to.equal(charged * 63_333_333_333_333_334n);
          const more = await requirementOf(side * (size * WAD + WAD / 1_000n));
          const step = (parseWad("2.5") * slopeBps * 38n) / 10_000_000n;
          expect(more.maintenance - maintenance).to.be.closeTo(step, 4n);
        }
      }
    });

    it("asks at least 20 dollars and 5 for each instrument", async () => {
      const account = await market.fund(market.alice, 0n, 100);
      await market.clear({ account, instrument: ETH_PERP, size: WAD / 1_000n });
      expect(await market.marginOf(account)).to.deep.include({
        initial: parseWad(25),
        maintenance: parseWad(25),
      });
      await market.clear({ account, instrument: BTC_PERP, size: WAD / 100_000n });
      expect(await market.marginOf(account)).to.deep.include({
        initial: parseWad(30),
        maintenance: parseWad(30),
      });
    });

    it("asks 5 dollars for each token held, but no more than the token is worth", async () => {
      const { alice, weth, wsteth } = market;
      const account = await market.fund(alice, 0n, 100);
      await market.deposit(alice, { token: weth, amount: "0.01" });
      await market.clear({ account, instrument: ETH_PERP, size: WAD / 1_000n });
      expect((await market.marginOf(account)).maintenance).to.equal(parseWad(30));
      await market.deposit(alice, { token: wsteth, amount: "0.0005" });
      expect((await market.marginOf(account)).maintenance).to.equal(parseWad("31.8"));
    });

    it("asks the minimum of an account with a debt and no position", async () => {
      const account = accountId(market.alice.address);
      await market.deposit(market.alice, { token: market.weth, amount: "0.02" });
      await market.fund(market.alice, 0n, 30);
      await market.clear({ account, instrument: ETH_PERP, size: WAD / 10n });
      await market.setPrice(ETH, 2_500);
      await market.clear({ account, instrument: ETH_PERP, size: -WAD / 10n });
      expect(await market.vault.cashOf(account)).to.equal(-parseWad(20));
      expect(await market.marginOf(account)).to.deep.equal({
        equity: parseWad(30),
        initial: parseWad(25),
        maintenance: parseWad(25),
      });
    });

    it("needs no price and no margin of an account without position and debt (OR4)", async () => {
      const { alice, weth, vault, marginEngine, usdc } = market;
      const account = await market.fund(alice, 0n, 100);
      await market.deposit(alice, { token: weth, amount: 1 });
      expect(await market.marginOf(account)).to.deep.equal({
        equity: parseWad(3_100),
        initial: parseWad(600),
        maintenance: parseWad(450),
      });
      await networkHelpers.time.increase(4_000);
      await expect(market.oracle.price(ETH)).to.be.revertedWithCustomError(
        market.oracle,
        "StalePrice",
      );
      await marginEngine.requireInitial(account);
      expect(await marginEngine.withdrawable(account, usdc)).to.equal(100_000_000n);
      expect(await marginEngine.withdrawable(account, weth)).to.equal(WAD);
      await vault.connect(alice).withdraw(account, weth, WAD, alice);
      await vault.connect(alice).withdraw(account, usdc, 100_000_000n, alice);
    });
  });

  describe("statusOf", () => {
    const edges = [
      ["Healthy at exactly the initial margin", (m) => m.initial, 0n],
      ["MarginCall one wei below it", (m) => m.initial - 1n, 1n],
      ["MarginCall at exactly the maintenance margin", (m) => m.maintenance, 1n],
      ["Liquidatable one wei below it", (m) => m.maintenance - 1n, 2n],
      ["Liquidatable at exactly nothing", () => 0n, 2n],
      ["Bankrupt one wei below nothing", () => -1n, 3n],
    ] satisfies [string, (margin: { initial: bigint; maintenance: bigint }) => bigint, bigint][];
    for (const [title, equity, status] of edges) {
      it(`is ${title}`, async () => {
        const account = await market.fund(market.alice, 0n, 10_000);
        const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
        await market.sink(account, legs, { prices: { [ETH]: 2_700 }, equity });
        expect(await market.marginEngine.statusOf(account)).to.equal(status);
      });
    }
  });

  describe("marginWith", () => {
    const [buys, sells] = [1n, -1n];
    const cases: Record<string, [bigint, bigint, number][]> = {
      "a new position": [[BTC_PERP, buys, 100_500]],
      "a larger position": [[ETH_PERP, buys * 2n, 2_990]],
      "a reduction": [[ETH_PERP, sells * 4n, 3_100]],
      "a close, whose quote becomes cash": [[ETH_PERP, sells * 10n, 3_050]],
      "a flip": [[ETH_PERP, sells * 15n, 2_900]],
      "several trades in order": [
        [ETH_PERP, sells * 10n, 2_950],
        [BTC_PERP, sells, 101_000],
        [ETH_PERP, buys * 3n, 3_050],
        [BTC_PERP, buys, 99_000],
      ],
    };
    for (const [name, trades] of Object.entries(cases)) {
      it(`foresees ${name} with a payment, to the wei`, async () => {
        const account = await market.fund(market.alice, 0n, 40_000);
        await market.clear({ account, instrument: ETH_PERP, size: 10n * WAD });
        const deltas = trades.map(([instrument, units, dollars]) => ({
          instrument,
          size: units * WAD + 7n,
          price: parseWad(dollars) + 3n,
        }));
        const toHouse = parseWad("123.456");
        const foreseen = await market.marginEngine.marginWith(account, deltas, -toHouse);
        await market.clear(
          ...deltas.map((delta, place) => ({ account, ...delta, toHouse: place ? 0n : toHouse })),
        );
        const { equity, initial, maintenance } = await market.marginOf(account);
        expect([...foreseen]).to.deep.equal([equity, initial, maintenance]);
        const reference = await market.referenceOf(account);
        expect(equityOf(reference)).to.equal(equity);
        expect(max(initial, maintenance)).to.equal(initial);
      });
    }

    it("is marginOf when nothing is done", async () => {
      const { equity, initial, maintenance } = await market.marginOf(market.house);
      const same = await market.marginEngine.marginWith(market.house, [], 0n);
      expect([...same]).to.deep.equal([equity, initial, maintenance]);
    });
  });
});
