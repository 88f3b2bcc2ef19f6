import { expect } from "chai";
import { dataLength } from "ethers";
import hre from "hardhat";
import { type AccountId, hashOrder, ORDER_TYPES, parseWad, WAD } from "../sdk/index.js";
import {
  type AutomationMarket,
  deployAutomationMarket,
  encodeBatch,
} from "./fixtures/automation.js";
import { expectBooks } from "./fixtures/books.js";
import { BTC, BTC_PERP, ETH_PERP } from "./fixtures/plimsoll.js";

const { ethers, networkHelpers } = await hre.network.create();

/** The most that the test network lets a read use, a third of what nodes do [gas]. */
const GAS_OF_READ = 16_777_216n;
const BYTES_OF_ENTRY = 34;
/** What one check proposes at most of accounts of one perpetual. */
const MOST_TAKEN = 15;

/** Code that runs until its gas is used up. */
const BURNING = "0x5b600056";

describe("Found: LiquidationAutomation", () => {
  let market: AutomationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployAutomationMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const proposedWith = async (gasLimit: bigint) => {
    const [isNeeded, data] = await market.automation.checkUpkeep("0x", { gasLimit });
    expect(isNeeded).to.equal(dataLength(data) > 0);
    return dataLength(data) / BYTES_OF_ENTRY;
  };

  it("GK2: an account whose feed burns all gas leaves the check enough for the others", async () => {
    const { automation, clear, alice, oracle } = market;
    await oracle.notePrice(BTC);
    const accounts = await market.sinkAccounts(MOST_TAKEN);
    const burner = await market.fund(alice, 77n, 100_000);
    await clear({ account: burner, instrument: BTC_PERP, size: WAD });
    await automation.watch([burner, ...accounts]);
    const feed = await market.feedOf("BTC/USD").getAddress();
    const snapshot = await networkHelpers.takeSnapshot();
    await networkHelpers.setCode(feed, BURNING);
    expect(await proposedWith(GAS_OF_READ)).to.equal(MOST_TAKEN);
    await snapshot.restore();
  });

  it("GK1: a page that costs more than a read may use is read as far as the gas goes", async () => {
    const { automation } = market;
    await automation.watch(await market.sinkAccounts(30));
    let most = 0;
    for (const gasLimit of [1_000_000n, 1_500_000n, 2_000_000n, 2_500_000n, 3_000_000n]) {
      const found = await proposedWith(gasLimit);
      expect(found, `${gasLimit} gas`).to.be.within(most, MOST_TAKEN);
      most = found;
    }
    expect(most).to.be.greaterThan(0);
    expect(await proposedWith(GAS_OF_READ)).to.equal(MOST_TAKEN);
  });

  it("plans the valuation that a reserve costs after each slice", async () => {
    const { automation, asOwner, clearinghouse } = market;
    await automation.watch(await market.sinkAccounts(18));
    await asOwner.setLeastFreeMargin(1n);
    const planned = await proposedWith(GAS_OF_READ);
    expect(planned).to.be.within(10, MOST_TAKEN - 1);
    await expect(market.runOnce()).not.to.emit(automation, "LiquidationFailed");
    const taken = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), -1);
    expect(taken).to.have.length(planned);
  });

  it("OR4: proposes nothing that the act refuses, with a reserve and a margin that cannot be read", async () => {
    const { automation, asOwner, clear, own, oracle } = market;
    await oracle.notePrice(BTC);
    const [sinking] = (await market.sinkAccounts(1)) as [AccountId];
    await clear({ account: own, instrument: BTC_PERP, size: WAD / 1_000n });
    await automation.watch([sinking]);
    await asOwner.setLeastFreeMargin(1n);
    const broken = await ethers.deployContract("MockBrokenFeed", [8, 0]);
    const feed = await market.feedOf("BTC/USD").getAddress();
    const snapshot = await networkHelpers.takeSnapshot();
    await networkHelpers.setCode(feed, await ethers.provider.getCode(broken));
    await expect(automation.performUpkeep(encodeBatch(sinking))).to.be.revertedWithCustomError(
      automation,
      "NothingTaken",
    );
    expect(await market.proposed()).to.deep.equal([]);
    // The owner can have it go on: the protocol's own check reads what it can.
    await asOwner.setLeastFreeMargin(0n);
    expect(await market.proposed()).to.have.length(1);
    await market.runOnce();
    await snapshot.restore();
  });

  it("bears a bankrupt account's loss like everybody on the other side, also by its own perform", async () => {
    const { automation, own, clear } = market;
    await market.endow(1_000);
    const sinking = { price: 2_600, equity: () => parseWad(-2_000) };
    const [bankrupt] = (await market.sinkAccounts(1, sinking)) as [AccountId];
    await clear({ account: own, instrument: ETH_PERP, size: -10n * WAD });
    const before = await market.marginOf(own);
    await automation.performUpkeep(encodeBatch(bankrupt));
    const lost = before.equity - (await market.marginOf(own)).equity;
    // 5 % of 2,600 dollars for each of 10, less the incentive: a tenth of 988 dollars.
    expect(lost).to.be.within(parseWad(1_201), parseWad(1_202));
  });

  it("reduces what it took over by an order that an owner which is a contract signed", async () => {
    const { automation, asOwner, exchange, clearinghouse, own, alice, dave, domain } = market;
    const [taken] = (await market.sinkAccounts(1)) as [AccountId];
    await automation.performUpkeep(encodeBatch(taken));
    const wallet = await ethers.deployContract("MockWallet", [alice.address]);
    const { size } = await clearinghouse.positionOf(own, ETH_PERP);
    const price = await clearinghouse.markOf(ETH_PERP);
    await market.fund(dave, 0n, 100_000);
    const order = {
      ...(await market.orderOf(dave, { instrument: ETH_PERP, size: -size, limitPrice: price })),
      account: own,
    };
    const signature = await alice.signTypedData(domain, ORDER_TYPES, order);
    const maker = await market.signedOrderOf(dave, {
      instrument: ETH_PERP,
      size,
      limitPrice: price,
    });
    const match = async () => exchange.matchOrders({ order, signature }, [maker], [size]);

    await expect(match()).to.be.revertedWithCustomError(exchange, "InvalidSignature");
    await asOwner.transferOwnership(wallet);
    await wallet.execute(automation, automation.interface.encodeFunctionData("acceptOwnership"));
    const snapshot = await networkHelpers.takeSnapshot();
    await match();
    expect((await clearinghouse.positionOf(own, ETH_PERP)).size).to.equal(0n);
    await snapshot.restore();

    // What it signed ends with its ownership, and a stranger's key was never good.
    const forged = await dave.signTypedData(domain, ORDER_TYPES, order);
    await expect(
      exchange.matchOrders({ order, signature: forged }, [maker], [size]),
    ).to.be.revertedWithCustomError(exchange, "InvalidSignature");
    const handBack = automation.interface.encodeFunctionData("transferOwnership", [dave.address]);
    await wallet.execute(automation, handBack);
    await automation.connect(dave).acceptOwnership();
    await expect(match()).to.be.revertedWithCustomError(exchange, "InvalidSignature");
    expect(await automation.isValidSignature(hashOrder(domain, order), forged)).to.equal(
      "0xffffffff",
    );
  });
});
