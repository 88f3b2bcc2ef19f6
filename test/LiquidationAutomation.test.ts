import { expect } from "chai";
import { id, ZeroAddress } from "ethers";
import hre from "hardhat";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import {
  type AutomationMarket,
  deployAutomationMarket,
  encodeBatch,
  MOST_GAS,
  WHOLE,
} from "./fixtures/automation.js";
import { expectBooks } from "./fixtures/books.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const { ethers, networkHelpers } = await hre.network.create();

const EVERY_RIGHT = 15n;
const FOREVER = 2n ** 40n - 1n;
const DOLLAR = 10n ** 6n;

describe("LiquidationAutomation", () => {
  let market: AutomationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployAutomationMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const selectorOf = (name: string) => {
    const { marginEngine, clearinghouse, automation } = market;
    const errors = [marginEngine, clearinghouse, automation].map((c) => c.interface.getError(name));
    return errors.find((error) => error !== null)!.selector;
  };

  describe("its owner", () => {
    it("is governance from the start, with every right over its account", async () => {
      const { automation, vault, governance, own } = market;
      expect(await automation.owner()).to.equal(governance.address);
      expect(own).to.equal(accountId(await automation.getAddress()));
      const given = await vault.operatorOf(automation, governance);
      expect([...given]).to.deep.equal([EVERY_RIGHT, FOREVER]);
      expect([await automation.taking(), await automation.leastFreeMargin()]).to.deep.equal([
        true,
        0n,
      ]);
    });

    it("cannot be nobody", async () => {
      const { vault, clearinghouse, lens, asOwner, automation } = market;
      const factory = await ethers.getContractFactory("LiquidationAutomation");
      await expect(factory.deploy(ZeroAddress, vault, clearinghouse, lens))
        .to.be.revertedWithCustomError(automation, "OwnableInvalidOwner")
        .withArgs(ZeroAddress);
      await expect(asOwner.renounceOwnership())
        .to.be.revertedWithCustomError(automation, "OwnerRequired")
        .withArgs();
    });

    it("withdraws what anybody deposited, and nobody else does", async () => {
      const { vault, usdc, governance, stranger, own } = market;
      await vault.connect(governance).withdraw(own, usdc, DOLLAR, governance.address);
      expect(await usdc.balanceOf(governance)).to.equal(DOLLAR);
      await expect(vault.connect(stranger).withdraw(own, usdc, DOLLAR, stranger.address))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(own, stranger.address, 4);
    });

    it("hands the rights on with the ownership, once the next one accepts", async () => {
      const { automation, asOwner, vault, usdc, governance, carol, own } = market;
      await asOwner.transferOwnership(carol);
      expect(await vault.isAuthorized(own, carol, EVERY_RIGHT)).to.equal(false);
      await expect(automation.connect(governance).acceptOwnership())
        .to.be.revertedWithCustomError(automation, "OwnableUnauthorizedAccount")
        .withArgs(governance.address);
      await automation.connect(carol).acceptOwnership();
      expect(await vault.isAuthorized(own, carol, EVERY_RIGHT)).to.equal(true);
      await vault.connect(carol).withdraw(own, usdc, DOLLAR, carol.address);
      await expect(vault.connect(governance).withdraw(own, usdc, 1n, governance.address))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(own, governance.address, 4);
    });

    it("keeps the rights when it hands the ownership to itself", async () => {
      const { asOwner, vault, governance, own } = market;
      await asOwner.transferOwnership(governance);
      await asOwner.acceptOwnership();
      expect(await vault.isAuthorized(own, governance, EVERY_RIGHT)).to.equal(true);
    });

    it("alone stops it and sets what stays free", async () => {
      const { automation, asOwner, stranger } = market;
      const asStranger = automation.connect(stranger);
      for (const act of [
        () => asStranger.setTaking(false),
        () => asStranger.setLeastFreeMargin(1n),
        () => asStranger.transferOwnership(stranger),
      ]) {
        await expect(act())
          .to.be.revertedWithCustomError(automation, "OwnableUnauthorizedAccount")
          .withArgs(stranger.address);
      }
      await expect(asOwner.setTaking(false)).to.emit(automation, "TakingSet").withArgs(false);
      await expect(asOwner.setLeastFreeMargin(7n))
        .to.emit(automation, "LeastFreeMarginSet")
        .withArgs(0n, 7n);
      await expect(asOwner.setLeastFreeMargin(5n))
        .to.emit(automation, "LeastFreeMarginSet")
        .withArgs(7n, 5n);
      expect([await automation.taking(), await automation.leastFreeMargin()]).to.deep.equal([
        false,
        5n,
      ]);
    });
  });

  describe("watch and forget", () => {
    it("lists accounts with a position or a debt, each once, and leaves out all others", async () => {
      const { automation, own, house, alice, accountOf } = market;
      const [sinking] = (await market.sinkAccounts(1)) as [AccountId];
      const cash = await market.fund(alice, 9n, 100);
      const nobody = accountOf(market.dave);
      const named = [sinking, cash, nobody, own, house, sinking];
      const act = automation.watch(named);
      await expect(act).to.emit(automation, "Watched").withArgs(sinking, 1n);
      await expect(act).to.emit(automation, "Watched").withArgs(house, 2n);
      expect(await automation.watchedCount()).to.equal(2n);
      expect([...(await automation.watched(0n, 10n))]).to.deep.equal([sinking, house]);
      expect(await automation.watch.staticCall(named)).to.equal(0n);
      expect(await automation.isWatched(house)).to.equal(true);
      expect(await automation.isWatched(cash)).to.equal(false);
    });

    it("keeps who has anything at risk, and forgets who has not (GK3)", async () => {
      const { automation, clear, setPrice } = market;
      const accounts = await market.sinkAccounts(3);
      await automation.watch(accounts);
      await setPrice(ETH, 3_000);
      const [first, , last] = accounts as [AccountId, AccountId, AccountId];
      expect(await automation.forget.staticCall(accounts)).to.equal(0n);
      await clear({ account: first, instrument: ETH_PERP, size: -10n * WAD });
      const act = automation.forget([...accounts, first]);
      await expect(act).to.emit(automation, "Forgotten").withArgs(first, 2n);
      expect([...(await automation.watched(0n, 10n))]).to.deep.equal([last, accounts[1]]);
      expect(await automation.isWatched(first)).to.equal(false);
    });

    it("refuse more than 100 names", async () => {
      const { automation, house } = market;
      await market.sinkAccounts(1);
      const named = new Array<AccountId>(101).fill(house);
      for (const act of [automation.watch, automation.forget]) {
        await expect(act(named))
          .to.be.revertedWithCustomError(automation, "TooManyNamed")
          .withArgs(101, 100);
      }
      await automation.watch(named.slice(1));
      expect(await automation.watchedCount()).to.equal(1n);
    });

    it("show any part of the list, and nothing beyond it", async () => {
      const { automation } = market;
      const accounts = await market.sinkAccounts(3);
      await automation.watch(accounts);
      expect([...(await automation.watched(1n, 1n))]).to.deep.equal([accounts[1]]);
      expect([...(await automation.watched(2n, 2n ** 256n - 1n))]).to.deep.equal([accounts[2]]);
      expect([...(await automation.watched(3n, 1n))]).to.deep.equal([]);
      expect([...(await automation.watched(2n ** 256n - 1n, 1n))]).to.deep.equal([]);
    });
  });

  describe("performUpkeep", () => {
    it("takes over the whole of what is due, at the price of the preview, and stays at its margin", async () => {
      const { automation, clearinghouse, marginEngine, own, stranger } = market;
      const [account] = (await market.sinkAccounts(1)) as [AccountId];
      const preview = await marginEngine.previewLiquidation(account);
      const { equity, maintenance } = await market.marginOf(account);
      const before = await market.marginOf(own);
      const act = automation.connect(stranger).performUpkeep(encodeBatch(account));
      await expect(act)
        .to.emit(clearinghouse, "Liquidated")
        .withArgs(
          account,
          own,
          preview.maxFraction,
          equity,
          maintenance,
          preview.payment,
          preview.toAccount,
          preview.toInsurance,
        );
      await expect(act).not.to.emit(automation, "LiquidationFailed");
      await marginEngine.requireInitialOfLiquidator(own, []);
      expect((await market.marginOf(own)).equity).to.be.greaterThan(before.equity);
    });

    it("does the same with a forwarder's report, from anyone, and says so by ERC-165", async () => {
      const { automation, stranger, own, clearinghouse } = market;
      const [account] = (await market.sinkAccounts(1)) as [AccountId];
      await automation.connect(stranger).onReport("0x1234", encodeBatch(account));
      expect((await clearinghouse.positionOf(own, ETH_PERP)).size).to.be.greaterThan(0n);
      const receiver = id("onReport(bytes,bytes)").slice(0, 10);
      expect(receiver).to.equal("0x805f2132");
      expect(await automation.supportsInterface(receiver)).to.equal(true);
      expect(await automation.supportsInterface("0x01ffc9a7")).to.equal(true);
      expect(await automation.supportsInterface("0xffffffff")).to.equal(false);
    });

    it("takes the others of a batch when one fails, and says why", async () => {
      const { automation, clearinghouse, marginEngine, own, house } = market;
      const accounts = await market.sinkAccounts(3);
      const missing = market.accountOf(market.dave);
      const data = encodeBatch(house, accounts[0]!, missing, own, ...accounts.slice(1));
      const act = automation.performUpkeep(data, { gasLimit: MOST_GAS });
      for (const healthy of [house, missing]) {
        await expect(act)
          .to.emit(automation, "LiquidationFailed")
          .withArgs(healthy, selectorOf("NotLiquidatable"));
      }
      await expect(act)
        .to.emit(automation, "LiquidationFailed")
        .withArgs(own, selectorOf("NotLiquidatable"));
      const taken = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), -1);
      expect(taken.map(({ args }) => args.account)).to.deep.equal(accounts);
      await marginEngine.requireInitialOfLiquidator(own, []);
    });

    it("reverts with the last reason when nothing was taken, so that a simulation is enough", async () => {
      const { automation, house } = market;
      await expect(automation.performUpkeep(encodeBatch(house, house)))
        .to.be.revertedWithCustomError(automation, "NothingTaken")
        .withArgs(2, selectorOf("NotLiquidatable"));
    });

    it("refuses what is not a batch", async () => {
      const { automation, house } = market;
      const entry = encodeBatch(house);
      const tooMany = encodeBatch(...new Array<AccountId>(17).fill(house));
      for (const data of ["0x", entry.slice(0, -2), `${entry}00`, "0x00", tooMany]) {
        await expect(automation.performUpkeep(data))
          .to.be.revertedWithCustomError(automation, "InvalidPerformData")
          .withArgs((data.length - 2) / 2);
      }
    });

    it("takes nothing while its owner has stopped it, and goes on afterwards", async () => {
      const { automation, asOwner } = market;
      const [account] = (await market.sinkAccounts(1)) as [AccountId];
      await asOwner.setTaking(false);
      await expect(automation.performUpkeep(encodeBatch(account)))
        .to.be.revertedWithCustomError(automation, "NotTaking")
        .withArgs();
      await asOwner.setTaking(true);
      await automation.performUpkeep(encodeBatch(account));
    });

    it("takes a share of the largest slice: as asked, at least a hundredth, at most all of it", async () => {
      const { automation, clearinghouse, marginEngine } = market;
      const [account] = (await market.sinkAccounts(1)) as [AccountId];
      const { maxFraction } = await marginEngine.previewLiquidation(account);
      for (const [share, expected] of [
        [5_000, maxFraction / 2n],
        [1, maxFraction / 100n],
        [0, maxFraction / 100n],
        [65_535, maxFraction],
      ] as const) {
        const snapshot = await networkHelpers.takeSnapshot();
        await automation.performUpkeep(encodeBatch({ account, share }));
        const [event] = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), -1);
        expect(event?.args.fraction).to.equal(expected);
        await snapshot.restore();
      }
    });

    it("takes half or a quarter where its margin does not carry the whole", async () => {
      const { automation, clearinghouse, marginEngine, own } = market;
      const [account] = (await market.sinkAccounts(1)) as [AccountId];
      const { maxFraction } = await marginEngine.previewLiquidation(account);
      for (const [dollars, part] of [
        [900, 2n],
        [450, 4n],
      ] as const) {
        const snapshot = await networkHelpers.takeSnapshot();
        await market.leaveWith(dollars);
        await automation.performUpkeep(encodeBatch(account));
        const [event] = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), -1);
        expect(event?.args.fraction).to.equal(maxFraction / part);
        await marginEngine.requireInitialOfLiquidator(own, []);
        await snapshot.restore();
      }
      await market.leaveWith(50);
      await expect(automation.performUpkeep(encodeBatch(account)))
        .to.be.revertedWithCustomError(automation, "NothingTaken")
        .withArgs(1, selectorOf("BelowInitialMargin"));
    });

    it("keeps free what its owner wants free, and takes less for it", async () => {
      const { automation, asOwner, own, clearinghouse } = market;
      const [account] = (await market.sinkAccounts(1)) as [AccountId];
      await asOwner.setLeastFreeMargin(parseWad(999_600));
      await automation.performUpkeep(encodeBatch(account));
      const { equity, initial } = await market.marginOf(own);
      expect(equity - initial).to.be.at.least(parseWad(999_600));
      expect((await clearinghouse.positionOf(own, ETH_PERP)).size).to.be.greaterThan(0n);
      await asOwner.setLeastFreeMargin(parseWad(1_100_000));
      await expect(automation.performUpkeep(encodeBatch({ account, share: 100 })))
        .to.be.revertedWithCustomError(automation, "NothingTaken")
        .withArgs(1, selectorOf("FreeMarginTooSmall"));
    });

    it("leaves an account for which the insurance fund cannot pay the incentive", async () => {
      const { automation, own } = market;
      const equity = () => parseWad(-50);
      const [account] = (await market.sinkAccounts(1, { equity })) as [AccountId];
      await expect(automation.performUpkeep(encodeBatch(account)))
        .to.be.revertedWithCustomError(automation, "NothingTaken")
        .withArgs(1, selectorOf("PaymentAboveMaximum"));
      await automation.watch([account]);
      expect(await market.proposed()).to.deep.equal([]);

      await market.endow(10_000);
      expect(await market.proposed()).to.deep.equal([{ account, share: WHOLE }]);
      const before = await market.marginOf(own);
      await market.runOnce();
      const gain = (await market.marginOf(own)).equity - before.equity;
      expect(gain).to.be.at.least(parseWad(106), "a tenth of the maintenance requirement");
    });

    it("forgets an account that it took over whole", async () => {
      const { automation } = market;
      await market.endow(10_000);
      const equity = () => 0n;
      const accounts = await market.sinkAccounts(2, { equity });
      await automation.watch(accounts);
      const act = automation.performUpkeep(encodeBatch(accounts[0]!));
      await expect(act).to.emit(automation, "Forgotten").withArgs(accounts[0], 1n);
      expect([...(await automation.watched(0n, 10n))]).to.deep.equal([accounts[1]]);
    });

    it("lets nobody but itself take a slice alone", async () => {
      const { automation, stranger, governance } = market;
      const [account] = (await market.sinkAccounts(1)) as [AccountId];
      for (const caller of [stranger, governance]) {
        await expect(automation.connect(caller).take(account, WHOLE))
          .to.be.revertedWithCustomError(automation, "NotAutomation")
          .withArgs(caller.address);
      }
    });
  });
});
