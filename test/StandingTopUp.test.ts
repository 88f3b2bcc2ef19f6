import { expect } from "chai";
import { encodeBytes32String, ZeroAddress, ZeroHash } from "ethers";
import hre from "hardhat";
import { accountId, parseWad } from "../sdk/index.js";
import {
  deployTopUp,
  DOLLAR,
  FOREVER,
  type Instruction,
  KIND,
  NUMBER,
  OF_WALLET,
  PRICES,
  sourceOf,
} from "./fixtures/topUp.js";
import { ETH } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployTopUp);
const EMPTY = [0n, 0n, 0n, 0n, 0n, ZeroHash, 0n, 0n, 0n];
const MOST_BUDGET = 2n ** 128n - 1n;

/** A field with its bounds, and an instruction that has all others right. */
const BOUNDS: [keyof Instruction, bigint, bigint, Instruction][] = [
  ["triggerHealth", parseWad(1), parseWad("99.95"), { ...OF_WALLET, targetHealth: parseWad(100) }],
  ["targetHealth", parseWad("1.55"), parseWad(100), OF_WALLET],
  ["windowSeconds", 60n, 31_536_000n, OF_WALLET],
  ["budget", 1n, MOST_BUDGET, { ...OF_WALLET, tipLimit: 0n }],
  ["tipLimit", 0n, OF_WALLET.budget, OF_WALLET],
  ["leastAssetsPerShare", 0n, 0n, OF_WALLET],
];

