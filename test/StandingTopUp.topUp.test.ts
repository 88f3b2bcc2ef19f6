import { expect } from "chai";
import { MaxUint256 } from "ethers";
import hre from "hardhat";
import { accountId, parseWad, WAD } from "../sdk/index.js";
import { expectConservation } from "./fixtures/conservation.js";
import { BTC_PERP, deployPlimsollAlive, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployWithTokens } from "./fixtures/tokens.js";
import {
  deployTopUp,
  DOLLAR,
  holdingsOf,
  type Instruction,
  NUMBER,
  OF_WALLET,
  PRICES,
  type Scene,
} from "./fixtures/topUp.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployTopUp);
const KINDS = ["wallet", "subAccount", "shares"] as const;
const TIP = DOLLAR / 2n;
const WAD_OF_UNIT = WAD / DOLLAR;

/** Leaves as much in a source as is said: dollars. */
const LEAVE: Record<(typeof KINDS)[number], (scene: Scene, amount: bigint) => Promise<unknown>> = {
  wallet: async ({ usdc, alice, stranger }, amount) =>
    usdc.connect(alice).transfer(stranger, (await usdc.balanceOf(alice)) - amount),
  // Of an account's cash one unit stays, because of rounding.
  subAccount: async ({ vault, usdc, alice, other }, amount) => {
    const cash = (await vault.cashOf(other)) / WAD_OF_UNIT;
    return vault.connect(alice).withdraw(other, usdc, cash - amount - 1n, alice);
  },
  shares: async ({ shares, alice, stranger }, amount) =>
    shares.connect(alice).transfer(stranger, (await shares.balanceOf(alice)) - amount),
};

/** Adds so many units to a source. */
const GIVE: Record<(typeof KINDS)[number], (scene: Scene, amount: bigint) => Promise<unknown>> = {
  wallet: async ({ usdc, alice }, amount) => usdc.mint(alice, amount),
  subAccount: async ({ vault, usdc, alice, other }, amount) => {
    await usdc.connect(alice).approve(vault, MaxUint256);
    return vault.connect(alice).deposit(other, usdc, amount);
  },
  shares: async ({ shares, alice }, amount) => shares.connect(alice).deposit(amount, alice),
};

/** What everyone concerned has. */
async function allOf(scene: Scene) {
  const { alice, bob, stranger, treasury, standingTopUp, shares, hostile, alices, other } = scene;
  const wallets = [alice, bob, stranger, treasury, standingTopUp, shares, hostile];
  const addresses = await Promise.all(wallets.map(async (one) => ethers.resolveAddress(one)));
  return holdingsOf(scene, addresses, [alices, other, accountId(bob.address)]);
}

