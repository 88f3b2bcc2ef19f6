import { expect } from "chai";
import { ZeroAddress } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, formatWad, mulDown, parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { takeOver } from "./fixtures/takeover.js";

const { networkHelpers } = await hre.network.create();

describe("Clearinghouse", () => {
  let market: Awaited<ReturnType<typeof deployWithVenue>> | undefined;

  async function load(fixture = deployWithVenue) {
    market = await networkHelpers.loadFixture(fixture);
    return market;
  }

  afterEach(async () => {
    await expectBooks(market!);
  });

  describe("fees of venues", () => {
    it("wait in the reserve: neither fund nor treasury has them yet", async () => {
      const { clearinghouse, earn, cash } = await load();
      await expect(earn(7n)).to.emit(clearinghouse, "FeesReserved").withArgs(7n, 7n);
      await expect(earn(5n)).to.emit(clearinghouse, "FeesReserved").withArgs(5n, 12n);
      expect(await clearinghouse.reserve()).to.equal(12n);
      expect(await cash()).to.deep.equal({ fund: 0n, treasury: 0n });
    });

    it("are those of both sides, without what goes to builders", async () => {
      const { clearinghouse, venue, tradeOf, alice, stranger } = await load();
      const account = accountId(alice.address);
      const trade = await tradeOf({ account, instrument: ETH_PERP, size: WAD });
      const builderFee = { builderFee: 3n, builder: stranger.address };
      const taker = { ...trade.taker, fee: 11n, ...builderFee };
      await expect(venue.clear([{ ...trade, taker, maker: { ...trade.maker, fee: 6n } }]))
        .to.emit(clearinghouse, "FeesReserved")
        .withArgs(17n, 17n);
      expect(await clearinghouse.reserve()).to.equal(17n);
    });

    it("are summed over a batch, and a batch without fees says nothing of them", async () => {
      const { clearinghouse, venue, tradeOf, alice } = await load();
      const account = accountId(alice.address);
      const trade = await tradeOf({ account, instrument: ETH_PERP, size: WAD });
      const withFee = (fee: bigint) => ({ ...trade, taker: { ...trade.taker, fee } });
      await expect(venue.clear([withFee(1n), withFee(20n), withFee(300n)]))
        .to.emit(clearinghouse, "FeesReserved")
        .withArgs(321n, 321n);
      await expect(venue.clear([trade])).to.not.emit(clearinghouse, "FeesReserved");
    });
  });

  describe("distributeFees", () => {
    it("divides the reserve between fund and treasury, at anyone's call", async () => {
      const { clearinghouse, stranger, earn, cash } = await load();
      await earn(parseWad(10));
      await expect(clearinghouse.connect(stranger).distributeFees())
        .to.emit(clearinghouse, "FeesDistributed")
        .withArgs(parseWad(5), parseWad(5), 0n);
      expect(await cash()).to.deep.equal({ fund: parseWad(5), treasury: parseWad(5) });
      expect(await clearinghouse.reserve()).to.equal(0n);
    });

    it("gives the fund the odd wei", async () => {
      const { clearinghouse, earn, cash } = await load();
      await earn(7n);
      await clearinghouse.distributeFees();
      expect(await cash()).to.deep.equal({ fund: 4n, treasury: 3n });
      await earn(1n);
      await clearinghouse.distributeFees();
      expect(await cash()).to.deep.equal({ fund: 5n, treasury: 3n });
    });

    it("does nothing when there is nothing to divide", async () => {
      const { clearinghouse, vault, earn } = await load();
      const divide = async () => clearinghouse.distributeFees();
      await expect(divide()).to.not.emit(clearinghouse, "FeesDistributed");
      await earn(2n);
      await divide();
      await expect(divide()).to.not.emit(clearinghouse, "FeesDistributed");
      await expect(divide()).to.not.emit(vault, "CashPosted");
    });

    it("gives the fund everything where there is no treasury", async () => {
      const { clearinghouse, asGovernance, earn, cash } = await load();
      await asGovernance(clearinghouse, "setFeeShares", [ZeroAddress, WAD]);
      await earn(7n);
      await expect(clearinghouse.distributeFees())
        .to.emit(clearinghouse, "FeesDistributed")
        .withArgs(7n, 0n, 0n);
      expect(await cash()).to.deep.equal({ fund: 7n, treasury: 0n });
    });

    for (const [share, toTreasury] of [
      [0n, 999n],
      [1n, 998n],
      [WAD / 4n, 749n],
      [WAD - 1n, 0n],
      [WAD, 0n],
    ] as const) {
      it(`rounds the treasury's part of 999 wei down at a fund's share of ${formatWad(share)}`, async () => {
        const { clearinghouse, treasury, asGovernance, earn, cash } = await load();
        await asGovernance(clearinghouse, "setFeeShares", [treasury.address, share]);
        await earn(999n);
        await clearinghouse.distributeFees();
        expect(mulDown(999n, WAD - share)).to.equal(toTreasury);
        expect(await cash()).to.deep.equal({ fund: 999n - toTreasury, treasury: toTreasury });
      });
    }

    describe("while a deficit is recorded", () => {
      const loadDeficit = async () => load(deployWithDeficit);

      it("repays it with the fund's part first", async () => {
        const { clearinghouse, earn, cash } = await loadDeficit();
        await earn(parseWad(500));
        await expect(clearinghouse.distributeFees())
          .to.emit(clearinghouse, "FeesDistributed")
          .withArgs(0n, parseWad(250), parseWad(250))
          .and.to.emit(clearinghouse, "DeficitChanged")
          .withArgs(parseWad(450));
        expect(await clearinghouse.deficit()).to.equal(parseWad(450));
        expect(await cash()).to.deep.equal({ fund: 0n, treasury: parseWad(250) });
      });

      it("gives the fund what is left after it", async () => {
        const { clearinghouse, earn, cash } = await loadDeficit();
        await earn(parseWad(1_600));
        await expect(clearinghouse.distributeFees())
          .to.emit(clearinghouse, "FeesDistributed")
          .withArgs(parseWad(100), parseWad(800), parseWad(700))
          .and.to.emit(clearinghouse, "DeficitChanged")
          .withArgs(0n);
        expect(await cash()).to.deep.equal({ fund: parseWad(100), treasury: parseWad(800) });
        await earn(2n);
        await expect(clearinghouse.distributeFees()).to.not.emit(clearinghouse, "DeficitChanged");
      });

      it("repays it to the wei, and no further", async () => {
        const { clearinghouse, earn, cash } = await loadDeficit();
        await earn(parseWad(1_400) + 1n);
        await clearinghouse.distributeFees();
        expect(await clearinghouse.deficit()).to.equal(0n);
        expect(await cash()).to.deep.equal({ fund: 1n, treasury: parseWad(700) });
      });

      it("has not repaid it as long as the fees only wait", async () => {
        const { clearinghouse, earn } = await loadDeficit();
        await earn(parseWad(5_000));
        expect(await clearinghouse.deficit()).to.equal(parseWad(700));
      });
    });
  });

  describe("setFeeShares", () => {
    it("divides what was earned before at the shares of then", async () => {
      const { clearinghouse, treasury, asGovernance, earn, cash } = await load();
      await earn(parseWad(10));
      await expect(asGovernance(clearinghouse, "setFeeShares", [treasury.address, WAD]))
        .to.emit(clearinghouse, "FeesDistributed")
        .withArgs(parseWad(5), parseWad(5), 0n);
      await earn(parseWad(10));
      await clearinghouse.distributeFees();
      expect(await cash()).to.deep.equal({ fund: parseWad(15), treasury: parseWad(5) });
    });

    it("leaves what was earned before to the treasury of then", async () => {
      const { clearinghouse, vault, stranger, asGovernance, earn, cash } = await load();
      await earn(parseWad(10));
      await asGovernance(clearinghouse, "setFeeShares", [stranger.address, 0n]);
      expect(await vault.cashOf(accountId(stranger.address))).to.equal(0n);
      await earn(parseWad(10));
      await clearinghouse.distributeFees();
      expect(await vault.cashOf(accountId(stranger.address))).to.equal(parseWad(10));
      expect(await cash()).to.deep.equal({ fund: parseWad(5), treasury: parseWad(5) });
    });

    it("divides nothing when nothing was earned", async () => {
      const { clearinghouse, treasury, asGovernance } = await load();
      await expect(asGovernance(clearinghouse, "setFeeShares", [treasury.address, 0n])).to.not.emit(
        clearinghouse,
        "FeesDistributed",
      );
    });
  });
});

