import { expect } from "chai";
import { MaxInt256, ZeroAddress } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, WAD } from "../sdk/index.js";
import { deployWithTraders, PRICE } from "./fixtures/exchange.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const { networkHelpers } = await hre.network.create();
const { time } = networkHelpers;

const GRACE = 3_600n;
const HOUR = 3_600n;
const DOLLAR = 10n ** 6n;

type Scene = Awaited<ReturnType<typeof deployRollup>>;

/** A rollup whose sequencer is up; Alice is long 10 ETH and still sound at 3,000 dollars, Carol long 10 and rich. */
async function deployRollup(network: NetworkConnection) {
  const market = await deployLiquidationMarket(network);
  const { oracle, asGovernance, fund, alice, carol, clear } = market;
  const uptime = await network.ethers.deployContract("MockV3Aggregator", [0n, 0n]);
  await asGovernance(oracle, "setSequencer", [await uptime.getAddress(), GRACE]);
  const account = await fund(alice, 0n, 3_000);
  const carols = await fund(carol, 0n, 100_000);
  for (const long of [account, carols]) {
    await clear({ account: long, instrument: ETH_PERP, size: 10n * WAD });
  }
  return { ...market, uptime, account, carols };
}

/** The sequencer is down for two hours, in which ETH falls by a fifth; returns since when it is up again. */
async function fallWhileDown({ uptime, setPrice, refreshPrices }: Scene): Promise<bigint> {
  await uptime.updateAnswer(1n);
  await time.increase(2n * HOUR);
  await refreshPrices();
  await setPrice(ETH, 2_400);
  await uptime.updateAnswer(0n);
  return BigInt(await time.latest());
}

function liquidate({ clearinghouse, liquidator, account, rescuer }: Scene) {
  return clearinghouse.connect(liquidator).liquidate(account, rescuer, WAD, MaxInt256);
}

describe("A rollup's sequencer", () => {
  describe("that was down", () => {
    it("lets nobody be liquidated before the grace period is over, to the second (SQ1)", async () => {
      const scene = await networkHelpers.loadFixture(deployRollup);
      const since = await fallWhileDown(scene);
      for (const at of [since + 1n, since + GRACE - 15n, since + GRACE - 1n]) {
        await time.setNextBlockTimestamp(at);
        await expect(liquidate(scene))
          .to.be.revertedWithCustomError(scene.oracle, "SequencerDown")
          .withArgs(since, GRACE);
        await networkHelpers.mine();
      }
      await time.setNextBlockTimestamp(since + GRACE);
      await expect(liquidate(scene)).to.emit(scene.clearinghouse, "Liquidated");
    });

    it("gives the liquidator the terms that it would have had at once: no clock ran (SQ1, SQ3)", async () => {
      const scene = await networkHelpers.loadFixture(deployRollup);
      const snapshot = await networkHelpers.takeSnapshot();
      await scene.setPrice(ETH, 2_400);
      const atOnce = await scene.marginEngine.previewLiquidation(scene.account);
      expect(atOnce.maxFraction).to.equal(WAD);
      await snapshot.restore();
      const since = await fallWhileDown(scene);
      for (const wait of [GRACE, GRACE + 15n, GRACE + 30n]) {
        await time.increaseTo(since + wait);
        expect(await scene.marginEngine.previewLiquidation(scene.account)).to.deep.equal(atOnce);
      }
    });

    it("leaves the owner the whole of the grace period to defend itself (SQ1, I9)", async () => {
      const scene = await networkHelpers.loadFixture(deployRollup);
      const since = await fallWhileDown(scene);
      await scene.fund(scene.alice, 0n, 6_000);
      await time.increaseTo(since + GRACE);
      const { equity, maintenance } = await scene.marginOf(scene.account);
      await expect(liquidate(scene))
        .to.be.revertedWithCustomError(scene.marginEngine, "NotLiquidatable")
        .withArgs(scene.account, equity, maintenance);
    });
  });

  /** What a round of the uptime feed may say beside up and down, and since when that is. */
  const INVALID: Record<string, (scene: Scene) => Promise<bigint>> = {
    "says down": async ({ uptime }) => {
      await uptime.updateAnswer(1n);
      return BigInt(await time.latest());
    },
    "answers 2": async ({ uptime }) => {
      await uptime.updateAnswer(2n);
      return BigInt(await time.latest());
    },
    "was never initialised": async ({ uptime }) => {
      await uptime.updateRoundData(0n, 0n, 0n, 0n);
      return 0n;
    },
    "started in the future": async ({ uptime }) => {
      const soon = BigInt(await time.latest()) + 1_000n;
      await uptime.updateRoundData(2n, 0n, soon, soon);
      return soon;
    },
    reverts: async ({ uptime }) => {
      await networkHelpers.setCode(await uptime.getAddress(), "0x60006000fd");
      return 0n;
    },
    "has no code": async ({ uptime }) => {
      await networkHelpers.setCode(await uptime.getAddress(), "0x");
      return 0n;
    },
  };

  describe("whose feed says no more than down", () => {
    for (const [name, happen] of Object.entries(INVALID)) {
      it(`makes all that needs a price wait when it ${name} (SQ1, SQ2)`, async () => {
        const scene = await networkHelpers.loadFixture(deployRollup);
        const { vault, usdc, clear, carol, carols, clearinghouse, oracle, uptime } = scene;
        await scene.setPrice(ETH, 2_700);
        const since = await happen(scene);
        const other = accountId(carol.address, 1n);
        expect(await uptime.getAddress()).not.to.equal(ZeroAddress);
        for (const act of [
          () => liquidate(scene),
          () => clear({ account: carols, instrument: ETH_PERP, size: WAD, price: PRICE }),
          () => vault.connect(carol).withdraw(carols, usdc, DOLLAR, carol),
          () => vault.connect(carol).transfer(carols, other, usdc, DOLLAR),
          () => clearinghouse.connect(carol).settleVariation(carols),
          () => oracle.notePrice(ETH),
        ]) {
          await expect(act())
            .to.be.revertedWithCustomError(oracle, "SequencerDown")
            .withArgs(since, GRACE);
        }
      });

      it(`leaves deposits, cancelling, reducing and cash without risk alone when it ${name} (I9)`, async () => {
        const scene = await networkHelpers.loadFixture(deployRollup);
        const { vault, usdc, exchange, clear, carol, carols, dave, fund } = scene;
        const daves = await fund(dave, 0n, 100);
        await happen(scene);
        await fund(scene.alice, 0n, 1);
        await exchange.connect(carol).cancel(carols, [1n]);
        await clear({ account: carols, instrument: ETH_PERP, size: -WAD, price: PRICE });
        await vault.connect(dave).withdraw(daves, usdc, 100n * DOLLAR, dave);
      });
    }
  });

  it("is none, explicitly, where its feed is the zero address (SQ2)", async () => {
    const scene = await networkHelpers.loadFixture(deployRollup);
    await scene.uptime.updateAnswer(1n);
    await scene.asGovernance(scene.oracle, "setSequencer", [ZeroAddress, 0n]);
    await scene.setPrice(ETH, 2_400);
    await expect(liquidate(scene)).to.emit(scene.clearinghouse, "Liquidated");
  });
});

