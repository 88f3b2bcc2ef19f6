import { expect } from "chai";
import { MaxInt256, MaxUint256 } from "ethers";
import hre from "hardhat";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployWithLenders } from "./fixtures/cash.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;
const { time } = networkHelpers;

const DOLLAR = 10n ** 6n;
const FOREVER = 2n ** 40n - 1n;
const [WITHDRAW, TRANSFER] = [4n, 2n];
/** Bob's 100 WETH are worth 300,000 dollars, of which a fifth is required. */
const ROOM = 240_000n * DOLLAR;
const YEAR = 365 * 86_400;

type Scene = Awaited<ReturnType<typeof deployWithLenders>>;

/** Margin loans: withdrawals of cash that is not there. */
describe("Vault", () => {
  describe("withdraw, as a loan", () => {
    it("pays what the account has not got, and leaves it a debt", async () => {
      const { vault, usdc, bob, borrower } = await networkHelpers.loadFixture(deployWithLenders);
      const act = vault.connect(bob).withdraw(borrower, usdc, 50_000n * DOLLAR, bob);
      await expect(act)
        .to.emit(vault, "Withdrawn")
        .withArgs(
          borrower,
          await usdc.getAddress(),
          bob.address,
          50_000n * DOLLAR,
          50_000n * DOLLAR,
          parseWad(-50_000),
        );
      expect(await usdc.balanceOf(bob)).to.equal(50_000n * DOLLAR);
      expect(await vault.cashOf(borrower)).to.equal(parseWad(-50_000));
      expect(await vault.loanRoom()).to.equal(parseWad(9_950_000));
    });

    it("takes the account's own cash first", async () => {
      const { vault, usdc, bob, fund, deposit, weth } =
        await networkHelpers.loadFixture(deployWithLenders);
      const account = await fund(bob, 1n, 100);
      await deposit(bob, { subAccount: 1n, token: weth, amount: 1 });
      await vault.connect(bob).withdraw(account, usdc, 150n * DOLLAR, bob);
      expect(await vault.cashOf(account)).to.equal(parseWad(-50));
      expect(await vault.loanRoom()).to.equal(parseWad(9_999_950));
    });

    it("may be asked for by an operator with WITHDRAW", async () => {
      const { vault, usdc, bob, dave, borrower } =
        await networkHelpers.loadFixture(deployWithLenders);
      await vault.connect(bob).setOperator(dave, WITHDRAW, FOREVER);
      await vault.connect(dave).withdraw(borrower, usdc, DOLLAR, dave);
      expect(await vault.cashOf(borrower)).to.equal(-WAD);
    });

    it("is repaid by a deposit, whoever makes it", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, usdc, dave, borrower, borrow } = scene;
      await borrow(1_000);
      await time.increase(YEAR);
      await usdc.mint(dave, 2_000n * DOLLAR);
      await usdc.connect(dave).approve(vault, MaxUint256);
      await vault.connect(dave).deposit(borrower, usdc, 2_000n * DOLLAR);
      const cash = await vault.cashOf(borrower);
      // 2 % of 1,000 dollars and a little: the year's interest.
      expect(cash).to.be.within(parseWad(979), parseWad(980));
      await time.increase(YEAR);
      expect(await vault.cashOf(borrower)).to.equal(cash);
      expect((await vault.cashPool()).debt).to.equal(0n);
      await expectBooks(scene);
    });

    it("makes who falls behind liquidatable, and the debt moves with the slice", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { vault, clearinghouse, marginEngine, liquidator, fund, setPrice } = scene;
      const { borrower, borrow } = scene;
      await borrow(240_000);
      const rescuer = await fund(liquidator, 0n, 100_000);
      await time.increase(30 * 86_400);
      await setPrice(ETH, 2_800);
      expect(await marginEngine.statusOf(borrower)).to.equal(2n);
      const before = await vault.cashOf(borrower);
      await clearinghouse.connect(liquidator).liquidate(borrower, rescuer, WAD, MaxInt256);
      expect(await vault.cashOf(borrower)).to.be.above(before);
      expect(await marginEngine.statusOf(borrower)).to.be.at.most(1n);
      await expectBooks(scene);
    });

    describe("is refused", () => {
      it("beyond the initial margin, and not exactly at it", async () => {
        const { vault, marginEngine, usdc, bob, borrower } =
          await networkHelpers.loadFixture(deployWithLenders);
        await expect(vault.connect(bob).withdraw(borrower, usdc, ROOM + 1n, bob))
          .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
          .withArgs(borrower, parseWad(60_000) - 10n ** 12n, parseWad(60_000));
        await vault.connect(bob).withdraw(borrower, usdc, ROOM, bob);
      });

      it("to an account without margin, whatever its owner has elsewhere", async () => {
        const { vault, marginEngine, usdc, bob } =
          await networkHelpers.loadFixture(deployWithLenders);
        const empty = accountId(bob.address, 9n);
        await expect(vault.connect(bob).withdraw(empty, usdc, 1n, bob))
          .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
          .withArgs(empty, -(10n ** 12n), parseWad(20));
      });

      it("above what all may borrow, and not exactly at it", async () => {
        const { vault, usdc, bob, borrower, setRules } =
          await networkHelpers.loadFixture(deployWithLenders);
        await setRules({ borrowCap: 1_000 });
        await expect(vault.connect(bob).withdraw(borrower, usdc, 1_000n * DOLLAR + 1n, bob))
          .to.be.revertedWithCustomError(vault, "BorrowCapExceeded")
          .withArgs(parseWad(1_000) + 10n ** 12n, parseWad(1_000));
        await vault.connect(bob).withdraw(borrower, usdc, 1_000n * DOLLAR, bob);
        expect(await vault.loanRoom()).to.equal(0n);
      });

      it("while losses hold all debts above the cap; who has cash takes it all the same", async () => {
        const { vault, usdc, bob, carol, alice, asClearinghouse, lender, third, borrower } =
          await networkHelpers.loadFixture(deployWithLenders);
        const losses = [{ account: third, cash: parseWad(-10_010_001) }];
        const gains = [{ account: lender, cash: parseWad(10_010_001) }];
        await vault.connect(asClearinghouse).post([...losses, ...gains]);
        const total = parseWad(10_000_001);
        await time.setNextBlockTimestamp((await time.latest()) + 1);
        await expect(
          vault.connect(bob).withdraw(borrower, usdc, DOLLAR, bob),
        ).to.be.revertedWithCustomError(vault, "BorrowCapExceeded");
        expect((await vault.cashPool()).debt).to.be.at.least(total);
        expect(await vault.loanRoom()).to.equal(0n);
        await vault.connect(alice).withdraw(lender, usdc, DOLLAR, alice);
        await expect(
          vault.connect(carol).withdraw(third, usdc, 1n, carol),
        ).to.be.revertedWithCustomError(vault, "BorrowCapExceeded");
      });

      it("when governance allows no loans", async () => {
        const { vault, usdc, bob, borrower, setRules } =
          await networkHelpers.loadFixture(deployWithLenders);
        await setRules({ borrowCap: 0 });
        await expect(vault.connect(bob).withdraw(borrower, usdc, DOLLAR, bob))
          .to.be.revertedWithCustomError(vault, "InsufficientBalance")
          .withArgs(borrower, await usdc.getAddress(), DOLLAR, 0n);
      });

      it("beyond the tokens that are there, and says how many there are", async () => {
        const scene = await networkHelpers.loadFixture(deployWithLenders);
        const { vault, usdc, alice, bob, lender, borrower } = scene;
        await time.increase(86_400);
        await vault.connect(alice).withdraw(lender, usdc, 900_000n * DOLLAR, alice);
        const asked = 110_000n * DOLLAR + 1n;
        // Of the million that may leave in a day a tenth is left: less than there are.
        await expect(
          vault.connect(bob).withdraw(borrower, usdc, asked, bob),
        ).to.be.revertedWithCustomError(vault, "OutflowLimitExceeded");
        await time.increase(86_400);
        await scene.refreshPrices();
        await expect(vault.connect(bob).withdraw(borrower, usdc, asked, bob))
          .to.be.revertedWithCustomError(vault, "InsufficientTokens")
          .withArgs(await usdc.getAddress(), asked, 110_000n * DOLLAR);
        expect(await vault.releasableOf(usdc)).to.equal(110_000n * DOLLAR);
        await vault.connect(bob).withdraw(borrower, usdc, asked - 1n, bob);
        // The lender's turn: its cash is there, its tokens are not.
        await expect(vault.connect(alice).withdraw(lender, usdc, 1n, alice))
          .to.be.revertedWithCustomError(vault, "InsufficientTokens")
          .withArgs(await usdc.getAddress(), 1n, 0n);
      });

      it("beyond the outflow limit when that is less, and says how much it leaves", async () => {
        const { vault, usdc, weth, bob, dave, borrower, fund, deposit } =
          await networkHelpers.loadFixture(deployWithLenders);
        await fund(dave, 0n, 9_000_000);
        await time.increase(86_400);
        await deposit(bob, { token: weth, amount: 5_000 });
        const [room, asked] = [2_002_000n * DOLLAR, 2_002_000n * DOLLAR + 1n];
        await expect(vault.connect(bob).withdraw(borrower, usdc, asked, bob))
          .to.be.revertedWithCustomError(vault, "OutflowLimitExceeded")
          .withArgs(await usdc.getAddress(), asked, room);
        expect(await vault.releasableOf(usdc)).to.equal(room);
      });

      it("however much is asked for", async () => {
        const { vault, usdc, bob, borrower } = await networkHelpers.loadFixture(deployWithLenders);
        await expect(
          vault.connect(bob).withdraw(borrower, usdc, MaxUint256, bob),
        ).to.be.revertedWithCustomError(vault, "BorrowCapExceeded");
      });

      it("as a transfer: between accounts only cash moves", async () => {
        const { vault, usdc, bob, dave, borrower } =
          await networkHelpers.loadFixture(deployWithLenders);
        await vault.connect(bob).setOperator(dave, TRANSFER, FOREVER);
        const other = accountId(bob.address, 1n);
        for (const caller of [bob, dave]) {
          await expect(vault.connect(caller).transfer(borrower, other, usdc, DOLLAR))
            .to.be.revertedWithCustomError(vault, "InsufficientBalance")
            .withArgs(borrower, await usdc.getAddress(), DOLLAR, 0n);
        }
      });

      it("while the collateral has no price", async () => {
        const { vault, oracle, usdc, bob, borrower } =
          await networkHelpers.loadFixture(deployWithLenders);
        await time.increase(86_400);
        await expect(
          vault.connect(bob).withdraw(borrower, usdc, DOLLAR, bob),
        ).to.be.revertedWithCustomError(oracle, "StalePrice");
      });
    });
  });

  describe("withdrawable, with loans", () => {
    it("is what collateral alone lets an account borrow", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      expect(await expectExact(scene, scene.bob, scene.borrower)).to.equal(ROOM);
    });

    it("is its cash and no more for an account without anything else", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      expect(await expectExact(scene, scene.carol, scene.third)).to.equal(10_000n * DOLLAR);
    });

    it("is its cash when the collateral would not carry the minimum margin of a debt", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { bob, fund, deposit, weth } = scene;
      const account = await fund(bob, 1n, 100);
      // Worth 24 dollars; a debt would require 25.
      await deposit(bob, { subAccount: 1n, token: weth, amount: "0.008" });
      expect(await expectExact(scene, bob, account)).to.equal(100n * DOLLAR);
      // Worth 30: a debt of 5 leaves 25.
      await deposit(bob, { subAccount: 1n, token: weth, amount: "0.002" });
      expect(await expectExact(scene, bob, account)).to.equal(105n * DOLLAR);
    });

    it("is its cash while the collateral has no price", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { bob, fund, marginEngine, usdc } = scene;
      const account = await fund(bob, 0n, 100);
      await time.increase(86_400);
      expect(await marginEngine.withdrawable(account, usdc)).to.equal(100n * DOLLAR);
      await scene.vault.connect(bob).withdraw(account, usdc, 100n * DOLLAR, bob);
    });

    it("counts what is lent to all, and what has left", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { bob, borrower, borrow, setRules } = scene;
      await setRules({ borrowCap: 50_000 });
      await borrow(30_000);
      expect(await expectExact(scene, bob, borrower)).to.be.within(
        20_000n * DOLLAR - 1_000n,
        20_000n * DOLLAR,
      );
      await time.increase(YEAR);
      await scene.refreshPrices();
      expect(await expectExact(scene, bob, borrower)).to.be.below(19_400n * DOLLAR);
    });

    it("is nothing where loans are not allowed and the account is in debt", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { bob, borrower, borrow, setRules } = scene;
      await borrow(30_000);
      await setRules({ borrowCap: 0 });
      expect(await scene.marginEngine.withdrawable(borrower, scene.usdc)).to.equal(0n);
      await expect(
        scene.vault.connect(bob).withdraw(borrower, scene.usdc, 1n, bob),
      ).to.be.revertedWithCustomError(scene.vault, "InsufficientBalance");
    });

    it("is exact with positions and years of interest, to the unit", async () => {
      const scene = await networkHelpers.loadFixture(deployWithLenders);
      const { alice, bob, trade, setPrice, passTime, borrow, borrower, lender } = scene;
      await borrow(100_000);
      const size = parseWad(10);
      await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price: parseWad(3000) });
      for (const price of [3_000, 3_111, 2_777, 2_912.34]) {
        await passTime(200 * 86_400);
        await setPrice(ETH, price);
        await expectExact(scene, bob, borrower);
        await expectExact(scene, alice, lender);
      }
    });
  });
});

/** Checks that what `withdrawable` says can be withdrawn in the same block, and one unit more cannot; returns it. */
async function expectExact(
  { vault, marginEngine, usdc }: Scene,
  owner: Scene["bob"],
  account: AccountId,
): Promise<bigint> {
  const most = await marginEngine.withdrawable(account, usdc);
  const asOwner = vault.connect(owner);
  if (most > 0n) await asOwner.withdraw.staticCall(account, usdc, most, owner);
  await expect(asOwner.withdraw.staticCall(account, usdc, most + 1n, owner)).to.be.revert(
    connection.ethers,
  );
  return most;
}
