import { expect } from "chai";
import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { MaxUint256, ZeroAddress } from "ethers";
import hre from "hardhat";
import { accountId, parseWad, WAD } from "../sdk/index.js";
import { expectConservation } from "./fixtures/conservation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { callTo } from "./fixtures/reentrancy.js";
import { deployWithTokens } from "./fixtures/tokens.js";
import {
  deployTopUp,
  DOLLAR,
  FOREVER,
  holdingsOf,
  NUMBER,
  OF_WALLET,
  PRICES,
  type Scene,
  sourceOf,
} from "./fixtures/topUp.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployTopUp);
const TRANSFER = 2n;
const MEGABYTE_GAS = 8_000_000n;

/** What a hostile vault of shares does, as the mock numbers it. */
const MANNER = {
  honest: 0n,
  reverts: 1n,
  revertsWithMegabyte: 2n,
  returnsMegabyte: 3n,
  returnsNothing: 4n,
  sendsNothing: 5n,
  sendsLess: 6n,
  sendsMore: 7n,
  burnsMore: 8n,
  burnsNothing: 9n,
  callsBefore: 10n,
  callsAfter: 11n,
  saysMuch: 12n,
  saysNothing: 13n,
};

async function topUp({ standingTopUp, stranger, alices }: Scene, tip = 0n) {
  return standingTopUp.connect(stranger).topUp(alices, NUMBER, tip, { gasLimit: MEGABYTE_GAS });
}

/** Bob's account and wallet, which are no party: with an allowance, rights and an instruction like Alice's. */
async function withBystander(scene: Scene) {
  const { bob, usdc, vault, standingTopUp } = scene;
  await usdc.mint(bob, 1_000n * DOLLAR);
  await usdc.connect(bob).approve(standingTopUp, MaxUint256);
  await vault.connect(bob).setOperator(standingTopUp, 6n, FOREVER);
  const bobs = accountId(bob.address);
  await standingTopUp.connect(bob).instruct(bobs, NUMBER, OF_WALLET);
  const stateOf = async () => [
    await holdingsOf(scene, [bob.address, await standingTopUp.getAddress()], [bobs]),
    await standingTopUp.instructionOf(bobs, NUMBER),
    await standingTopUp.budgetLeftOf(bobs, NUMBER),
    await usdc.allowance(bob, standingTopUp),
  ];
  return { bobs, stateOf };
}

