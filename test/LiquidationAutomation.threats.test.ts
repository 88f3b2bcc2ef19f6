import { expect } from "chai";
import { AbiCoder, MaxInt256 } from "ethers";
import hre from "hardhat";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import {
  type AutomationMarket,
  deployAutomationMarket,
  encodeBatch,
  MOST_GAS,
  WHOLE,
} from "./fixtures/automation.js";
import { expectBooks } from "./fixtures/books.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { RAMP_SECONDS } from "./fixtures/ramps.js";
import { successionActions } from "./fixtures/succession.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

/** What a node lets a read use unless it is told otherwise [gas]. */
const GAS_OF_READ = 50_000_000n;
const PAGE = 250n;
const LIQUIDATE = 8;
/** The statuses from here on are below the line. */
const LIQUIDATABLE = 2n;
const FOREVER = 2n ** 40n - 1n;

/** The errors of MockBrokenFeed. */
const BROKEN = { "reverts with a bomb": 1, "returns a bomb": 3 };

describe("LiquidationAutomation: threats", () => {
  let market: AutomationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployAutomationMarket);
  });

  afterEach(async () => {
    await expectBooks(market);
  });

  const takenNow = async () => {
    const { clearinghouse } = market;
    const events = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), "latest");
    return events.map(({ args }) => args.account as AccountId);
  };

  it("LQ1: its owner gains nothing by sinking accounts of its own into it, but the floor", async () => {
    const { automation, governance, own } = market;
    const wealth = async (accounts: AccountId[]) => {
      let sum = 0n;
      for (const account of accounts) sum += (await market.marginOf(account)).equity;
      return sum;
    };
    await market.endow(10_000);
    for (const [place, percent] of [90n, 50n, 20n].entries()) {
      const equity = ({ maintenance }: { maintenance: bigint }) => (maintenance * percent) / 100n;
      const [sinking] = await market.sinkAccounts(1, { owner: governance, from: place, equity });
      const before = await wealth([own, sinking!]);
      await automation.performUpkeep(encodeBatch(sinking!));
      expect(await wealth([own, sinking!])).to.be.at.most(before);
    }
    const equity = () => 0n;
    const [worthless] = await market.sinkAccounts(1, { owner: governance, from: 9, equity });
    const { maintenance } = await market.marginOf(worthless!);
    const before = await wealth([own, worthless!]);
    await automation.performUpkeep(encodeBatch(worthless!));
    const gain = (await wealth([own, worthless!])) - before;
    expect(gain).to.be.at.most(maintenance / 10n);
  });

  it("LQ4: nothing that the owner of an account does by a wei just before makes the perform fail", async () => {
    const { automation, vault, usdc, exchange, clearinghouse, alice, stranger, dave } = market;
    const [account] = (await market.sinkAccounts(1)) as [AccountId];
    await automation.watch([account]);
    const [, data] = await automation.checkUpkeep("0x");
    const second = await market.fund(alice, 77n, 100_000);
    await usdc.mint(alice, 1n);
    await usdc.connect(alice).approve(vault, 1n);
    const partOf = WAD / 1_000_000n;
    const acts: Record<string, () => Promise<unknown>> = {
      "deposits one unit": () => vault.connect(alice).deposit(account, usdc, 1n),
      "cancels a nonce": () => exchange.connect(alice).cancel(account, [1n]),
      "settles its variation": () => clearinghouse.connect(alice).settleVariation(account),
      "takes a millionth of itself": () =>
        clearinghouse.connect(alice).liquidate(account, second, partOf, MaxInt256),
      "gives away rights": () => vault.connect(alice).setOperator(dave, LIQUIDATE, FOREVER),
      "watches and forgets": async () => {
        await automation.connect(alice).watch([account, second]);
        await automation.connect(alice).forget([account, second]);
      },
      "has it performed for a hundredth": () =>
        automation.connect(alice).performUpkeep(encodeBatch({ account, share: 100 })),
    };
    for (const [name, act] of Object.entries(acts)) {
      const snapshot = await networkHelpers.takeSnapshot();
      await act();
      await automation.connect(stranger).performUpkeep(data, { gasLimit: MOST_GAS });
      expect(await takenNow(), name).to.deep.equal([account]);
      expect(await market.marginEngine.statusOf(account), name).to.be.lessThan(LIQUIDATABLE);
      await snapshot.restore();
    }
  });

  it("GK3: a list that changes between check and perform changes nothing of what is taken", async () => {
    const { automation, clear } = market;
    const accounts = await market.sinkAccounts(3);
    const decoys = await market.sinkAccounts(2, { owner: market.carol, size: WAD });
    await automation.watch([...decoys, ...accounts]);
    const [, data] = await automation.checkUpkeep("0x");
    // The decoys are closed and forgotten: the last accounts of the list move to their places.
    await market.setPrice(ETH, 3_000);
    for (const account of decoys) await clear({ account, instrument: ETH_PERP, size: -WAD });
    await market.setPrice(ETH, 2_800);
    await automation.forget(decoys);
    expect([...(await automation.watched(0n, 2n))]).not.to.deep.equal(decoys);
    await automation.performUpkeep(data, { gasLimit: MOST_GAS });
    expect(await takenNow()).to.have.members(accounts);
  });

  it("a page of accounts that are of no interest costs a read a fraction of what it may use", async () => {
    const { automation, marginEngine, alice } = market;
    const accounts: AccountId[] = [];
    for (let i = 0; i < 40; ++i) accounts.push(await market.fund(alice, BigInt(i), 100));
    await market.clear(
      ...accounts.map((account) => ({ account, instrument: ETH_PERP, size: WAD / 100n })),
    );
    await automation.watch(accounts);
    const gasOf = async (count: bigint) => {
      const data = AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [0n, count]);
      return automation.checkUpkeep.estimateGas(data);
    };
    const each = ((await gasOf(40n)) - (await gasOf(20n))) / 20n;
    expect(each).to.be.lessThan(60_000n);
    expect(each * PAGE).to.be.lessThan(GAS_OF_READ / 3n);
    // And whoever spams it must lock the minimum margin of each account.
    expect((await marginEngine.marginOf(accounts[0]!)).maintenance).to.equal(parseWad(25));
  });

  for (const [name, failure] of Object.entries(BROKEN)) {
    it(`GK2: a feed that ${name} takes neither the gas nor the turn of the others`, async () => {
      const { automation, clear, alice, oracle, house } = market;
      await oracle.notePrice(BTC);
      const accounts = await market.sinkAccounts(2);
      const doomed = await market.fund(alice, 70n, 100_000);
      await clear({ account: doomed, instrument: BTC_PERP, size: WAD });
      const broken = await ethers.deployContract("MockBrokenFeed", [8, failure]);
      const feed = await market.feedOf("BTC/USD").getAddress();
      const snapshot = await networkHelpers.takeSnapshot();
      // The feed's storage is the mock's: its failure is set where its answer was.
      await networkHelpers.setCode(feed, await ethers.provider.getCode(broken));
      for (let slot = 0; slot < 2; ++slot) {
        const value = await networkHelpers.getStorageAt(await broken.getAddress(), slot);
        await networkHelpers.setStorageAt(feed, slot, BigInt(value));
      }
      const data = encodeBatch(doomed, ...accounts, house);
      const act = await automation.performUpkeep(data, { gasLimit: MOST_GAS });
      expect(await takenNow()).to.deep.equal(accounts);
      expect((await act.wait())!.gasUsed).to.be.lessThan(MOST_GAS);
      await snapshot.restore();
    });
  }

  it("I5: even as itself it takes only what is due", async () => {
    const { automation } = market;
    const address = await automation.getAddress();
    await networkHelpers.impersonateAccount(address);
    await networkHelpers.setBalance(address, WAD);
    const self = await ethers.getSigner(address);
    await expect(automation.connect(self).take(market.house, WHOLE)).to.be.revertedWithCustomError(
      market.marginEngine,
      "NotLiquidatable",
    );
  });

  it("asks the engine that is in charge, also after a succession", async () => {
    const { automation, clearinghouse, lens, marginEngine } = market;
    const { engineAfter, putInCharge, waitUntil } = successionActions(connection, market);
    // Healthy by the former engine, and below the line of one that asks for twice as much.
    const [account] = (await market.sinkAccounts(1, {
      equity: ({ maintenance }) => (maintenance * 3n) / 2n,
    })) as [AccountId];
    const stricter = await engineAfter(marginEngine, "MockStricterEngine");
    const begun = await putInCharge(stricter);
    expect(await lens.liquidatable([account])).to.equal("0x00");
    await waitUntil(begun + RAMP_SECONDS);
    expect(await clearinghouse.marginEngine()).to.equal(stricter.target);
    expect(await lens.liquidatable([account])).to.equal("0x01");
    await automation.watch([account]);
    const [isNeeded, batch] = await automation.checkUpkeep("0x");
    expect(isNeeded).to.equal(true);
    await expect(automation.performUpkeep(batch)).to.emit(clearinghouse, "Liquidated");
  });
});
