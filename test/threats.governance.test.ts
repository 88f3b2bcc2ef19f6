import { expect } from "chai";
import { MaxInt256 } from "ethers";
import hre from "hardhat";
import { parseWad, WAD } from "../sdk/index.js";
import { deployWithVenue } from "./fixtures/exchange.js";
import { ETH } from "./fixtures/plimsoll.js";
import { onTheWay, RAMP_SECONDS } from "./fixtures/ramps.js";
import { ratesOf } from "./fixtures/rates.js";
import { successionActions } from "./fixtures/succession.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;
const { loadFixture, time } = networkHelpers;

/** 2 % + 3 % x 0.6 = 3.8 % of 30,000 dollars, and half as much again: 3.8 % + 1.9 %. */
const BEFORE = parseWad(1_140);
const AFTER = parseWad(1_710);
const BEFORE_RATE = parseWad("0.038");
const AFTER_RATE = parseWad("0.057");
const STRICTER = { maintenanceBaseBps: 390 };

/** Alice is long 10 ETH with 1,500 dollars: healthy by neither requirement that is to come. */
async function deployAnnounced(network: typeof connection) {
  const trading = await deployWithVenue(network);
  const { vault, rules, usdc, alice, bob, accountOf, clear, tradeOf, schedule } = trading;
  const account = accountOf(alice);
  await clear(tradeOf(alice, bob, 10));
  await vault.connect(alice).withdraw(account, usdc, 98_050n * 10n ** 6n, alice);
  const succession = successionActions(network, trading);
  const act = await schedule(rules, "setUnderlying", [ETH, ratesOf(trading, ETH, STRICTER)]);
  return { ...trading, ...succession, account, act, announced: BigInt(await time.latest()) };
}

/** The same after the delay: the change was executed. */
async function deployExecuted(network: typeof connection) {
  const scene = await deployAnnounced(network);
  const { accessManager, governance, act } = scene;
  await scene.passTime(act.delay);
  await accessManager.connect(governance).execute(act.target, act.data);
  return { ...scene, begun: BigInt(await time.latest()) };
}

/** What 10 ETH require so long after the change, at a price of whole dollars. */
function requirementAt(price: bigint, passed: bigint): bigint {
  return 10n * price * onTheWay(BEFORE_RATE, AFTER_RATE, passed);
}

type Scene = Awaited<ReturnType<typeof deployAnnounced>>;

/** A liquidation of Alice's account by Dave, asked without doing it. */
function ask({ clearinghouse, dave, account, accountOf }: Scene) {
  return clearinghouse.connect(dave).liquidate.staticCall(account, accountOf(dave), WAD, MaxInt256);
}

