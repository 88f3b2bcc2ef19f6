import { expect } from "chai";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { type AccountId, parseWad, WAD } from "../sdk/index.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { DEATHS, deployUnreadMarket, type Reason, SPECKS } from "./fixtures/unread.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const MARK = parseWad(3_000);
const SPECK = SPECKS["a perpetual"];

type Scene = Awaited<ReturnType<typeof deployScene>>;

/** What changes in a plain trade in which Alice sells ETH to Carol at the mark; fees are Alice's. */
interface SaleChanges {
  price?: bigint;
  fee?: bigint;
  builderFee?: bigint;
}

/** Alice is long 100 ETH against Carol, and 0.01 BTC against the house; she is worth her initial margin many times. */
async function deployScene(network: NetworkConnection) {
  const market = await deployUnreadMarket(network);
  const { alice, carol, venue, marginEngine } = market;
  const alices = await market.fund(alice, 0n, 60_000);
  const carols = await market.fund(carol, 0n, 60_000);
  await market.clear({ account: alices, instrument: ETH_PERP, size: 100n * WAD, maker: carols });
  await market.clear({ account: alices, instrument: BTC_PERP, size: WAD / 100n });

  /** Alice sells so much ETH, or buys when it is negative. */
  async function saleOf(size: bigint, { price = MARK, fee = 0n, builderFee = 0n }: SaleChanges) {
    const request = { account: alices, instrument: ETH_PERP, size: -size, maker: carols, price };
    const trade = await market.tradeOf({ ...request, toHouse: builderFee });
    return { ...trade, taker: { ...trade.taker, fee } };
  }

  async function sell(size: bigint, changes: SaleChanges = {}) {
    return venue.clear([await saleOf(size, changes)]);
  }

  /** Alice's margin as it is, and as it would be after a sale: ask while every feed is alive. */
  async function marginsOf(size: bigint, { price = MARK, fee = 0n, builderFee = 0n }: SaleChanges) {
    const deltas = [{ instrument: ETH_PERP, size: -size, price }];
    const before = await marginEngine.marginOf(alices);
    const after = await marginEngine.marginWith(alices, deltas, -(fee + builderFee));
    return [[...before], [...after]] as const;
  }

  return { ...market, alices, carols, saleOf, sell, marginsOf };
}

