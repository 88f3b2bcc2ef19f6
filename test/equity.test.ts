import { anyUint, anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import { MaxInt256, ZeroHash } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { restrictedFunctions } from "../ignition/roles.js";
import { type AccountId, accountId, ORDER_FLAGS, parseWad } from "../sdk/index.js";
import { stateChanging } from "./fixtures/abi.js";
import { BTC, BTC_PERP, ETH, ETH_PERP, type Plimsoll } from "./fixtures/plimsoll.js";
import { deployWithTokens, mintApproved } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const HEALTHY = 0n;
const FOREVER = 2n ** 40n - 1n;
const MARK = parseWad(3000);

type Scene = Awaited<ReturnType<typeof deployAtInitialMargin>>;

/**
 * Every state-changing function of the contracts that hold what accounts have, and what it can do to its caller's equity:
 *
 *   lowers       it may: an account exactly at initial margin is refused
 *   keeps        it may not: the account has the same equity afterwards, or more
 *   others only  only a partner contract may call it
 */
const EFFECTS: Record<string, "lowers" | "keeps" | "others only"> = {
  "Vault.deposit": "keeps",
  "Vault.depositWithPermit": "keeps",
  "Vault.withdraw": "lowers",
  "Vault.transfer": "lowers",
  "Vault.setOperator": "keeps",
  "Vault.post": "others only",
  "Vault.moveSlice": "others only",
  "Vault.collectInterest": "others only",
  "Vault.chargeLenders": "others only",
  "Vault.accrueInterest": "keeps",
  "Clearinghouse.clear": "others only",
  "Clearinghouse.settleVariation": "keeps",
  "Clearinghouse.distributeFees": "keeps",
  "Clearinghouse.notePeg": "keeps",
  "Clearinghouse.liquidate": "lowers",
  "Clearinghouse.accrueFunding": "keeps",
  "Clearinghouse.callMargin": "keeps",
  // What a loss of others takes from its counterparties and from lenders is bounded: Clearinghouse.deleverage.test.ts.
  "Clearinghouse.flag": "keeps",
  "Clearinghouse.deleverage": "keeps",
  "Clearinghouse.writeOff": "keeps",
  "Clearinghouse.repayDeficit": "keeps",
  "Exchange.matchOrders": "lowers",
  "Exchange.cancel": "keeps",
  "Exchange.cancelUpTo": "keeps",
};

/** For each function that keeps equity, calls from the account. */
const KEEPING: Record<string, (scene: Scene) => Promise<unknown>> = {
  "Vault.deposit": async ({ vault, alice, account, usdc, weth }) => {
    await vault.connect(alice).deposit(account, usdc, 1n);
    // A new token adds to the requirement, never more than to equity.
    await vault.connect(alice).deposit(account, weth, 1n);
  },
  "Vault.depositWithPermit": async ({ vault, alice, account, weth }) =>
    vault.connect(alice).depositWithPermit(account, weth, 1n, FOREVER, 27, ZeroHash, ZeroHash),
  "Vault.setOperator": async ({ vault, alice, bob }) =>
    vault.connect(alice).setOperator(bob, 15n, FOREVER),
  "Clearinghouse.distributeFees": async ({ clearinghouse, alice }) => {
    expect(await clearinghouse.reserve()).to.be.greaterThan(0n);
    await clearinghouse.connect(alice).distributeFees();
  },
  "Clearinghouse.notePeg": async ({ clearinghouse, alice }) =>
    clearinghouse.connect(alice).notePeg(),
  "Clearinghouse.settleVariation": async ({ clearinghouse, alice, account }) =>
    clearinghouse.connect(alice).settleVariation(account),
  "Vault.accrueInterest": async ({ vault, alice }) => vault.connect(alice).accrueInterest(),
  "Clearinghouse.accrueFunding": async ({ clearinghouse, alice }) =>
    clearinghouse.connect(alice).accrueFunding(ETH_PERP),
  "Clearinghouse.callMargin": async (scene) =>
    scene.clearinghouse.connect(scene.alice).callMargin(await flagDave(scene)),
  "Clearinghouse.flag": async (scene) => flagDave(scene),
  "Clearinghouse.deleverage": async (scene) => {
    const { clearinghouse, alice, bob, parameters, passTime } = scene;
    const bankrupt = await flagDave(scene);
    await passTime(parameters.liquidation.deleverageDelay);
    const counterparty = accountId(bob.address);
    const size = parseWad("0.3");
    await clearinghouse.connect(alice).deleverage(bankrupt, counterparty, BTC_PERP, size);
  },
  "Clearinghouse.writeOff": async (scene) => {
    const { clearinghouse, alice, indebted } = scene;
    await clearinghouse.connect(alice).writeOff(indebted);
    expect(await clearinghouse.deficit()).to.be.greaterThan(0n);
  },
  "Clearinghouse.repayDeficit": async (scene) => {
    const { clearinghouse, alice, bob, vault, usdc, indebted } = scene;
    await clearinghouse.writeOff(indebted);
    await mintApproved(scene, bob, usdc, parseWad(1));
    await vault.connect(bob).deposit(await clearinghouse.insuranceFund(), usdc, parseWad(1));
    await expect(clearinghouse.connect(alice).repayDeficit()).to.emit(
      clearinghouse,
      "DeficitChanged",
    );
  },
  "Exchange.cancel": async ({ exchange, alice, account }) =>
    exchange.connect(alice).cancel(account, [7n]),
  "Exchange.cancelUpTo": async ({ exchange, alice, account }) =>
    exchange.connect(alice).cancelUpTo(account, 7n),
};

describe("An account exactly at its initial margin", () => {
  it("MA2: every state-changing function is known as one that lowers equity or does not", async () => {
    const { vault, clearinghouse, exchange } =
      await networkHelpers.loadFixture(deployAtInitialMargin);
    const contracts = { Vault: vault, Clearinghouse: clearinghouse, Exchange: exchange };
    const governed = restrictedFunctions().flatMap(({ contract, signatures }) =>
      signatures.map((signature) => `${contract}.${nameOf(signature)}`),
    );
    const found = Object.entries(contracts).flatMap(([name, contract]) =>
      stateChanging(contract).map((signature) => `${name}.${nameOf(signature)}`),
    );
    const users = found.filter(
      (name) => !governed.includes(name) && !name.endsWith("setAuthority"),
    );
    expect(users).to.have.members(Object.keys(EFFECTS));
    const keeping = Object.keys(EFFECTS).filter((name) => EFFECTS[name] === "keeps");
    expect(keeping).to.have.members(Object.keys(KEEPING));
  });

  for (const [name, act] of Object.entries(KEEPING)) {
    it(`MA2: loses nothing by ${name} and stays healthy`, async () => {
      const scene = await networkHelpers.loadFixture(deployAtInitialMargin);
      const { marginEngine, account } = scene;
      const before = await marginEngine.marginOf(account);
      expect(before.equity).to.equal(before.initial);
      await act(scene);
      const { equity, initial } = await marginEngine.marginOf(account);
      expect(equity).to.be.at.least(before.equity);
      expect(equity).to.be.at.least(initial);
      expect(await marginEngine.statusOf(account)).to.equal(HEALTHY);
    });
  }

  it("MA2: cannot withdraw one unit of cash", async () => {
    const { vault, marginEngine, alice, account, usdc } =
      await networkHelpers.loadFixture(deployAtInitialMargin);
    const { initial } = await marginEngine.marginOf(account);
    await expect(vault.connect(alice).withdraw(account, usdc, 1n, alice))
      .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
      .withArgs(account, initial - 1n, initial);
  });

  it("MA2: cannot transfer one unit of cash to another of the owner's accounts", async () => {
    const { vault, marginEngine, alice, account, usdc } =
      await networkHelpers.loadFixture(deployAtInitialMargin);
    const { initial } = await marginEngine.marginOf(account);
    await expect(vault.connect(alice).transfer(account, accountId(alice.address, 1n), usdc, 1n))
      .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
      .withArgs(account, initial - 1n, initial);
  });

  it("MA2: cannot withdraw collateral that its margin rests on", async () => {
    const scene = await networkHelpers.loadFixture(deployAtInitialMargin);
    const { vault, marginEngine, alice, account, usdc, weth } = scene;
    await vault.connect(alice).deposit(account, weth, parseWad("0.1"));
    const spare = await marginEngine.withdrawable(account, usdc);
    await vault.connect(alice).withdraw(account, usdc, spare, alice);
    const { equity, initial } = await marginEngine.marginOf(account);
    expect(equity).to.equal(initial);
    await expect(vault.connect(alice).withdraw(account, weth, 1n, alice))
      .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
      // One wei of WETH is worth 3,000 wei of which 600 are haircut.
      .withArgs(account, equity - 3_000n, initial - 600n);
  });

  for (const side of ["taker", "maker"] as const) {
    it(`MA2: cannot buy more as ${side}, for it pays a fee`, async () => {
      const scene = await networkHelpers.loadFixture(deployAtInitialMargin);
      const { trade, alice, bob, marginEngine, account } = scene;
      const size = parseWad("0.001");
      const rate = side === "taker" ? 5n : 2n;
      const deltas = [{ instrument: ETH_PERP, size, price: MARK }];
      const fee = (3n * rate * parseWad(1)) / 10_000n;
      const afterwards = await marginEngine.marginWith(account, deltas, -fee);
      const request =
        side === "taker"
          ? { taker: alice, maker: bob, size }
          : { taker: bob, maker: alice, size: -size };
      await expect(trade({ ...request, instrument: ETH_PERP, price: MARK }))
        .to.be.revertedWithCustomError(marginEngine, "RiskNotReduced")
        .withArgs(account, await marginEngine.marginOf(account), afterwards);
    });
  }

  it("MA2: cannot give its equity away as a builder's fee on a trade that reduces", async () => {
    const scene = await networkHelpers.loadFixture(deployAtInitialMargin);
    const { exchange, trade, alice, bob, stranger } = scene;
    const builder = stranger.address + parseWad("0.0101").toString(16).padStart(24, "0");
    await expect(
      trade({
        taker: alice,
        maker: bob,
        instrument: ETH_PERP,
        size: parseWad("-0.001"),
        price: MARK,
        takerOrder: { builder, maxFee: parseWad(11), flags: ORDER_FLAGS.reduceOnly },
      }),
    )
      .to.be.revertedWithCustomError(exchange, "FeeAboveMaximum")
      .withArgs(anyValue, parseWad("0.0101"), parseWad("0.01"));
  });

  it("MA2: cannot take over a slice of another account", async () => {
    const { clearinghouse, marginEngine, alice, account, sinking } =
      await networkHelpers.loadFixture(deployAtInitialMargin);
    await expect(clearinghouse.connect(alice).liquidate(sinking, account, parseWad(1), MaxInt256))
      .to.be.revertedWithCustomError(marginEngine, "BelowInitialMargin")
      .withArgs(account, anyValue, anyUint);
  });

  it("MA2: may trade where that lowers its requirement as much", async () => {
    const { trade, alice, bob, marginEngine, account } =
      await networkHelpers.loadFixture(deployAtInitialMargin);
    const size = parseWad("-0.001");
    await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price: MARK });
    expect(await marginEngine.statusOf(account)).to.equal(HEALTHY);
  });
});

