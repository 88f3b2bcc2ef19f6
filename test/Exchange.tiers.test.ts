import { expect } from "chai";
import type { NetworkConnection } from "hardhat/types/network";
import hre from "hardhat";
import { accountId, packBuilder, parseWad, signOrder } from "../sdk/index.js";
import { deployWithTraders, STAKE } from "./fixtures/exchange.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const load = () => networkHelpers.loadFixture(deployWithTraders);
const loadTiers = () => networkHelpers.loadFixture(deployWithTiers);

const TRADE = 1;
const END_OF_TIME = 2n ** 40n - 1n;
const MOST_NONCE = 2n ** 64n - 1n;
const MOST_FEE_RATE = parseWad("0.01");
const MOST_TIER = 7n;
/** Beyond those of the parameters. */
const UNSET_TIER = 5n;
/** Of ignition/parameters/local.json, by tier. */
const TAKER_FEES = ["0.0005", "0.0004", "0.0003"].map(parseWad) as [bigint, bigint, bigint];
const MAKER_FEES = ["0.0002", "0.0001", "0"].map(parseWad) as [bigint, bigint, bigint];

/** With Alice in tier 1 and Bob in tier 2; Carol and Dave are in none. */
async function deployWithTiers(network: NetworkConnection) {
  const trading = await deployWithTraders(network);
  const { exchange, asGovernance, accountOf, alice, bob } = trading;

  /** Governance puts accounts in a tier: days pass. */
  function setFeeTier(tier: bigint, ...accounts: string[]) {
    return asGovernance(exchange, "setFeeTier", [accounts, tier]);
  }

  /** Governance sets the rates of a tier: days pass. */
  function setFeeRates(tier: bigint, takerFee: bigint, makerFee: bigint) {
    return asGovernance(exchange, "setFeeRates", [tier, takerFee, makerFee]);
  }

  await setFeeTier(1n, accountOf(alice));
  await setFeeTier(2n, accountOf(bob));
  return { ...trading, setFeeTier, setFeeRates };
}

