import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import { type BaseContract, type ContractTransactionResponse, parseUnits } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { accountId, parseWad, signOrder } from "../sdk/index.js";
import { deployPlimsoll, ETH_PERP } from "./fixtures/plimsoll.js";
import { mintApproved } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const TRADE = 1n;
const TRANSFER = 2n;
const WITHDRAW = 4n;
const LIQUIDATE = 8n;
const FOREVER = 2n ** 40n - 1n;
const DOLLAR = 10n ** 6n;

type Operated = Awaited<ReturnType<typeof deployWithOperator>>;

/** A custom error: who declares it, its name, its arguments. */
type Refusal = [BaseContract, string, unknown[]];

interface Act {
  /** What is done to Alice's accounts on her behalf. */
  act: (plimsoll: Operated) => Promise<ContractTransactionResponse>;
  /** The one permission that it takes. */
  permission: bigint;
  /** What an operator without it is told. */
  refusal: (plimsoll: Operated) => Promise<Refusal> | Refusal;
}

const notAuthorized =
  (permission: bigint) =>
  ({ vault, account, operator }: Operated): Refusal => [
    vault,
    "NotAuthorized",
    [account, operator.address, permission],
  ];

const cancelRefused = ({ exchange, account, operator }: Operated): Refusal => [
  exchange,
  "CancelRefused",
  [account, operator.address],
];

const ACTS: Record<string, Act> = {
  "sign an order": {
    permission: TRADE,
    act: async ({ alice, bob, operator, domain, exchange, orderOf, signedOrderOf }) => {
      const offer = { instrument: ETH_PERP, size: parseWad(1), limitPrice: parseWad(3000) };
      const taker = await signOrder(operator, domain, await orderOf(alice, offer));
      const maker = await signedOrderOf(bob, { ...offer, size: -offer.size });
      return exchange.connect(alice).matchOrders(taker, [maker], [offer.size]);
    },
    refusal: ({ exchange, account }) => [exchange, "InvalidSignature", [anyValue, account]],
  },
  "cancel orders by nonce": {
    permission: TRADE,
    act: async ({ account, exchange, operator }) =>
      exchange.connect(operator).cancel(account, [9n]),
    refusal: cancelRefused,
  },
  "cancel orders up to a nonce": {
    permission: TRADE,
    act: async ({ account, exchange, operator }) =>
      exchange.connect(operator).cancelUpTo(account, 9n),
    refusal: cancelRefused,
  },
  "settle variation": {
    permission: TRADE,
    act: async ({ account, clearinghouse, operator }) =>
      clearinghouse.connect(operator).settleVariation(account),
    refusal: async ({ account, clearinghouse, marginEngine }) => {
      const { equity, initial } = await marginEngine.marginOf(account);
      return [clearinghouse, "VariationNotDue", [account, equity, initial]];
    },
  },
  "bring a token that the account does not hold": {
    permission: TRANSFER,
    act: async ({ account, vault, weth, operator }) =>
      vault.connect(operator).deposit(account, weth, 1n),
    refusal: async ({ account, vault, weth, operator }) => {
      const args = [account, await weth.getAddress(), operator.address];
      return [vault, "StrangerDepositRefused", args];
    },
  },
  "move cash to another of the owner's accounts": {
    permission: TRANSFER,
    act: async ({ account, alice, vault, usdc, operator }) =>
      vault.connect(operator).transfer(account, accountId(alice.address, 1n), usdc, DOLLAR),
    refusal: notAuthorized(TRANSFER),
  },
  "take cash out": {
    permission: WITHDRAW,
    act: async ({ account, vault, usdc, operator }) =>
      vault.connect(operator).withdraw(account, usdc, DOLLAR, operator),
    refusal: notAuthorized(WITHDRAW),
  },
  "take over a slice of an account below the line": {
    permission: LIQUIDATE,
    act: async ({ account, sinking, clearinghouse, operator }) =>
      clearinghouse.connect(operator).liquidate(sinking, account, parseWad(1), parseWad(10_000)),
    refusal: notAuthorized(LIQUIDATE),
  },
};