describe("Clearinghouse.clear: while another item of the account cannot be read", () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await networkHelpers.loadFixture(deployScene);
  });

  async function expectReason(act: Promise<unknown>, { error, args }: Reason): Promise<void> {
    await expect(act)
      .to.be.revertedWithCustomError(scene.oracle, error)
      .withArgs(...args);
  }

  async function sizeOf(account: AccountId): Promise<bigint> {
    return (await scene.clearinghouse.positionOf(account, ETH_PERP)).size;
  }

  async function expectRefused(size: bigint, changes: SaleChanges): Promise<void> {
    const [before, after] = await scene.marginsOf(size, changes);
    await scene.kill(SPECK, "reverts");
    await expect(scene.sell(size, changes))
      .to.be.revertedWithCustomError(scene.marginEngine, "RiskNotReduced")
      .withArgs(scene.alices, before, after);
  }

  for (const death of DEATHS) {
    it(`lets the account reduce a live leg at the mark when the feed ${death} (I9)`, async () => {
      await scene.kill(SPECK, death);
      await scene.sell(10n * WAD);
      expect(await sizeOf(scene.alices)).to.equal(90n * WAD);
    });
  }

  it("lets it close the live leg (I9)", async () => {
    await scene.kill(SPECK, "reverts");
    await scene.sell(100n * WAD);
    expect(await scene.clearinghouse.instrumentsOf(scene.alices)).to.deep.equal([BTC_PERP]);
  });

  it("lets it reduce at a price better than the mark, to the edge of the band", async () => {
    await scene.kill(SPECK, "reverts");
    await scene.sell(10n * WAD, { price: MARK + 1n });
    await scene.sell(10n * WAD, { price: parseWad(3_150) });
    expect(await sizeOf(scene.alices)).to.equal(80n * WAD);
  });

  it("refuses a price a wei worse than the mark: nobody knows what it can afford", async () => {
    await expectRefused(10n * WAD, { price: MARK - 1n });
  });

  it("lets the venue charge its fee", async () => {
    await scene.kill(SPECK, "reverts");
    await scene.sell(10n * WAD, { fee: parseWad(15) });
    expect(await sizeOf(scene.alices)).to.equal(90n * WAD);
  });

  it("refuses a builder's fee, but for the wei that a trade may round", async () => {
    const snapshot = await networkHelpers.takeSnapshot();
    await expectRefused(10n * WAD, { builderFee: 2n });
    await snapshot.restore();
    await scene.kill(SPECK, "reverts");
    await scene.sell(10n * WAD, { builderFee: 1n });
  });

  it("lets it pay a builder out of a better price, and nothing beyond the gain", async () => {
    const price = MARK + parseWad(1);
    const snapshot = await networkHelpers.takeSnapshot();
    await scene.kill(SPECK, "reverts");
    await scene.sell(10n * WAD, { price, builderFee: parseWad(10) });
    await snapshot.restore();
    await expectRefused(10n * WAD, { price, builderFee: parseWad(10) + 2n });
  });

  it("refuses growth, be it at a better price and by the least", async () => {
    const snapshot = await networkHelpers.takeSnapshot();
    await expectRefused(-1n * WAD, { price: parseWad(2_900) });
    await snapshot.restore();
    await expectRefused(-(10n ** 12n), {});
  });

  it("refuses to turn the live leg around, though its requirement would fall", async () => {
    await expectRefused(150n * WAD, {});
  });

  it("refuses growth of the dead leg, with the oracle's reason", async () => {
    const leg = { account: scene.alices, instrument: BTC_PERP, price: parseWad(100_000) };
    const reason = await scene.kill(SPECK, "reverts");
    await expectReason(scene.clear({ ...leg, size: WAD / 100n }), reason);
  });

  it("looks at the batch as a whole: a bad price is made up for by a good one", async () => {
    await scene.kill(SPECK, "reverts");
    const { venue, saleOf } = scene;
    const low = await saleOf(5n * WAD, { price: MARK - parseWad(10) });
    const high = await saleOf(5n * WAD, { price: MARK + parseWad(10) });
    await venue.clear([low, high]);
    expect(await sizeOf(scene.alices)).to.equal(90n * WAD);
  });

  it("holds the account to it as a maker too, and leaves its counterparty free", async () => {
    const { alices, carols } = scene;
    const daves = await scene.fund(scene.dave, 0n, 10_000);
    const [before, after] = await scene.marginsOf(-1n * WAD, {});
    await scene.kill(SPECK, "reverts");
    const leg = { account: carols, instrument: ETH_PERP, maker: alices };
    await expect(scene.clear({ ...leg, size: -WAD }))
      .to.be.revertedWithCustomError(scene.marginEngine, "RiskNotReduced")
      .withArgs(alices, before, after);
    await scene.clear({ ...leg, size: -WAD, maker: daves });
    expect(await sizeOf(carols)).to.equal(-101n * WAD);
  });

  it("waits when the dead item has no last price, with the oracle's reason", async () => {
    const reason = await scene.killUnnoted(SPECK);
    await expectReason(scene.sell(10n * WAD), reason);
  });

  describe("when both legs are dead", () => {
    it("lets it reduce one of them at the last mark exactly (I9)", async () => {
      await scene.kill(SPECK, "reverts");
      await scene.oracle.notePrice(ETH);
      const reason = await scene.killUnnoted({ ...SPECK, feed: "ETH/USD", underlying: ETH });
      await expectReason(scene.clearinghouse.markOf(ETH_PERP), reason);
      await expect(scene.sell(10n * WAD, { price: MARK + 1n }))
        .to.be.revertedWithCustomError(scene.clearinghouse, "PriceOutsideBand")
        .withArgs(ETH_PERP, MARK + 1n, MARK, 0n);
      await scene.sell(10n * WAD);
      expect(await sizeOf(scene.alices)).to.equal(90n * WAD);
    });

    it("values what is traded at its last mark, whatever the feed said later (I9)", async () => {
      await scene.setPrice(ETH, 2_990);
      await networkHelpers.time.increase(7_200);
      await scene.sell(10n * WAD);
      expect(await sizeOf(scene.alices)).to.equal(90n * WAD);
    });

    it("lets it close both", async () => {
      await networkHelpers.time.increase(7_200);
      const { alices } = scene;
      await scene.sell(100n * WAD);
      const price = parseWad(100_000);
      await scene.clear({ account: alices, instrument: BTC_PERP, size: -(WAD / 100n), price });
      expect(await scene.clearinghouse.instrumentsOf(alices)).to.deep.equal([]);
    });
  });
});

describe("An account with an item that cannot be read", () => {
  it("waits with withdrawals, transfers and settlements, with the oracle's reason (OR4)", async () => {
    const { vault, clearinghouse, usdc, alice, alices, kill, ...market } =
      await networkHelpers.loadFixture(deployScene);
    const { error, args } = await kill(SPECK, "reverts");
    const other = market.accountNumbered(alice, 1n);
    for (const act of [
      () => vault.connect(alice).withdraw(alices, usdc, 1n, alice),
      () => vault.connect(alice).transfer(alices, other, usdc, 1n),
      () => clearinghouse.connect(alice).settleVariation(alices),
      () => market.marginEngine.marginOf(alices),
      () => market.marginEngine.withdrawable(alices, usdc),
    ]) {
      await expect(act())
        .to.be.revertedWithCustomError(market.oracle, error)
        .withArgs(...args);
    }
  });

  it("takes deposits of any token, its own and from strangers (OR4, I9)", async () => {
    const { vault, usdc, weth, alice, stranger, alices, kill } =
      await networkHelpers.loadFixture(deployScene);
    await kill(SPECK, "reverts");
    for (const [owner, token] of [
      [alice, usdc],
      [alice, weth],
      [stranger, usdc],
    ] as const) {
      await token.mint(owner, 7n);
      await token.connect(owner).approve(vault, 7n);
      await expect(vault.connect(owner).deposit(alices, token, 7n)).to.emit(vault, "Deposited");
    }
  });

  it("leaves everyone without that market free to trade and withdraw (OR4)", async () => {
    const { vault, usdc, dave, killUnnoted, ...market } =
      await networkHelpers.loadFixture(deployScene);
    const daves = await market.fund(dave, 0n, 10_000);
    await killUnnoted({ ...SPECK, underlying: BTC });
    await market.clear({
      account: daves,
      instrument: ETH_PERP,
      size: WAD,
      maker: market.carols,
    });
    await vault.connect(dave).withdraw(daves, usdc, 1_000n, dave);
  });
});
