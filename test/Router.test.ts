import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import {
  type BaseContract,
  type ContractTransactionResponse,
  type Interface,
  MaxInt256,
  MaxUint256,
  Signature,
  ZeroHash,
} from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { OPEN } from "../ignition/roles.js";
import { accountId, parseWad, type SignedOrder } from "../sdk/index.js";
import type { MockToken } from "../typechain-types/index.js";
import { callWithZeros } from "./fixtures/abi.js";
import { expectConservation } from "./fixtures/conservation.js";
import { deployPlimsoll, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { callTo, deployUnderAttack } from "./fixtures/reentrancy.js";
import { deployWithTokens, signPermit } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const TRADE = 1n;
const TRANSFER = 2n;
const WITHDRAW = 4n;
const LIQUIDATE = 8n;
const EVERY_RIGHT = 15n;
const FOREVER = 2n ** 40n - 1n;
const DOLLAR = 10n ** 6n;
const AMOUNT = 100n * DOLLAR;
const GAS_LIMIT = 16_777_216n;

type Routed = Awaited<ReturnType<typeof deployRouted>>;

interface Act {
  /** A function of the router with its arguments, on Alice's accounts. */
  call: (scene: Routed) => [string, unknown[]];
  /** The one permission that it takes, of the caller and of the router. */
  permission: bigint;
  /** What a caller without it is told; NotAuthorized unless given. */
  refusal?: (scene: Routed) => [BaseContract, string, unknown[]];
  /** What the target tells a router without it, when that is another error. */
  refusalOfRouter?: (scene: Routed) => [BaseContract, string, unknown[]];
}

const cancelRefused = ({ exchange, router, alices }: Routed): [BaseContract, string, unknown[]] => [
  exchange,
  "CancelRefused",
  [alices, router.target],
];

const ACTS: Record<string, Act> = {
  withdraw: {
    permission: WITHDRAW,
    call: ({ alices, usdc, dave }) => ["withdraw", [alices, usdc.target, DOLLAR, dave.address]],
  },
  "move cash to another account of the owner": {
    permission: TRANSFER,
    call: ({ alices, others, usdc }) => ["transfer", [alices, others, usdc.target, DOLLAR]],
  },
  "settle variation": {
    permission: TRADE,
    call: ({ alices }) => ["settleVariation", [alices]],
    refusalOfRouter: ({ clearinghouse, alices }) => [
      clearinghouse,
      "VariationNotDue",
      [alices, anyValue, anyValue],
    ],
  },
  "cancel orders by nonce": {
    permission: TRADE,
    call: ({ alices }) => ["cancel", [alices, [9n, 10n]]],
    refusalOfRouter: cancelRefused,
  },
  "cancel orders up to a nonce": {
    permission: TRADE,
    call: ({ alices }) => ["cancelUpTo", [alices, 9n]],
    refusalOfRouter: cancelRefused,
  },
  "liquidate into the account": {
    permission: LIQUIDATE,
    call: ({ sinking, alices }) => ["liquidate", [sinking, alices, parseWad(1), MaxInt256]],
  },
  "bring a token that the account does not hold": {
    permission: TRANSFER,
    call: ({ alices, weth }) => ["deposit", [alices, weth.target, 1n]],
    refusal: ({ vault, alices, weth, dave }) => [
      vault,
      "StrangerDepositRefused",
      [alices, weth.target, dave.address],
    ],
    refusalOfRouter: ({ vault, router, alices, weth }) => [
      vault,
      "StrangerDepositRefused",
      [alices, weth.target, router.target],
    ],
  },
};

describe("Router", () => {
  describe("rights", () => {
    for (const [name, { call, permission, refusal, refusalOfRouter }] of Object.entries(ACTS)) {
      it(`OP1: an owner may ${name} when the router has ${permission}, and with no other right of it`, async () => {
        const scene = await networkHelpers.loadFixture(deployRouted);
        const { vault, router, alice, alices } = scene;
        const plain = [vault, "NotAuthorized", [alices, router.target, permission]] as const;
        const [contract, error, args] = refusalOfRouter?.(scene) ?? plain;
        for (const given of [0n, EVERY_RIGHT - permission]) {
          await vault.connect(alice).setOperator(router, given, FOREVER);
          await expect(send(scene, alice, call(scene)), `rights ${given}`)
            .to.be.revertedWithCustomError(contract, error)
            .withArgs(...args);
        }
        await vault.connect(alice).setOperator(router, permission, FOREVER);
        await send(scene, alice, call(scene));
      });

      it(`OP1: an operator may ${name} with permission ${permission}, and with no other, whatever the router has`, async () => {
        const scene = await networkHelpers.loadFixture(deployRouted);
        const { vault, alice, dave, alices } = scene;
        const plain = [vault, "NotAuthorized", [alices, dave.address, permission]] as const;
        const [contract, error, args] = refusal?.(scene) ?? plain;
        for (const given of [0n, TRADE, TRANSFER, WITHDRAW, LIQUIDATE, EVERY_RIGHT - permission]) {
          if (given === permission) continue;
          await vault.connect(alice).setOperator(dave, given, FOREVER);
          await expect(send(scene, dave, call(scene)), `rights ${given}`)
            .to.be.revertedWithCustomError(contract, error)
            .withArgs(...args);
        }
        await vault.connect(alice).setOperator(dave, permission, FOREVER);
        await send(scene, dave, call(scene));
      });
    }

    it("OP1: end for an operator, and for the router, in their last second", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, router, alice, dave, alices, usdc } = scene;
      const until = (await networkHelpers.time.latest()) + 100;
      for (const operator of [dave, router]) {
        const snapshot = await networkHelpers.takeSnapshot();
        await vault.connect(alice).setOperator(dave, WITHDRAW, FOREVER);
        await vault.connect(alice).setOperator(operator, WITHDRAW, until);
        const withdraw = async () =>
          router.connect(dave).withdraw(alices, usdc, 1n, dave, { gasLimit: 1_000_000 });
        await networkHelpers.time.setNextBlockTimestamp(until);
        await withdraw();
        await networkHelpers.time.setNextBlockTimestamp(until + 1);
        await expect(withdraw())
          .to.be.revertedWithCustomError(vault, "NotAuthorized")
          .withArgs(alices, await ethers.resolveAddress(operator), WITHDRAW);
        await snapshot.restore();
      }
    });

    it("OP1: nobody has any on accounts in the router's own name", async () => {
      const { vault, router, usdc, alice } = await networkHelpers.loadFixture(deployRouted);
      const own = accountId(await router.getAddress());
      await router.connect(alice).deposit(own, usdc, AMOUNT);
      await expect(router.connect(alice).withdraw(own, usdc, AMOUNT, alice))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(own, alice.address, WITHDRAW);
    });
  });

  describe("a stranger", () => {
    it("OP1, OP3: changes nothing of an account that gave the router every right", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { router, stranger, alice } = scene;
      const before = await stateOf(scene);
      const calls = strangersCalls(scene);
      expect(new Set(calls.map(([signature]) => signature))).to.have.keys(OPEN.Router);

      const data = calls.map((call) => encoded(scene, call));
      const nested = router.interface.encodeFunctionData("multicall", [data]);
      const all = [
        ...data,
        // In a multicall, and in one in another.
        ...data.map((one) => router.interface.encodeFunctionData("multicall", [[one]])),
        router.interface.encodeFunctionData("multicall", [[nested]]),
        // With the owner's address behind the arguments, as a trusted forwarder would add it (OR5).
        ...data.map((one) => `${one}${alice.address.slice(2)}`),
      ];
      for (const [place, one] of all.entries()) {
        const sent = stranger.sendTransaction({ to: router, data: one, gasLimit: GAS_LIMIT });
        await expect(sent, `call ${place}`).to.revert(ethers);
      }
      expect(await stateOf(scene)).to.deep.equal(before);
    });

    it("OP3: changes nothing with zeros for all arguments either", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { router, stranger, alices, usdc } = scene;
      const before = await stateOf(scene);
      const given = { bytes32: alices, address: await usdc.getAddress() };
      for (const signature of OPEN.Router) {
        const data = callWithZeros(router, signature, given);
        const sent = stranger.sendTransaction({ to: router, data, gasLimit: GAS_LIMIT });
        if (signature === "multicall(bytes[])") await sent;
        else await expect(sent, signature).to.revert(ethers);
      }
      expect(await stateOf(scene)).to.deep.equal(before);
    });

    it("may bring its own tokens: the settlement token, or one that the account holds", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, router, usdc, weth, stranger, alice, alices } = scene;
      await weth.mint(stranger, 10n);
      await usdc.mint(stranger, AMOUNT);
      for (const token of [usdc, weth]) await token.connect(stranger).approve(router, MaxUint256);
      const wallet = await usdc.balanceOf(alice);
      await router.connect(stranger).deposit(alices, usdc, AMOUNT);
      expect(await usdc.balanceOf(alice)).to.equal(wallet);
      await expect(router.connect(stranger).deposit(alices, weth, 10n))
        .to.be.revertedWithCustomError(vault, "StrangerDepositRefused")
        .withArgs(alices, await weth.getAddress(), stranger.address);
      await router.connect(alice).deposit(alices, weth, 1n);
      await router.connect(stranger).deposit(alices, weth, 10n);
      expect(await vault.collateralOf(alices, weth)).to.equal(11n);
    });

    it("may match orders that others signed", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { clearinghouse, router, stranger, alices, crossing } = scene;
      const before = (await clearinghouse.positionOf(alices, ETH_PERP)).size;
      await router.connect(stranger).matchOrders(...(await crossing()));
      const { size } = await clearinghouse.positionOf(alices, ETH_PERP);
      expect(size).to.equal(before + parseWad(1));
    });
  });

  describe("deposit", () => {
    it("brings the caller's tokens into the account and leaves neither token nor allowance", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, router, usdc, alice, alices } = scene;
      const [wallet, cash] = [await usdc.balanceOf(alice), await vault.cashOf(alices)];
      await expect(router.connect(alice).deposit(alices, usdc, AMOUNT))
        .to.emit(vault, "Deposited")
        .withArgs(alices, await usdc.getAddress(), router.target, AMOUNT, cash + parseWad(100));
      expect(await usdc.balanceOf(alice)).to.equal(wallet - AMOUNT);
      await expectNothingLeft(scene, usdc);
    });

    it("leaves tokens that were sent to the router by mistake where they are", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, router, usdc, alice, alices } = scene;
      await usdc.mint(router, 50n * DOLLAR);
      const cash = await vault.cashOf(alices);
      await router.connect(alice).deposit(alices, usdc, AMOUNT);
      expect(await vault.cashOf(alices)).to.equal(cash + parseWad(100));
      await expectNothingLeft(scene, usdc, 50n * DOLLAR);
    });

    it("calls no token that is not listed", async () => {
      const { router, rules, alice, alices } = await networkHelpers.loadFixture(deployRouted);
      // An actor reverts with another error when it is called in any way.
      const unlisted = await (await ethers.deployContract("MockActor")).getAddress();
      const none = [0n, 27, ZeroHash, ZeroHash] as const;
      for (const act of [
        async () => router.connect(alice).deposit(alices, unlisted, 1n),
        async () => router.connect(alice).depositWithPermit(alices, unlisted, 1n, ...none),
      ]) {
        await expect(act()).to.be.revertedWithCustomError(rules, "UnknownToken").withArgs(unlisted);
      }
    });

    it("refuses an amount of 0, and what the vault refuses, with the vault's reason", async () => {
      const { vault, router, usdc, alice, alices } = await networkHelpers.loadFixture(deployRouted);
      await expect(router.connect(alice).deposit(alices, usdc, 0n))
        .to.be.revertedWithCustomError(vault, "ZeroAmount")
        .withArgs(await usdc.getAddress());
      await expect(router.connect(alice).deposit(ZeroHash, usdc, 1n))
        .to.be.revertedWithCustomError(vault, "InvalidReceiver")
        .withArgs(ethers.ZeroAddress);
    });

    it("takes no more than the caller's wallet and allowance have", async () => {
      const { router, usdc, alice, alices } = await networkHelpers.loadFixture(deployRouted);
      await usdc.connect(alice).approve(router, AMOUNT - 1n);
      await expect(router.connect(alice).deposit(alices, usdc, AMOUNT))
        .to.be.revertedWithCustomError(usdc, "ERC20InsufficientAllowance")
        .withArgs(router.target, AMOUNT - 1n, AMOUNT);
    });

    it("deposits what arrives of a token that takes a fee from transfers", async () => {
      const scene = await deployWithDollars("FeeOnTransferToken");
      const { vault, router, usdc, alice } = scene;
      const fees = await ethers.getContractAt("FeeOnTransferToken", usdc);
      await fees.setFee(100n);
      await router.connect(alice).deposit(accountId(alice.address), usdc, AMOUNT);
      // 100 less 1 % is 99, less 1 % is 98.01.
      expect(await vault.cashOf(accountId(alice.address))).to.equal(parseWad("98.01"));
      await expectNothingLeft(scene, usdc);
    });

    it("works for a token whose transfers return nothing", async () => {
      const scene = await deployWithDollars("NoReturnToken");
      const { vault, router, usdc, alice } = scene;
      await router.connect(alice).deposit(accountId(alice.address), usdc, AMOUNT);
      expect(await vault.cashOf(accountId(alice.address))).to.equal(parseWad(100));
      await expectNothingLeft(scene, usdc);
    });
  });

  describe("depositWithPermit", () => {
    it("deposits with the permit and uses up its allowance", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, router, usdc, carol } = scene;
      const account = accountId(carol.address, 1n);
      await depositWithPermit(scene, carol, await permitOf(scene, carol));
      expect(await vault.cashOf(account)).to.equal(parseWad(100));
      expect(await usdc.allowance(carol, router)).to.equal(0n);
      await expectNothingLeft(scene, usdc);
    });

    it("MT2: deposits although somebody else used the permit first, and gains nothing by it", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, router, usdc, carol, stranger } = scene;
      const permit = await permitOf(scene, carol);
      const { v, r, s } = permit;
      await usdc.connect(stranger).permit(carol, router, AMOUNT, FOREVER, v, r, s);
      await expect(depositWithPermit(scene, stranger, permit))
        .to.be.revertedWithCustomError(vault, "PermitFailed")
        .withArgs(await usdc.getAddress(), stranger.address, 0n, AMOUNT);
      await depositWithPermit(scene, carol, permit);
      expect(await vault.cashOf(accountId(carol.address, 1n))).to.equal(parseWad(100));
    });

    it("MT2: says what is missing when neither permit nor allowance is there", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, router, usdc, carol } = scene;
      const bad = Signature.from({ r: ZeroHash, s: ZeroHash, v: 27 });
      await usdc.connect(carol).approve(router, AMOUNT - 1n);
      await expect(depositWithPermit(scene, carol, bad))
        .to.be.revertedWithCustomError(vault, "PermitFailed")
        .withArgs(await usdc.getAddress(), carol.address, AMOUNT - 1n, AMOUNT);
      await usdc.connect(carol).approve(router, AMOUNT);
      await depositWithPermit(scene, carol, bad);
    });

    it("MT2: works for a token without permit when the allowance suffices", async () => {
      const scene = await deployWithDollars("NoReturnToken");
      const none = Signature.from({ r: ZeroHash, s: ZeroHash, v: 27 });
      await depositWithPermit(scene, scene.alice, none);
      expect(await scene.vault.cashOf(accountId(scene.alice.address, 1n))).to.equal(parseWad(100));
    });
  });

  describe("withdraw", () => {
    it("pays whom the caller names", async () => {
      const { router, usdc, alice, dave, alices } = await networkHelpers.loadFixture(deployRouted);
      await router.connect(alice).withdraw(alices, usdc, AMOUNT, dave);
      expect(await usdc.balanceOf(dave)).to.equal(AMOUNT);
    });

    it("does not pay the router", async () => {
      const { vault, router, usdc, alice, alices } = await networkHelpers.loadFixture(deployRouted);
      await expect(router.connect(alice).withdraw(alices, usdc, AMOUNT, router))
        .to.be.revertedWithCustomError(vault, "InvalidReceiver")
        .withArgs(router.target);
    });
  });

  describe("multicall", () => {
    it("deposits and trades for who gave the router no rights", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { marginEngine, clearinghouse, usdc, carol, crossingOf } = scene;
      const trader = { signer: carol, subAccount: 2n };
      const account = accountId(carol.address, 2n);
      await usdc.connect(carol).approve(scene.router, MaxUint256);
      await together(scene, carol, [
        ["deposit", [account, usdc.target, 10n * AMOUNT]],
        ["matchOrders", await crossingOf(trader)],
      ]);
      expect((await clearinghouse.positionOf(account, ETH_PERP)).size).to.equal(parseWad(1));
      // 2,900 dollars at 0.05 %.
      expect((await marginEngine.marginOf(account)).equity).to.equal(parseWad("998.55"));
    });

    it("cancels and withdraws", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { exchange, usdc, alice, dave, alices } = scene;
      await together(scene, alice, [
        ["cancel", [alices, [77n]]],
        ["cancelUpTo", [alices, 5n]],
        ["withdraw", [alices, usdc.target, AMOUNT, dave.address]],
      ]);
      expect(await exchange.isNonceUsed(alices, 77n)).to.be.true;
      expect(await exchange.leastNonceOf(alices)).to.equal(5n);
      expect(await usdc.balanceOf(dave)).to.equal(AMOUNT);
    });

    it("does nothing when one of the acts fails, and says why", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, usdc, alice, alices, bobs } = scene;
      const before = await stateOf(scene);
      const acts: [string, unknown[]][] = [
        ["deposit", [alices, usdc.target, AMOUNT]],
        ["withdraw", [alices, usdc.target, DOLLAR, alice.address]],
        ["withdraw", [bobs, usdc.target, DOLLAR, alice.address]],
      ];
      await expect(together(scene, alice, acts))
        .to.be.revertedWithCustomError(vault, "NotAuthorized")
        .withArgs(bobs, alice.address, WITHDRAW);
      expect(await stateOf(scene)).to.deep.equal(before);
    });

    it("returns what each act returns", async () => {
      const { router, alice, alices, sinking } = await networkHelpers.loadFixture(deployRouted);
      const args: [string, string, bigint, bigint] = [sinking, alices, parseWad("0.01"), MaxInt256];
      const single = await router.connect(alice).liquidate.staticCall(...args);
      const { interface: abi } = router;
      const call = abi.encodeFunctionData("liquidate", args);
      const [result] = await router.connect(alice).multicall.staticCall([call]);
      expect(abi.decodeFunctionResult("liquidate", result!)).to.deep.equal([...single]);
      expect(single.fraction).to.equal(parseWad("0.01"));
    });

    it("MT1: takes no ether, so that none can be counted twice", async () => {
      const { router, usdc, alice, alices } = await networkHelpers.loadFixture(deployRouted);
      const one = router.interface.encodeFunctionData("deposit", [alices, usdc.target, 1n]);
      const data = router.interface.encodeFunctionData("multicall", [Array<string>(10).fill(one)]);
      const sent = alice.sendTransaction({ to: router, data, value: 1n, gasLimit: GAS_LIMIT });
      await expect(sent).to.be.revertedWithoutReason(ethers);
      expect(await ethers.provider.getBalance(router)).to.equal(0n);
    });

    it("MT1: counts tokens as often as they are brought", async () => {
      const scene = await networkHelpers.loadFixture(deployRouted);
      const { vault, usdc, alice, alices } = scene;
      const [wallet, cash] = [await usdc.balanceOf(alice), await vault.cashOf(alices)];
      const one: [string, unknown[]] = ["deposit", [alices, usdc.target, DOLLAR]];
      await together(scene, alice, Array<typeof one>(10).fill(one));
      expect(await usdc.balanceOf(alice)).to.equal(wallet - 10n * DOLLAR);
      expect(await vault.cashOf(alices)).to.equal(cash + parseWad(10));
      await expectNothingLeft(scene, usdc);
    });
  });

  describe("while a token is being called", () => {
    for (const [when, moment] of [
      ["before", 1n],
      ["after", 2n],
    ] as const) {
      it(`RE1: lets no deposit in ${when} the caller's transfer, and credits what was brought`, async () => {
        const scene = await networkHelpers.loadFixture(deployUnderAttack);
        const { router, vault, attacker, first, accounts, weth } = scene;
        const token = await weth.getAddress();
        const one = await callTo(router, "deposit", [first, token, 5n]);
        const permitted = [first, token, 5n, FOREVER, 27, ZeroHash, ZeroHash];
        await attacker.prepare([
          one,
          await callTo(router, "depositWithPermit", permitted),
          await callTo(router, "multicall", [[one.data]]),
          // What the router never counts as the caller's before it has arrived.
          await callTo(weth, "transfer", [await router.getAddress(), 3n]),
        ]);
        const held = await vault.collateralOf(first, weth);
        await (await ethers.getContractAt("CallbackToken", weth)).setHook(attacker, moment);
        await attacker.execute([await callTo(router, "deposit", [first, token, 10n])], 1, {
          gasLimit: GAS_LIMIT,
        });

        const attempts = await attacker.queryFilter(attacker.filters.Attempted(), "latest");
        const refused = attempts.map(({ args }) => vault.interface.parseError(args.result)?.name);
        const locked = "ReentrancyGuardReentrantCall";
        // The transfer succeeds at both of the router's own transfers; the vault's lock is on at the second.
        expect(refused.slice(0, 4)).to.deep.equal([locked, locked, locked, undefined]);
        expect(refused.slice(4, 7)).to.deep.equal([locked, locked, locked]);
        // 3 arrived while the caller's tokens did, and 3 with nobody waiting for them.
        expect(await vault.collateralOf(first, weth)).to.equal(held + 13n);
        expect(await weth.allowance(router, vault)).to.equal(0n);
        expect(await weth.balanceOf(router)).to.equal(3n);
        await expectConservation(scene, accounts);
      });
    }

    it("OP1: asks whether a stranger's token is held after the token was called", async () => {
      const scene = await networkHelpers.loadFixture(deployUnderAttack);
      const { router, vault, attacker, bob, bobs, weth } = scene;
      // Bob holds one WETH and lets the attacker withdraw: while it brings more, it takes that one away.
      await scene.deposit(bob, { token: weth, amount: 1 });
      const token = await weth.getAddress();
      const one = parseWad(1);
      const take = await callTo(vault, "withdraw", [bobs, token, one, await attacker.getAddress()]);
      await vault.connect(bob).setOperator(attacker, WITHDRAW, FOREVER);
      await attacker.prepare([take]);
      await (await ethers.getContractAt("CallbackToken", weth)).setHook(attacker, 1n);
      await expect(
        attacker.execute([await callTo(router, "deposit", [bobs, token, 10n])], 1, {
          gasLimit: GAS_LIMIT,
        }),
      ).to.be.revertedWithCustomError(attacker, "CallFailed");
      expect(await vault.collateralOf(bobs, weth)).to.equal(one);
    });
  });
});

