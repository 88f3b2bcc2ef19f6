import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import hre from "hardhat";
import {
  accountId,
  buildOrder,
  divDown,
  divUp,
  formatWad,
  hashOrder,
  KINDS,
  kindOf,
  mulDown,
  mulUp,
  ORDER_FLAGS,
  ownerOf,
  packBuilder,
  parseWad,
  perpetual,
  subAccountOf,
  underlyingOf,
  WAD,
  wadOfAmount,
} from "../sdk/index.js";
import { deployPlimsoll, ETH_PERP } from "./fixtures/plimsoll.js";

const { networkHelpers } = await hre.network.create();

const OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

describe("sdk", () => {
  describe("ids", () => {
    it("puts the owner before the sub-account", () => {
      const account = accountId(OWNER, 7n);
      expect(account).to.equal(`${OWNER.toLowerCase()}000000000000000000000007`);
      expect(ownerOf(account)).to.equal(OWNER);
      expect(subAccountOf(account)).to.equal(7n);
    });

    it("keeps owners with leading zeros whole", () => {
      expect(ownerOf(accountId(ZeroAddress, 2n ** 96n - 1n))).to.equal(ZeroAddress);
      expect(accountId(ZeroAddress)).to.equal(ZeroHash);
    });

    it("refuses sub-accounts that would run into the owner", () => {
      expect(() => accountId(OWNER, 2n ** 96n)).to.throw(RangeError);
      expect(() => accountId(OWNER, -1n)).to.throw(RangeError);
    });

    it("packs kind and underlying of a perpetual and nothing else", () => {
      const instrument = perpetual(2);
      expect(instrument).to.equal((1n << 192n) | (2n << 168n));
      expect(kindOf(instrument)).to.equal(KINDS.perpetual);
      expect(underlyingOf(instrument)).to.equal(2);
      for (const underlying of [0, -1, 1.5, 2 ** 24]) {
        expect(() => perpetual(underlying)).to.throw(RangeError);
      }
    });
  });

  describe("wad", () => {
    it("reads and prints decimal numbers", () => {
      expect(parseWad("0.0005")).to.equal(5n * 10n ** 14n);
      expect(formatWad(parseWad("-12.5"))).to.equal("-12.5");
      expect(formatWad(3n * WAD)).to.equal("3");
      expect(wadOfAmount(1_500_000n, 6)).to.equal(parseWad("1.5"));
      expect(wadOfAmount(19n, 19)).to.equal(1n);
    });

    it("rounds down towards minus infinity and up towards plus infinity", () => {
      expect([mulDown(1n, 1n), mulUp(1n, 1n)]).to.deep.equal([0n, 1n]);
      expect([mulDown(-1n, 1n), mulUp(-1n, 1n)]).to.deep.equal([-1n, 0n]);
      expect([divDown(WAD, 3n * WAD), divUp(WAD, 3n * WAD)]).to.deep.equal([
        333333333333333333n,
        333333333333333334n,
      ]);
      expect([divDown(-WAD, 3n * WAD), divUp(-WAD, 3n * WAD)]).to.deep.equal([
        -333333333333333334n,
        -333333333333333333n,
      ]);
    });

    it("rounds nothing where nothing is left over", () => {
      for (const x of [-6n * WAD, 0n, 6n * WAD]) {
        expect(mulDown(x, WAD)).to.equal(x);
        expect(mulUp(x, WAD)).to.equal(x);
        expect(divUp(x, -WAD)).to.equal(-x);
      }
    });
  });

  describe("orders", () => {
    it("have the digest that the exchange computes", async () => {
      const { exchange, domain, orderOf, alice } = await networkHelpers.loadFixture(deployPlimsoll);
      const order = await orderOf(alice, {
        instrument: ETH_PERP,
        size: parseWad("-1.5"),
        limitPrice: parseWad(3000),
        flags: ORDER_FLAGS.reduceOnly | ORDER_FLAGS.postOnly,
        builder: packBuilder(OWNER, parseWad("0.0001")),
      });
      expect(hashOrder(domain, order)).to.equal(await exchange.hashOrder(order));
    });

    it("get a nonce of their own and no extras by default", () => {
      const request = {
        account: accountId(OWNER),
        instrument: ETH_PERP,
        size: WAD,
        limitPrice: WAD,
        expiry: 1n,
      };
      const [first, second] = [buildOrder(request), buildOrder(request)];
      expect(first.nonce).not.to.equal(second.nonce);
      expect(first).to.include({ flags: 0n, triggerPrice: 0n, builder: ZeroHash });
      expect(buildOrder({ ...request, nonce: 5n }).nonce).to.equal(5n);
    });
  });
});
