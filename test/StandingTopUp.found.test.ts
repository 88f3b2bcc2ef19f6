import { expect } from "chai";
import { MaxUint256 } from "ethers";
import hre from "hardhat";
import { accountId, parseWad, WAD } from "../sdk/index.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { deployWithTokens } from "./fixtures/tokens.js";
import {
  deployTopUp,
  DOLLAR,
  FOREVER,
  NUMBER,
  OF_WALLET,
  PRICES,
  sourceOf,
} from "./fixtures/topUp.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployTopUp);
const LIQUIDATABLE = 2n;
const WITHDRAW = 4n;
const DAY = 86_400;

/** Bob's money stands up to the vault's cap of the settlement token. */
async function deployFull(network: typeof connection) {
  const scene = await deployTopUp(network);
  const { vault, usdc, bob } = scene;
  const { depositCap } = await vault.tokenLimitsOf(usdc);
  const room = depositCap - (await vault.trackedOf(usdc));
  await usdc.mint(bob, room);
  await usdc.connect(bob).approve(vault, room);
  await vault.connect(bob).deposit(accountId(bob.address), usdc, room);
  return scene;
}

/** A dollar of 18 decimals, and a pool with debts and interest, so that its indices are odd. */
async function deployWithFineDollars(network: typeof connection) {
  const plimsoll = await deployWithTokens(network, { USDC: { decimals: 18 } });
  const { vault, usdc, weth, alice, bob, carol, standingTopUp, fund, trade } = plimsoll;
  await plimsoll.asGovernance(vault, "setCashRules", [
    [100n, 600n, 8_000n, 10_000n, 10n, 1_000_000n],
  ]);
  const alices = await fund(alice, 0n, 3_000);
  await fund(bob, 0n, 1_000_000);
  const debtor = await plimsoll.deposit(carol, { token: weth, amount: 300 });
  await vault.connect(carol).withdraw(debtor, usdc, parseWad(400_000), carol);
  const [size, price] = [parseWad(10), parseWad(PRICES.well)];
  await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price });
  await plimsoll.passTime(DAY * 30);
  await usdc.connect(alice).approve(standingTopUp, MaxUint256);
  return { ...plimsoll, alices };
}

