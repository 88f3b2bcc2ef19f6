import { expect } from "chai";
import { encodeBytes32String, MaxUint256 } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import { deployPlimsoll, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { max, min } from "./reference/margin.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;
const { time } = networkHelpers;

const DOLLAR = 10n ** 6n;
const MILLION = 10n ** 6n * DOLLAR;
const DAY = 86_400n;
const MOST_UINT112 = 2n ** 112n - 1n;

type Scene = Awaited<ReturnType<typeof deployWithDeposits>>;

/** max(amount, share of what there would be without the outflow) - outflow [token] */
function roomOf(
  { amount, bps }: { amount: bigint; bps: bigint },
  tracked: bigint,
  outflow: bigint,
): bigint {
  const share = (max(tracked + outflow, 0n) * bps) / 10_000n;
  return max(max(amount, share) - outflow, 0n);
}

/** The local limits of the settlement token: 1,000,000 dollars, or 20 %. */
const USDC_LIMITS = { amount: MILLION, bps: 2_000n };

describe("Vault", () => {
  describe("deposit, up to a token's cap", () => {
    it("takes the settlement token up to 250,000,000 dollars, and not a unit more", async () => {
      const { vault, usdc, bob, accountOf, fillUp } =
        await networkHelpers.loadFixture(deployWithDeposits);
      const cap = await fillUp();
      expect(await vault.trackedOf(usdc)).to.equal(cap);
      await expect(vault.connect(bob).deposit(accountOf(bob), usdc, 1n))
        .to.be.revertedWithCustomError(vault, "DepositCapExceeded")
        .withArgs(await usdc.getAddress(), cap + 1n, cap);
    });

    it("counts what arrives, not what was sent by mistake", async () => {
      const { vault, usdc, bob, accountOf, fillUp } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await usdc.mint(vault, MILLION);
      const cap = await fillUp();
      await vault.connect(bob).withdraw(accountOf(bob), usdc, 5n, bob);
      await vault.connect(bob).deposit(accountOf(bob), usdc, 5n);
      expect(await vault.trackedOf(usdc)).to.equal(cap);
    });

    it("refuses the insurance fund and healthy accounts with positions all the same", async () => {
      const { vault, usdc, bob, clearinghouse, position, fillUp } =
        await networkHelpers.loadFixture(deployWithPosition);
      const cap = await fillUp();
      for (const account of [position, await clearinghouse.insuranceFund()]) {
        await expect(vault.connect(bob).deposit(account, usdc, 1n))
          .to.be.revertedWithCustomError(vault, "DepositCapExceeded")
          .withArgs(await usdc.getAddress(), cap + 1n, cap);
      }
    });

    for (const [status, price, number] of [
      ["called for margin", 2_950, 1n],
      ["liquidatable", 2_880, 2n],
      ["bankrupt", 2_700, 3n],
    ] as const) {
      it(`still takes the settlement token for an account that is ${status}, from anyone`, async () => {
        const { vault, usdc, bob, marginEngine, setPrice, position, fillUp } =
          await networkHelpers.loadFixture(deployWithPosition);
        const cap = await fillUp();
        await setPrice(ETH, price);
        expect(await marginEngine.statusOf(position)).to.equal(number);
        await expect(vault.connect(bob).deposit(position, usdc, DOLLAR)).to.emit(
          vault,
          "Deposited",
        );
        expect(await vault.trackedOf(usdc)).to.equal(cap + DOLLAR);
      });
    }

    it("takes no more for it once it is worth its initial margin again", async () => {
      const { vault, usdc, bob, marginEngine, setPrice, position, fillUp } =
        await networkHelpers.loadFixture(deployWithPosition);
      const cap = await fillUp();
      await setPrice(ETH, 2_950);
      const { equity, initial } = await marginEngine.marginOf(position);
      const missing = (initial - equity + 10n ** 12n - 1n) / 10n ** 12n;
      await vault.connect(bob).deposit(position, usdc, missing - 1n);
      await vault.connect(bob).deposit(position, usdc, 1n);
      await expect(vault.connect(bob).deposit(position, usdc, 1n))
        .to.be.revertedWithCustomError(vault, "DepositCapExceeded")
        .withArgs(await usdc.getAddress(), cap + missing + 1n, cap);
    });

    it("still takes it for an account whose margin cannot be read, not for one without positions", async () => {
      const { vault, usdc, bob, accountOf, oracle, position, fillUp } =
        await networkHelpers.loadFixture(deployWithPosition);
      const cap = await fillUp();
      await time.increase(3_901);
      await expect(oracle.price(ETH)).to.be.revertedWithCustomError(oracle, "StalePrice");
      await vault.connect(bob).deposit(position, usdc, DOLLAR);
      await expect(vault.connect(bob).deposit(accountOf(bob), usdc, DOLLAR))
        .to.be.revertedWithCustomError(vault, "DepositCapExceeded")
        .withArgs(await usdc.getAddress(), cap + 2n * DOLLAR, cap);
    });

    it("makes no exception for collateral, whatever the account needs", async () => {
      const { vault, weth, alice, setPrice, position, deposit, setLimits } =
        await networkHelpers.loadFixture(deployWithPosition);
      await deposit(alice, { token: weth, amount: 1 });
      await setLimits(weth, { depositCap: WAD });
      await setPrice(ETH, 2_400);
      await weth.mint(alice, 1n);
      await weth.connect(alice).approve(vault, 1n);
      await expect(vault.connect(alice).deposit(position, weth, 1n))
        .to.be.revertedWithCustomError(vault, "DepositCapExceeded")
        .withArgs(await weth.getAddress(), WAD + 1n, WAD);
    });
  });

  describe("setTokenLimits", () => {
    it("is governance's alone", async () => {
      const { vault, usdc, stranger } = await networkHelpers.loadFixture(deployWithDeposits);
      const limits = { depositCap: 0n, outflowAmount: 0n, outflowBps: 0n };
      await expect(vault.connect(stranger).setTokenLimits(usdc, limits))
        .to.be.revertedWithCustomError(vault, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("announces the limits and keeps them", async () => {
      const { vault, weth, asGovernance } = await networkHelpers.loadFixture(deployWithDeposits);
      const token = await weth.getAddress();
      const limits = { depositCap: 7n, outflowAmount: 6n, outflowBps: 1_234n };
      await expect(asGovernance(vault, "setTokenLimits", [token, limits]))
        .to.emit(vault, "TokenLimitsSet")
        .withArgs(token, Object.values(limits));
      expect([...(await vault.tokenLimitsOf(token))]).to.deep.equal(Object.values(limits));
    });

    it("raises the settlement token's cap and never lowers it", async () => {
      const { vault, rules, usdc, setLimits } =
        await networkHelpers.loadFixture(deployWithDeposits);
      const { depositCap } = await vault.tokenLimitsOf(usdc);
      await expect(setLimits(usdc, { depositCap: depositCap - 1n }))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(encodeBytes32String("depositCap"), depositCap - 1n, depositCap, MOST_UINT112);
      await setLimits(usdc, { depositCap });
      await setLimits(usdc, { depositCap: depositCap + 1n });
      await expect(setLimits(usdc, { depositCap }))
        .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
        .withArgs(encodeBytes32String("depositCap"), depositCap, depositCap + 1n, MOST_UINT112);
    });

    it("may lower collateral's cap below what is there: that stays and can leave", async () => {
      const { vault, weth, alice, accountOf, deposit, setLimits } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await deposit(alice, { token: weth, amount: 2 });
      await setLimits(weth, { depositCap: 0n });
      await expect(vault.connect(alice).deposit(accountOf(alice), weth, 0n))
        .to.be.revertedWithCustomError(vault, "ZeroAmount")
        .withArgs(await weth.getAddress());
      await vault.connect(alice).withdraw(accountOf(alice), weth, 2n * WAD, alice);
    });

    for (const outflowBps of [999n, 10_001n]) {
      it(`refuses a share of ${outflowBps} bps: users keep a tenth, and cannot have more than all`, async () => {
        const { rules, usdc, setLimits } = await networkHelpers.loadFixture(deployWithDeposits);
        await expect(setLimits(usdc, { outflowBps }))
          .to.be.revertedWithCustomError(rules, "RuleOutOfBounds")
          .withArgs(encodeBytes32String("outflowBps"), outflowBps, 1_000n, 10_000n);
      });
    }

    it("takes shares of a tenth and of all", async () => {
      const { vault, usdc, setLimits } = await networkHelpers.loadFixture(deployWithDeposits);
      for (const outflowBps of [1_000n, 10_000n]) {
        await setLimits(usdc, { outflowBps });
        expect((await vault.tokenLimitsOf(usdc)).outflowBps).to.equal(outflowBps);
      }
    });

    it("knows listed tokens only, and a listed token without limits is not taken", async () => {
      const { vault, rules, alice, accountOf, asGovernance } =
        await networkHelpers.loadFixture(deployWithDeposits);
      const token = await ethers.deployContract("MockToken", ["New", "NEW", 18]);
      const address = await token.getAddress();
      // Announced twice: calls of governance must differ.
      const setLimits = async (outflowAmount: bigint) =>
        asGovernance(vault, "setTokenLimits", [
          address,
          { depositCap: 1n, outflowAmount, outflowBps: 1_000n },
        ]);
      await expect(setLimits(0n))
        .to.be.revertedWithCustomError(rules, "UnknownToken")
        .withArgs(address);

      const haircuts = { maintenanceHaircutBps: 1_500, initialHaircutBps: 2_000 };
      const listing = { underlying: ETH, ...haircuts, accepted: true };
      await asGovernance(rules, "listCollateral", [address, listing]);
      expect([...(await vault.tokenLimitsOf(token))]).to.deep.equal([0n, 0n, 0n]);
      await token.mint(alice, 1n);
      await token.connect(alice).approve(vault, 1n);
      await expect(vault.connect(alice).deposit(accountOf(alice), token, 1n))
        .to.be.revertedWithCustomError(vault, "DepositCapExceeded")
        .withArgs(address, 1n, 0n);
      await setLimits(1n);
      await vault.connect(alice).deposit(accountOf(alice), token, 1n);
    });

    it("does nothing before the vault is wired", async () => {
      const { accessManager, governance, usdc, rules, parameters } =
        await networkHelpers.loadFixture(deployWithDeposits);
      const fresh = await ethers.deployContract("Vault", [accessManager, usdc, rules]);
      const data = fresh.interface.encodeFunctionData("setTokenLimits", [
        await usdc.getAddress(),
        { depositCap: 1n, outflowAmount: 0n, outflowBps: 1_000n },
      ]);
      // An unknown contract's functions are ADMIN's.
      const manager = accessManager.connect(governance);
      await manager.schedule(fresh, data, 0);
      await time.increase(parameters.governance.delaySeconds.ADMIN);
      await expect(manager.execute(fresh, data)).to.be.revertedWithCustomError(fresh, "NotWired");
    });
  });

  describe("withdraw, within a token's net outflow limit", () => {
    it("pays up to the amount and not a unit more, and says how much there is room for", async () => {
      const { withdrawAt, expectRefused, begin } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await expectRefused(begin, MILLION + 1n, MILLION);
      await withdrawAt(begin, MILLION);
      await expectRefused(begin, 1n, 0n);
      // A second has been forgotten, and the unit that it is short of is rounded up.
      await expectRefused(begin + 1n, MILLION, MILLION / DAY + 1n);
    });

    it("leaves the room that earlier withdrawals have not used", async () => {
      const { withdrawAt, expectRefused, begin, tracked } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await withdrawAt(begin, 400_000n * DOLLAR);
      const outflow = (400_000n * DOLLAR * (DAY - 10n)) / DAY;
      const room = roomOf(USDC_LIMITS, tracked - 400_000n * DOLLAR, outflow);
      expect(room).to.equal(MILLION - outflow);
      await expectRefused(begin + 10n, room + 1n, room);
      await withdrawAt(begin + 10n, room);
    });

    it("forgets half of an outflow in half a day", async () => {
      const { withdrawAt, expectRefused, begin } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await withdrawAt(begin, MILLION);
      await expectRefused(begin + DAY / 2n, MILLION / 2n + 1n, MILLION / 2n);
      await withdrawAt(begin + DAY / 2n, MILLION / 2n);
    });

    it("forgets all of it in a day, and no more than all in a week", async () => {
      const { withdrawAt, expectRefused, begin } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await withdrawAt(begin, MILLION);
      await expectRefused(begin + DAY, MILLION + 1n, MILLION);
      await expectRefused(begin + 7n * DAY, MILLION + 1n, MILLION);
      await withdrawAt(begin + 7n * DAY, MILLION);
    });

    it("counts deposits back at once, whoever makes them", async () => {
      const { withdrawAt, depositAt, expectRefused, begin, bob } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await withdrawAt(begin, MILLION);
      await depositAt(begin + 1n, bob, 300_000n * DOLLAR);
      const outflow = (MILLION * (DAY - 1n)) / DAY - 300_000n * DOLLAR;
      const later = (outflow * (DAY - 1n)) / DAY;
      await expectRefused(begin + 2n, MILLION, MILLION - later);
      await withdrawAt(begin + 2n, MILLION - later, bob);
    });

    it("lets what came in today leave today, on top of the limit", async () => {
      const { withdrawAt, depositAt, expectRefused, begin, alice, tracked } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await depositAt(begin, alice, 2n * MILLION);
      const outflow = (-2n * MILLION * (DAY - 60n)) / DAY;
      const room = roomOf(USDC_LIMITS, tracked + 2n * MILLION, outflow);
      // 20 % of the 3,500,000 dollars that were there before are less than the amount.
      expect(room).to.equal(MILLION - outflow);
      await expectRefused(begin + 60n, room + 1n, room);
      await withdrawAt(begin + 60n, room);
    });

    it("forgets what came in, too: yesterday's deposit is under the limit like any other", async () => {
      const { withdrawAt, depositAt, expectRefused, begin, alice } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await depositAt(begin, alice, 2n * MILLION);
      const share = (11n * MILLION) / 10n;
      await expectRefused(begin + DAY, share + 1n, share);
      await withdrawAt(begin + DAY, share);
    });

    it("is a share of the vault where that is more, also of what has left within the day", async () => {
      const { withdrawAt, depositAt, expectRefused, begin, alice, tracked } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await depositAt(begin - DAY, alice, 6_500_000n * DOLLAR);
      const whole = tracked + 6_500_000n * DOLLAR;
      expect(whole).to.equal(10n * MILLION);
      await withdrawAt(begin, 2n * MILLION);
      // 8,000,000 are there: the share is of 10,000,000 still.
      await expectRefused(begin, 1n, 0n);
      const half = roomOf(USDC_LIMITS, whole - 2n * MILLION, MILLION);
      expect(half).to.equal(MILLION - MILLION / 5n);
      await expectRefused(begin + DAY / 2n, half + 1n, half);
    });

    it("never keeps back what the vault has not: the error is of the tokens then", async () => {
      const { vault, usdc, alice, accountOf, setLimits } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await setLimits(usdc, { outflowAmount: MOST_UINT112 });
      const all = await vault.trackedOf(usdc);
      expect(await vault.releasableOf(usdc)).to.equal(all);
      const cash = (await vault.cashOf(accountOf(alice))) / 10n ** 12n;
      await expect(vault.connect(alice).withdraw(accountOf(alice), usdc, cash + 1n, alice))
        .to.be.revertedWithCustomError(vault, "InsufficientBalance")
        .withArgs(accountOf(alice), await usdc.getAddress(), cash + 1n, cash);
    });

    it("follows governance at once, down to the tenth that nobody can take away", async () => {
      const { vault, usdc, setLimits, begin, tracked } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await setLimits(usdc, { outflowAmount: 0n, outflowBps: 1_000n });
      expect(BigInt(await time.latest())).to.be.above(begin);
      expect(await vault.releasableOf(usdc)).to.equal(tracked / 10n);
    });

    it("counts what is charged where the vault has lost tokens and pays less", async () => {
      const { vault, usdc, alice, accountOf, withdrawAt, expectRefused, begin, tracked } =
        await networkHelpers.loadFixture(deployWithDeposits);
      await usdc.burn(vault, tracked / 10n);
      await expectRefused(begin, MILLION + 1n, MILLION);
      await expect(withdrawAt(begin, MILLION))
        .to.emit(vault, "Withdrawn")
        .withArgs(
          ...[accountOf(alice), await usdc.getAddress(), alice.address],
          ...[MILLION, (MILLION * 9n) / 10n, parseWad(2_000_000)],
        );
      await expectRefused(begin, 1n, 0n);
    });

    it("is each token's own", async () => {
      const { vault, usdc, weth, alice, accountOf, deposit, passTime } =
        await networkHelpers.loadFixture(deployWithDeposits);
      const account = accountOf(alice);
      await deposit(alice, { token: weth, amount: 1_000 });
      await passTime(DAY);
      await vault.connect(alice).withdraw(account, usdc, MILLION, alice);
      await vault.connect(alice).withdraw(account, weth, 300n * WAD, alice);
      expect(await vault.releasableOf(weth)).to.equal(0n);
      await expect(vault.connect(alice).withdraw.staticCall(account, weth, 1n, alice))
        .to.be.revertedWithCustomError(vault, "OutflowLimitExceeded")
        .withArgs(await weth.getAddress(), 1n, 0n);
    });

    it("does not count transfers between accounts, nor what a liquidator takes over", async () => {
      const { vault, clearinghouse, usdc, alice, accountOf } =
        await networkHelpers.loadFixture(deployWithDeposits);
      const [account, other] = [accountOf(alice), accountId(alice.address, 1n)];
      await vault.connect(alice).transfer(account, other, usdc, 2n * MILLION);
      const address = await clearinghouse.getAddress();
      await networkHelpers.setBalance(address, WAD);
      const asClearinghouse = await ethers.getImpersonatedSigner(address);
      const postings = [other, account].map((holder) => ({ account: holder, cash: 0n }));
      await vault.connect(asClearinghouse).moveSlice(WAD, postings);
      expect(await vault.releasableOf(usdc)).to.equal(MILLION);
    });
  });

  describe("withdrawable, under the limit (I10)", () => {
    /** Exactly so much can be withdrawn in this very second. */
    async function expectExact(
      { vault, marginEngine, alice }: Scene,
      account: AccountId,
      token: Scene["usdc"],
      refusal: string,
    ): Promise<bigint> {
      const most = await marginEngine.withdrawable(account, token);
      if (most > 0n) await vault.connect(alice).withdraw.staticCall(account, token, most, alice);
      const more = vault.connect(alice).withdraw.staticCall(account, token, most + 1n, alice);
      const contract = refusal === "BelowInitialMargin" ? marginEngine : vault;
      await expect(more).to.be.revertedWithCustomError(contract, refusal);
      return most;
    }

    it("is the room where the account has more, before and after a withdrawal", async () => {
      const scene = await networkHelpers.loadFixture(deployWithDeposits);
      const { vault, usdc, alice, accountOf } = scene;
      const account = accountOf(alice);
      const before = await expectExact(scene, account, usdc, "OutflowLimitExceeded");
      expect(before).to.equal(MILLION);
      await vault.connect(alice).withdraw(account, usdc, 999_999n * DOLLAR, alice);
      const rest = await expectExact(scene, account, usdc, "OutflowLimitExceeded");
      expect(rest).to.equal(DOLLAR);
      await time.increase(DAY / 4n);
      await expectExact(scene, account, usdc, "OutflowLimitExceeded");
    });

    it("is what the account has, or may spare, where the room is larger", async () => {
      const scene = await networkHelpers.loadFixture(deployWithPosition);
      const { usdc, accountOf, bob, fund, alice, position } = scene;
      expect(await scene.marginEngine.withdrawable(accountOf(bob), usdc)).to.equal(MILLION / 2n);
      const poor = await fund(alice, 9n, 10);
      await expectExact(scene, poor, usdc, "InsufficientBalance");
      await expectExact(scene, position, usdc, "BelowInitialMargin");
    });

    it("is the room of collateral that the account could spare", async () => {
      const scene = await networkHelpers.loadFixture(deployWithPosition);
      const { vault, weth, alice, bob, position, deposit, passTime, fund } = scene;
      await deposit(alice, { subAccount: 1n, token: weth, amount: 500 });
      await passTime(DAY);
      expect(await expectExact(scene, position, weth, "OutflowLimitExceeded")).to.equal(300n * WAD);
      const other = await fund(bob, 3n, 1);
      await deposit(bob, { subAccount: 3n, token: weth, amount: 5 });
      await vault.connect(bob).withdraw(other, weth, 5n * WAD, bob);
      await expectExact(scene, position, weth, "OutflowLimitExceeded");
    });
  });

  describe("nobody can use the limit to lock others in", () => {
    const STEP = 7_200n;

    /** What a whale does with its wallet and its account in a step, before anybody else. */
    const STRATEGIES: Record<string, (scene: Scene) => Promise<void>> = {
      "takes all room, and starts again when all is out": async (scene) => {
        await takeAllRoom(scene);
        if ((await cashOfWhale(scene)) > 0n) return;
        await bringAllBack(scene);
        await takeAllRoom(scene);
      },
      "takes all room, and waits a step with its money back": async (scene) => {
        if ((await cashOfWhale(scene)) === 0n) await bringAllBack(scene);
        else await takeAllRoom(scene);
      },
      "brings all back and takes it out again in each step": async (scene) => {
        if ((await scene.usdc.balanceOf(scene.alice)) > 0n) await bringAllBack(scene);
        await takeAllRoom(scene);
      },
      "takes all room and stirs the sum with a unit, so that less is forgotten": async (scene) => {
        await takeAllRoom(scene);
        const { vault, usdc, alice, accountOf } = scene;
        if ((await usdc.balanceOf(alice)) === 0n) return;
        await vault.connect(alice).deposit(accountOf(alice), usdc, 1n);
      },
    };

    async function cashOfWhale({ vault, alice, accountOf }: Scene): Promise<bigint> {
      return (await vault.cashOf(accountOf(alice))) / 10n ** 12n;
    }

    async function takeAllRoom(scene: Scene): Promise<void> {
      const { vault, usdc, alice, accountOf } = scene;
      const room = await vault.releasableOf(usdc, { blockTag: "pending" });
      const amount = min(room, await cashOfWhale(scene));
      if (amount > 0n) await vault.connect(alice).withdraw(accountOf(alice), usdc, amount, alice);
    }

    async function bringAllBack({ vault, usdc, alice, accountOf }: Scene): Promise<void> {
      await vault.connect(alice).deposit(accountOf(alice), usdc, await usdc.balanceOf(alice));
    }

    for (const [name, strategy] of Object.entries(STRATEGIES)) {
      it(`has all of Bob out within (whale + Bob) / limit days, when a whale first ${name}`, async () => {
        const scene = await networkHelpers.loadFixture(deployWithDeposits);
        const { vault, usdc, alice, bob, accountOf, begin } = scene;
        const whale = await cashOfWhale(scene);
        let left = MILLION / 2n;
        const bound = ((whale + left) * DAY) / MILLION;
        await usdc.connect(alice).approve(vault, MaxUint256);
        await time.increaseTo(begin);
        const took = async () => BigInt(await time.latest()) - begin;
        while (left > 0n && (await took()) <= bound) {
          await strategy(scene);
          const amount = min(await vault.releasableOf(usdc, { blockTag: "pending" }), left);
          if (amount > 0n) await vault.connect(bob).withdraw(accountOf(bob), usdc, amount, bob);
          left -= amount;
          await time.increase(STEP);
        }
        expect(left, "Bob's money that is still inside").to.equal(0n);
        expect(await took()).to.be.at.most(bound);
      });
    }
  });
});

/**
 * Alice, the whale, has 3,000,000 dollars in the vault and Bob 500,000: long enough for it to be forgotten that they came.
 * The share of 20 % is below the amount, so the limit is 1,000,000 dollars a day.
 */
async function deployWithDeposits(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { vault, usdc, alice, bob, carol, accountOf, asGovernance } = plimsoll;
  await plimsoll.fund(alice, 0n, 3_000_000);
  await plimsoll.fund(bob, 0n, 500_000);
  for (const owner of [bob, carol]) {
    await usdc.mint(owner, 10n * MILLION);
    await usdc.connect(owner).approve(vault, MaxUint256);
  }
  await plimsoll.passTime(2n * DAY);
  const begin = BigInt(await time.latest()) + 2n * DAY;

  /** Sets some of a token's limits; the others stay. */
  async function setLimits(
    token: typeof usdc,
    changes: { depositCap?: bigint; outflowAmount?: bigint; outflowBps?: bigint },
  ) {
    const [depositCap, outflowAmount, outflowBps] = await vault.tokenLimitsOf(token);
    const limits = { depositCap, outflowAmount, outflowBps, ...changes };
    return asGovernance(vault, "setTokenLimits", [await token.getAddress(), limits]);
  }

  /** The rest up to the settlement token's cap comes in; returns the cap. */
  async function fillUp(): Promise<bigint> {
    const { depositCap } = await vault.tokenLimitsOf(usdc);
    const rest = depositCap - (await vault.trackedOf(usdc));
    await usdc.mint(carol, rest);
    await vault.connect(carol).deposit(accountOf(carol), usdc, rest);
    return depositCap;
  }

  /** An owner's withdrawal in the block of this time. */
  async function withdrawAt(seconds: bigint, amount: bigint, owner = alice) {
    await time.setNextBlockTimestamp(seconds);
    return vault.connect(owner).withdraw(accountOf(owner), usdc, amount, owner);
  }

  /** A deposit for an owner, which Carol pays. */
  async function depositAt(seconds: bigint, owner: typeof alice, amount: bigint) {
    await time.setNextBlockTimestamp(seconds);
    return vault.connect(carol).deposit(accountOf(owner), usdc, amount);
  }

  /** At this time, that of the last block or later, Alice cannot withdraw the amount: there is only so much room. */
  async function expectRefused(seconds: bigint, requested: bigint, room: bigint): Promise<void> {
    const isNow = seconds === BigInt(await time.latest());
    if (!isNow) await time.setNextBlockTimestamp(seconds);
    const call = { blockTag: isNow ? "latest" : "pending" };
    const withdraw = vault.connect(alice).withdraw;
    await expect(withdraw.staticCall(accountOf(alice), usdc, requested, alice, call))
      .to.be.revertedWithCustomError(vault, "OutflowLimitExceeded")
      .withArgs(await usdc.getAddress(), requested, room);
    expect(await vault.releasableOf(usdc, call)).to.equal(room);
  }

  const tracked = await vault.trackedOf(usdc);
  return {
    ...plimsoll,
    begin,
    tracked,
    setLimits,
    fillUp,
    withdrawAt,
    depositAt,
    expectRefused,
  };
}

/** Alice's second account has 2,000 dollars and is long 10 ETH at 3,000 against Bob. */
async function deployWithPosition(network: NetworkConnection) {
  const scene = await deployWithDeposits(network);
  const { vault, usdc, alice, bob, fund, trade } = scene;
  const position = await fund(alice, 1n, 2_000);
  const [size, price] = [parseWad(10), parseWad(3_000)];
  const taker = { signer: alice, subAccount: 1n };
  const maker = { signer: bob, subAccount: 2n };
  await vault.connect(bob).deposit(accountId(bob.address, 2n), usdc, 100_000n * DOLLAR);
  await trade({ taker, maker, instrument: ETH_PERP, size, price });
  return { ...scene, position };
}