/** Sends one act through the router, and by itself. */
async function send(
  { router }: Pick<Routed, "router">,
  caller: HardhatEthersSigner,
  [functionName, args]: [string, unknown[]],
): Promise<ContractTransactionResponse> {
  const act = router.connect(caller).getFunction(functionName);
  return (await act(...args)) as ContractTransactionResponse;
}

/** Sends several acts in one transaction. */
async function together(
  { router }: Pick<Routed, "router">,
  caller: HardhatEthersSigner,
  acts: [string, unknown[]][],
): Promise<ContractTransactionResponse> {
  const data = acts.map((act) => encoded({ router }, act));
  return router.connect(caller).multicall(data);
}

function encoded({ router }: Pick<Routed, "router">, [name, args]: [string, unknown[]]): string {
  const abi: Interface = router.interface;
  return abi.encodeFunctionData(name, args);
}

/** The router keeps no token, but for those that were there before, and may let nobody take one. */
async function expectNothingLeft(
  { router, vault }: Pick<Routed, "router" | "vault">,
  token: MockToken,
  before = 0n,
): Promise<void> {
  expect(await token.balanceOf(router)).to.equal(before);
  expect(await token.allowance(router, vault)).to.equal(0n);
}

async function permitOf({ usdc, router }: Routed, owner: HardhatEthersSigner) {
  return signPermit(owner, { token: usdc, spender: router, amount: AMOUNT, deadline: FOREVER });
}

