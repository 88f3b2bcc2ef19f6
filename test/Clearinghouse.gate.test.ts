import { expect } from "chai";
import hre from "hardhat";
import { parseWad } from "../sdk/index.js";
import { deployWithVenue, type TradeChanges } from "./fixtures/exchange.js";
import { BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

/**
 * An account with 2,000 dollars, long 10 ETH from 3,000. At a price P of ETH its equity is 2,000 - 10 x (3,000 - P), its
 * maintenance requirement 0.38 P and its initial requirement 0.6333 P.
 */
async function deployWithThin(network: typeof connection) {
  const trading = await deployWithVenue(network);
  const { alice, bob, accountOf, clearinghouse, marginEngine, tradeOf, clear } = trading;
  const thin = { signer: bob, subAccount: 1n };
  const account = accountOf(thin);
  await trading.fund(bob, 1n, 2_000);
  await clear(tradeOf(thin, alice, 10));

  /** The account buys (sells when negative) at the mark, unless the changes say otherwise. */
  async function act(size: number | string, changes: TradeChanges = {}) {
    const price = await clearinghouse.markOf(ETH_PERP);
    return clear(tradeOf(thin, alice, size, { price, ...changes }));
  }

  /** The same is refused, with the account's margins before and as they would be. */
  async function refuse(size: number | string, changes: TradeChanges = {}) {
    const price = changes.price ?? (await clearinghouse.markOf(ETH_PERP));
    const delta = { instrument: changes.instrument ?? ETH_PERP, size: parseWad(size), price };
    const before = await marginEngine.marginOf(account);
    const { fee = 0n, builderFee = 0n } = changes.takerLeg ?? {};
    const afterwards = await marginEngine.marginWith(account, [delta], -fee - builderFee);
    await expect(act(size, changes))
      .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
      .withArgs(account, [...before], [...afterwards]);
    return { before, afterwards };
  }

  /** Status in which a price of ETH leaves the account. */
  async function at(price: number) {
    await trading.setPrice(ETH, price);
    return STATUSES[Number(await marginEngine.statusOf(account))];
  }
  return { ...trading, thin, account, act, refuse, at };
}

const STATUSES = ["Healthy", "MarginCall", "Liquidatable", "Bankrupt"];
const load = () => networkHelpers.loadFixture(deployWithThin);

describe("Clearinghouse", () => {
  describe("clear, the gate", () => {
    describe("when the account is healthy", () => {
      for (const [what, size] of Object.entries({ grow: "0.5", reduce: -4, flip: -20 })) {
        it(`may ${what}`, async () => {
          const { thin, act, at, sizeOf } = await load();
          expect(await at(3_000)).to.equal("Healthy");
          await act(size);
          expect(await sizeOf(thin)).to.equal(parseWad(10) + parseWad(size));
        });
      }

      it("may not grow beyond its initial margin", async () => {
        const { refuse } = await load();
        const { afterwards } = await refuse(1);
        expect(afterwards.equity > afterwards.maintenance).to.be.true;
      });
    });

    describe("when the account is in a margin call", () => {
      it("may reduce", async () => {
        const { thin, act, at, sizeOf } = await load();
        expect(await at(2_950)).to.equal("MarginCall");
        await act("-0.5");
        expect(await sizeOf(thin)).to.equal(parseWad("9.5"));
      });

      it("may close", async () => {
        const { thin, act, at, cashOf } = await load();
        await at(2_950);
        await act(-10);
        expect(await cashOf(thin)).to.equal(parseWad(1_500));
      });

      it("may flip when that brings it to its initial margin", async () => {
        const { thin, act, at, marginOf, sizeOf } = await load();
        await at(2_950);
        await act("-10.5");
        expect(await sizeOf(thin)).to.equal(parseWad("-0.5"));
        const { equity, initial } = await marginOf(thin);
        expect(equity >= initial).to.be.true;
      });

      it("may not grow, be it by the least", async () => {
        const { refuse, at } = await load();
        await at(2_950);
        await refuse("0.000000000000000001");
      });

      it("may not flip, though its requirement would fall", async () => {
        const { refuse, at } = await load();
        await at(2_950);
        const { before, afterwards } = await refuse(-19);
        expect(afterwards.maintenance < before.maintenance).to.be.true;
      });

      it("may not open another instrument", async () => {
        const { refuse, at } = await load();
        await at(2_950);
        await refuse("0.0001", { instrument: BTC_PERP, price: parseWad(100_000) });
      });

      it("may not reduce at a price, inside the band, that lowers its health", async () => {
        const { refuse, at } = await load();
        expect(await at(2_915)).to.equal("MarginCall");
        const { before, afterwards } = await refuse(-3, { price: parseWad(2_770) });
        expect(afterwards.maintenance < before.maintenance).to.be.true;
      });

      it("may reduce at a price below the mark that does not lower its health", async () => {
        const { thin, act, at, sizeOf } = await load();
        await at(2_915);
        await act(-3, { price: parseWad(2_915) - parseWad(100) });
        expect(await sizeOf(thin)).to.equal(parseWad(7));
      });

      it("may pay a fee that leaves its health the same, not one wei more", async () => {
        const { refuse, act, at } = await load();
        await at(2_915);
        // Equity 1,150 and maintenance 1,107.7: half of the position may take half of the equity.
        const fee = parseWad(575);
        await refuse(-5, { takerLeg: { fee: fee + 1n } });
        await refuse(-5, { takerLeg: { fee, builderFee: 1n } });
        await act(-5, { takerLeg: { fee } });
      });
    });

    describe("when the account is below maintenance margin, with equity", () => {
      it("may reduce at the mark", async () => {
        const { thin, act, at, marginOf } = await load();
        expect(await at(2_900)).to.equal("Liquidatable");
        const before = await marginOf(thin);
        await act(-2);
        const { equity, maintenance } = await marginOf(thin);
        expect(equity).to.equal(before.equity);
        expect(maintenance < before.maintenance).to.be.true;
      });

      it("may not reduce at a price that lowers its health", async () => {
        const { refuse, at } = await load();
        await at(2_900);
        await refuse(-1, { price: parseWad(2_755) });
      });

      it("may not grow", async () => {
        const { refuse, at } = await load();
        await at(2_900);
        await refuse(1, { price: parseWad(2_755) });
      });

      it("may close for all that it has, not for a cent more", async () => {
        const { thin, refuse, act, at, cashOf } = await load();
        expect(await at(2_830)).to.equal("Liquidatable");
        const { afterwards } = await refuse(-10, { price: parseWad(2_800) - 1n });
        expect(afterwards.equity).to.equal(-10n);
        await act(-10, { price: parseWad(2_800) });
        expect(await cashOf(thin)).to.equal(0n);
      });
    });

    describe("when the account is bankrupt", () => {
      it("may reduce at the mark without a fee", async () => {
        const { thin, act, at, sizeOf, marginOf } = await load();
        expect(await at(2_780)).to.equal("Bankrupt");
        await act(-4);
        expect(await sizeOf(thin)).to.equal(parseWad(6));
        expect((await marginOf(thin)).equity).to.equal(parseWad(-200));
      });

      it("may not pay a fee for that, but for the wei that a trade may round", async () => {
        const { refuse, at } = await load();
        await at(2_780);
        await refuse(-4, { takerLeg: { fee: 2n } });
      });

      it("may pay a fee out of a better price, not more than it gains", async () => {
        const { thin, refuse, act, at, marginOf } = await load();
        await at(2_780);
        const price = parseWad(2_790);
        await refuse(-4, { price, takerLeg: { fee: parseWad(40) + 2n } });
        await act(-4, { price, takerLeg: { fee: parseWad(40) } });
        expect((await marginOf(thin)).equity).to.equal(parseWad(-200));
      });

      it("may not hand anything to its counterparty by a worse price", async () => {
        const { refuse, at } = await load();
        await at(2_780);
        await refuse(-10, { price: parseWad(2_780) - 1n });
      });

      it("may not grow, nor flip", async () => {
        const { refuse, at } = await load();
        await at(2_780);
        await refuse(1, { price: parseWad(2_641) });
        await refuse(-20, { price: parseWad(2_790) });
      });

      it("may close at the mark, and then owes what is missing and opens nothing more", async () => {
        const { thin, refuse, act, at, cashOf } = await load();
        await at(2_780);
        await act(-10);
        expect(await cashOf(thin)).to.equal(parseWad(-200));
        await refuse("0.01");
        await refuse("-0.01");
      });
    });

    it("looks at the end of the batch: growth that is undone in it is none", async () => {
      const { thin, alice, carol, at, clear, tradeOf, sizeOf } = await load();
      await at(2_950);
      const price = parseWad(2_950);
      await clear(tradeOf(thin, alice, 5, { price }), tradeOf(carol, thin, 6, { price }));
      expect(await sizeOf(thin)).to.equal(parseWad(9));
    });

    it("holds makers to it as it does takers", async () => {
      const { marginEngine, account, thin, alice, at, clear, tradeOf } = await load();
      await at(2_950);
      const price = parseWad(2_950);
      await expect(clear(tradeOf(alice, thin, -1, { price })))
        .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
        .withArgs(
          account,
          [...(await marginEngine.marginOf(account))],
          [
            ...(await marginEngine.marginWith(
              account,
              [{ instrument: ETH_PERP, size: parseWad(1), price }],
              0n,
            )),
          ],
        );
      await clear(tradeOf(alice, thin, 1, { price }));
    });
  });
});