/**
 * Alice holds 10 ETH at 3,000 dollars and her equity is her initial margin to the wei, with tokens in her wallet; Carol
 * is below the line. Dave is long BTC, and has an account with nothing but a debt. The settlement token has 18 decimals, so that a
 * unit of it is a wei of equity.
 */
async function deployAtInitialMargin(network: NetworkConnection) {
  const plimsoll = await deployWithTokens(network, { USDC: { decimals: 18 } });
  const { alice, bob, carol, fund, trade, setPrice, usdc, weth, vault, marginEngine } = plimsoll;
  const account = await fund(alice, 0n, 10_000);
  await fund(bob, 0n, 1_000_000);
  const indebted = await sinkDave(plimsoll);
  const sinking = await fund(carol, 0n, 2_000);
  const size = parseWad(10);
  const high = parseWad(3100);
  await setPrice(ETH, 3100);
  await trade({ taker: carol, maker: bob, instrument: ETH_PERP, size, price: high });
  await setPrice(ETH, 3000);
  await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price: MARK });
  await mintApproved(plimsoll, alice, usdc, parseWad(1));
  await mintApproved(plimsoll, alice, weth, parseWad(1));
  await withdrawSpare({ ...plimsoll, account });
  expect(await marginEngine.statusOf(sinking)).to.equal(2n);
  expect(await vault.cashOf(account)).to.be.greaterThan(0n);
  return { ...plimsoll, account, sinking, indebted };
}

