import { expect } from "chai";
import hre from "hardhat";
import { parseWad } from "../sdk/index.js";
import { deployPlimsoll, ETH, ETH_PERP, USDC } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

/** Alice is 2 ETH long against Bob, both with much more margin than that needs; 2 % is what the peg may be off. */
async function deployWithPosition() {
  const plimsoll = await deployPlimsoll(connection);
  const { alice, bob, fund, trade } = plimsoll;
  await fund(alice, 0n, 100_000);
  await fund(bob, 0n, 100_000);
  const tradeOf = (size: string) =>
    trade({
      taker: alice,
      maker: bob,
      instrument: ETH_PERP,
      size: parseWad(size),
      price: parseWad(3000),
    });
  await tradeOf("2");
  return { ...plimsoll, tradeOf };
}

async function deployDepegged() {
  const plimsoll = await deployWithPosition();
  await plimsoll.setFeed("USDC/USD", "0.9");
  await plimsoll.clearinghouse.connect(plimsoll.stranger).notePeg();
  return plimsoll;
}

describe("Clearinghouse", () => {
  describe("notePeg", () => {
    it("lets anyone note that the settlement token left its peg", async () => {
      const { clearinghouse, stranger, setFeed } =
        await networkHelpers.loadFixture(deployWithPosition);
      await setFeed("USDC/USD", "0.9799");
      await expect(clearinghouse.connect(stranger).notePeg())
        .to.emit(clearinghouse, "PegNoted")
        .withArgs(parseWad("0.9799"), true);
      expect((await clearinghouse.peg()).depegged).to.equal(true);
    });

    it("counts a token that is worth too much as off its peg too", async () => {
      const { clearinghouse, setFeed } = await networkHelpers.loadFixture(deployWithPosition);
      await setFeed("USDC/USD", "1.0201");
      await clearinghouse.notePeg();
      expect((await clearinghouse.peg()).depegged).to.equal(true);
    });

    for (const edge of ["0.98", "1.02"]) {
      it(`notes nothing at ${edge}, the edge of what is allowed`, async () => {
        const { clearinghouse, setFeed } = await networkHelpers.loadFixture(deployWithPosition);
        await setFeed("USDC/USD", edge);
        await expect(clearinghouse.notePeg()).not.to.emit(clearinghouse, "PegNoted");
        expect((await clearinghouse.peg()).depegged).to.equal(false);
      });
    }

    it("says why when the price cannot be read, and leaves the last note", async () => {
      const { clearinghouse, oracle, feedOf, parameters } =
        await networkHelpers.loadFixture(deployDepegged);
      const feed = feedOf("USDC/USD");
      const updatedAt = await feed.latestTimestamp();
      const maximumAge = parameters.feeds["USDC/USD"]!.maximumAgeSeconds;
      await networkHelpers.time.increase(maximumAge + 1);
      await expect(clearinghouse.notePeg())
        .to.be.revertedWithCustomError(oracle, "StalePrice")
        .withArgs(USDC, await feed.getAddress(), updatedAt, maximumAge);
      expect((await clearinghouse.peg()).depegged).to.equal(true);
    });
  });

  describe("while the settlement token is off its peg", () => {
    it("refuses a trade that raises risk on either side", async () => {
      const { clearinghouse, accountOf, bob, tradeOf } =
        await networkHelpers.loadFixture(deployDepegged);
      await expect(tradeOf("1"))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(bob), ETH_PERP, parseWad(-2), parseWad(-1));
    });

    it("refuses a trade that turns a position around", async () => {
      const { clearinghouse, accountOf, bob, tradeOf } =
        await networkHelpers.loadFixture(deployDepegged);
      await expect(tradeOf("-3"))
        .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
        .withArgs(accountOf(bob), ETH_PERP, parseWad(-2), parseWad(3));
    });

    it("clears trades that reduce both sides, anywhere in the band", async () => {
      const { alice, bob, trade, clearinghouse } = await networkHelpers.loadFixture(deployDepegged);
      const request = { taker: alice, maker: bob, instrument: ETH_PERP, size: parseWad(-2) };
      await trade({ ...request, price: parseWad(2900) });
      expect(await clearinghouse.openInterestOf(ETH_PERP)).to.equal(0n);
    });

    it("leaves deposits, withdrawals and liquidations as they are", async () => {
      const { vault, clearinghouse, marginEngine, usdc, alice, bob, fund, setPrice, accountOf } =
        await networkHelpers.loadFixture(deployDepegged);
      const account = accountOf(alice);
      await fund(alice, 0n, 1);
      const spare = await marginEngine.withdrawable(account, usdc);
      await vault.connect(alice).withdraw(account, usdc, spare, alice);
      await setPrice(ETH, 2850);
      await clearinghouse
        .connect(bob)
        .liquidate(account, accountOf(bob), parseWad(1), parseWad(1_000_000));
    });

    it("allows new risk again once somebody notes that it is back", async () => {
      const { clearinghouse, setFeed, tradeOf } = await networkHelpers.loadFixture(deployDepegged);
      await setFeed("USDC/USD", "0.99");
      await expect(clearinghouse.notePeg())
        .to.emit(clearinghouse, "PegNoted")
        .withArgs(parseWad("0.99"), false);
      await tradeOf("1");
    });
  });

  describe("setPeg", () => {
    it("is governance's", async () => {
      const { clearinghouse, stranger } = await networkHelpers.loadFixture(deployWithPosition);
      await expect(clearinghouse.connect(stranger).setPeg(USDC, 100))
        .to.be.revertedWithCustomError(clearinghouse, "AccessManagedUnauthorized")
        .withArgs(stranger.address);
    });

    it("takes 10 to 2,000 bps for a price, and 0 for none", async () => {
      const { clearinghouse, asGovernance } = await networkHelpers.loadFixture(deployDepegged);
      const refused: [number, number][] = [
        [USDC, 9],
        [USDC, 2001],
        [USDC, 0],
        [0, 10],
      ];
      for (const [underlying, allowedBps] of refused) {
        await expect(asGovernance(clearinghouse, "setPeg", [underlying, allowedBps]))
          .to.be.revertedWithCustomError(clearinghouse, "PegOutOfBounds")
          .withArgs(underlying, allowedBps, 10, 2000);
      }
      for (const [underlying, allowedBps] of [
        [USDC, 10],
        [USDC, 2000],
        [0, 0],
      ] as const) {
        await expect(asGovernance(clearinghouse, "setPeg", [underlying, allowedBps]))
          .to.emit(clearinghouse, "PegSet")
          .withArgs(underlying, allowedBps);
        expect(await clearinghouse.peg()).to.deep.equal([underlying, allowedBps, false]);
      }
    });
  });
});
