import { expect } from "chai";
import hre from "hardhat";
import { parseWad } from "../sdk/index.js";
import { deployWithVenue, PRICE, STAKE } from "./fixtures/exchange.js";
import { BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const [TRADE, ALL_BUT_TRADE] = [1, 14];
const END_OF_TIME = 2n ** 40n - 1n;

/** Alice is long 10 ETH from 3,000, Bob short; ETH is at 3,100. */
async function deployWithVariation(network: typeof connection) {
  const trading = await deployWithVenue(network);
  const { alice, bob, tradeOf, clear } = trading;
  await clear(tradeOf(alice, bob, 10));
  await trading.setPrice(ETH, 3_100);
  return trading;
}
const load = () => networkHelpers.loadFixture(deployWithVariation);

/** An account of Carol's that has its initial margin to the wei: the rest went as a fee. */
async function loadAtInitial() {
  const trading = await networkHelpers.loadFixture(deployWithVenue);
  const { alice, carol, accountOf, marginEngine, tradeOf, clear, stranger, clearinghouse } =
    trading;
  const thin = { signer: carol, subAccount: 1n };
  const account = accountOf(thin);
  await trading.fund(carol, 1n, 2_000);
  const delta = { instrument: ETH_PERP, size: parseWad(10), price: PRICE };
  const { initial } = await marginEngine.marginWith(account, [delta], 0n);
  const fee = parseWad(2_000) - initial;
  await clear(tradeOf(thin, alice, 10, { takerLeg: { fee } }));
  // The fee is in the quote: settled, the account has no loss and is where it was.
  await clearinghouse.connect(carol).settleVariation(account);
  return { ...trading, account, initial, settle: clearinghouse.connect(stranger).settleVariation };
}

describe("Clearinghouse", () => {
  describe("settleVariation", () => {
    it("turns a gain into cash for the owner, and announces it", async () => {
      const { clearinghouse, vault, accountOf, alice, cashOf } = await load();
      const account = accountOf(alice);
      const gain = parseWad(1_000);
      await expect(clearinghouse.connect(alice).settleVariation(account))
        .to.emit(clearinghouse, "VariationSettled")
        .withArgs(account, gain)
        .and.to.emit(clearinghouse, "PositionChanged")
        .withArgs(account, ETH_PERP, parseWad(10), parseWad(-31_000))
        .and.to.emit(vault, "CashPosted")
        .withArgs(account, gain, STAKE + gain);
      expect(await cashOf(alice)).to.equal(STAKE + gain);
      expect(await clearinghouse.positionOf(account, ETH_PERP)).to.deep.equal([
        parseWad(10),
        parseWad(-31_000),
      ]);
    });

    it("turns a loss into less cash, and into debt where cash does not suffice", async () => {
      const { clearinghouse, vault, fund, accountOf, bob, carol, tradeOf, clear, setPrice } =
        await load();
      const price = parseWad(3_100);
      const thin = { signer: carol, subAccount: 1n };
      await fund(carol, 1n, 2_200);
      await clear(tradeOf(bob, thin, 10, { price }));
      await setPrice(ETH, 3_400);
      await clearinghouse.connect(carol).settleVariation(accountOf(thin));
      expect(await vault.cashOf(accountOf(thin))).to.equal(parseWad(-800));
    });

    it("leaves equity and requirements as they were, and nothing to settle again", async () => {
      const { clearinghouse, accountOf, alice, bob, cashOf, marginOf } = await load();
      for (const trader of [alice, bob]) {
        const before = await marginOf(trader);
        const settle = clearinghouse.connect(trader).settleVariation;
        await settle(accountOf(trader));
        expect(await marginOf(trader)).to.deep.equal(before);
        const cash = await cashOf(trader);
        await expect(settle(accountOf(trader)))
          .to.emit(clearinghouse, "VariationSettled")
          .withArgs(accountOf(trader), 0n);
        expect(await cashOf(trader)).to.equal(cash);
      }
    });

    it("takes from one side what it gives to the other", async () => {
      const { clearinghouse, accountOf, alice, bob, cashOf, excessOfClaims } = await load();
      for (const trader of [alice, bob]) {
        await clearinghouse.connect(trader).settleVariation(accountOf(trader));
      }
      expect((await cashOf(alice)) + (await cashOf(bob))).to.equal(2n * STAKE);
      expect(await excessOfClaims()).to.equal(0n);
    });

    it("loses a wei at most by rounding, and never gives one too many", async () => {
      const { clearinghouse, accountOf, setPrice, ...trading } = await load();
      const { alice, bob, carol, tradeOf, clear, cashOf } = trading;
      const price = parseWad("3100.000000000000000003");
      await clear(tradeOf(alice, carol, "1.000000000000000007", { price }));
      await setPrice(ETH, "3111.11111111");
      for (const trader of [alice, bob, carol]) {
        await clearinghouse.connect(trader).settleVariation(accountOf(trader));
      }
      let lost = 3n * STAKE;
      for (const trader of [alice, bob, carol]) lost -= await cashOf(trader);
      expect(lost >= 0n && lost <= 2n, lost.toString()).to.be.true;
    });

    it("settles all instruments at once", async () => {
      const { clearinghouse, accountOf, setPrice, alice, bob, tradeOf, clear, cashOf } =
        await load();
      const price = parseWad(100_000);
      await clear(tradeOf(alice, bob, "-0.1", { instrument: BTC_PERP, price }));
      await setPrice(2, 99_000);
      await expect(clearinghouse.connect(alice).settleVariation(accountOf(alice)))
        .to.emit(clearinghouse, "VariationSettled")
        .withArgs(accountOf(alice), parseWad(1_100));
      expect(await cashOf(alice)).to.equal(STAKE + parseWad(1_100));
    });

    it("pays only what came since when the position closes later", async () => {
      const { clearinghouse, accountOf, alice, bob, tradeOf, clear, cashOf } = await load();
      await clearinghouse.connect(alice).settleVariation(accountOf(alice));
      await clear(tradeOf(alice, bob, -10, { price: parseWad(3_150) }));
      expect(await cashOf(alice)).to.equal(STAKE + parseWad(1_500));
      expect(await cashOf(bob)).to.equal(STAKE - parseWad(1_500));
    });

    it("says 0 for an account without positions", async () => {
      const { clearinghouse, accountOf, dave } = await load();
      await expect(clearinghouse.connect(dave).settleVariation(accountOf(dave)))
        .to.emit(clearinghouse, "VariationSettled")
        .withArgs(accountOf(dave), 0n);
    });

    it("may be asked for by an operator with TRADE, not with the other rights", async () => {
      const { clearinghouse, vault, accountOf, alice, carol, marginOf, cashOf } = await load();
      const settle = () => clearinghouse.connect(carol).settleVariation(accountOf(alice));
      await vault.connect(alice).setOperator(carol.address, ALL_BUT_TRADE, END_OF_TIME);
      const { equity, initial } = await marginOf(alice);
      await expect(settle())
        .to.be.revertedWithCustomError(clearinghouse, "VariationNotDue")
        .withArgs(accountOf(alice), equity, initial);
      await vault.connect(alice).setOperator(carol.address, TRADE, END_OF_TIME);
      await settle();
      expect(await cashOf(alice)).to.equal(STAKE + parseWad(1_000));
    });

    it("refuses a stranger while the account has exactly its initial margin and nothing to lose", async () => {
      const { clearinghouse, account, initial, settle } = await loadAtInitial();
      await expect(settle(account))
        .to.be.revertedWithCustomError(clearinghouse, "VariationNotDue")
        .withArgs(account, initial, initial);
    });

    it("lets anyone settle a loss, however much the account is worth", async () => {
      const { clearinghouse, stranger, accountOf, bob, cashOf, marginOf } = await load();
      const before = await marginOf(bob);
      expect(before.equity).to.be.above(before.initial);
      await expect(clearinghouse.connect(stranger).settleVariation(accountOf(bob)))
        .to.emit(clearinghouse, "VariationSettled")
        .withArgs(accountOf(bob), -parseWad(1_000));
      expect(await cashOf(bob)).to.equal(STAKE - parseWad(1_000));
      expect(await marginOf(bob)).to.deep.equal(before);
    });

    it("lets a stranger settle no gain, were it a wei", async () => {
      const { clearinghouse, stranger, accountOf, alice, marginOf } = await load();
      const settle = () => clearinghouse.connect(stranger).settleVariation(accountOf(alice));
      const refused = async () => {
        const { equity, initial } = await marginOf(alice);
        await expect(settle())
          .to.be.revertedWithCustomError(clearinghouse, "VariationNotDue")
          .withArgs(accountOf(alice), equity, initial);
      };
      await refused();
      await clearinghouse.connect(alice).settleVariation(accountOf(alice));
      await refused();
    });

    it("lets anyone settle an account that is below its initial margin", async () => {
      const { clearinghouse, setPrice, account, settle } = await loadAtInitial();
      await setPrice(ETH, "2999.99999999");
      await expect(settle(account))
        .to.emit(clearinghouse, "VariationSettled")
        .withArgs(account, parseWad("-0.0000001"));
    });

    it("lets anyone settle a gain, too, of an account that is below its initial margin", async () => {
      const { clearinghouse, setPrice, account, settle } = await loadAtInitial();
      await setPrice(ETH, 2_990);
      await settle(account);
      await setPrice(ETH, 2_995);
      await expect(settle(account))
        .to.emit(clearinghouse, "VariationSettled")
        .withArgs(account, parseWad(50));
    });

    it("refuses strangers the insurance fund's account", async () => {
      const { clearinghouse, stranger } = await load();
      const fund = await clearinghouse.insuranceFund();
      await expect(clearinghouse.connect(stranger).settleVariation(fund))
        .to.be.revertedWithCustomError(clearinghouse, "VariationNotDue")
        .withArgs(fund, 0n, 0n);
    });

    it("reverts with the oracle's reason when a price cannot be read", async () => {
      const { clearinghouse, oracle, accountOf, alice } = await load();
      await networkHelpers.time.increase(7_200);
      await expect(
        clearinghouse.connect(alice).settleVariation(accountOf(alice)),
      ).to.be.revertedWithCustomError(oracle, "StalePrice");
    });
  });
});