describe("Exchange", () => {
  describe("matchOrders, fee tiers", () => {
    it("charges accounts that governance put in no tier the rates of tier 0", async () => {
      const { carol, dave, buy, sell, match, equityOf } = await loadTiers();
      await match(await buy(carol, 1), [await sell(dave, 1)], [1]);
      expect(await equityOf(carol)).to.equal(STAKE - parseWad("1.5"));
      expect(await equityOf(dave)).to.equal(STAKE - parseWad("0.6"));
    });

    it("charges taker and maker each by its own tier", async () => {
      const { clearinghouse, alice, bob, buy, sell, match, equityOf } = await loadTiers();
      await match(await buy(alice, 1), [await sell(bob, 1)], [1]);
      expect(await equityOf(alice)).to.equal(STAKE - parseWad("1.2"));
      expect(await equityOf(bob)).to.equal(STAKE);
      expect(await clearinghouse.reserve()).to.equal(parseWad("1.2"));
    });

    it("changes nothing for one side by the tier of the other", async () => {
      const { alice, carol, buy, sell, match, equityOf } = await loadTiers();
      await match(await buy(carol, 1), [await sell(alice, 1)], [1]);
      expect(await equityOf(carol)).to.equal(STAKE - parseWad("1.5"));
      expect(await equityOf(alice)).to.equal(STAKE - parseWad("0.3"));
    });

    it("charges each maker of a batch by its tier, and the taker by its own for all of them", async () => {
      const { alice, bob, carol, dave, buy, sell, match, equityOf, ...trading } = await loadTiers();
      await trading.setFeeTier(2n, trading.accountOf(dave));
      const makers = [await sell(alice, 1), await sell(bob, 1), await sell(carol, 1)];
      await match(await buy(dave, 3), makers, [1, 1, 1]);
      expect(await equityOf(dave)).to.equal(STAKE - parseWad("2.7"));
      expect(await equityOf(alice)).to.equal(STAKE - parseWad("0.3"));
      expect(await equityOf(bob)).to.equal(STAKE);
      expect(await equityOf(carol)).to.equal(STAKE - parseWad("0.6"));
      expect(await trading.excessOfClaims()).to.equal(0n);
    });

    it("charges a tier that was never set what tier 0 is charged", async () => {
      const { accountOf, setFeeTier, carol, dave, buy, sell, match, equityOf } = await loadTiers();
      await setFeeTier(UNSET_TIER, accountOf(carol), accountOf(dave));
      await match(await buy(carol, 1), [await sell(dave, 1)], [1]);
      expect(await equityOf(carol)).to.equal(STAKE - parseWad("1.5"));
      expect(await equityOf(dave)).to.equal(STAKE - parseWad("0.6"));
    });

    it("charges nothing to a tier that was set to nothing", async () => {
      const { accountOf, setFeeTier, setFeeRates, carol, dave, ...trading } = await loadTiers();
      await setFeeRates(UNSET_TIER, 0n, 0n);
      await setFeeTier(UNSET_TIER, accountOf(carol), accountOf(dave));
      const taker = await trading.buy(carol, 1, { maxFee: 0n });
      await trading.match(taker, [await trading.sell(dave, 1, { maxFee: 0n })], [1]);
      expect(await trading.equityOf(carol)).to.equal(STAKE);
      expect(await trading.equityOf(dave)).to.equal(STAKE);
    });

    describe("when tier 0 was lowered below a tier", () => {
      it("charges the tier as tier 0, for the taker's side and for the maker's by itself", async () => {
        const { setFeeRates, alice, bob, buy, sell, match, equityOf } = await loadTiers();
        // Below tier 1 for takers, above it for makers.
        await setFeeRates(0n, parseWad("0.0001"), parseWad("0.0003"));
        await match(await buy(alice, 1), [await sell(bob, 1)], [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("0.3"));
        await match(await buy(bob, 1), [await sell(alice, 1)], [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("0.6"));
        expect(await equityOf(bob)).to.equal(STAKE - parseWad("0.3"));
      });

      it("charges the tier its own rates again once tier 0 has risen", async () => {
        const { exchange, setFeeRates, alice, bob, ...trading } = await loadTiers();
        await setFeeRates(0n, 0n, 0n);
        expect(await exchange.feeRates(1)).to.deep.equal([0n, 0n]);
        await setFeeRates(0n, MOST_FEE_RATE, MOST_FEE_RATE);
        await trading.match(await trading.buy(alice, 1), [await trading.sell(bob, 1)], [1]);
        expect(await trading.equityOf(alice)).to.equal(STAKE - parseWad("1.2"));
        expect(await trading.equityOf(bob)).to.equal(STAKE);
      });
    });

    describe("whose tier counts", () => {
      it("is each sub-account's own", async () => {
        const { exchange, alice, bob, fund, buy, sell, match, equityOf, ...trading } =
          await loadTiers();
        const second = { signer: alice, subAccount: 1n };
        const account = await fund(alice, 1n, 100_000);
        expect(await exchange.feeTierOf(account)).to.equal(0n);
        await match(await buy(second, 1), [await sell(bob, 1)], [1]);
        expect(await equityOf(second)).to.equal(STAKE - parseWad("1.5"));
        await trading.setFeeTier(2n, account);
        expect(await exchange.feeTierOf(trading.accountOf(alice))).to.equal(1n);
        await match(await buy(second, 1), [await sell(alice, 1)], [1]);
        expect(await equityOf(second)).to.equal(STAKE - parseWad("2.4"));
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("0.3"));
      });

      it("is the account's, not that of the operator who signed", async () => {
        const { vault, domain, alice, bob, carol, dave, ...trading } = await loadTiers();
        const { buy, sell, match, equityOf } = trading;
        await vault.connect(alice).setOperator(carol.address, TRADE, END_OF_TIME);
        await vault.connect(dave).setOperator(bob.address, TRADE, END_OF_TIME);
        const taker = await signOrder(carol, domain, (await buy(alice, 1)).order);
        const maker = await signOrder(bob, domain, (await sell(dave, 1)).order);
        await match(taker, [maker], [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("1.2"));
        expect(await equityOf(dave)).to.equal(STAKE - parseWad("0.6"));
        expect([await equityOf(carol), await equityOf(bob)]).to.deep.equal([STAKE, STAKE]);
      });
    });

    describe("when an order allows just the rate of its tier, and a builder's", () => {
      const ratio = parseWad("0.0003");
      const ALLOWED = { taker: TAKER_FEES[1] + ratio, maker: ratio };

      it("fills it", async () => {
        const { carol, alice, bob, buy, sell, match, equityOf } = await loadTiers();
        const builder = packBuilder(carol.address, ratio);
        const taker = await buy(alice, 1, { maxFee: ALLOWED.taker, builder });
        await match(taker, [await sell(bob, 1, { maxFee: ALLOWED.maker, builder })], [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("2.1"));
        expect(await equityOf(bob)).to.equal(STAKE - parseWad("0.9"));
      });

      it("refuses a taker's that allows one wei less", async () => {
        const { exchange, carol, alice, bob, buy, sell, match, hashOf } = await loadTiers();
        const builder = packBuilder(carol.address, ratio);
        const taker = await buy(alice, 1, { maxFee: ALLOWED.taker - 1n, builder });
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
          .withArgs(hashOf(taker), ALLOWED.taker, ALLOWED.taker - 1n);
      });

      it("refuses a maker's that allows one wei less", async () => {
        const { exchange, carol, alice, bob, buy, sell, match, hashOf } = await loadTiers();
        const builder = packBuilder(carol.address, ratio);
        const maker = await sell(bob, 1, { maxFee: ALLOWED.maker - 1n, builder });
        await expect(match(await buy(alice, 1), [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
          .withArgs(hashOf(maker), ALLOWED.maker, ALLOWED.maker - 1n);
      });
    });

    describe("when the account's tier changes after it signed", () => {
      const expiry = END_OF_TIME;

      it("charges what the new tier is charged, within maxFee", async () => {
        const { setFeeTier, accountOf, alice, bob, buy, sell, match, equityOf } = await loadTiers();
        const taker = await buy(alice, 1, { expiry, maxFee: TAKER_FEES[0] });
        const maker = await sell(bob, 1, { expiry, maxFee: MAKER_FEES[0] });
        await setFeeTier(0n, accountOf(alice));
        await setFeeTier(1n, accountOf(bob));
        await match(taker, [maker], [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("1.5"));
        expect(await equityOf(bob)).to.equal(STAKE - parseWad("0.3"));
      });

      it("refuses a taker's order that allows less than the new tier is charged", async () => {
        const { exchange, setFeeTier, accountOf, alice, bob, ...trading } = await loadTiers();
        const { buy, sell, match, hashOf, equityOf } = trading;
        const taker = await buy(alice, 1, { expiry, maxFee: TAKER_FEES[1] });
        await setFeeTier(0n, accountOf(alice));
        await expect(match(taker, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
          .withArgs(hashOf(taker), TAKER_FEES[0], TAKER_FEES[1]);
        expect(await equityOf(alice)).to.equal(STAKE);
      });

      it("refuses a maker's order that allows less than the new tier is charged", async () => {
        const { exchange, setFeeTier, accountOf, alice, bob, ...trading } = await loadTiers();
        const { buy, sell, match, hashOf, equityOf } = trading;
        const maker = await sell(bob, 1, { expiry, maxFee: MAKER_FEES[2] });
        await setFeeTier(UNSET_TIER, accountOf(bob));
        await expect(match(await buy(alice, 1), [maker], [1]))
          .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
          .withArgs(hashOf(maker), MAKER_FEES[0], MAKER_FEES[2]);
        expect(await equityOf(bob)).to.equal(STAKE);
      });

      it("charges by one tier what was filled before, by the other what is filled after", async () => {
        const { setFeeTier, accountOf, alice, bob, ...trading } = await loadTiers();
        const { buy, sell, match, equityOf } = trading;
        const taker = await buy(alice, 2, { expiry });
        await match(taker, [await sell(bob, 1)], [1]);
        await setFeeTier(2n, accountOf(alice));
        await match(taker, [await sell(bob, 1)], [1]);
        expect(await equityOf(alice)).to.equal(STAKE - parseWad("2.1"));
      });
    });
  });

  describe("setFeeRates", () => {
    it("is governance's alone", async () => {
      const { exchange, stranger } = await load();
      await expect(exchange.connect(stranger).setFeeRates(0n, 0n, 0n))
        .to.be.revertedWithCustomError(exchange, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("takes 1 % for each side of tier 0 and announces it", async () => {
      const { exchange, asGovernance } = await load();
      await expect(asGovernance(exchange, "setFeeRates", [0n, MOST_FEE_RATE, MOST_FEE_RATE]))
        .to.emit(exchange, "FeeRatesSet")
        .withArgs(0n, MOST_FEE_RATE, MOST_FEE_RATE);
      expect(await exchange.feeRates(0)).to.deep.equal([MOST_FEE_RATE, MOST_FEE_RATE]);
    });

    it("takes in another tier what tier 0 is charged, up to the last tier", async () => {
      const { exchange, asGovernance } = await load();
      for (const tier of [1n, MOST_TIER]) {
        await expect(asGovernance(exchange, "setFeeRates", [tier, TAKER_FEES[0], MAKER_FEES[0]]))
          .to.emit(exchange, "FeeRatesSet")
          .withArgs(tier, TAKER_FEES[0], MAKER_FEES[0]);
        expect(await exchange.feeRates(tier)).to.deep.equal([TAKER_FEES[0], MAKER_FEES[0]]);
      }
    });

    it("refuses the tier above the last", async () => {
      const { exchange, asGovernance } = await load();
      await expect(asGovernance(exchange, "setFeeRates", [MOST_TIER + 1n, 0n, 0n]))
        .to.be.revertedWithCustomError(exchange, "UnknownFeeTier")
        .withArgs(MOST_TIER + 1n, MOST_TIER);
    });

    for (const [side, index] of Object.entries({ taker: 0, maker: 1 })) {
      it(`refuses one wei above 1 % for the ${side} of tier 0`, async () => {
        const { exchange, asGovernance } = await load();
        const rates = [0n, 0n].with(index, MOST_FEE_RATE + 1n);
        await expect(asGovernance(exchange, "setFeeRates", [0n, ...rates]))
          .to.be.revertedWithCustomError(exchange, "FeeRateOutOfBounds")
          .withArgs(MOST_FEE_RATE + 1n, MOST_FEE_RATE);
      });

      it(`refuses one wei above tier 0 for the ${side} of another tier`, async () => {
        const { exchange, asGovernance } = await load();
        const most = index === 0 ? TAKER_FEES[0] : MAKER_FEES[0];
        const rates = [0n, 0n].with(index, most + 1n);
        await expect(asGovernance(exchange, "setFeeRates", [1n, ...rates]))
          .to.be.revertedWithCustomError(exchange, "FeeRateOutOfBounds")
          .withArgs(most + 1n, most);
      });
    }

    it("leaves orders signed before at no more than what they allow", async () => {
      const { exchange, asGovernance, alice, bob, buy, sell, match, hashOf } = await load();
      const taker = await buy(alice, 1, { expiry: END_OF_TIME });
      const maker = await sell(bob, 1, { expiry: END_OF_TIME });
      await asGovernance(exchange, "setFeeRates", [0n, parseWad("0.002"), 0n]);
      await expect(match(taker, [maker], [1]))
        .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
        .withArgs(hashOf(taker), parseWad("0.002"), parseWad("0.001"));
    });
  });

  describe("setFeeTier", () => {
    it("is governance's alone: nobody raises its own account", async () => {
      const { exchange, accountOf, alice } = await load();
      await expect(exchange.connect(alice).setFeeTier([accountOf(alice)], 1n))
        .to.be.revertedWithCustomError(exchange, "AccessManagedUnauthorized")
        .withArgs(alice.address);
    });

    it("puts several accounts in a tier and announces each", async () => {
      const { exchange, setFeeTier, accountOf, alice, carol, dave } = await loadTiers();
      const accounts = [alice, carol].map(accountOf) as [string, string];
      await expect(setFeeTier(MOST_TIER, ...accounts))
        .to.emit(exchange, "FeeTierSet")
        .withArgs(accounts[0], MOST_TIER)
        .and.to.emit(exchange, "FeeTierSet")
        .withArgs(accounts[1], MOST_TIER);
      for (const account of accounts) expect(await exchange.feeTierOf(account)).to.equal(MOST_TIER);
      expect(await exchange.feeTierOf(accountOf(dave))).to.equal(0n);
    });

    it("puts an account back in tier 0", async () => {
      const { exchange, setFeeTier, accountOf, alice } = await loadTiers();
      await setFeeTier(0n, accountOf(alice));
      expect(await exchange.feeTierOf(accountOf(alice))).to.equal(0n);
      expect(await exchange.feeRatesOf(accountOf(alice))).to.deep.equal([
        TAKER_FEES[0],
        MAKER_FEES[0],
      ]);
    });

    it("refuses a tier above the last", async () => {
      const { exchange, setFeeTier, accountOf, alice } = await loadTiers();
      await expect(setFeeTier(MOST_TIER + 1n, accountOf(alice)))
        .to.be.revertedWithCustomError(exchange, "UnknownFeeTier")
        .withArgs(MOST_TIER + 1n, MOST_TIER);
    });

    it("takes 256 accounts at once, for less than 8,000,000 gas, and not one more", async () => {
      const { exchange, setFeeTier, alice } = await loadTiers();
      const accounts = Array.from({ length: 257 }, (_, i) => accountId(alice.address, BigInt(i)));
      await expect(setFeeTier(2n, ...accounts))
        .to.be.revertedWithCustomError(exchange, "TooManyTierChanges")
        .withArgs(257n, 256n);
      const receipt = await (await setFeeTier(2n, ...accounts.slice(1))).wait();
      expect(receipt?.gasUsed).to.be.lessThan(8_000_000n);
      expect(await exchange.feeTierOf(accountId(alice.address, 256n))).to.equal(2n);
      expect(await exchange.feeTierOf(accountId(alice.address))).to.equal(1n);
    });

    it("keeps what the account has cancelled", async () => {
      const { exchange, setFeeTier, accountOf, alice, bob, ...trading } = await loadTiers();
      const { buy, sell, match, hashOf } = trading;
      const account = accountOf(alice);
      const order = await buy(alice, 1, { expiry: END_OF_TIME });
      const { nonce } = order.order;
      await exchange.connect(alice).cancelUpTo(account, MOST_NONCE);
      for (const tier of [MOST_TIER, 0n]) {
        await setFeeTier(tier, account);
        expect(await exchange.leastNonceOf(account)).to.equal(MOST_NONCE);
        await expect(match(order, [await sell(bob, 1)], [1]))
          .to.be.revertedWithCustomError(exchange, "NonceCancelled")
          .withArgs(hashOf(order), account, nonce, MOST_NONCE);
      }
    });
  });

  describe("cancelUpTo, fee tiers", () => {
    it("keeps the account's tier", async () => {
      const { exchange, accountOf, alice, bob, buy, sell, match, equityOf } = await loadTiers();
      const account = accountOf(alice);
      const order = await buy(alice, 1);
      await exchange.connect(alice).cancelUpTo(account, order.order.nonce);
      expect(await exchange.feeTierOf(account)).to.equal(1n);
      await match(order, [await sell(bob, 1)], [1]);
      expect(await equityOf(alice)).to.equal(STAKE - parseWad("1.2"));
      await exchange.connect(alice).cancelUpTo(account, MOST_NONCE);
      expect(await exchange.feeTierOf(account)).to.equal(1n);
    });
  });

  describe("feeRates", () => {
    it("says what each tier is charged, those never set as tier 0", async () => {
      const { exchange } = await load();
      for (let tier = 0; tier <= MOST_TIER; tier++) {
        const set = tier < TAKER_FEES.length ? tier : 0;
        expect(await exchange.feeRates(tier)).to.deep.equal([TAKER_FEES[set], MAKER_FEES[set]]);
      }
    });

    it("refuses a tier above the last", async () => {
      const { exchange } = await load();
      await expect(exchange.feeRates(MOST_TIER + 1n))
        .to.be.revertedWithCustomError(exchange, "UnknownFeeTier")
        .withArgs(MOST_TIER + 1n, MOST_TIER);
    });
  });

  describe("feeRatesOf", () => {
    it("says what each account is charged now", async () => {
      const { exchange, setFeeRates, accountOf, alice, bob, carol } = await loadTiers();
      const ratesOf = async () =>
        Promise.all(
          [alice, bob, carol].map((trader) =>
            exchange.feeRatesOf(accountOf(trader)).then(Array.from),
          ),
        );
      const rates = [1, 2, 0].map((tier) => [TAKER_FEES[tier], MAKER_FEES[tier]]);
      expect(await ratesOf()).to.deep.equal(rates);
      await setFeeRates(0n, TAKER_FEES[2], MAKER_FEES[0]);
      expect(await ratesOf()).to.deep.equal([
        [TAKER_FEES[2], MAKER_FEES[1]],
        [TAKER_FEES[2], MAKER_FEES[2]],
        [TAKER_FEES[2], MAKER_FEES[0]],
      ]);
    });
  });
});