describe("StandingTopUp: topUp", () => {
  for (const kind of KINDS) {
    describe(`from a source of kind ${kind}`, () => {
      it("brings the account to the target, pays the tip, and moves nothing else", async () => {
        const scene = await load();
        const { standingTopUp, marginEngine, instructions, instruct, needOf } = scene;
        const { alice, stranger, alices, other } = scene;
        await instruct(instructions[kind]);
        const need = await needOf(OF_WALLET.targetHealth);
        const { equity, maintenance } = await marginEngine.marginOf(alices);
        const before = await allOf(scene);
        const budgetLeft = OF_WALLET.budget - need - TIP;
        expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([
          need,
          OF_WALLET.tipLimit,
        ]);
        await expect(standingTopUp.connect(stranger).topUp(alices, NUMBER, TIP))
          .to.emit(standingTopUp, "ToppedUp")
          .withArgs(
            ...[alices, NUMBER, stranger.address, need, TIP, equity, maintenance, budgetLeft],
          );

        const expected = { ...before };
        const add = (key: string, amount: bigint) =>
          (expected[key] = (expected[key] ?? 0n) + amount);
        add(alices, need * WAD_OF_UNIT);
        add(stranger.address, TIP);
        if (kind === "wallet") add(alice.address, -need - TIP);
        if (kind === "subAccount") add(other, -(need + TIP) * WAD_OF_UNIT);
        if (kind === "shares") {
          add(`${alice.address} shares`, -need - TIP);
          add(await scene.shares.getAddress(), -need - TIP);
        }
        expect(await allOf(scene)).to.deep.equal(expected);
        expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(budgetLeft);
        await expectConservation(scene, [alices, other, accountId(scene.bob.address)]);

        // At the target: one unit less would not be.
        const now = await marginEngine.marginOf(alices);
        const target = OF_WALLET.targetHealth * now.maintenance;
        expect(now.equity * WAD >= target).to.be.true;
        expect((now.equity - WAD_OF_UNIT) * WAD < target).to.be.true;
      });

      it("asks for no tip where none is wanted", async () => {
        const { standingTopUp, vault, alice, usdc, stranger, alices, instructions, instruct } =
          await load();
        // TRANSFER alone is enough.
        await vault.connect(alice).setOperator(standingTopUp, 2n, 2n ** 40n - 1n);
        await instruct({ ...instructions[kind], tipLimit: 0n });
        const before = await usdc.balanceOf(stranger);
        await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
        expect(await usdc.balanceOf(stranger)).to.equal(before);
      });

      it("moves a part when the source has no more, for a part of the tip", async () => {
        const scene = await load();
        const { standingTopUp, vault, usdc, stranger, alices, instructions, instruct, needOf } =
          scene;
        await instruct(instructions[kind]);
        await LEAVE[kind](scene, 100n * DOLLAR);
        const need = await needOf(OF_WALLET.targetHealth);
        const limit = OF_WALLET.tipLimit;
        const mostTip = (100n * DOLLAR * limit) / (need + limit);
        const amount = 100n * DOLLAR - mostTip;
        expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([amount, mostTip]);
        // The part of the tip is that of the need.
        expect(mostTip * need <= amount * limit).to.be.true;
        expect((mostTip + 1n) * need > (amount - 1n) * limit).to.be.true;

        const topUp = async (tip: bigint) =>
          standingTopUp.connect(stranger).topUp(alices, NUMBER, tip);
        await expect(topUp(mostTip + 1n))
          .to.be.revertedWithCustomError(standingTopUp, "TipTooHigh")
          .withArgs(alices, NUMBER, mostTip + 1n, mostTip);
        const [cash, wallet] = [await vault.cashOf(alices), await usdc.balanceOf(stranger)];
        await topUp(mostTip);
        expect(await vault.cashOf(alices)).to.equal(cash + amount * WAD_OF_UNIT);
        expect(await usdc.balanceOf(stranger)).to.equal(wallet + mostTip);
        // Nothing is left, and so nothing more is done.
        await expect(topUp(0n))
          .to.be.revertedWithCustomError(standingTopUp, "TooLittleToMove")
          .withArgs(alices, NUMBER, 0n, 1n);
        expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([0n, 0n]);
      });

      it("rescues an account below the line only if it is above it afterwards", async () => {
        const scene = await load();
        const { standingTopUp, marginEngine, stranger, alices, instructions } = scene;
        await scene.instruct(instructions[kind]);
        await scene.setPrice(ETH, PRICES.liquidatable);
        const least = await scene.leastOf();
        expect(least).to.be.above(0n);
        await LEAVE[kind](scene, least - 1n);
        const topUp = async (tip: bigint) =>
          standingTopUp.connect(stranger).topUp(alices, NUMBER, tip);
        await expect(topUp(0n))
          .to.be.revertedWithCustomError(standingTopUp, "TooLittleToMove")
          .withArgs(alices, NUMBER, least - 1n, least);
        expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([0n, 0n]);
        await GIVE[kind](scene, 2n);
        // The tip may not push it below the line again.
        expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([least, 1n]);
        await expect(topUp(2n))
          .to.be.revertedWithCustomError(standingTopUp, "TipTooHigh")
          .withArgs(alices, NUMBER, 2n, 1n);
        await topUp(1n);
        expect(await marginEngine.statusOf(alices)).to.equal(1n);
      });
    });
  }

  it("rescues a bankrupt account whose source has enough", async () => {
    const { standingTopUp, marginEngine, stranger, alices, instruct, setPrice } = await load();
    await instruct({ ...OF_WALLET, budget: 5_000n * DOLLAR });
    await setPrice(ETH, PRICES.bankrupt);
    expect(await marginEngine.statusOf(alices)).to.equal(3n);
    await standingTopUp.connect(stranger).topUp(alices, NUMBER, OF_WALLET.tipLimit);
    expect(await marginEngine.statusOf(alices)).to.equal(0n);
  });

  describe("when it is due", () => {
    it("is refused to whom names no instruction", async () => {
      const { standingTopUp, stranger, alices } = await load();
      await expect(standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n))
        .to.be.revertedWithCustomError(standingTopUp, "NoSuchInstruction")
        .withArgs(alices, NUMBER);
    });

    it("is below the trigger and not at it", async () => {
      const { standingTopUp, marginEngine, stranger, alices, instruct } = await load();
      const { equity, maintenance } = await marginEngine.marginOf(alices);
      // The highest trigger at which the health is not below it, and the next.
      const trigger = (equity * WAD) / maintenance;
      await instruct({ ...OF_WALLET, triggerHealth: trigger });
      await expect(standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n))
        .to.be.revertedWithCustomError(standingTopUp, "TopUpNotDue")
        .withArgs(alices, NUMBER, equity, maintenance);
      expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([0n, 0n]);
      await instruct({ ...OF_WALLET, triggerHealth: trigger + 1n });
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
    });

    it("is over once it was done", async () => {
      const { standingTopUp, stranger, alices, instruct } = await load();
      await instruct(OF_WALLET);
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
      await expect(
        standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n),
      ).to.be.revertedWithCustomError(standingTopUp, "TopUpNotDue");
    });

    it("is never for an account that requires nothing", async () => {
      const { standingTopUp, alice, stranger } = await load();
      const empty = accountId(alice.address, 7n);
      await standingTopUp.connect(alice).instruct(empty, NUMBER, OF_WALLET);
      await expect(standingTopUp.connect(stranger).topUp(empty, NUMBER, 0n))
        .to.be.revertedWithCustomError(standingTopUp, "TopUpNotDue")
        .withArgs(empty, NUMBER, 0n, 0n);
    });

    it("ends with the instruction's last second", async () => {
      const { standingTopUp, stranger, alices, instruct } = await load();
      const until = BigInt((await networkHelpers.time.latest()) + 100);
      await instruct({ ...OF_WALLET, until, budget: 100n * DOLLAR });
      const topUp = async () =>
        standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n, { gasLimit: 1_000_000 });
      await networkHelpers.time.setNextBlockTimestamp(until);
      await topUp();
      await networkHelpers.time.setNextBlockTimestamp(until + 1n);
      await expect(topUp())
        .to.be.revertedWithCustomError(standingTopUp, "InstructionExpired")
        .withArgs(alices, NUMBER, until);
      expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([0n, 0n]);
    });

    it("waits while a price of the account cannot be read", async () => {
      const { standingTopUp, oracle, stranger, alices, instruct } = await load();
      await instruct(OF_WALLET);
      await networkHelpers.time.increase(4_000);
      for (const act of [
        async () => standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n),
        async () => standingTopUp.previewTopUp(alices, NUMBER),
      ]) {
        await expect(act()).to.be.revertedWithCustomError(oracle, "StalePrice");
      }
    });
  });

  describe("the budget", () => {
    const small: Instruction = { ...OF_WALLET, budget: 100n * DOLLAR, windowSeconds: 3_600n };

    it("bounds amount and tip together, in any interval of the window's length", async () => {
      const scene = await load();
      const { standingTopUp, marginEngine, stranger, alices, instruct, setPrice } = scene;
      await instruct(small);
      const [amount, tip] = await standingTopUp.previewTopUp(alices, NUMBER);
      expect(amount + tip).to.equal(small.budget);
      const topUp = async () => standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
      const begin = (await networkHelpers.time.latest()) + 10;
      await networkHelpers.time.setNextBlockTimestamp(begin);
      await topUp();
      expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(0n);
      expect(await marginEngine.statusOf(alices)).to.equal(1n);
      // One second before the window is over, and then.
      await networkHelpers.time.increaseTo(begin + 3_597);
      await setPrice(ETH, 2849);
      await networkHelpers.time.setNextBlockTimestamp(begin + 3_599);
      await expect(topUp())
        .to.be.revertedWithCustomError(standingTopUp, "TooLittleToMove")
        .withArgs(alices, NUMBER, 0n, 1n);
      await networkHelpers.time.setNextBlockTimestamp(begin + 3_600);
      await topUp();
    });

    it("is each instruction's own: two of one account move two budgets", async () => {
      const { standingTopUp, stranger, vault, alices, instruct } = await load();
      await instruct(small);
      await instruct(small, NUMBER + 1n);
      const before = await vault.cashOf(alices);
      for (const number of [NUMBER, NUMBER + 1n]) {
        await standingTopUp.connect(stranger).topUp(alices, number, 0n);
      }
      expect(await vault.cashOf(alices)).to.equal(before + parseWad(200));
    });
  });

  for (const decimals of [0, 18, 24]) {
    it(`reaches the target with a settlement token of ${decimals} decimals`, async () => {
      const plimsoll = await deployWithTokens(connection, { USDC: { decimals } });
      const { standingTopUp, marginEngine, usdc, alice, bob, stranger, fund } = plimsoll;
      const dollar = 10n ** BigInt(decimals);
      const alices = await fund(alice, 0n, 3_000);
      await fund(bob, 0n, 100_000);
      const [size, price] = [parseWad(10), parseWad(PRICES.well)];
      await plimsoll.trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price });
      await plimsoll.setPrice(ETH, PRICES.due);
      await usdc.mint(alice, 5_000n * dollar);
      await usdc.connect(alice).approve(standingTopUp, MaxUint256);
      const amounts = { budget: 1_000n * dollar, tipLimit: 2n * dollar };
      await standingTopUp.connect(alice).instruct(alices, NUMBER, { ...OF_WALLET, ...amounts });
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, amounts.tipLimit);

      const { equity, maintenance } = await marginEngine.marginOf(alices);
      const above = equity * WAD - OF_WALLET.targetHealth * maintenance;
      const unit = decimals > 18 ? 1n : WAD / dollar;
      expect(above >= 0n && above < (unit + 1n) * WAD).to.be.true;
      expect(await usdc.balanceOf(stranger)).to.equal(amounts.tipLimit);
      await expectConservation(plimsoll, [alices, accountId(bob.address)]);
    });
  }

  describe("sources", () => {
    it("wallet: no more than its allowance", async () => {
      const { standingTopUp, usdc, alice, vault, stranger, alices, instruct } = await load();
      await usdc.connect(alice).approve(standingTopUp, 50n * DOLLAR);
      await instruct(OF_WALLET);
      const before = await vault.cashOf(alices);
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
      expect(await vault.cashOf(alices)).to.equal(before + parseWad(50));
    });

    it("shares: no more than their allowance brings", async () => {
      const scene = await load();
      const { standingTopUp, shares, usdc, alice, vault, stranger, alices } = scene;
      // A share is worth two.
      await usdc.mint(shares, 5_000n * DOLLAR);
      await shares.connect(alice).approve(standingTopUp, 50n * DOLLAR);
      await scene.instruct({
        ...scene.instructions.shares,
        leastAssetsPerShare: (WAD * 199n) / 100n,
      });
      const worth = await shares.convertToAssets(50n * DOLLAR);
      const before = await vault.cashOf(alices);
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
      expect(await vault.cashOf(alices)).to.equal(before + worth * WAD_OF_UNIT);
      expect(worth).to.be.above(99n * DOLLAR);
    });

    it("another account: stays at its initial requirement, and borrows nothing", async () => {
      const scene = await load();
      const { standingTopUp, marginEngine, vault, alice, bob, stranger, alices, other } = scene;
      const taker = { signer: alice, subAccount: 1n };
      // It requires 3,800 of its 5,000.
      const [size, price] = [parseWad(20), parseWad(PRICES.due)];
      await scene.trade({ taker, maker: bob, instrument: ETH_PERP, size, price });
      const { equity, initial } = await marginEngine.marginOf(other);
      const before = await vault.cashOf(alices);
      await scene.instruct({
        ...scene.instructions.subAccount,
        targetHealth: parseWad(5),
        budget: 10_000n * DOLLAR,
      });
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
      const moved = (await vault.cashOf(alices)) - before;
      expect(equity - initial - moved).to.be.within(0n, WAD_OF_UNIT * 2n);
      expect(await marginEngine.statusOf(other)).to.equal(0n);
    });

    it("another account: cash that it owes is not there, nor is what it is short of", async () => {
      const { standingTopUp, vault, usdc, alice, stranger, alices, other, ...scene } = await load();
      await vault.connect(alice).withdraw(other, usdc, 5_000n * DOLLAR, alice);
      await scene.instruct(scene.instructions.subAccount);
      await expect(standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n))
        .to.be.revertedWithCustomError(standingTopUp, "TooLittleToMove")
        .withArgs(alices, NUMBER, 0n, 1n);
      // Two units, and one leaves.
      await scene.fund(alice, 1n, "0.000002");
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
      expect(await vault.cashOf(other)).to.equal(WAD_OF_UNIT);
    });

    it("another account: waits while one of its own prices cannot be read", async () => {
      const scene = await load();
      const { standingTopUp, oracle, alice, bob, stranger, alices, fund, trade } = scene;
      await fund(bob, 0n, 1_000_000);
      const taker = { signer: alice, subAccount: 1n };
      const price = await scene.clearinghouse.markOf(BTC_PERP);
      await trade({ taker, maker: bob, instrument: BTC_PERP, size: parseWad("0.1"), price });
      await scene.instruct(scene.instructions.subAccount);
      await networkHelpers.time.increase(4_000);
      await scene.setPrice(ETH, PRICES.due);
      await expect(
        standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n),
      ).to.be.revertedWithCustomError(oracle, "StalePrice");
    });

    it("another account: can be emptied to the last unit after interest has made its cash odd", async () => {
      const plimsoll = await deployPlimsollAlive(connection);
      const { standingTopUp, vault, usdc, weth, alice, bob, carol, stranger } = plimsoll;
      await plimsoll.fund(bob, 0n, 1_000_000);
      const alices = await plimsoll.fund(alice, 0n, 3_000);
      const other = await plimsoll.fund(alice, 1n, 500);
      const debtor = await plimsoll.deposit(carol, { token: weth, amount: 300 });
      await vault.connect(carol).withdraw(debtor, usdc, 400_000n * DOLLAR, carol);
      const [size, price] = [parseWad(10), parseWad(3000)];
      await plimsoll.trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price });
      await plimsoll.passTime(86_400 * 30);
      await plimsoll.setPrice(ETH, 2840);
      await vault.connect(alice).setOperator(standingTopUp, 6n, 2n ** 40n - 1n);
      const instruction = { ...OF_WALLET, kind: 2n, source: other, tipLimit: DOLLAR };
      await standingTopUp
        .connect(alice)
        .instruct(alices, NUMBER, { ...instruction, targetHealth: parseWad(5) });
      const [, mostTip] = await standingTopUp.previewTopUp(alices, NUMBER);
      expect(mostTip).to.be.above(0n);
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, mostTip);
      expect(await vault.cashOf(other)).to.be.within(0n, 3n * WAD_OF_UNIT);
    });
  });
});