describe("StandingTopUp: threats", () => {
  describe("a vault of shares that lies", () => {
    const refused: [keyof typeof MANNER, string][] = [
      ["reverts", "SourceFailed"],
      ["revertsWithMegabyte", "SourceFailed"],
      ["saysMuch", "SourceFailed"],
      ["sendsNothing", "SharesTooCheap"],
      ["sendsLess", "SourceFellShort"],
      ["burnsMore", "SharesTooCheap"],
      ["saysNothing", "TooLittleToMove"],
    ];
    for (const [manner, error] of refused) {
      it(`and ${manner}: is refused with ${error}, and nobody has lost anything`, async () => {
        const scene = await load();
        const { standingTopUp, hostile, alice, stranger, alices, other, ofHostile } = scene;
        const { stateOf } = await withBystander(scene);
        // What it says is more than it has.
        const budget = (manner === "saysMuch" ? 100_000n : 1_000n) * DOLLAR;
        const targetHealth = parseWad(manner === "saysMuch" ? 50 : 2);
        await scene.instruct({ ...ofHostile, budget, targetHealth });
        await hostile.setManner(MANNER[manner], ZeroAddress);
        const everyone = [alice.address, stranger.address];
        const before = [await stateOf(), await holdingsOf(scene, everyone, [alices, other])];
        await expect(topUp(scene)).to.be.revertedWithCustomError(standingTopUp, error);
        const after = [await stateOf(), await holdingsOf(scene, everyone, [alices, other])];
        expect(after).to.deep.equal(before);
        expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(budget);
      });
    }

    it("names in each refusal what was asked for, what arrived and what was burnt", async () => {
      const scene = await load();
      const { standingTopUp, hostile, alices, ofHostile } = scene;
      await scene.instruct(ofHostile);
      const need = await scene.needOf(OF_WALLET.targetHealth);
      await hostile.setManner(MANNER.sendsLess, ZeroAddress);
      await expect(topUp(scene, DOLLAR))
        .to.be.revertedWithCustomError(standingTopUp, "SourceFellShort")
        .withArgs(alices, NUMBER, need + DOLLAR, need + DOLLAR - 1n);
      await hostile.setManner(MANNER.burnsMore, ZeroAddress);
      await expect(topUp(scene))
        .to.be.revertedWithCustomError(standingTopUp, "SharesTooCheap")
        .withArgs(alices, NUMBER, 2n * need, need);
      await hostile.setManner(MANNER.reverts, ZeroAddress);
      await expect(topUp(scene))
        .to.be.revertedWithCustomError(standingTopUp, "SourceFailed")
        .withArgs(alices, NUMBER, ofHostile.source);
    });

    for (const manner of ["returnsMegabyte", "returnsNothing", "burnsNothing"] as const) {
      it(`and ${manner}: is believed in nothing, and tokens that came are deposited`, async () => {
        const scene = await load();
        const { hostile, usdc, vault, alices, ofHostile } = scene;
        await scene.instruct(ofHostile);
        const need = await scene.needOf(OF_WALLET.targetHealth);
        await hostile.setManner(MANNER[manner], ZeroAddress);
        const before = await vault.cashOf(alices);
        await topUp(scene, DOLLAR);
        expect(await vault.cashOf(alices)).to.equal(before + need * 10n ** 12n);
        expect(await usdc.balanceOf(scene.standingTopUp)).to.equal(0n);
      });
    }

    it("and sends more: the account has what is too much, the caller its tip", async () => {
      const scene = await load();
      const { hostile, usdc, vault, stranger, alices, ofHostile, standingTopUp } = scene;
      await scene.instruct(ofHostile);
      const need = await scene.needOf(OF_WALLET.targetHealth);
      await hostile.setManner(MANNER.sendsMore, ZeroAddress);
      const before = await vault.cashOf(alices);
      await topUp(scene, DOLLAR);
      expect(await vault.cashOf(alices)).to.equal(before + (need + 5n * DOLLAR) * 10n ** 12n);
      expect(await usdc.balanceOf(stranger)).to.equal(DOLLAR);
      expect(await usdc.balanceOf(standingTopUp)).to.equal(0n);
    });

    for (const manner of ["callsBefore", "callsAfter"] as const) {
      it(`and ${manner}: finds the contract locked, and takes nothing of anybody by the vault`, async () => {
        const scene = await load();
        const { standingTopUp, vault, usdc, clearinghouse, hostile, alice, alices } = scene;
        const { bobs, stateOf } = await withBystander(scene);
        const evil = await ethers.deployContract("ReentrantOwner");
        await hostile.setManner(MANNER[manner], evil);
        const evils = accountId(await evil.getAddress());
        await scene.instruct(scene.ofHostile);
        await evil.execute(
          [await callTo(standingTopUp, "instruct", [evils, NUMBER, OF_WALLET])],
          1,
        );
        const dollars = await usdc.getAddress();
        const to = await evil.getAddress();
        await evil.prepare([
          await callTo(standingTopUp, "topUp", [alices, NUMBER, 0n]),
          await callTo(standingTopUp, "topUp", [bobs, NUMBER, 0n]),
          await callTo(standingTopUp, "instruct", [evils, NUMBER, OF_WALLET]),
          await callTo(standingTopUp, "cancel", [evils, NUMBER]),
          await callTo(vault, "withdraw", [alices, dollars, DOLLAR, to]),
          await callTo(vault, "transfer", [bobs, evils, dollars, DOLLAR]),
          await callTo(clearinghouse, "settleVariation", [bobs]),
          await callTo(usdc, "transferFrom", [await standingTopUp.getAddress(), to, 1n]),
        ]);
        const before = await stateOf();
        const need = await scene.needOf(OF_WALLET.targetHealth);
        const cash = await vault.cashOf(alices);
        await topUp(scene, DOLLAR);
        const attempts = await evil.queryFilter(evil.filters.Attempted());
        expect(attempts).to.have.length(8);
        const locked = standingTopUp.interface.getError("ReentrancyGuardReentrantCall")?.selector;
        for (const [place, { args }] of attempts.entries()) {
          expect(args.success, `call ${place}`).to.be.false;
          if (place < 4) expect(args.result).to.equal(locked);
        }
        expect(await vault.cashOf(alices)).to.equal(cash + need * 10n ** 12n);
        expect(await stateOf()).to.deep.equal(before);
        expect(await usdc.balanceOf(evil)).to.equal(0n);
        await expectConservation(scene, [alices, scene.other, bobs]);
        // Its owner is still free.
        await standingTopUp.connect(alice).cancel(alices, NUMBER);
      });
    }
  });

  describe("the price of shares", () => {
    it("cannot be pushed down for the length of a call: the least price stands", async () => {
      const scene = await load();
      const { standingTopUp, shares, usdc, alices, instructions } = scene;
      await scene.instruct(instructions.shares);
      const need = await scene.needOf(OF_WALLET.targetHealth);
      // Half of what is behind them has gone, for one block.
      await usdc.burn(shares, 2_500n * DOLLAR);
      await expect(topUp(scene))
        .to.be.revertedWithCustomError(standingTopUp, "SharesTooCheap")
        .withArgs(alices, NUMBER, anyValue, need);
      await usdc.mint(shares, 2_500n * DOLLAR);
      await topUp(scene);
    });

    it("is taken at exactly the least price, and not a wei below", async () => {
      const scene = await load();
      const { standingTopUp, alices, instructions } = scene;
      await scene.instruct({ ...instructions.shares, leastAssetsPerShare: WAD + 1n });
      const need = await scene.needOf(OF_WALLET.targetHealth);
      await expect(topUp(scene))
        .to.be.revertedWithCustomError(standingTopUp, "SharesTooCheap")
        .withArgs(alices, NUMBER, need, need);
      await scene.instruct({ ...instructions.shares, leastAssetsPerShare: WAD });
      await topUp(scene);
    });

    it("does not matter when the vault is of another token: nothing arrives", async () => {
      const scene = await load();
      const { standingTopUp, weth, alice, alices, instructions } = scene;
      const strange = await ethers.deployContract("MockShares", [weth]);
      await weth.mint(alice, parseWad(10));
      await weth.connect(alice).approve(strange, MaxUint256);
      await strange.connect(alice).deposit(parseWad(10), alice);
      await strange.connect(alice).approve(standingTopUp, MaxUint256);
      const source = sourceOf(await strange.getAddress());
      await scene.instruct({ ...instructions.shares, source, leastAssetsPerShare: 1n });
      const need = await scene.needOf(OF_WALLET.targetHealth);
      await expect(topUp(scene))
        .to.be.revertedWithCustomError(standingTopUp, "SharesTooCheap")
        .withArgs(alices, NUMBER, need, 0n);
    });
  });

  describe("callers", () => {
    it("who run before a cancellation move no more than was allowed before it", async () => {
      const scene = await load();
      const { standingTopUp, alice, stranger, usdc, alices } = scene;
      await scene.instruct(OF_WALLET);
      const wallet = await usdc.balanceOf(alice);
      const need = await scene.needOf(OF_WALLET.targetHealth);
      await topUp(scene, OF_WALLET.tipLimit);
      await standingTopUp.connect(alice).cancel(alices, NUMBER);
      expect(await usdc.balanceOf(alice)).to.equal(wallet - need - OF_WALLET.tipLimit);
      await expect(topUp(scene)).to.be.revertedWithCustomError(standingTopUp, "NoSuchInstruction");
      expect(await usdc.balanceOf(stranger)).to.equal(OF_WALLET.tipLimit);
    });

    it("who run before an instruction is replaced do not move two budgets", async () => {
      const scene = await load();
      const { vault, alices } = scene;
      const budget = 100n * DOLLAR;
      await scene.instruct({ ...OF_WALLET, budget });
      const before = await vault.cashOf(alices);
      await topUp(scene);
      await scene.instruct({ ...OF_WALLET, budget, tipLimit: DOLLAR });
      await expect(topUp(scene)).to.be.revertedWithCustomError(
        scene.standingTopUp,
        "TooLittleToMove",
      );
      expect(await vault.cashOf(alices)).to.equal(before + parseWad(100));
    });

    it("earn no more with crumbs than with the whole", async () => {
      const scene = await load();
      const { standingTopUp, usdc, alice, bob, stranger, alices } = scene;
      await scene.instruct(OF_WALLET);
      const wallet = await usdc.balanceOf(alice);
      const need = await scene.needOf(OF_WALLET.targetHealth);
      await usdc.connect(alice).transfer(bob, wallet);
      // In parts of a twentieth, as somebody would who could decide what is in the wallet.
      let parts = 0n;
      for (; ; ++parts) {
        await usdc.mint(alice, need / 20n);
        const [amount, mostTip] = await standingTopUp.previewTopUp(alices, NUMBER);
        if (amount === 0n) break;
        await topUp(scene, mostTip);
      }
      // Above the trigger it is over: of what was needed, not of what is left, five parts are a quarter.
      expect(parts).to.equal(5n);
      expect(await usdc.balanceOf(stranger)).to.be.below((OF_WALLET.tipLimit * 3n) / 10n);
    });

    it("earn a second tip only after the price has gone from the target to the trigger again", async () => {
      const scene = await load();
      const { standingTopUp, usdc, stranger, setPrice } = scene;
      await scene.instruct({ ...OF_WALLET, budget: 5_000n * DOLLAR });
      await topUp(scene, OF_WALLET.tipLimit);
      for (const price of [2845, 2855, 2820]) {
        await setPrice(ETH, price);
        await expect(topUp(scene)).to.be.revertedWithCustomError(standingTopUp, "TopUpNotDue");
      }
      // Half of the maintenance requirement is 541 dollars: 54 for each ETH.
      await setPrice(ETH, 2790);
      await topUp(scene, OF_WALLET.tipLimit);
      expect(await usdc.balanceOf(stranger)).to.equal(2n * OF_WALLET.tipLimit);
    });

    it("cannot sweep what was sent to the contract by mistake, nor be stopped by it", async () => {
      const scene = await load();
      const { standingTopUp, usdc, hostile, ofHostile } = scene;
      await usdc.mint(standingTopUp, 77n * DOLLAR);
      await scene.instruct(OF_WALLET);
      await topUp(scene, DOLLAR);
      await scene.setPrice(ETH, 2790);
      await scene.instruct({ ...ofHostile, budget: 5_000n * DOLLAR });
      await hostile.setManner(MANNER.sendsLess, ZeroAddress);
      await expect(topUp(scene)).to.be.revertedWithCustomError(standingTopUp, "SourceFellShort");
      await hostile.setManner(MANNER.honest, ZeroAddress);
      await topUp(scene, DOLLAR);
      expect(await usdc.balanceOf(standingTopUp)).to.equal(77n * DOLLAR);
    });
  });

  describe("rights and limits of the vault", () => {
    it("another account: ends with the permission, taken back or expired, and each tip takes WITHDRAW", async () => {
      const scene = await load();
      const { standingTopUp, vault, alice, other, instructions } = scene;
      await scene.instruct(instructions.subAccount);
      const refusal = (permission: bigint) => [other, standingTopUp.target, permission];
      const until = BigInt(await networkHelpers.time.latest()) + 10n;
      for (const [permissions, end, tip, missing] of [
        [0n, FOREVER, 0n, TRANSFER],
        [6n, until, 0n, TRANSFER],
        [TRANSFER, FOREVER, DOLLAR, 4n],
      ] as const) {
        await vault.connect(alice).setOperator(standingTopUp, permissions, end);
        if (end === until) await networkHelpers.time.increaseTo(until + 1n);
        await expect(topUp(scene, tip))
          .to.be.revertedWithCustomError(vault, "NotAuthorized")
          .withArgs(...refusal(missing));
      }
      await topUp(scene);
    });

    it("another account: is not kept from helping by a vault that lets nothing out, but for the tip", async () => {
      const scene = await load();
      const { standingTopUp, vault, usdc, alice, instructions } = scene;
      await scene.instruct({ ...instructions.subAccount, tipLimit: 100n * DOLLAR });
      await scene.asGovernance(vault, "setTokenLimits", [
        await usdc.getAddress(),
        { depositCap: 2n ** 112n - 1n, outflowAmount: 0n, outflowBps: 1_000n },
      ]);
      const room = await vault.releasableOf(usdc);
      await vault.connect(scene.bob).withdraw(accountId(scene.bob.address), usdc, room, alice);
      await expect(topUp(scene, 100n * DOLLAR)).to.be.revertedWithCustomError(
        vault,
        "OutflowLimitExceeded",
      );
      await topUp(scene);
      expect(await standingTopUp.previewTopUp(scene.alices, NUMBER)).to.deep.equal([0n, 0n]);
    });

    it("brings nothing into a vault that has lost tokens; another account still helps", async () => {
      const scene = await load();
      const { vault, usdc, instructions } = scene;
      await usdc.burn(vault, 1n);
      for (const kind of ["wallet", "shares"] as const) {
        await scene.instruct(instructions[kind]);
        await expect(topUp(scene)).to.be.revertedWithCustomError(vault, "TokensMissing");
      }
      await scene.instruct(instructions.subAccount);
      await topUp(scene);
    });

    it("wallet: a token that takes a fee from transfers is refused", async () => {
      const kind = "FeeOnTransferToken";
      const plimsoll = await deployWithTokens(connection, { USDC: { kind } });
      const { standingTopUp, usdc, alice, bob, stranger, fund, trade, setPrice } = plimsoll;
      const alices = await fund(alice, 0n, 3_000);
      await fund(bob, 0n, 100_000);
      const [size, price] = [parseWad(10), parseWad(PRICES.well)];
      await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price });
      await setPrice(ETH, PRICES.due);
      await usdc.mint(alice, 5_000n * DOLLAR);
      await usdc.connect(alice).approve(standingTopUp, MaxUint256);
      await (await ethers.getContractAt("FeeOnTransferToken", usdc)).setFee(100n);
      await standingTopUp.connect(alice).instruct(alices, NUMBER, OF_WALLET);
      await expect(
        standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n),
      ).to.be.revertedWithCustomError(standingTopUp, "SourceFellShort");
    });
  });
});
