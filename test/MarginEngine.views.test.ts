import { expect } from "chai";
import { formatUnits } from "ethers";
import hre from "hardhat";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { takeOver } from "./fixtures/takeover.js";
import { floorDiv, referenceMargin } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

const UNIT = 10n ** 12n;
const MILLION = 1_000_000n;

describe("MarginEngine: views", () => {
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  describe("withdrawable", () => {
    /** Long 100 ETH and short 1 BTC on a bit of everything. */
    async function openPortfolio(): Promise<AccountId> {
      const { alice, weth, wsteth, wbtc } = market;
      const account = await market.fund(alice, 0n, 4_000);
      await market.deposit(alice, { token: weth, amount: 2 });
      await market.deposit(alice, { token: wsteth, amount: 3 });
      await market.deposit(alice, { token: wbtc, amount: "0.2" });
      await market.clear(
        { account, instrument: ETH_PERP, size: 100n * WAD },
        { account, instrument: BTC_PERP, size: -WAD },
      );
      await market.setPrices({ [ETH]: "2987.65432101", [BTC]: "104321.98765432" });
      return account;
    }

    it("is the cash that the account can spare: one unit more is refused", async () => {
      const account = await openPortfolio();
      const { vault, alice, usdc, marginEngine } = market;
      const { equity, initial } = await market.marginOf(account);
      const most = await marginEngine.withdrawable(account, usdc);
      expect(most).to.equal((equity - initial) / UNIT);
      expect(most).to.be.above(0n);
      await expect(vault.connect(alice).withdraw(account, usdc, most + 1n, alice))
        .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
        .withArgs(account, equity - (most + 1n) * UNIT, initial);
      await vault.connect(alice).withdraw(account, usdc, most, alice);
      expect(await marginEngine.withdrawable(account, usdc)).to.equal(0n);
    });

    for (const [place, symbol] of ["WETH", "wstETH", "WBTC"].entries()) {
      it(`is the ${symbol} that the account can spare: one unit more is refused`, async () => {
        const account = await openPortfolio();
        const { vault, alice, marginEngine } = market;
        const token = market.collaterals[place] ?? market.weth;
        const most = await marginEngine.withdrawable(account, token);
        const held = await vault.collateralOf(account, token);
        expect(most).to.be.within(1n, held - 1n);

        const without = await market.referenceOf(account);
        const unit = 10n ** (18n - (await token.decimals()));
        without.collateral = without.collateral.map((item, index) =>
          index === place ? { ...item, quantity: item.quantity - (most + 1n) * unit } : item,
        );
        const expected = referenceMargin(without, market.parameters.liquidation);
        await expect(vault.connect(alice).withdraw(account, token, most + 1n, alice))
          .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
          .withArgs(
            account,
            expected.equity,
            (initial: bigint) => initial >= expected.initial && initial <= expected.initial + 15n,
          );
        await vault.connect(alice).withdraw(account, token, most, alice);
        expect(await marginEngine.withdrawable(account, token)).to.equal(0n);
      });
    }

    it("is all that the account has when its margin would allow more", async () => {
      const { alice, vault, usdc, weth, marginEngine } = market;
      const account = await market.fund(alice, 0n, 100);
      await market.deposit(alice, { token: weth, amount: 2 });
      await market.clear({ account, instrument: ETH_PERP, size: WAD / 10n });
      expect(await marginEngine.withdrawable(account, usdc)).to.equal(100_000_000n);
      await expect(vault.connect(alice).withdraw(account, usdc, 100_000_001n, alice))
        .to.be.revertedWithCustomError(vault, "InsufficientBalance")
        .withArgs(account, await usdc.getAddress(), 100_000_001n, 100_000_000n);
      await vault.connect(alice).withdraw(account, usdc, 100_000_000n, alice);
    });

    it("is nothing below initial margin, with a debt, and of a token that is not held", async () => {
      const { alice, usdc, weth, wbtc, marginEngine } = market;
      const account = await market.fund(alice, 0n, 3_000);
      await market.deposit(alice, { token: weth, amount: 1 });
      await market.clear({ account, instrument: ETH_PERP, size: 20n * WAD });
      expect(await marginEngine.withdrawable(account, wbtc)).to.equal(0n);
      await market.setPrice(ETH, 2_900);
      expect(await marginEngine.statusOf(account)).to.equal(1n);
      expect(await marginEngine.withdrawable(account, usdc)).to.equal(0n);
      expect(await marginEngine.withdrawable(account, weth)).to.equal(0n);
      await market.setPrice(ETH, 2_840);
      await market.clear({ account, instrument: ETH_PERP, size: -20n * WAD });
      expect(await market.vault.cashOf(account)).to.be.below(0n);
      expect(await marginEngine.withdrawable(account, usdc)).to.equal(0n);
    });
  });

  describe("previewLiquidation (I10)", () => {
    it("is zeros for an account that cannot be liquidated", async () => {
      const preview = await market.marginEngine.previewLiquidation(market.house);
      expect([...preview]).to.deep.equal([0n, 0n, 0n, 0n]);
    });

    for (const percent of [95n, 60n, 45n, 30n, 5n, -50n]) {
      for (const endowment of [0, 50, 50_000]) {
        it(`is what the act does at ${percent} % of the line, with ${endowment} in the fund`, async () => {
          const account = await market.fund(market.alice, 0n, 10_000);
          if (endowment > 0) await market.endow(endowment);
          await market.sink(account, [{ instrument: ETH_PERP, size: 10n * WAD }], {
            prices: { [ETH]: 2_700 },
            equity: ({ maintenance }) => (maintenance * percent) / 100n,
          });
          // takeOver compares the preview with the event and with the reference.
          const { fraction } = await takeOver(market, account);
          expect(fraction).to.be.above(0n);
        });
      }
    }
  });

  describe("liquidationPrice", () => {
    /** As a feed of 8 decimals can say it. */
    function inFeed(price: bigint, round: "up" | "down"): string {
      const unit = 10n ** 10n;
      return formatUnits(round === "down" ? floorDiv(price, unit) : -floorDiv(-price, unit), 8);
    }

    /** At the price the account cannot be liquidated, a millionth beyond it can. */
    async function expectLine(
      account: AccountId,
      underlying: number,
      price: bigint,
      below: boolean,
    ) {
      await market.setPrice(underlying, inFeed(price, below ? "up" : "down"));
      expect(await market.marginEngine.statusOf(account)).to.be.at.most(1n);
      const beyond = price / MILLION + 1n;
      const over = below ? inFeed(price - beyond, "down") : inFeed(price + beyond, "up");
      await market.setPrice(underlying, over);
      expect(await market.marginEngine.statusOf(account)).to.be.at.least(2n);
      await takeOver(market, account);
    }

    async function open(options: {
      size: bigint;
      cash: number;
      weth?: number;
    }): Promise<AccountId> {
      const account = await market.fund(market.alice, 0n, options.cash);
      if (options.weth !== undefined) {
        await market.deposit(market.alice, { token: market.weth, amount: options.weth });
      }
      await market.clear({ account, instrument: ETH_PERP, size: options.size });
      return account;
    }

    it("of a long is where cash + size x (P - entry) = 3.8 % x size x P", async () => {
      const account = await open({ size: 10n * WAD, cash: 4_000 });
      const price = await market.marginEngine.liquidationPrice(account, ETH_PERP);
      const exact = (parseWad(3_000 - 400) * 1_000n) / 962n;
      expect(price).to.be.closeTo(exact, exact / MILLION + 1n);
      await expectLine(account, ETH, price, true);
    });

    it("of a short is where cash - size x (P - entry) = 3.8 % x size x P", async () => {
      const account = await open({ size: -10n * WAD, cash: 4_000 });
      const price = await market.marginEngine.liquidationPrice(account, ETH_PERP);
      const exact = (parseWad(3_000 + 400) * 1_000n) / 1_038n;
      expect(price).to.be.closeTo(exact, exact / MILLION + 1n);
      await expectLine(account, ETH, price, false);
    });

    it("of a long counts collateral of the same underlying, with its haircut", async () => {
      const account = await open({ size: 10n * WAD, cash: 4_000, weth: 2 });
      const price = await market.marginEngine.liquidationPrice(account, ETH_PERP);
      // 4,000 + 10 (P - 3,000) + 2 P = 0.38 P + 0.3 P
      const exact = (parseWad(26_000) * 100n) / 1_132n;
      expect(price).to.be.closeTo(exact, exact / MILLION + 1n);
      await expectLine(account, ETH, price, true);
    });

    it("of a short hedged by its collateral may be far above", async () => {
      const account = await open({ size: -10n * WAD, cash: 4_000, weth: 5 });
      const price = await market.marginEngine.liquidationPrice(account, ETH_PERP);
      // 34,000 - 10 P + 5 P = 0.38 P + 0.75 P
      const exact = (parseWad(34_000) * 100n) / 613n;
      expect(price).to.be.closeTo(exact, exact / MILLION + 1n);
      await expectLine(account, ETH, price, false);
    });

    it("is 0 where no price can bring the account below its line", async () => {
      const account = await open({ size: WAD, cash: 4_000 });
      expect(await market.marginEngine.liquidationPrice(account, ETH_PERP)).to.equal(0n);
      expect(await market.marginEngine.liquidationPrice(account, BTC_PERP)).to.equal(0n);
      const nobody = accountId(market.dave.address);
      expect(await market.marginEngine.liquidationPrice(nobody, ETH_PERP)).to.equal(0n);
    });

    it("is the price of now when the account is below its line already", async () => {
      const account = await open({ size: 10n * WAD, cash: 4_000 });
      await market.setPrice(ETH, "2650.5");
      const price = await market.marginEngine.liquidationPrice(account, ETH_PERP);
      expect(price).to.equal(parseWad("2650.5"));
    });
  });
});
