import { expect } from "chai";
import { concat, type ContractTransactionResponse, dataLength, MaxInt256 } from "ethers";
import hre from "hardhat";
import { accountId, parseWad, WAD } from "../sdk/index.js";
import type { LiquidationAutomation } from "../typechain-types/index.js";
import { deployCrowded, MARKETS, MOST, PERPETUALS } from "./fixtures/limits.js";
import { deployWithTraders } from "./fixtures/exchange.js";
import { deployUnreadMarket, sinkWithSpeck, SPECKS } from "./fixtures/unread.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

/** Half of what one transaction may use on chains with the protocol's cap [gas]. */
const MOST_GAS = 8_000_000n;

/** What a decentralised network lets one transaction use [gas]. */
const AUTOMATION_GAS = 5_000_000n;

/** What a megabyte of memory costs the one who makes it, and what little a caller adds [gas]. */
const MEGABYTE_GAS = 2_300_000n;

/** Code that ends every call in a way of its own. */
const BOMBS = {
  // RETURN and REVERT of a megabyte of zeros.
  "returns a megabyte": "0x621000006000f3",
  "reverts with a megabyte": "0x621000006000fd",
  // Words 32 and 2^256 - 1: bytes whose length is not there; returned and reverted.
  "returns a faked length": "0x602060005260001960205260406000f3",
  "reverts with a faked length": "0x602060005260001960205260406000fd",
};

async function gasOf(act: Promise<ContractTransactionResponse>): Promise<bigint> {
  return (await (await act).wait())!.gasUsed;
}

/** What a perform costs that reverts: sent, for a simulation does not say it. */
async function gasOfFailure(
  automation: LiquidationAutomation,
  data: string,
): Promise<bigint | undefined> {
  await networkHelpers.mine();
  const request = await automation.performUpkeep.populateTransaction(data);
  const [sender] = await ethers.getSigners();
  await expect(
    sender!.sendTransaction({ ...request, gasLimit: 2n * AUTOMATION_GAS }),
  ).to.be.revertedWithCustomError(automation, "NothingTaken");
  const block = await ethers.provider.getBlock("latest");
  return block?.gasUsed;
}