describe("A parameter that would liquidate (GV1)", () => {
  it("changes nothing before its delay, whoever tries", async () => {
    const scene = await loadFixture(deployAnnounced);
    const { accessManager, rules, governance, stranger, account, act, announced } = scene;
    expect(act.delay).to.equal(172_800n);
    for (const passed of [10n, act.delay / 2n, act.delay - 1n]) {
      await scene.waitUntil(announced + passed - 1n);
      await time.setNextBlockTimestamp(announced + passed);
      await expect(
        accessManager.connect(governance).execute(act.target, act.data),
      ).to.be.revertedWithCustomError(accessManager, "AccessManagerNotReady");
      await networkHelpers.mine();
      expect((await scene.marginEngine.marginOf(account)).maintenance).to.equal(BEFORE);
      expect((await rules.marginRatesOf(ETH)).endOfRamp).to.equal(0n);
    }
    await expect(
      rules.connect(stranger).setUnderlying(ETH, ratesOf(scene, ETH, STRICTER)),
    ).to.be.revertedWithCustomError(rules, "AccessManagedUnauthorized");
  });

  it("liquidates nobody in the block in which it is executed, at the line or not", async () => {
    const scene = await loadFixture(deployAnnounced);
    const { accessManager, governance, marginEngine, account, act, setPrice } = scene;
    await scene.passTime(act.delay);
    // 1,950 - 10 x (3,000 - P) = 0.38 P: the line, to a cent.
    await setPrice(ETH, "2916.01");
    const before = await marginEngine.marginOf(account);
    expect(before.equity - before.maintenance).to.be.within(0n, parseWad(3));
    await accessManager.connect(governance).execute(act.target, act.data);
    const { equity, maintenance } = await marginEngine.marginOf(account);
    expect([equity, maintenance]).to.deep.equal([before.equity, before.maintenance]);
    expect(await marginEngine.statusOf(account)).to.equal(1n);
    await expect(ask(scene))
      .to.be.revertedWithCustomError(marginEngine, "NotLiquidatable")
      .withArgs(account, equity, maintenance);
  });

  it("moves the requirement in a straight line for three days", async () => {
    const { marginEngine, rules, account, begun, waitUntil } = await loadFixture(deployExecuted);
    for (const passed of [0n, 3_600n, RAMP_SECONDS / 3n, RAMP_SECONDS / 2n, RAMP_SECONDS - 1n]) {
      await waitUntil(begun + passed);
      const { maintenance } = await marginEngine.marginOf(account);
      expect(maintenance).to.equal(requirementAt(3_000n, passed));
      expect((await rules.marginRatesOf(ETH)).endOfRamp).to.equal(begun + RAMP_SECONDS);
    }
    await waitUntil(begun + RAMP_SECONDS);
    expect((await marginEngine.marginOf(account)).maintenance).to.equal(AFTER);
  });

  it("gives who was compliant when it was announced five days to top up, reduce or leave", async () => {
    const scene = await loadFixture(deployExecuted);
    const { marginEngine, account, announced, begun, waitUntil, alice, bob } = scene;
    // Between both requirements: compliant then, not at the end.
    await scene.setPrice(ETH, 2_960);
    const { equity } = await marginEngine.marginOf(account);
    expect(equity).to.be.within((BEFORE * 296n) / 300n, (AFTER * 296n) / 300n);
    expect(begun - announced).to.be.within(172_800n, 172_900n);

    await waitUntil(begun + RAMP_SECONDS / 2n);
    await expect(ask(scene)).to.be.revertedWithCustomError(marginEngine, "NotLiquidatable");
    const half = await networkHelpers.takeSnapshot();
    await scene.deposit(alice, { token: scene.usdc, amount: 200 });
    await waitUntil(begun + RAMP_SECONDS + 60n);
    await expect(ask(scene)).to.be.revertedWithCustomError(marginEngine, "NotLiquidatable");
    await half.restore();
    await scene.clear(scene.tradeOf(alice, bob, -3, { price: parseWad(2_960) }));
    await waitUntil(begun + RAMP_SECONDS + 60n);
    await expect(ask(scene)).to.be.revertedWithCustomError(marginEngine, "NotLiquidatable");
  });

  it("makes the account that did nothing liquidatable at the end, and not before its line", async () => {
    const scene = await loadFixture(deployExecuted);
    const { marginEngine, clearinghouse, account, begun, waitUntil, dave, accountOf } = scene;
    await scene.setPrice(ETH, 2_960);
    const { equity } = await marginEngine.marginOf(account);
    // The first second at which the rate is above the equity's.
    const rate = equity / 29_600n + 1n;
    const way = AFTER_RATE - BEFORE_RATE;
    const crossing = ((rate - BEFORE_RATE) * RAMP_SECONDS + way - 1n) / way;
    expect(requirementAt(2_960n, crossing - 1n)).to.be.at.most(equity);
    expect(requirementAt(2_960n, crossing)).to.be.greaterThan(equity);
    await waitUntil(begun + crossing - 1n);
    await expect(ask(scene)).to.be.revertedWithCustomError(marginEngine, "NotLiquidatable");
    await time.setNextBlockTimestamp(begun + crossing);
    const liquidate = clearinghouse
      .connect(dave)
      .liquidate(account, accountOf(dave), WAD, MaxInt256);
    await expect(liquidate).to.emit(clearinghouse, "Liquidated");
  });

  it("can be taken back once it is there, and that takes as long", async () => {
    const scene = await loadFixture(deployExecuted);
    const { accessManager, governance, marginEngine, rules, account, begun } = scene;
    const act = await scene.schedule(rules, "setUnderlying", [ETH, ratesOf(scene, ETH)]);
    await scene.waitUntil(begun + 200_000n);
    await expect(accessManager.connect(governance).execute(act.target, act.data))
      .to.be.revertedWithCustomError(rules, "RampNotOver")
      .withArgs(ETH, begun + RAMP_SECONDS);
    await scene.waitUntil(begun + RAMP_SECONDS - 1n);
    await accessManager.connect(governance).execute(act.target, act.data);
    expect((await marginEngine.marginOf(account)).maintenance).to.equal(AFTER);
    await scene.waitUntil(begun + RAMP_SECONDS + RAMP_SECONDS / 2n);
    expect((await marginEngine.marginOf(account)).maintenance).to.equal((BEFORE + AFTER) / 2n);
    await scene.waitUntil(begun + 2n * RAMP_SECONDS);
    expect((await marginEngine.marginOf(account)).maintenance).to.equal(BEFORE);
  });
});