/** Dave buys 0.3 BTC twice, and sells one of them at a loss that leaves a debt. */
async function sinkDave({ dave, bob, fund, trade, setPrice }: Plimsoll): Promise<AccountId> {
  const size = parseWad("0.3");
  const pair = { maker: bob, instrument: BTC_PERP };
  for (const subAccount of [0n, 1n]) {
    await fund(dave, subAccount, 2_000);
    const taker = { signer: dave, subAccount };
    await trade({ ...pair, taker, size, price: parseWad(100_000) });
  }
  await setPrice(BTC, 93_000);
  const taker = { signer: dave, subAccount: 1n };
  // Above the mark, so that in spite of the fee it is not worth less than before.
  await trade({ ...pair, taker, size: -size, price: parseWad(93_200) });
  await setPrice(BTC, 100_000);
  return accountId(dave.address, 1n);
}

/** BTC falls, and Alice flags Dave's first account. Her own account has no BTC. */
async function flagDave({ clearinghouse, alice, dave, setPrice }: Scene): Promise<AccountId> {
  await setPrice(BTC, 93_000);
  await clearinghouse.connect(alice).flag(accountId(dave.address));
  return accountId(dave.address);
}

async function withdrawSpare({
  vault,
  marginEngine,
  alice,
  account,
  usdc,
}: Plimsoll & { account: AccountId }): Promise<void> {
  const spare = await marginEngine.withdrawable(account, usdc);
  await vault.connect(alice).withdraw(account, usdc, spare, alice);
}

function nameOf(signature: string): string {
  return signature.slice(0, signature.indexOf("("));
}