describe("StandingTopUp: owners", () => {
  describe("instruct", () => {
    for (const kind of ["wallet", "subAccount", "shares"] as const) {
      it(`leaves an instruction on a source of kind ${kind}, with all of it in the event`, async () => {
        const { standingTopUp, alices, instructions, instruct } = await load();
        const fields = Object.values(instructions[kind]);
        await expect(instruct(instructions[kind]))
          .to.emit(standingTopUp, "InstructionSet")
          .withArgs(alices, NUMBER, fields, OF_WALLET.budget);
        expect(await standingTopUp.instructionOf(alices, NUMBER)).to.deep.equal(fields);
        expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(OF_WALLET.budget);
        // Another number is another instruction.
        expect(await standingTopUp.instructionOf(alices, NUMBER + 1n)).to.deep.equal(EMPTY);
        expect(await standingTopUp.budgetLeftOf(alices, NUMBER + 1n)).to.equal(0n);
      });
    }

    it("is the owner's alone: operators with every right are refused, and so are strangers", async () => {
      const { standingTopUp, vault, alice, bob, stranger, alices } = await load();
      await vault.connect(alice).setOperator(bob, 15n, FOREVER);
      for (const caller of [bob, stranger]) {
        await expect(standingTopUp.connect(caller).instruct(alices, NUMBER, OF_WALLET))
          .to.be.revertedWithCustomError(standingTopUp, "NotAccountOwner")
          .withArgs(alices, caller.address);
      }
    });

    it("cannot be done for the insurance fund, which has no key", async () => {
      const { standingTopUp, clearinghouse, alice } = await load();
      const insuranceFund = await clearinghouse.insuranceFund();
      await expect(standingTopUp.connect(alice).instruct(insuranceFund, NUMBER, OF_WALLET))
        .to.be.revertedWithCustomError(standingTopUp, "NotAccountOwner")
        .withArgs(insuranceFund, alice.address);
    });

    for (const [field, least, most, rest] of BOUNDS) {
      it(`takes ${field} within its bounds and refuses it outside of them`, async () => {
        const { standingTopUp, instruct } = await load();
        for (const value of [least, most]) await instruct({ ...rest, [field]: value });
        const wrong = [most + 1n, ...(least === 0n ? [] : [least - 1n])];
        for (const value of wrong.filter((one) => one !== MOST_BUDGET + 1n)) {
          await expect(instruct({ ...rest, [field]: value }))
            .to.be.revertedWithCustomError(standingTopUp, "InstructionOutOfBounds")
            .withArgs(encodeBytes32String(field), value, least, most);
        }
      });
    }

    it("refuses a last second that has passed, and takes the one that it is now", async () => {
      const { standingTopUp, instruct } = await load();
      const now = BigInt((await networkHelpers.time.latest()) + 100);
      await networkHelpers.time.setNextBlockTimestamp(now);
      await instruct({ ...OF_WALLET, until: now });
      await networkHelpers.time.setNextBlockTimestamp(now + 1n);
      await expect(instruct({ ...OF_WALLET, until: now }))
        .to.be.revertedWithCustomError(standingTopUp, "InstructionOutOfBounds")
        .withArgs(encodeBytes32String("until"), now, now + 1n, FOREVER);
    });

    it("demands a least price for shares", async () => {
      const { standingTopUp, instruct, instructions } = await load();
      await expect(instruct({ ...instructions.shares, leastAssetsPerShare: 0n }))
        .to.be.revertedWithCustomError(standingTopUp, "InstructionOutOfBounds")
        .withArgs(encodeBytes32String("leastAssetsPerShare"), 0n, 1n, MOST_BUDGET);
    });

    it("refuses sources that the owner cannot use, or that are the account itself", async () => {
      const { standingTopUp, bob, alice, alices, other, usdc, instruct } = await load();
      const dollars = await usdc.getAddress();
      const wrong: [bigint, string][] = [
        [KIND.none, ZeroHash],
        [KIND.wallet, other],
        // Aliasing, and a stranger's account.
        [KIND.subAccount, alices],
        [KIND.subAccount, accountId(bob.address)],
        [KIND.subAccount, ZeroHash],
        // Nothing there, no address, and more than an address.
        [KIND.shares, sourceOf(alice.address)],
        [KIND.shares, sourceOf(ZeroAddress)],
        [KIND.shares, `0x${"00".repeat(11)}01${dollars.slice(2).toLowerCase()}`],
      ];
      for (const [kind, source] of wrong) {
        await expect(instruct({ ...OF_WALLET, kind, source }), `${kind} ${source}`)
          .to.be.revertedWithCustomError(standingTopUp, "InvalidSource")
          .withArgs(kind, source);
      }
    });

    it("does not forget what the instruction that it replaces moved", async () => {
      const { standingTopUp, alice, stranger, alices, instruct, needOf } = await load();
      await instruct(OF_WALLET);
      const need = await needOf(OF_WALLET.targetHealth);
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, DOLLAR);
      const left = OF_WALLET.budget - need - DOLLAR;
      await instruct({ ...OF_WALLET, tipLimit: 0n });
      expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(left);
      await standingTopUp.connect(alice).cancel(alices, NUMBER);
      await instruct(OF_WALLET);
      expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(left);
      // A smaller budget is used up, and a larger one has room for the difference.
      await instruct({ ...OF_WALLET, budget: 2n * DOLLAR });
      expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(0n);
      await instruct({ ...OF_WALLET, budget: OF_WALLET.budget + DOLLAR });
      expect(await standingTopUp.budgetLeftOf(alices, NUMBER)).to.equal(left + DOLLAR);
    });
  });

  describe("cancel", () => {
    it("ends an instruction at once, with an event", async () => {
      const { standingTopUp, alice, stranger, alices, instruct } = await load();
      await instruct(OF_WALLET);
      await expect(standingTopUp.connect(alice).cancel(alices, NUMBER))
        .to.emit(standingTopUp, "InstructionCancelled")
        .withArgs(alices, NUMBER);
      expect(await standingTopUp.instructionOf(alices, NUMBER)).to.deep.equal(EMPTY);
      expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([0n, 0n]);
      await expect(standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n))
        .to.be.revertedWithCustomError(standingTopUp, "NoSuchInstruction")
        .withArgs(alices, NUMBER);
    });

    it("is refused a second time, and for what there never was", async () => {
      const { standingTopUp, alice, alices, instruct } = await load();
      await instruct(OF_WALLET);
      await standingTopUp.connect(alice).cancel(alices, NUMBER);
      for (const number of [NUMBER, 0n]) {
        await expect(standingTopUp.connect(alice).cancel(alices, number))
          .to.be.revertedWithCustomError(standingTopUp, "NoSuchInstruction")
          .withArgs(alices, number);
      }
    });

    it("is the owner's alone", async () => {
      const { standingTopUp, vault, alice, stranger, alices, instruct } = await load();
      await instruct(OF_WALLET);
      await vault.connect(alice).setOperator(stranger, 15n, FOREVER);
      await expect(standingTopUp.connect(stranger).cancel(alices, NUMBER))
        .to.be.revertedWithCustomError(standingTopUp, "NotAccountOwner")
        .withArgs(alices, stranger.address);
    });

    it("waits for nothing: dead feeds, missing tokens, a broken source, an instruction that has ended", async () => {
      const scene = await load();
      const { standingTopUp, vault, usdc, alice, alices, hostile, ofHostile, instruct } = scene;
      const until = BigInt((await networkHelpers.time.latest()) + 1_000);
      await instruct({ ...ofHostile, until });
      await hostile.setManner(1n, ZeroAddress);
      await scene.setPrice(ETH, PRICES.bankrupt);
      await usdc.burn(vault, DOLLAR);
      await networkHelpers.time.increase(100_000);
      await standingTopUp.connect(alice).cancel(alices, NUMBER);
      expect(await standingTopUp.instructionOf(alices, NUMBER)).to.deep.equal(EMPTY);
    });
  });
});