/** A deposit to the caller's own second account. */
async function depositWithPermit(
  { router, usdc }: Pick<Routed, "router" | "usdc">,
  caller: HardhatEthersSigner,
  { v, r, s }: Signature,
) {
  const account = accountId(caller.address, 1n);
  return router.connect(caller).depositWithPermit(account, usdc, AMOUNT, FOREVER, v, r, s);
}

/** Every function of the router, by who has no right and no token, with Alice's accounts wherever one is named. */
function strangersCalls(scene: Routed): [string, unknown[]][] {
  const { alices, others, bobs, sinking, usdc, weth, wbtc, stranger, alice, router } = scene;
  const { forged } = scene;
  const calls: [string, unknown[]][] = [];
  for (const account of [alices, others]) {
    const other = account === alices ? others : alices;
    for (const token of [usdc, weth, wbtc]) {
      const permit = [AMOUNT, FOREVER, 27, ZeroHash, ZeroHash];
      calls.push(
        ["deposit(bytes32,address,uint256)", [account, token.target, AMOUNT]],
        [
          "depositWithPermit(bytes32,address,uint256,uint256,uint8,bytes32,bytes32)",
          [account, token.target, ...permit],
        ],
        ["transfer(bytes32,bytes32,address,uint256)", [account, other, token.target, 1n]],
      );
      for (const to of [stranger.address, alice.address, router.target]) {
        const args = [account, token.target, 1n, to];
        calls.push(["withdraw(bytes32,address,uint256,address)", args]);
      }
    }
    calls.push(
      ["settleVariation(bytes32)", [account]],
      ["cancel(bytes32,uint64[])", [account, [1n]]],
      ["cancelUpTo(bytes32,uint64)", [account, 1n]],
      ["liquidate(bytes32,bytes32,uint256,int256)", [sinking, account, parseWad(1), MaxInt256]],
      ["liquidate(bytes32,bytes32,uint256,int256)", [account, bobs, parseWad(1), MaxInt256]],
    );
  }
  const matched = OPEN.Router.find((signature) => signature.startsWith("matchOrders"))!;
  calls.push([matched, forged]);
  const inner = encoded(scene, ["withdraw", [alices, usdc.target, 1n, stranger.address]]);
  calls.push(["multicall(bytes[])", [[inner]]]);
  return calls;
}

