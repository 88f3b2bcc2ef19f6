import { expect } from "chai";
import hre from "hardhat";
import { accountId, mulDown, parseWad, WAD } from "../sdk/index.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { DEATHS, deployUnreadMarket, type SpeckName, SPECKS } from "./fixtures/unread.js";
import { type Reason, sinkWithSpeck, type UnreadMarket } from "./fixtures/unread.js";
import { referenceFraction, referenceSettlement } from "./reference/liquidation.js";
import { positionRequirement, type ReferenceMargin } from "./reference/margin.js";

const { networkHelpers } = await hre.network.create();

const NAMES = Object.keys(SPECKS) as SpeckName[];

/** What the engine adds to a fraction that would meet the target exactly [wad]. */
const GUARD = 10n ** 9n;

const HALF = ({ maintenance }: ReferenceMargin) => maintenance / 2n;

describe("Clearinghouse.liquidate: items that cannot be read", () => {
  let market: UnreadMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployUnreadMarket);
  });

  async function expectReason(act: Promise<unknown>, { error, args }: Reason): Promise<void> {
    await expect(act)
      .to.be.revertedWithCustomError(market.oracle, error)
      .withArgs(...args);
  }

  describe("when a speck of a dead market is all that cannot be read (OR4)", () => {
    for (const name of NAMES) {
      const speck = SPECKS[name];

      for (const death of DEATHS) {
        it(`takes an account with ${name} whose feed ${death}, at its last value less its requirement (I5)`, async () => {
          const { account, equity, maintenance } = await sinkWithSpeck(market, name, HALF);
          await market.kill(speck, death);
          const { liquidation: rules } = market.parameters;
          const terms = {
            equity: equity - speck.maintenance,
            maintenance: maintenance - speck.maintenance,
          };

          const preview = await market.marginEngine.previewLiquidation(account);
          const fraction = preview.maxFraction;
          const least = referenceFraction(terms.equity, terms.maintenance, rules);
          expect(fraction).to.be.within(least, least + GUARD);
          const settlement = referenceSettlement({ ...terms, fraction, fundPays: 0n, rules });
          const { payment, toAccount, toInsurance } = settlement;
          expect([...preview]).to.deep.equal([fraction, payment, toAccount, toInsurance]);
          await expect(market.liquidate(account))
            .to.emit(market.clearinghouse, "Liquidated")
            .withArgs(
              account,
              market.rescuer,
              fraction,
              terms.equity,
              terms.maintenance,
              payment,
              toAccount,
              toInsurance,
            );
        });
      }

      it(`leaves the line where it is at the last prices, to the wei, with ${name} (I5)`, async () => {
        const snapshot = await networkHelpers.takeSnapshot();
        const atLine = await sinkWithSpeck(market, name, ({ maintenance }) => maintenance);
        await market.kill(speck, "reverts");
        const worth = atLine.maintenance - speck.maintenance;
        expect([...(await market.marginEngine.previewLiquidation(atLine.account))]).to.deep.equal([
          0n,
          0n,
          0n,
          0n,
        ]);
        await expect(market.liquidate(atLine.account))
          .to.be.revertedWithCustomError(market.marginEngine, "NotLiquidatable")
          .withArgs(atLine.account, worth, worth);

        await snapshot.restore();
        const below = await sinkWithSpeck(market, name, ({ maintenance }) => maintenance - 1n);
        await market.kill(speck, "reverts");
        await expect(market.liquidate(below.account)).to.emit(market.clearinghouse, "Liquidated");
      });
    }

    it("moves the same part of the dead position as of everything else", async () => {
      const { account } = await sinkWithSpeck(market, "a perpetual", HALF);
      await market.kill(SPECKS["a perpetual"], "reverts");
      const maxFraction = parseWad("0.25");
      await market.liquidate(account, { maxFraction });
      const { clearinghouse, rescuer } = market;
      for (const [instrument, size] of [
        [ETH_PERP, 100n * WAD],
        [BTC_PERP, WAD / 100n],
      ] as const) {
        const taken = mulDown(size, maxFraction);
        expect((await clearinghouse.positionOf(rescuer, instrument)).size).to.equal(taken);
        expect((await clearinghouse.positionOf(account, instrument)).size).to.equal(size - taken);
      }
    });

    it("moves the same part of the dead collateral", async () => {
      const { account } = await sinkWithSpeck(market, "a collateral", HALF);
      await market.kill(SPECKS["a collateral"], "reverts");
      await market.liquidate(account, { maxFraction: parseWad("0.25") });
      const { vault, wbtc, rescuer } = market;
      expect(await vault.collateralOf(rescuer, wbtc)).to.equal(250_000n);
      expect(await vault.collateralOf(account, wbtc)).to.equal(750_000n);
    });
  });

  describe("when they are a tenth of the requirement", () => {
    /** Short 100 ETH at 3,165.75 dollars requires 12,029.85; 0.399 BTC at 100,000 requires 1,336.65. */
    async function sinkAtTenth(btc: bigint) {
      const account = await market.fund(market.alice, 0n, 60_000);
      const legs = [
        { instrument: ETH_PERP, size: -100n * WAD },
        { instrument: BTC_PERP, size: btc },
      ];
      await market.sink(account, legs, { prices: { [ETH]: "3165.75" }, equity: HALF });
      return account;
    }

    it("takes the account at a tenth exactly", async () => {
      const account = await sinkAtTenth(parseWad("0.399"));
      await market.kill(SPECKS["a perpetual"], "reverts");
      await expect(market.liquidate(account)).to.emit(market.clearinghouse, "Liquidated");
    });

    for (const death of DEATHS) {
      it(`waits at a wei of size more, with the oracle's reason when the feed ${death} (OR1, OR2)`, async () => {
        const account = await sinkAtTenth(parseWad("0.399") + 1n);
        const reason = await market.kill(SPECKS["a perpetual"], death);
        await expectReason(market.liquidate(account), reason);
        await expectReason(market.marginEngine.previewLiquidation(account), reason);
      });
    }
  });

  describe("when there is no last price", () => {
    it("waits, with the oracle's reason", async () => {
      const { account } = await sinkWithSpeck(market, "a perpetual", HALF);
      const reason = await market.killUnnoted(SPECKS["a perpetual"]);
      await expectReason(market.liquidate(account), reason);
      await expectReason(market.marginEngine.previewLiquidation(account), reason);
    });

    it("waits once the last one is more than three days old", async () => {
      const { account } = await sinkWithSpeck(market, "a perpetual", HALF);
      const reason = await market.kill(SPECKS["a perpetual"], "is stale");
      const silentSince = reason.args[2] as bigint;
      await networkHelpers.time.increaseTo(silentSince + 259_200n - 20n);
      await market.refreshAllBut("BTC/USD");
      const snapshot = await networkHelpers.takeSnapshot();
      await networkHelpers.time.setNextBlockTimestamp(silentSince + 259_200n);
      await expect(market.liquidate(account)).to.emit(market.clearinghouse, "Liquidated");
      await snapshot.restore();
      await networkHelpers.time.setNextBlockTimestamp(silentSince + 259_201n);
      await expectReason(market.liquidate(account), reason);
    });
  });

  describe("the liquidator", () => {
    /** A tenth of Alice's account goes to a fresh account of Dave's; what that is worth is known before. */
    async function takenByDave(dollars: string) {
      const { account, equity, maintenance } = await sinkWithSpeck(market, "a perpetual", HALF);
      const held = await market.referenceOf(account);
      const into = await market.fund(market.dave, 3n, dollars);
      await market.kill(SPECKS["a perpetual"], "reverts");
      const fraction = parseWad("0.1");
      const { payment } = referenceSettlement({
        equity: equity - SPECKS["a perpetual"].maintenance,
        maintenance: maintenance - SPECKS["a perpetual"].maintenance,
        fraction,
        fundPays: 0n,
        rules: market.parameters.liquidation,
      });
      const [live, dead] = held.positions.map((position) =>
        positionRequirement({ ...position, size: mulDown(position.size, fraction) }),
      );
      const slice = mulDown(equity, fraction) - payment - dead!.initial;
      const take = () =>
        market.liquidate(account, { by: market.dave, into, maxFraction: fraction });
      return { into, slice, initial: live!.initial, take };
    }

    it("may be a fresh account that holds cash alone, exactly enough of it (LQ7)", async () => {
      const asked = await takenByDave("0.000001");
      const missing = asked.initial - asked.slice - parseWad("0.000001");
      const enough = (missing + 10n ** 12n - 1n) / 10n ** 12n;
      const fundedBy = async (amount: bigint) => {
        await market.usdc.mint(market.dave, amount);
        await market.usdc.connect(market.dave).approve(market.vault, amount);
        await market.vault.connect(market.dave).deposit(asked.into, market.usdc, amount);
      };
      await fundedBy(enough - 1n);
      await expect(asked.take()).to.be.revertedWithCustomError(
        market.marginEngine,
        "BelowInitialMargin",
      );
      await fundedBy(1n);
      await expect(asked.take()).to.emit(market.clearinghouse, "Liquidated");
    });

    it("is charged the initial requirement of what cannot be read against its equity (LQ7)", async () => {
      const { into, slice, initial, take } = await takenByDave("100");
      await expect(take())
        .to.be.revertedWithCustomError(market.marginEngine, "BelowInitialMargin")
        .withArgs(into, parseWad(100) + slice, initial);
    });

    it("may hold more of what cannot be read than the account, while the rest of it suffices (LQ7)", async () => {
      const { account } = await sinkWithSpeck(market, "a perpetual", HALF);
      const into = accountId(market.dave.address, 3n);
      await market.fund(market.dave, 3n, 2_000_000);
      await market.clear({ account: into, instrument: BTC_PERP, size: 2n * WAD });
      await market.kill(SPECKS["a perpetual"], "reverts");
      await expect(market.liquidate(account, { by: market.dave, into })).to.emit(
        market.clearinghouse,
        "Liquidated",
      );
    });
  });

  describe("when the account is bankrupt", () => {
    it("charges no winner of the dead market, and those of live ones for all (I7)", async () => {
      const { clearinghouse } = market;
      const { account } = await sinkWithSpeck(market, "a perpetual", () => -parseWad(1_000));
      await market.kill(SPECKS["a perpetual"], "reverts");
      await market.liquidate(account);
      expect(await clearinghouse.indicesOf(BTC_PERP)).to.deep.equal([0n, 0n]);
      // The loss at the last prices over the 100 ETH of the short side: nobody but the account pays for the doubt.
      const index = -(parseWad(1_000) / 100n);
      expect(await clearinghouse.indicesOf(ETH_PERP)).to.deep.equal([0n, index]);
      expect(await clearinghouse.deficit()).to.equal(0n);
    });

    it("draws on the fund for the live markets alone", async () => {
      const { vault, fundAccount } = market;
      const { account } = await sinkWithSpeck(market, "a perpetual", () => -parseWad(1_000));
      await market.endow(1_000);
      await market.kill(SPECKS["a perpetual"], "reverts");
      // Half of the fund for ETH: BTC, which weighs nothing, draws nothing of its own half.
      expect(await market.clearinghouse.fundPaymentOf(account, parseWad(5_000))).to.equal(
        parseWad(500),
      );
      await market.liquidate(account);
      expect(await vault.cashOf(fundAccount)).to.equal(parseWad(500));
    });

    it("records the loss when no market of the account is alive", async () => {
      const { clearinghouse, deposit, alice, weth } = market;
      const account = await market.fund(alice, 0n, 10_000);
      await deposit(alice, { token: weth, amount: 10 });
      const leg = { instrument: BTC_PERP, size: WAD / 100n };
      const sunk = { prices: { [ETH]: 1_000 }, equity: () => -parseWad(100) };
      await market.sink(account, [leg], sunk);
      await market.kill(SPECKS["a perpetual"], "reverts");
      await market.liquidate(account);
      expect(await clearinghouse.indicesOf(BTC_PERP)).to.deep.equal([0n, 0n]);
      expect(await clearinghouse.deficit()).to.equal(parseWad(100));
    });
  });

  it("leaves accounts alone that are above their line at the last prices (I5)", async () => {
    const twice = ({ maintenance }: ReferenceMargin) => 2n * maintenance;
    for (const death of DEATHS) {
      const snapshot = await networkHelpers.takeSnapshot();
      const { account, maintenance } = await sinkWithSpeck(market, "a perpetual", twice);
      await market.kill(SPECKS["a perpetual"], death);
      const { maintenance: speck } = SPECKS["a perpetual"];
      await expect(market.liquidate(account), death)
        .to.be.revertedWithCustomError(market.marginEngine, "NotLiquidatable")
        .withArgs(account, 2n * maintenance - speck, maintenance - speck);
      await snapshot.restore();
    }
  });

  // The contract takes it: the minimum margin stays whole while the speck's requirement leaves equity.
  it("leaves small accounts alone that are above their minimum margin at the last prices (I5)", async () => {
    const account = await market.fund(market.alice, 0n, 200);
    const legs = [
      { instrument: ETH_PERP, size: WAD / 6n },
      { instrument: BTC_PERP, size: parseWad("0.0005") },
    ];
    const sunk = { prices: { [ETH]: 2_950 }, equity: () => parseWad(31) };
    const { maintenance } = await market.sink(account, legs, sunk);
    expect(maintenance).to.equal(parseWad(30));
    await market.kill(SPECKS["a perpetual"], "reverts");
    await expect(market.liquidate(account)).to.be.revertedWithCustomError(
      market.marginEngine,
      "NotLiquidatable",
    );
  });

  // The contract refuses it: in the slice the live leg's requirement shrinks faster than the speck's, past the tenth.
  it("lets a fresh, funded account take the slice of any account that can be taken (LQ7)", async () => {
    const account = await market.fund(market.alice, 0n, 12_000_000);
    const legs = [
      { instrument: ETH_PERP, size: 6_000n * WAD },
      { instrument: BTC_PERP, size: 33n * WAD },
    ];
    const equity = ({ maintenance }: ReferenceMargin) => (maintenance * 95n) / 100n;
    await market.sink(account, legs, { prices: { [ETH]: 2_780 }, equity });
    await market.kill(SPECKS["a perpetual"], "reverts");
    const into = await market.fund(market.dave, 3n, 10_000_000);
    await expect(market.liquidate(account, { by: market.dave, into })).to.emit(
      market.clearinghouse,
      "Liquidated",
    );
  });

  it("leaves accounts without the dead market as they are (OR4)", async () => {
    const account = await market.fund(market.alice, 0n, 60_000);
    const legs = [{ instrument: ETH_PERP, size: 100n * WAD }];
    await market.sink(account, legs, { prices: { [ETH]: 2_750 }, equity: HALF });
    const before = await market.marginEngine.previewLiquidation(account);
    await market.killUnnoted({ ...SPECKS["a perpetual"], underlying: BTC });
    expect(await market.marginEngine.previewLiquidation(account)).to.deep.equal(before);
    await expect(market.liquidate(account)).to.emit(market.clearinghouse, "Liquidated");
  });
});
