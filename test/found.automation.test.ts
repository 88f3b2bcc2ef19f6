import { expect } from "chai";
import { dataLength } from "ethers";
import hre from "hardhat";
import { WAD } from "../sdk/index.js";
import { type AutomationMarket, deployAutomationMarket } from "./fixtures/automation.js";
import { expectBooks } from "./fixtures/books.js";
import { BTC, BTC_PERP } from "./fixtures/plimsoll.js";

const { networkHelpers } = await hre.network.create();

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
});