describe("A block's time", () => {
  for (const seconds of [-15n, 0n, 1n, 15n]) {
    const filled = seconds <= 0n;
    it(`${filled ? "fills" : "does not fill"} an order ${seconds} s from its expiry, at its price (SQ3, SO6)`, async () => {
      const trading = await networkHelpers.loadFixture(deployWithTraders);
      const { exchange, alice, bob, buy, sell, match, sizeOf, hashOf } = trading;
      const expiry = BigInt(await time.latest()) + 1_000n;
      const order = await buy(alice, 1, { expiry });
      const maker = await sell(bob, 1);
      await time.setNextBlockTimestamp(expiry + seconds);
      if (filled) {
        await match(order, [maker], [1]);
        expect(await sizeOf(alice)).to.equal(WAD);
        const [position] = await trading.clearinghouse.openPositionsOf(trading.accountOf(alice));
        // With the fee of 0.05 %.
        expect(position!.realQuote).to.equal(-(PRICE * 10_005n) / 10_000n);
      } else {
        await expect(match(order, [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "OrderExpired")
          .withArgs(hashOf(order), expiry, expiry + seconds);
      }
    });
  }

  it("moved by 15 s changes no account's margin and no terms of its liquidation (SQ3)", async () => {
    const market = await networkHelpers.loadFixture(deployLiquidationMarket);
    const account = await market.fund(market.alice, 0n, 3_000);
    await market.clear({ account, instrument: ETH_PERP, size: 10n * WAD });
    await market.setPrice(ETH, 2_800);
    const at = BigInt(await time.latest()) + 100n;
    const seen = [];
    for (const seconds of [-15n, 0n, 15n]) {
      await time.increaseTo(at + seconds);
      const { marginEngine } = market;
      seen.push([
        await marginEngine.marginOf(account),
        await marginEngine.previewLiquidation(account),
      ]);
    }
    expect(seen[0]).to.deep.equal(seen[1]);
    expect(seen[2]).to.deep.equal(seen[1]);
  });

  it("moved by 15 s moves what may be withdrawn by 15 s of the window and no more (SQ3)", async () => {
    const market = await networkHelpers.loadFixture(deployLiquidationMarket);
    const { vault, usdc, bob, house, passTime } = market;
    await passTime(86_400n);
    await vault.connect(bob).withdraw(house, usdc, await vault.releasableOf(usdc), bob);
    const left = await vault.releasableOf(usdc);
    const outflow = (220_000_000n * DOLLAR) / 5n;
    await time.increase(15n);
    const gained = (await vault.releasableOf(usdc)) - left;
    expect(gained).to.be.at.most((outflow * 15n) / 86_400n + 2n);
    expect(gained).to.be.greaterThan(0n);
    expect(await market.marginEngine.withdrawable(house, usdc)).to.be.at.most(left + gained);
  });
});