/** A venue that can charge what it likes, and Alice with 50,000 dollars to pay it. */
async function deployWithVenue(connection: NetworkConnection) {
  const market = await deployLiquidationMarket(connection);
  const { alice, treasury, vault, venue, fundAccount, tradeOf } = market;
  const account = await market.fund(alice, 0n, 50_000);

  /** Alice buys a wei of ETH and pays a fee. */
  async function earn(fee: bigint) {
    const trade = await tradeOf({ account, instrument: ETH_PERP, size: 1n });
    return venue.clear([{ ...trade, taker: { ...trade.taker, fee } }]);
  }

  /** What the receivers of fees have [wad]. */
  async function cash() {
    return {
      fund: await vault.cashOf(fundAccount),
      treasury: await vault.cashOf(accountId(treasury.address)),
    };
  }

  return { ...market, earn, cash };
}

/** A bankrupt account has left 700 dollars that nobody bears: 2,000 less 5 % of 2,600 for each of 10 ETH. */
async function deployWithDeficit(connection: NetworkConnection) {
  const market = await deployWithVenue(connection);
  const bankrupt = await market.fund(market.dave, 0n, 10_000);
  await market.sink(bankrupt, [{ instrument: ETH_PERP, size: 10n * WAD }], {
    prices: { [ETH]: 2_600 },
    equity: () => -parseWad(2_000),
  });
  await takeOver(market, bankrupt);
  expect(await market.clearinghouse.deficit()).to.equal(parseWad(700));
  return market;
}