describe("The limits of what has to be looped over", () => {
  before(async function () {
    // 38 markets and 16 tokens take a while to deploy.
    this.timeout(240_000);
    await networkHelpers.loadFixture(deployCrowded);
  });

  it("refuse a 33rd instrument, for the account and for its counterparty (GK1)", async () => {
    const { venue, clearinghouse, alices, bobs, tradeOf } =
      await networkHelpers.loadFixture(deployCrowded);
    const one = PERPETUALS[MOST.instruments]!;
    expect((await clearinghouse.instrumentsOf(alices)).length).to.equal(MOST.instruments);
    await expect(venue.clear([tradeOf(one, WAD)]))
      .to.be.revertedWithCustomError(clearinghouse, "TooManyInstruments")
      .withArgs(alices, MOST.instruments);
    const { taker, maker, ...trade } = tradeOf(one, WAD);
    await expect(venue.clear([{ ...trade, taker: maker, maker: taker }]))
      .to.be.revertedWithCustomError(clearinghouse, "TooManyInstruments")
      .withArgs(bobs, MOST.instruments);
  });

  it("refuse a 17th token (GK1)", async () => {
    const { rules, accessManager, governance, schedule, passTime, tokens } =
      await networkHelpers.loadFixture(deployCrowded);
    expect(tokens.length).to.equal(MOST.tokens);
    const token = await ethers.deployContract("MockToken", ["One more", "MORE", 18n]);
    const terms = {
      underlying: MARKETS[0]!,
      maintenanceHaircutBps: 1_500,
      initialHaircutBps: 2_000,
      accepted: true,
    };
    const args = [await token.getAddress(), terms];
    const { target, data, delay } = await schedule(rules, "listCollateral", args);
    await passTime(delay);
    await expect(accessManager.connect(governance).execute(target, data))
      .to.be.revertedWithCustomError(rules, "TooManyTokens")
      .withArgs(MOST.tokens);
  });

  // 256 underlyings and one more: see "PriceOracle: setters"; 64 makers and one more: "Exchange.batch".
  it("refuse a fourth feed in a source (GK1)", async () => {
    const { oracle, accessManager, governance, schedule, passTime, feedOf } =
      await networkHelpers.loadFixture(deployCrowded);
    const feed = {
      aggregator: await feedOf("ETH/USD").getAddress(),
      maximumAge: 3_900,
      minimum: parseWad(1),
      maximum: parseWad(10_000),
    };
    const four = Array.from({ length: MOST.feeds + 1 }, () => feed);
    const { target, data, delay } = await schedule(oracle, "setSources", [500, four, [], 0]);
    await passTime(delay);
    await expect(accessManager.connect(governance).execute(target, data))
      .to.be.revertedWithCustomError(oracle, "WrongNumberOfFeeds")
      .withArgs(MOST.feeds + 1, MOST.feeds);
  });

  it("keep every act of the fullest account below 8,000,000 gas (GK1)", async () => {
    const scene = await networkHelpers.loadFixture(deployCrowded);
    const { vault, clearinghouse, exchange, venue, usdc, alice, alices, tokens, tradeOf } = scene;
    await usdc.mint(alice, 10n ** 6n);
    await usdc.connect(alice).approve(vault, 10n ** 6n);
    const other = accountId(alice.address, 1n);
    const first = PERPETUALS[0]!;
    const asAlice = vault.connect(alice);
    const acts: Record<string, () => Promise<ContractTransactionResponse>> = {
      deposit: () => asAlice.deposit(alices, usdc, 10n ** 6n),
      "withdrawal of cash": () => asAlice.withdraw(alices, usdc, 10n ** 6n, alice),
      "withdrawal of collateral": () => asAlice.withdraw(alices, tokens[15]!, 10n ** 15n, alice),
      transfer: () => asAlice.transfer(alices, other, usdc, 10n ** 6n),
      "trade of both": () => venue.clear([tradeOf(first, WAD)]),
      "trades of all": () => venue.clear(PERPETUALS.slice(0, 32).map((id) => tradeOf(id, WAD))),
      "settling variation": () => clearinghouse.connect(alice).settleVariation(alices),
      "cancelling 256 orders": () =>
        exchange.connect(alice).cancel(
          alices,
          Array.from({ length: 256 }, (_, nonce) => BigInt(nonce) * 256n),
        ),
    };
    for (const [name, act] of Object.entries(acts)) {
      const snapshot = await networkHelpers.takeSnapshot();
      expect(await gasOf(act()), name).to.be.lessThan(MOST_GAS);
      await snapshot.restore();
    }
  });

  for (const part of ["0.05", "1"]) {
    it(`keep the liquidation of the fullest account, at most ${part} of it, below 8,000,000 gas (GK1)`, async () => {
      const scene = await networkHelpers.loadFixture(deployCrowded);
      const { clearinghouse, marginEngine, liquidator, liquidators, alices, setFeed } = scene;
      for (const number of MARKETS.slice(0, 32)) await setFeed(`M${number}/USD`, "92");
      expect(await marginEngine.statusOf(alices)).to.equal(2n);
      const act = clearinghouse
        .connect(liquidator)
        .liquidate(alices, liquidators, parseWad(part), MaxInt256);
      expect(await gasOf(act)).to.be.lessThan(MOST_GAS);
      expect((await clearinghouse.instrumentsOf(liquidators)).length).to.equal(32);
    });
  }

  describe("and the automation (GK1)", () => {
    async function deployAutomated(network: typeof connection) {
      const scene = await deployCrowded(network);
      const { liquidationAutomation, clearinghouse, vault, usdc, stranger, alices } = scene;
      const into = await liquidationAutomation.account();
      const million = 10n ** 12n;
      await usdc.mint(stranger, 2n * million);
      await usdc.connect(stranger).approve(vault, 2n * million);
      for (const account of [into, await clearinghouse.insuranceFund()]) {
        await vault.connect(stranger).deposit(account, usdc, million);
      }
      await liquidationAutomation.watch([alices]);
      return { ...scene, into };
    }

    it("takes over the fullest account within 5,000,000 gas, alone", async () => {
      const scene = await networkHelpers.loadFixture(deployAutomated);
      const { liquidationAutomation, clearinghouse, into, setFeed } = scene;
      for (const number of MARKETS.slice(0, 32)) await setFeed(`M${number}/USD`, "92");
      const [, data] = await liquidationAutomation.checkUpkeep("0x");
      expect(dataLength(data)).to.equal(34);
      const act = liquidationAutomation.performUpkeep(data, { gasLimit: AUTOMATION_GAS });
      expect(await gasOf(act)).to.be.lessThan(AUTOMATION_GAS);
      expect((await clearinghouse.instrumentsOf(into)).length).to.equal(32);
    });

    it("leaves it to others when the insurance fund must pay as well, and tries no more than its gas", async () => {
      const scene = await networkHelpers.loadFixture(deployAutomated);
      const { liquidationAutomation, clearinghouse, alices, into, setFeed } = scene;
      for (const number of MARKETS.slice(0, 32)) await setFeed(`M${number}/USD`, "86");
      expect(await liquidationAutomation.checkUpkeep("0x")).to.deep.equal([false, "0x"]);
      const data = concat([alices, "0x2710"]);
      await expect(liquidationAutomation.performUpkeep(data, { gasLimit: 2n * AUTOMATION_GAS }))
        .to.be.revertedWithCustomError(liquidationAutomation, "NothingTaken")
        .withArgs(1, "0x00000000");
      const gas = await gasOfFailure(liquidationAutomation, data);
      expect(gas).to.be.within(AUTOMATION_GAS - 200_000n, AUTOMATION_GAS);
      expect((await clearinghouse.instrumentsOf(into)).length).to.equal(0);
    });
  });
});