describe("Vault", () => {
  describe("setOperator", () => {
    it("gives rights and says so", async () => {
      const { vault, alice, bob } = await networkHelpers.loadFixture(deployPlimsoll);
      await expect(vault.connect(alice).setOperator(bob, TRADE + LIQUIDATE, 5_000_000_000n))
        .to.emit(vault, "OperatorSet")
        .withArgs(alice.address, bob.address, TRADE + LIQUIDATE, 5_000_000_000n);
      expect(await vault.operatorOf(alice, bob)).to.deep.equal([9n, 5_000_000_000n]);
      expect(await vault.operatorOf(bob, alice)).to.deep.equal([0n, 0n]);
    });

    it("OP1: refuses permissions that do not exist", async () => {
      const { vault, alice, bob } = await networkHelpers.loadFixture(deployPlimsoll);
      for (const permissions of [16n, 17n, 31n, 32n, 64n, 128n, 255n]) {
        await expect(vault.connect(alice).setOperator(bob, permissions, FOREVER))
          .to.be.revertedWithCustomError(vault, "UnknownPermissions")
          .withArgs(permissions);
      }
    });

    it("OP1: replaces earlier rights instead of adding to them", async () => {
      const { vault, alice, bob } = await networkHelpers.loadFixture(deployPlimsoll);
      const account = accountId(alice.address);
      await vault.connect(alice).setOperator(bob, WITHDRAW, FOREVER);
      await vault.connect(alice).setOperator(bob, TRADE, FOREVER);
      expect(await vault.isAuthorized(account, bob, WITHDRAW)).to.equal(false);
      expect(await vault.isAuthorized(account, bob, TRADE)).to.equal(true);
    });

    it("OP1: lets the owner take rights back at any time", async () => {
      const { vault, alice, operator, account, usdc } =
        await networkHelpers.loadFixture(deployWithOperator);
      await vault.connect(alice).setOperator(operator, 15n, FOREVER);
      await vault.connect(operator).withdraw(account, usdc, 1n, operator);
      await vault.connect(alice).setOperator(operator, 0n, FOREVER);
      await expect(vault.connect(operator).withdraw(account, usdc, 1n, operator))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(account, operator.address, WITHDRAW);
    });

    it("OP1: lets an operator give rights on its own accounts only", async () => {
      const { vault, alice, bob, stranger } = await networkHelpers.loadFixture(deployPlimsoll);
      await vault.connect(alice).setOperator(bob, 15n, FOREVER);
      await vault.connect(bob).setOperator(stranger, 15n, FOREVER);
      expect(await vault.operatorOf(alice, stranger)).to.deep.equal([0n, 0n]);
      for (const permission of [TRADE, TRANSFER, WITHDRAW, LIQUIDATE]) {
        const account = accountId(alice.address);
        expect(await vault.isAuthorized(account, stranger, permission)).to.equal(false);
      }
    });

    it("OP1: keeps an owner's rights whatever the owner sets for itself", async () => {
      const { vault, alice } = await networkHelpers.loadFixture(deployPlimsoll);
      await vault.connect(alice).setOperator(alice, 0n, 0n);
      expect(await vault.isAuthorized(accountId(alice.address), alice, WITHDRAW)).to.equal(true);
    });
  });

  describe("an operator", () => {
    for (const [name, { permission, act, refusal }] of Object.entries(ACTS)) {
      it(`OP1: may ${name} with permission ${permission}, and with no other`, async () => {
        const plimsoll = await networkHelpers.loadFixture(deployWithOperator);
        const { vault, alice, operator } = plimsoll;
        for (const given of [0n, TRADE, TRANSFER, WITHDRAW, LIQUIDATE, 15n - permission]) {
          if (given === permission) continue;
          await vault.connect(alice).setOperator(operator, given, FOREVER);
          const [contract, error, args] = await refusal(plimsoll);
          await expect(act(plimsoll), `permissions ${given}`)
            .to.be.revertedWithCustomError(contract, error)
            .withArgs(...args);
        }
        await vault.connect(alice).setOperator(operator, permission, FOREVER);
        await act(plimsoll);
      });
    }

    it("OP1: may act in the last second of its rights and not in the next", async () => {
      const { vault, alice, operator, account, usdc } =
        await networkHelpers.loadFixture(deployWithOperator);
      const until = (await networkHelpers.time.latest()) + 100;
      await vault.connect(alice).setOperator(operator, WITHDRAW, until);
      const withdraw = async () =>
        vault.connect(operator).withdraw(account, usdc, 1n, operator, { gasLimit: 1_000_000 });
      await networkHelpers.time.setNextBlockTimestamp(until);
      await withdraw();
      await networkHelpers.time.setNextBlockTimestamp(until + 1);
      await expect(withdraw())
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(account, operator.address, WITHDRAW);
    });

    it("OP1: has rights on every account of the owner, and on nobody else's", async () => {
      const { vault, alice, bob, operator } = await networkHelpers.loadFixture(deployWithOperator);
      await vault.connect(alice).setOperator(operator, 15n, FOREVER);
      for (const subAccount of [0n, 1n, 2n ** 96n - 1n]) {
        const own = accountId(alice.address, subAccount);
        expect(await vault.isAuthorized(own, operator, WITHDRAW)).to.equal(true);
        const other = accountId(bob.address, subAccount);
        await expect(vault.requireAuthorized(other, operator, WITHDRAW))
          .to.be.revertedWithCustomError(vault, "NotAuthorized")
          .withArgs(other, operator.address, WITHDRAW);
      }
    });
  });
});

/** Alice with an operator, a position and cash; somebody whom she could liquidate. */
async function deployWithOperator(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, carol, dave, fund, trade, setPrice, weth } = plimsoll;
  const operator = dave;
  const account = await fund(alice, 0n, 100_000);
  await fund(bob, 0n, 100_000);
  const sinking = await fund(carol, 0n, 2_000);
  const size = parseWad(10);
  await trade({ taker: carol, maker: bob, instrument: ETH_PERP, size, price: parseWad(3000) });
  await trade({ taker: bob, maker: alice, instrument: ETH_PERP, size, price: parseWad(3000) });
  // Alice has a gain, which only she and her operators may settle. Carol's 10 ETH lose 1,000 dollars of her 1,985; maintenance is 3.8 % of 29,000.
  await setPrice(1, 2900);
  await mintApproved(plimsoll, operator, weth, parseUnits("1", 18));
  return { ...plimsoll, operator, account, sinking };
}
