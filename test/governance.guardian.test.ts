import { anyValue } from "@nomicfoundation/hardhat-ethers-chai-matchers/withArgs";
import { expect } from "chai";
import { type BaseContract, MaxInt256, MaxUint256 } from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import {
  ADMIN_ROLE,
  type GovernedContract,
  restrictedFunctions,
  ROLES,
  selectorOf,
} from "../ignition/roles.js";
import { parseWad, WAD } from "../sdk/index.js";
import { callWithZeros, stateChanging } from "./fixtures/abi.js";
import { RAMP_SECONDS } from "./fixtures/governance.js";
import { deployLiquidationMarket } from "./fixtures/liquidation.js";
import { BTC_PERP, deployPlimsoll, ETH, ETH_PERP, type Plimsoll } from "./fixtures/plimsoll.js";
import { ratesOf } from "./fixtures/rates.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const DAY = 86_400n;
const DOLLAR = 10n ** 6n;

/** What the guardian may do beside cancelling what the other roles have scheduled. */
const FREEZES = new Set(["freezeUnderlying(uint24)", "freezeCollateral(address)"]);

function contractsOf(plimsoll: Plimsoll): Record<GovernedContract, BaseContract> {
  return {
    PriceOracle: plimsoll.oracle,
    Rules: plimsoll.rules,
    Vault: plimsoll.vault,
    Clearinghouse: plimsoll.clearinghouse,
    Exchange: plimsoll.exchange,
  };
}

describe("The guardian", () => {
  it("is refused every restricted function but the freezes, called and through the AccessManager (GV4)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
    const { accessManager, guardian } = plimsoll;
    const contracts = contractsOf(plimsoll);
    const asGuardian = accessManager.connect(guardian);
    const all = restrictedFunctions().flatMap(({ signatures }) => signatures);
    let refused = 0;
    for (const { contract: name, signatures } of restrictedFunctions()) {
      const contract = contracts[name];
      const to = await contract.getAddress();
      for (const signature of signatures) {
        if (FREEZES.has(signature)) continue;
        const data = callWithZeros(contract, signature);
        await expect(guardian.call({ to, data }), signature)
          .to.be.revertedWithCustomError(contract, "AccessManagedUnauthorized")
          .withArgs(guardian.address);
        for (const act of [
          asGuardian.schedule(to, data, 0),
          asGuardian.execute(to, data),
          asGuardian.multicall([accessManager.interface.encodeFunctionData("execute", [to, data])]),
        ]) {
          await expect(act, signature)
            .to.be.revertedWithCustomError(accessManager, "AccessManagerUnauthorizedCall")
            .withArgs(guardian.address, to, selectorOf(signature));
        }
        ++refused;
      }
    }
    expect(refused).to.equal(all.length - FREEZES.size);
  });

  it("is refused every power over roles, delays and contracts (GV4)", async () => {
    const { accessManager, guardian, vault } = await networkHelpers.loadFixture(deployPlimsoll);
    const POWERLESS = new Set([
      // Without a role for the call they do nothing, and end what only the caller has.
      "cancel(address,address,bytes)",
      "consumeScheduledOp(address,bytes)",
      "execute(address,bytes)",
      "multicall(bytes[])",
      "renounceRole(uint64,address)",
      "schedule(address,bytes,uint48)",
    ]);
    const given = { address: await vault.getAddress(), uint64: ROLES.RISK, string: "" };
    let refused = 0;
    for (const signature of stateChanging(accessManager)) {
      if (POWERLESS.has(signature)) continue;
      const data = callWithZeros(accessManager, signature, given);
      await expect(
        guardian.call({ to: await accessManager.getAddress(), data }),
        signature,
      ).to.be.revertedWithCustomError(accessManager, "AccessManagerUnauthorizedAccount");
      ++refused;
    }
    expect(refused).to.equal(stateChanging(accessManager).length - POWERLESS.size);
    for (const role of [ADMIN_ROLE, ROLES.RISK, ROLES.LISTING, ROLES.MODULES]) {
      expect((await accessManager.hasRole(role, guardian)).isMember).to.equal(false);
    }
  });

  it("changes with a freeze no price, balance, limit or line, and no maintenance requirement (GV4)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployDanger);
    const { rules, guardian, weth, oracle, vault, usdc, sinking, marginOf, parameters } = plimsoll;
    const stateOf = async () => {
      const { equity, maintenance } = await marginOf(sinking);
      return [
        [equity, maintenance, await vault.balancesOf(sinking)],
        await Promise.all(parameters.underlyings.map(({ number }) => oracle.price(number))),
        await Promise.all(parameters.underlyings.map(({ number }) => oracle.sourcesOf(number))),
        await Promise.all([usdc, weth].map((token) => vault.tokenLimitsOf(token))),
        await rules.liquidationRules(),
        (await rules.instrumentRules(BTC_PERP)).rules,
      ];
    };
    const before = await stateOf();
    await rules.connect(guardian).freezeUnderlying(ETH);
    await rules.connect(guardian).freezeCollateral(weth);
    expect(await stateOf()).to.deep.equal(before);
  });

  it("stops a market in one transaction, while what governance would do still waits (GV4)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployDanger);
    const { rules, guardian, schedule, clear, safe, clearinghouse } = plimsoll;
    const { delay } = await schedule(rules, "setUnderlying", [ETH, ratesOf(plimsoll, ETH)]);
    expect(delay).to.equal(2n * DAY);
    await rules.connect(guardian).freezeUnderlying(ETH);
    await expect(clear({ account: safe, instrument: ETH_PERP, size: WAD }))
      .to.be.revertedWithCustomError(clearinghouse, "NotReducing")
      .withArgs(anyValue, ETH_PERP, anyValue, -WAD);
    await clear({ account: safe, instrument: ETH_PERP, size: -WAD });
    await clear({ account: safe, instrument: BTC_PERP, size: WAD / 100n });
  });
});

