import { anyUint, anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import { MaxInt256, parseUnits } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad, type SignedOrder } from "../sdk/index.js";
import { BTC_PERP, deployPlimsoll, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { mintApproved } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const MAXIMUM_AGE = 3_900n;
const DOLLAR = 10n ** 6n;
/** PUSH1 0, PUSH1 0, REVERT: a proxy to which access was taken away. */
const REVERTING_CODE = "0x60006000fd";

type Scene = Awaited<ReturnType<typeof deployMarket>>;

/** Acts that need the price of ETH; the orders were signed before. */
const ACTS_ON_ETH: Record<string, (scene: Scene) => Promise<unknown>> = {
  "a match": async ({ exchange, stranger, taker, maker }) =>
    exchange.connect(stranger).matchOrders(taker, [maker], [parseWad("0.1")]),
  "a withdrawal of cash": async ({ vault, alice, alices, usdc }) =>
    vault.connect(alice).withdraw(alices, usdc, DOLLAR, alice),
  "a withdrawal of collateral": async ({ vault, alice, alices, weth }) =>
    vault.connect(alice).withdraw(alices, weth, 1n, alice),
  "a transfer": async ({ vault, alice, alices, usdc }) =>
    vault.connect(alice).transfer(alices, accountId(alice.address, 1n), usdc, DOLLAR),
  "a liquidation": async ({ clearinghouse, liquidator, sinking, liquidators }) =>
    clearinghouse.connect(liquidator).liquidate(sinking, liquidators, parseWad(1), MaxInt256),
  "settling variation": async ({ clearinghouse, alice, alices }) =>
    clearinghouse.connect(alice).settleVariation(alices),
};

/** Views that need it too. */
const VIEWS_ON_ETH: Record<string, (scene: Scene) => Promise<unknown>> = {
  marginOf: async ({ marginEngine, alices }) => marginEngine.marginOf(alices),
  statusOf: async ({ marginEngine, alices }) => marginEngine.statusOf(alices),
  withdrawable: async ({ marginEngine, alices, usdc }) => marginEngine.withdrawable(alices, usdc),
  previewLiquidation: async ({ marginEngine, sinking }) => marginEngine.previewLiquidation(sinking),
  markOf: async ({ clearinghouse }) => clearinghouse.markOf(ETH_PERP),
};

describe("A feed", () => {
  describe("that is older than its maximum age", () => {
    for (const [name, act] of Object.entries(ACTS_ON_ETH)) {
      it(`OR1: does not serve ${name}, and does so at its maximum age exactly`, async () => {
        const scene = await networkHelpers.loadFixture(deployMarket);
        const { oracle, ethFeed, updatedAt } = scene;
        const snapshot = await networkHelpers.takeSnapshot();
        await networkHelpers.time.setNextBlockTimestamp(updatedAt + MAXIMUM_AGE + 1n);
        await expect(act(scene))
          .to.be.revertedWithCustomError(oracle, "StalePrice")
          .withArgs(ETH, ethFeed, updatedAt, MAXIMUM_AGE);
        await snapshot.restore();
        await networkHelpers.time.setNextBlockTimestamp(updatedAt + MAXIMUM_AGE);
        await act(scene);
        expect(await networkHelpers.time.latest()).to.equal(updatedAt + MAXIMUM_AGE);
      });
    }

    it("OR1: serves no view, with the same reason", async () => {
      const scene = await networkHelpers.loadFixture(deployMarket);
      await networkHelpers.time.increaseTo(scene.updatedAt + MAXIMUM_AGE + 1n);
      for (const [name, view] of Object.entries(VIEWS_ON_ETH)) {
        await expect(view(scene), name)
          .to.be.revertedWithCustomError(scene.oracle, "StalePrice")
          .withArgs(ETH, scene.ethFeed, scene.updatedAt, MAXIMUM_AGE);
      }
    });

    it("OR1, I9: stops neither deposits of cash nor cancelling, only collateral that it values", async () => {
      const scene = await networkHelpers.loadFixture(deployMarket);
      const { vault, exchange, alice, alices, usdc, weth, updatedAt } = scene;
      await networkHelpers.time.setNextBlockTimestamp(updatedAt + MAXIMUM_AGE + 1n);
      await expect(vault.connect(alice).deposit(alices, weth, 1n)).to.be.revertedWithCustomError(
        scene.oracle,
        "StalePrice",
      );
      await vault.connect(alice).deposit(alices, usdc, 1n);
      await exchange.connect(alice).cancel(alices, [1_000n]);
      await exchange.connect(alice).cancelUpTo(alices, 1_000n);
    });
  });

  describe("that is dead", () => {
    it("OR4: does not keep accounts without its asset from trading", async () => {
      const { bob, carol, trade, clearinghouse, bobs } =
        await networkHelpers.loadFixture(deployWithDeadEth);
      const [size, price] = [parseWad("0.01"), parseWad(100_000)];
      await trade({ taker: carol, maker: bob, instrument: BTC_PERP, size, price });
      expect((await clearinghouse.positionOf(bobs, BTC_PERP)).size).to.equal(parseWad("-0.21"));
    });

    it("OR4: does not keep them from withdrawing, moving money and settling", async () => {
      const { vault, clearinghouse, bob, bobs, usdc } =
        await networkHelpers.loadFixture(deployWithDeadEth);
      await vault.connect(bob).withdraw(bobs, usdc, DOLLAR, bob);
      await vault.connect(bob).transfer(bobs, accountId(bob.address, 1n), usdc, DOLLAR);
      await clearinghouse.connect(bob).settleVariation(bobs);
    });

    it("OR4: does not keep them from being liquidated", async () => {
      const { clearinghouse, marginEngine, carols, bob, bobs, setFeed } =
        await networkHelpers.loadFixture(deployWithDeadEth);
      await setFeed("BTC/USD", 95_500);
      expect(await marginEngine.statusOf(carols)).to.equal(2n);
      await expect(clearinghouse.connect(bob).liquidate(carols, bobs, parseWad(1), MaxInt256))
        .to.emit(clearinghouse, "Liquidated")
        .withArgs(carols, bobs, anyUint, anyValue, anyUint, anyValue, anyUint, anyValue);
    });

    it("OR4: makes accounts with its asset wait, with the reason", async () => {
      const scene = await networkHelpers.loadFixture(deployWithDeadEth);
      for (const [name, act] of Object.entries(ACTS_ON_ETH)) {
        await expect(act(scene), name)
          .to.be.revertedWithCustomError(scene.oracle, "StalePrice")
          .withArgs(ETH, scene.ethFeed, 0n, MAXIMUM_AGE);
      }
    });

    it("OR4: lets accounts with its asset deposit all but what it values, and riskless ones that too", async () => {
      const { vault, oracle, alice, alices, dave, daves, usdc, weth } =
        await networkHelpers.loadFixture(deployWithDeadEth);
      await vault.connect(alice).deposit(alices, usdc, 1n);
      await expect(vault.connect(alice).deposit(alices, weth, 1n)).to.be.revertedWithCustomError(
        oracle,
        "StalePrice",
      );
      await weth.mint(dave, 1n);
      await weth.connect(dave).approve(vault, 1n);
      await vault.connect(dave).deposit(daves, weth, 1n);
    });

    it("OR4: lets an account with neither positions nor debt take its collateral and cash out", async () => {
      const { vault, marginEngine, dave, daves, usdc, weth } =
        await networkHelpers.loadFixture(deployWithDeadEth);
      expect(await marginEngine.withdrawable(daves, weth)).to.equal(parseWad(1));
      expect(await marginEngine.withdrawable(daves, usdc)).to.equal(100n * DOLLAR);
      const other = accountId(dave.address, 1n);
      await vault.connect(dave).transfer(daves, other, weth, parseWad("0.5"));
      await vault.connect(dave).withdraw(other, weth, parseWad("0.5"), dave);
      await vault.connect(dave).withdraw(daves, weth, parseWad("0.5"), dave);
      await vault.connect(dave).withdraw(daves, usdc, 100n * DOLLAR, dave);
      expect(await weth.balanceOf(dave)).to.equal(parseWad(1));
    });
  });

  describe("whose answer is no price", () => {
    const OUTSIDE = ["-1", "0", "30", "300000", "0.00000001", "57896044618"];

    for (const answer of OUTSIDE) {
      it(`OR2: at ${answer} serves neither withdrawals nor liquidations`, async () => {
        const scene = await networkHelpers.loadFixture(deployMarket);
        await scene.setFeed("ETH/USD", answer);
        for (const [name, act] of Object.entries(ACTS_ON_ETH)) {
          await expect(act(scene), name)
            .to.be.revertedWithCustomError(scene.oracle, "InvalidPrice")
            .withArgs(ETH, scene.ethFeed, parseUnits(answer, 8));
        }
        await scene.vault.connect(scene.alice).deposit(scene.alices, scene.usdc, 1n);
      });
    }

    it("OR2: one tick inside the band it is a price, for credit and for liquidation", async () => {
      const scene = await networkHelpers.loadFixture(deployMarket);
      const { setFeed, oracle, marginEngine, alices } = scene;
      await setFeed("ETH/USD", "299999.99999999");
      expect(await oracle.price(ETH)).to.equal(parseWad("299999.99999999"));
      expect((await marginEngine.marginOf(alices)).equity).to.be.greaterThan(parseWad(500_000));
      await setFeed("ETH/USD", "30.00000001");
      expect(await oracle.price(ETH)).to.equal(parseWad("30.00000001"));
      await ACTS_ON_ETH["a liquidation"]?.(scene);
    });
  });
});

/**
 * Alice is long 1 ETH with WETH and cash and has orders signed, Erin (a sub-account of the liquidator's) long and below
 * the line, the liquidator rich in cash; Bob and Carol only trade BTC; Dave has WETH and cash and no position. The feed
 * of ETH is almost too old, that of BTC fresh.
 */
async function deployMarket(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, carol, dave, liquidator, treasury } = plimsoll;
  const { fund, deposit, trade, signedOrderOf, usdc, weth, feedOf, setPrice } = plimsoll;
  const alices = await fund(alice, 0n, 10_000);
  const bobs = await fund(bob, 0n, 100_000);
  const carols = await fund(carol, 0n, 1_500);
  const daves = await fund(dave, 0n, 100);
  const liquidators = await fund(liquidator, 0n, 100_000);
  const sinking = await fund(treasury, 1n, 1_000);
  await deposit(alice, { token: weth, amount: 2 });
  await deposit(dave, { token: weth, amount: 1 });
  await mintApproved(plimsoll, alice, usdc, DOLLAR);
  await mintApproved(plimsoll, alice, weth, parseWad(1));

  const ether = { maker: liquidator, instrument: ETH_PERP, price: parseWad(3000) };
  await trade({ ...ether, taker: alice, size: parseWad(1) });
  await trade({ ...ether, taker: { signer: treasury, subAccount: 1n }, size: parseWad(5) });
  const coin = { maker: bob, instrument: BTC_PERP, price: parseWad(100_000) };
  await trade({ ...coin, taker: carol, size: parseWad("0.2") });
  await setPrice(ETH, 2900);

  const ethFeed = await feedOf("ETH/USD").getAddress();
  const [, , , updatedAt] = await feedOf("ETH/USD").latestRoundData();
  await networkHelpers.time.setNextBlockTimestamp(updatedAt + MAXIMUM_AGE - 100n);
  await setPrice(2, 100_000);
  const offer = { instrument: ETH_PERP, limitPrice: parseWad(2900) };
  const taker: SignedOrder = await signedOrderOf(alice, { ...offer, size: parseWad("0.1") });
  const maker: SignedOrder = await signedOrderOf(liquidator, { ...offer, size: parseWad("-0.1") });
  const accounts = { alices, bobs, carols, daves, liquidators, sinking };
  return { ...plimsoll, ...accounts, ethFeed, updatedAt, taker, maker };
}

async function deployWithDeadEth(network: NetworkConnection) {
  const scene = await deployMarket(network);
  await networkHelpers.setCode(scene.ethFeed, REVERTING_CODE);
  return scene;
}