describe("StandingTopUp: found by attack", () => {
  describe("a vault at its cap of the settlement token", () => {
    for (const kind of ["wallet", "shares"] as const) {
      it(`still lets ${kind} bring as much as an account below initial margin may, however high the target`, async () => {
        const scene = await networkHelpers.loadFixture(deployFull);
        const { standingTopUp, marginEngine, vault, stranger, alices, instructions } = scene;
        await scene.setPrice(ETH, PRICES.liquidatable);
        await scene.instruct({
          ...instructions[kind],
          targetHealth: parseWad(4),
          budget: 5_000n * DOLLAR,
        });
        const { initial } = await marginEngine.marginOf(alices);
        const before = await vault.cashOf(alices);
        expect(await scene.needOf(parseWad(4))).to.be.above((initial * DOLLAR) / WAD);
        const [amount, tip] = await standingTopUp.previewTopUp(alices, NUMBER);
        await standingTopUp.connect(stranger).topUp(alices, NUMBER, tip);
        expect((await vault.cashOf(alices)) - before).to.equal(amount * 10n ** 12n);
        expect(amount + tip).to.equal((initial * DOLLAR) / WAD);
        expect(await marginEngine.statusOf(alices)).to.equal(0n);
      });
    }
  });

  it("a vault at its cap: nothing for an account above initial margin, and the preview says so", async () => {
    const scene = await networkHelpers.loadFixture(deployFull);
    const { standingTopUp, stranger, alices } = scene;
    await scene.setPrice(ETH, PRICES.well);
    const [triggerHealth, targetHealth] = [parseWad(3), parseWad(4)];
    await scene.instruct({ ...OF_WALLET, triggerHealth, targetHealth });
    expect(await standingTopUp.previewTopUp(alices, NUMBER)).to.deep.equal([0n, 0n]);
    await expect(standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n))
      .to.be.revertedWithCustomError(standingTopUp, "TooLittleToMove")
      .withArgs(alices, NUMBER, 0n, 1n);
  });

  it("shares that charge for leaving are redeemed as far as their allowance goes", async () => {
    const scene = await load();
    const { standingTopUp, usdc, vault, alice, stranger, alices, instructions } = scene;
    const shares = await ethers.deployContract("FeeShares", [usdc]);
    await usdc.connect(alice).approve(shares, MaxUint256);
    await shares.connect(alice).deposit(1_000n * DOLLAR, alice);
    await shares.connect(alice).approve(standingTopUp, 100n * DOLLAR);
    await scene.instruct({
      ...instructions.shares,
      source: sourceOf(await shares.getAddress()),
      leastAssetsPerShare: (WAD * 98n) / 100n,
    });
    const before = await vault.cashOf(alices);
    await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
    expect((await vault.cashOf(alices)) - before).to.be.within(parseWad(99), parseWad(100));
  });

  it("odd indices: however the caller chooses its tip, the account is not below the line in the same block", async () => {
    const scene = await networkHelpers.loadFixture(deployWithFineDollars);
    const { standingTopUp, marginEngine, usdc, alice, stranger, alices } = scene;
    const { time } = networkHelpers;
    await scene.setPrice(ETH, PRICES.liquidatable);
    expect(await marginEngine.statusOf(alices)).to.equal(LIQUIDATABLE);
    const instruction = { ...OF_WALLET, budget: parseWad(5_000), tipLimit: parseWad(100) };
    await standingTopUp.connect(alice).instruct(alices, NUMBER, instruction);
    const { equity, maintenance } = await marginEngine.marginOf(alices);
    await usdc.mint(alice, maintenance - equity + parseWad("0.001"));
    const second = BigInt(await time.latest()) + 10n;
    await time.setNextBlockTimestamp(second);
    const blockTag = "pending";
    const [, mostTip] = await standingTopUp.previewTopUp(alices, NUMBER, { blockTag });
    await time.setNextBlockTimestamp(second);
    const gasLimit = 1_000_000n;
    await standingTopUp.connect(stranger).topUp(alices, NUMBER, mostTip, { gasLimit });
    const now = await marginEngine.marginOf(alices);
    expect(await usdc.balanceOf(alice)).to.equal(0n);
    expect(now.equity - now.maintenance).to.be.within(0n, 5_000n);
  });

  it("known limit: parts of one need earn more than the tip limit, up to the logarithm", async () => {
    const scene = await load();
    const { standingTopUp, marginEngine, usdc, alice, bob, stranger, alices } = scene;
    await scene.setPrice(ETH, 2_811);
    const [trigger, target] = [1.45, 1.5];
    const triggerHealth = parseWad("1.45");
    await scene.instruct({ ...OF_WALLET, triggerHealth, targetHealth: parseWad("1.5") });
    const { equity, maintenance } = await marginEngine.marginOf(alices);
    const health = Number(equity) / Number(maintenance);
    const limit = Math.log((target - health) / (target - trigger)) + 1;
    await usdc.connect(alice).transfer(bob, await usdc.balanceOf(alice));
    // As somebody would who decides how much of a vault of shares can be redeemed.
    for (;;) {
      await usdc.mint(alice, 20n * DOLLAR);
      const [amount, mostTip] = await standingTopUp.previewTopUp(alices, NUMBER);
      if (amount === 0n) break;
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, mostTip);
    }
    const earned = Number(await usdc.balanceOf(stranger)) / Number(OF_WALLET.tipLimit);
    expect(earned).to.be.within(2, limit);
  });

  it("known limit: an operator who may withdraw takes what top-ups bring, up to the budget", async () => {
    const scene = await load();
    const { standingTopUp, marginEngine, vault, usdc, alice, dave, stranger, alices } = scene;
    await vault.connect(alice).setOperator(dave, WITHDRAW, FOREVER);
    const [triggerHealth, targetHealth] = [parseWad("1.7"), parseWad("1.8")];
    const budget = 1_000n * DOLLAR;
    await scene.instruct({ ...OF_WALLET, triggerHealth, targetHealth, budget, tipLimit: 0n });
    const wallet = await usdc.balanceOf(alice);
    for (let turn = 0; turn < 4; ++turn) {
      await standingTopUp.connect(stranger).topUp(alices, NUMBER, 0n);
      const spare = await marginEngine.withdrawable(alices, usdc);
      await vault.connect(dave).withdraw(alices, usdc, spare, dave);
    }
    const lost = wallet - (await usdc.balanceOf(alice));
    expect(lost).to.be.within(600n * DOLLAR, budget);
    expect(await usdc.balanceOf(dave)).to.be.above(lost / 2n);
  });

  it("known limit: health is low enough for a high trigger although collateral alone risks nothing", async () => {
    const scene = await load();
    const { standingTopUp, alice, weth, stranger } = scene;
    const account = await scene.deposit(alice, { subAccount: 9n, token: weth, amount: 1 });
    const [triggerHealth, targetHealth] = [parseWad(7), parseWad(8)];
    const instruction = { ...OF_WALLET, triggerHealth, targetHealth };
    await standingTopUp.connect(alice).instruct(account, NUMBER, instruction);
    await standingTopUp.connect(stranger).topUp(account, NUMBER, 0n);
  });
});