/**
 * Alice is below her line with ETH and WETH; Carol, above hers, is long 1 ETH. Everything that can be stopped can be
 * stopped in this market by the acts below.
 */
async function deployDanger(network: NetworkConnection) {
  const market = await deployLiquidationMarket(network);
  const { alice, carol, weth, deposit, fund, clear, setPrice } = market;
  const sinking = await fund(alice, 0n, 3_000);
  await deposit(alice, { token: weth, amount: 2 });
  const safe = await fund(carol, 0n, 100_000);
  await clear({ account: sinking, instrument: ETH_PERP, size: 10n * WAD });
  await clear({ account: safe, instrument: ETH_PERP, size: WAD });
  await setPrice(ETH, 2_350);
  return { ...market, sinking, safe };
}

type Danger = Awaited<ReturnType<typeof deployDanger>>;

/** Everything that may stop something; the guardian's freezes come last, for they run out. */
const STOPS: [string, (market: Danger) => Promise<unknown>][] = [
  [
    "no deposits of WETH",
    async ({ vault, weth, asGovernance }) => {
      const limits = { depositCap: 0, outflowAmount: 0, outflowBps: 1_000 };
      await asGovernance(vault, "setTokenLimits", [await weth.getAddress(), limits]);
    },
  ],
  [
    "no more open interest",
    (market) => {
      const rates = ratesOf(market, ETH, { openInterestCap: 0 });
      return market.asGovernance(market.rules, "setUnderlying", [ETH, rates]);
    },
  ],
  [
    "a vault full of USDC",
    async ({ vault, usdc, stranger, house }) => {
      const { depositCap } = await vault.tokenLimitsOf(usdc);
      const room = depositCap - (await vault.trackedOf(usdc));
      await usdc.mint(stranger, room);
      await usdc.connect(stranger).approve(vault, room);
      await vault.connect(stranger).deposit(house, usdc, room);
    },
  ],
  [
    "an outflow limit that is reached",
    async ({ vault, usdc, bob, house, passTime }) => {
      // What came in until then gives no more room.
      await passTime(DAY);
      await vault.connect(bob).withdraw(house, usdc, await vault.releasableOf(usdc), bob);
    },
  ],
  [
    "a settlement token off its peg",
    async ({ clearinghouse, setFeed, stranger }) => {
      await setFeed("USDC/USD", "0.9");
      await clearinghouse.connect(stranger).notePeg();
    },
  ],
  ["a frozen market", ({ rules, guardian }) => rules.connect(guardian).freezeUnderlying(ETH)],
  ["a frozen token", ({ rules, guardian, weth }) => rules.connect(guardian).freezeCollateral(weth)],
];

/** What must stay possible for an account that can be liquidated, and for its liquidator. */
const FREEDOMS: Record<string, (market: Danger) => Promise<unknown>> = {
  "a deposit of the settlement token": async ({ vault, usdc, alice, sinking }) => {
    await usdc.mint(alice, 500n * DOLLAR);
    await usdc.connect(alice).approve(vault, MaxUint256);
    return vault.connect(alice).deposit(sinking, usdc, 500n * DOLLAR);
  },
  "a reduction": ({ clear, sinking }) =>
    clear({ account: sinking, instrument: ETH_PERP, size: -WAD }),
  "an end of its position": ({ clear, safe }) =>
    clear({ account: safe, instrument: ETH_PERP, size: -WAD }),
  "cancelling orders": async ({ exchange, alice, sinking }) => {
    await exchange.connect(alice).cancel(sinking, [1n, 2n]);
    return exchange.connect(alice).cancelUpTo(sinking, 9n);
  },
  "its liquidation": ({ clearinghouse, liquidator, sinking, rescuer }) =>
    clearinghouse.connect(liquidator).liquidate(sinking, rescuer, WAD, MaxInt256),
};