/** All that the accounts and their owners have. */
async function stateOf(scene: Routed) {
  const { vault, exchange, clearinghouse, router, usdc, weth, alice, stranger } = scene;
  const { alices, others, bobs, sinking } = scene;
  const state: unknown[] = [];
  for (const account of [alices, others, bobs, sinking]) {
    state.push(await vault.balancesOf(account));
    state.push(await clearinghouse.openPositionsOf(account));
    state.push(await clearinghouse.positionOf(account, ETH_PERP));
    state.push(await exchange.leastNonceOf(account), await exchange.isNonceUsed(account, 1n));
  }
  for (const token of [usdc, weth]) {
    for (const holder of [alice, stranger, router, vault])
      state.push(await token.balanceOf(holder));
    state.push(await token.allowance(alice, router), await token.allowance(router, vault));
  }
  for (const operator of [router, stranger]) state.push(await vault.operatorOf(alice, operator));
  return state;
}

/**
 * Alice has a position, cash, more dollars and WETH in her wallet that the router may take, and gave the router every
 * right; Bob trades with her; Carol is below the line. ETH is 2,900 dollars.
 */
async function deployRouted(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { vault, router, alice, bob, carol, dave, stranger } = plimsoll;
  const { fund, trade, setPrice, usdc, weth, signedOrderOf } = plimsoll;
  const alices = await fund(alice, 0n, 100_000);
  const others = await fund(alice, 1n, 1_000);
  const bobs = await fund(bob, 0n, 100_000);
  const sinking = await fund(carol, 0n, 2_000);
  const bargain = { maker: bob, instrument: ETH_PERP, price: parseWad(3_000) };
  await trade({ ...bargain, taker: carol, size: parseWad(10) });
  await trade({ ...bargain, taker: alice, size: parseWad(-1) });
  await setPrice(ETH, 2_900);

  await vault.connect(alice).setOperator(router, EVERY_RIGHT, FOREVER);
  for (const owner of [alice, carol]) await usdc.mint(owner, 100n * AMOUNT);
  for (const owner of [alice, dave]) {
    await weth.mint(owner, parseWad(1));
    await weth.connect(owner).approve(router, MaxUint256);
  }
  await usdc.connect(alice).approve(router, MaxUint256);

  /** Orders that cross: a trader buys one ether from Bob. */
  async function crossingOf(trader: Parameters<typeof signedOrderOf>[0], signer = trader) {
    const offer = { instrument: ETH_PERP, size: parseWad(1), limitPrice: parseWad(2_900) };
    const taker = await signedOrderOf(trader, offer);
    const { signature } = await signedOrderOf(signer, { ...offer, ...taker.order });
    const maker = await signedOrderOf(bob, { ...offer, size: -offer.size });
    const orders: [SignedOrder, SignedOrder[], bigint[]] = [
      { ...taker, signature },
      [maker],
      [offer.size],
    ];
    return orders;
  }
  const crossing = async () => crossingOf(alice);
  const forged = [...(await crossingOf(alice, stranger))];
  return { ...plimsoll, alices, others, bobs, sinking, crossing, crossingOf, forged };
}

/** Dollars of another kind, of which Alice has some that the router may take. */
async function deployWithDollars(kind: "FeeOnTransferToken" | "NoReturnToken") {
  const scene = await deployWithTokens(connection, { USDC: { kind } });
  const { usdc, router, alice } = scene;
  await usdc.mint(alice, AMOUNT);
  await usdc.connect(alice).approve(router, AMOUNT);
  return scene;
}