describe("Code that answers with a bomb", () => {
  for (const [name, code] of Object.entries(BOMBS)) {
    it(`as a feed that ${name} is a feed that does not answer (GK2, OR4)`, async () => {
      const market = await networkHelpers.loadFixture(deployUnreadMarket);
      const half = ({ maintenance }: { maintenance: bigint }) => maintenance / 2n;
      const { account } = await sinkWithSpeck(market, "a perpetual", half);
      const snapshot = await networkHelpers.takeSnapshot();
      await market.kill(SPECKS["a perpetual"], "reverts");
      const expected = await market.marginEngine.previewLiquidation(account);
      const usual = await gasOf(market.liquidate(account));
      await snapshot.restore();

      await market.kill(SPECKS["a perpetual"], "reverts");
      await networkHelpers.setCode(await market.feedOf("BTC/USD").getAddress(), code);
      await expect(market.oracle.price(2))
        .to.be.revertedWithCustomError(market.oracle, "StalePrice")
        .withArgs(2, await market.feedOf("BTC/USD").getAddress(), 0n, 3_900n);
      expect(await market.marginEngine.previewLiquidation(account)).to.deep.equal(expected);
      // Each of six reads of the feed pays for the megabyte that the feed makes, and for no copy of it.
      const gas = await gasOf(market.liquidate(account));
      expect(gas - usual).to.be.lessThan(6n * MEGABYTE_GAS);
    });

    it(`as a token that ${name} is a token that does not work, and stops nothing else (GK2, LQ3)`, async () => {
      const market = await networkHelpers.loadFixture(deployUnreadMarket);
      const { vault, alice, weth, wsteth, usdc, deposit } = market;
      const half = ({ maintenance }: { maintenance: bigint }) => maintenance / 2n;
      await deposit(alice, { token: weth, amount: 1 });
      const { account } = await sinkWithSpeck(market, "a perpetual", half);
      const usual = await marginGas();
      await networkHelpers.setCode(await weth.getAddress(), code);
      await expect(vault.connect(alice).deposit(account, weth, 1n)).to.revert(ethers);
      await expect(vault.connect(alice).withdraw(account, weth, 1n, alice)).to.revert(ethers);
      await deposit(alice, { token: wsteth, amount: "0.001" });
      await deposit(alice, { token: usdc, amount: 1 });
      expect(await marginGas()).to.be.lessThan(usual + 60_000n);
      const act = market.liquidate(account);
      await expect(act).to.emit(market.clearinghouse, "Liquidated");
      expect(await gasOf(act)).to.be.lessThan(1_500_000n);

      async function marginGas(): Promise<bigint> {
        return market.marginEngine.marginOf.estimateGas(account);
      }
    });

    it(`as a wallet that ${name} has signed nothing (GK2)`, async () => {
      const trading = await networkHelpers.loadFixture(deployWithTraders);
      const { exchange, vault, usdc, alice, bob, carol, sell, buy, match, hashOf } = trading;
      const wallet = await ethers.deployContract("MockWallet", [alice.address]);
      const account = accountId(await wallet.getAddress());
      await usdc.mint(bob, 10n ** 10n);
      await usdc.connect(bob).approve(vault, 10n ** 10n);
      await vault.connect(bob).deposit(account, usdc, 10n ** 10n);
      const signed = await buy(carol, 1, { account } as Parameters<typeof buy>[2]);
      const asked = await sell(bob, 1);
      const gas = await exchange.matchOrders
        .estimateGas(await buy(carol, 1), [asked], [WAD])
        .then((usual) => usual + MEGABYTE_GAS);
      await networkHelpers.setCode(await wallet.getAddress(), code);
      await expect(match(signed, [asked], [1]))
        .to.be.revertedWithCustomError(exchange, "InvalidSignature")
        .withArgs(hashOf(signed), account);
      // With enough gas for one megabyte it is refused for that reason, not for want of gas.
      await expect(
        exchange.matchOrders.staticCall(signed, [asked], [WAD], { gasLimit: gas }),
      ).to.be.revertedWithCustomError(exchange, "InvalidSignature");
    });
  }
});