describe("Whatever is stopped", () => {
  it(`leaves the way out open, in each of the ${2 ** STOPS.length} combinations (GV2, I5, I9)`, async () => {
    const market = await networkHelpers.loadFixture(deployDanger);
    await visit(market, STOPS, []);
  }).timeout(240_000);

  /** Each combination once, as a tree: a stop that is set stays set below it. */
  async function visit(market: Danger, left: typeof STOPS, set: string[]): Promise<void> {
    const [next, ...others] = left;
    if (next === undefined) return expectFreedoms(market, set.join(", "));
    const [name, stop] = next;
    const snapshot = await networkHelpers.takeSnapshot();
    await visit(market, others, set);
    await snapshot.restore();
    await stop(market);
    await visit(market, others, [...set, name]);
    await snapshot.restore();
  }

  async function expectFreedoms(market: Danger, set: string): Promise<void> {
    for (const [name, act] of Object.entries(FREEDOMS)) {
      const snapshot = await networkHelpers.takeSnapshot();
      await expect(act(market), `${name} with ${set || "nothing stopped"}`).not.to.revert(
        connection.ethers,
      );
      await snapshot.restore();
    }
  }

  it("ends by itself: after three days new risk is possible again with no act of anyone (GV2)", async () => {
    const { rules, guardian, clear, safe, passTime } =
      await networkHelpers.loadFixture(deployDanger);
    await rules.connect(guardian).freezeUnderlying(ETH);
    await passTime(3n * DAY);
    await clear({ account: safe, instrument: ETH_PERP, size: WAD });
  });
});

describe("A tightening of maintenance margin", () => {
  const TIGHTER = { maintenanceBaseBps: 300, maintenanceSlopeBps: 450, maintenanceFloorBps: 450 };

  it("changes nothing before its delay is over, to the second, and then goes in a straight line (GV1)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployDanger);
    const { accessManager, governance, rules, safe, schedule, passTime, marginOf } = plimsoll;
    await passTime(1n);
    const before = await marginOf(safe);
    const given = [ETH, ratesOf(plimsoll, ETH, TIGHTER)];
    const { target, data, delay } = await schedule(rules, "setUnderlying", given);
    const announcedAt = BigInt(await networkHelpers.time.latest());
    const manager = accessManager.connect(governance);
    const id = await accessManager.hashOperation(governance, target, data);

    await passTime(delay - 100n);
    expect(await marginOf(safe)).to.deep.equal(before);
    await networkHelpers.time.setNextBlockTimestamp(announcedAt + delay - 1n);
    await expect(manager.execute(target, data))
      .to.be.revertedWithCustomError(accessManager, "AccessManagerNotReady")
      .withArgs(id);
    await networkHelpers.time.setNextBlockTimestamp(announcedAt + delay);
    await manager.execute(target, data);
    expect(await marginOf(safe)).to.deep.equal(before);
    // 2,350 dollars: 3.8 % of them become 5.7 %.
    expect(before.maintenance).to.equal(parseWad("89.3"));
    const end = announcedAt + delay + RAMP_SECONDS;
    for (const [left, required] of [
      [RAMP_SECONDS / 2n, "111.625"],
      [0n, "133.95"],
      [-DAY, "133.95"],
    ] as const) {
      await networkHelpers.time.increaseTo(end - left - 60n);
      await plimsoll.refreshPrices();
      await networkHelpers.time.increaseTo(end - left);
      expect((await marginOf(safe)).maintenance).to.equal(parseWad(required));
    }
  });

  it("leaves an account that complied when it was announced all of that and of the ramp to top up (GV1)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployDanger);
    const { accessManager, governance, rules, schedule, passTime, deposit, ...market } = plimsoll;
    const { marginEngine, clear, fund, dave, clearinghouse, liquidator, rescuer } = market;
    const account = await fund(dave, 0n, 1_500);
    await clear({ account, instrument: ETH_PERP, size: 10n * WAD });
    await market.setPrice(ETH, 2_300);
    const given = [ETH, ratesOf(plimsoll, ETH, TIGHTER)];
    const { target, data, delay } = await schedule(rules, "setUnderlying", given);
    await passTime(delay - 60n);
    const { time } = networkHelpers;
    // 1,000 of 874 dollars that it must have, and of 1,311 that it will have to have: 3.8 % and 5.7 % of 23,000.
    let begin = BigInt(await time.latest()) + RAMP_SECONDS;
    const expectSafeAt = async (at: bigint) => {
      const passed = at > begin ? at - begin : 0n;
      const rate = parseWad("0.038") + (parseWad("0.019") * passed) / RAMP_SECONDS;
      await time.setNextBlockTimestamp(at);
      await expect(clearinghouse.connect(liquidator).liquidate(account, rescuer, WAD, MaxInt256))
        .to.be.revertedWithCustomError(marginEngine, "NotLiquidatable")
        .withArgs(account, parseWad(1_000), 23_000n * rate);
    };
    await expectSafeAt(BigInt(await time.latest()) + 1n);
    await passTime(60n);
    await accessManager.connect(governance).execute(target, data);
    begin = BigInt(await time.latest());
    expect((await market.marginOf(account)).maintenance).to.equal(parseWad(874));
    await expectSafeAt(begin + 1n);
    await passTime(RAMP_SECONDS / 4n);
    await expectSafeAt(begin + RAMP_SECONDS / 4n + 100n);
    await deposit(dave, { token: market.usdc, amount: 311 });
    await passTime(RAMP_SECONDS);
    expect((await market.marginOf(account)).maintenance).to.equal(parseWad(1_311));
    expect(await marginEngine.statusOf(account)).to.equal(1n);
  });
});
