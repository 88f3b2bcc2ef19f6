import { expect } from "chai";
import { ZeroAddress } from "ethers";
import hre from "hardhat";
import { parseWad, WAD } from "../sdk/index.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { MOMENTS, onTheWay, RAMP_SECONDS } from "./fixtures/ramps.js";
import { deployStricter, deploySuccession } from "./fixtures/succession.js";
import { ratesOf } from "./fixtures/rates.js";

const { networkHelpers } = await hre.network.create();
const { loadFixture, time } = networkHelpers;

describe("MarginEngine, succession", () => {
  describe("who may succeed", () => {
    it("is refused to an engine that was made for nobody", async () => {
      const { clearinghouse, marginEngine, engineAfter, putInCharge } =
        await loadFixture(deploySuccession);
      const unrelated = await engineAfter(ZeroAddress, "MarginEngine");
      await expect(putInCharge(unrelated))
        .to.be.revertedWithCustomError(clearinghouse, "NotTheSuccessor")
        .withArgs(unrelated, marginEngine);
    });

    it("is refused to the engine that is in charge, and to every one that was", async () => {
      const { clearinghouse, marginEngine, stricter, putInCharge } =
        await loadFixture(deployStricter);
      for (const engine of [stricter, marginEngine]) {
        await expect(putInCharge(engine))
          .to.be.revertedWithCustomError(clearinghouse, "NotTheSuccessor")
          .withArgs(engine, stricter);
      }
    });

    it("is refused to the first engine again", async () => {
      const { clearinghouse, marginEngine, putInCharge } = await loadFixture(deploySuccession);
      await expect(putInCharge(marginEngine))
        .to.be.revertedWithCustomError(clearinghouse, "NotTheSuccessor")
        .withArgs(marginEngine, marginEngine);
    });

    it("is refused to the successor of another, and to a second successor of the former", async () => {
      const { clearinghouse, marginEngine, stricter, engineAfter, putInCharge } =
        await loadFixture(deployStricter);
      const unrelated = await engineAfter(ZeroAddress, "MockStricterEngine");
      for (const former of [unrelated, marginEngine]) {
        const engine = await engineAfter(former, "MarginEngine");
        await expect(putInCharge(engine))
          .to.be.revertedWithCustomError(clearinghouse, "NotTheSuccessor")
          .withArgs(engine, stricter);
      }
    });

    it("waits until the blend before is over, to the second", async () => {
      const { clearinghouse, marginEngine, engineAfter, accessManager, governance, ...scene } =
        await loadFixture(deploySuccession);
      const second = await engineAfter(marginEngine, "MockStricterEngine");
      const third = await engineAfter(second, "MarginEngine");
      const schedule = async (engine: typeof second) =>
        scene.schedule(clearinghouse, "setMarginEngine", [await engine.getAddress()]);
      const acts = [await schedule(second), await schedule(third)] as const;
      await time.increase(acts[1].delay);
      const execute = ({ target, data }: (typeof acts)[number]) =>
        accessManager.connect(governance).execute(target, data);
      await execute(acts[0]);
      const end = BigInt(await time.latest()) + RAMP_SECONDS;
      expect(await second.endOfBlend()).to.equal(end);
      await expect(execute(acts[1]))
        .to.be.revertedWithCustomError(clearinghouse, "BlendNotOver")
        .withArgs(end);
      await time.setNextBlockTimestamp(end - 1n);
      await expect(execute(acts[1]))
        .to.be.revertedWithCustomError(clearinghouse, "BlendNotOver")
        .withArgs(end);
      await networkHelpers.mine();
      await time.setNextBlockTimestamp(end);
      await expect(execute(acts[1]))
        .to.emit(clearinghouse, "MarginEngineSet")
        .withArgs(await third.getAddress());
      expect(await third.endOfBlend()).to.equal(end + RAMP_SECONDS);
    });

    it("begins only by the clearinghouse, before and after", async () => {
      const { vault, marginEngine, stricter, engineAfter, ...scene } =
        await loadFixture(deployStricter);
      const next = await engineAfter(stricter, "MarginEngine");
      expect(await next.endOfBlend()).to.equal(0n);
      for (const engine of [marginEngine, stricter, next]) {
        for (const caller of [scene.governance, scene.guardian, scene.stranger]) {
          await expect(engine.connect(caller).begin())
            .to.be.revertedWithCustomError(vault, "NotClearinghouse")
            .withArgs(caller);
        }
      }
    });

    it("is told by the engine: whom it succeeds, and with a model of its own", async () => {
      const { marginEngine, stricter } = await loadFixture(deployStricter);
      expect(await marginEngine.FORMER_ENGINE()).to.equal(ZeroAddress);
      expect(await stricter.FORMER_ENGINE()).to.equal(await marginEngine.getAddress());
      expect(await stricter.MODEL()).not.to.equal(await marginEngine.MODEL());
    });
  });

  describe("the blend", () => {
    it("moves both requirements in a straight line from the former model's to its own (GV1)", async () => {
      const { marginEngine, stricter, account, begun, waitUntil } =
        await loadFixture(deployStricter);
      for (const passed of MOMENTS) {
        await waitUntil(begun + passed);
        const former = await marginEngine.marginOf(account);
        const margin = await stricter.marginOf(account);
        expect(margin.equity).to.equal(former.equity);
        for (const name of ["initial", "maintenance"] as const) {
          const expected = onTheWay(former[name], 2n * former[name], passed);
          expect(margin[name], `${name} after ${passed} s`).to.equal(expected);
        }
      }
    });

    it("changes nobody's status in its first block", async () => {
      const { marginEngine, stricter, account, house } = await loadFixture(deployStricter);
      for (const one of [account, house]) {
        expect(await stricter.marginOf(one)).to.deep.equal(await marginEngine.marginOf(one));
        expect(await stricter.statusOf(one)).to.equal(await marginEngine.statusOf(one));
      }
    });

    it("is in what-if questions as well", async () => {
      const { marginEngine, stricter, account, begun, waitUntil } =
        await loadFixture(deployStricter);
      const deltas = [{ instrument: ETH_PERP, size: 5n * WAD, price: parseWad(3_000) }];
      for (const passed of [0n, RAMP_SECONDS / 2n, RAMP_SECONDS]) {
        await waitUntil(begun + passed);
        const former = await marginEngine.marginWith(account, deltas, WAD);
        const { initial, maintenance } = await stricter.marginWith(account, deltas, WAD);
        expect(initial).to.equal(onTheWay(former.initial, 2n * former.initial, passed));
        expect(maintenance).to.equal(onTheWay(former.maintenance, 2n * former.maintenance, passed));
      }
    });

    it("leaves the minimum margin as it is, which is the engine's and not the model's", async () => {
      const { stricter, begun, waitUntil, clear, ...scene } = await loadFixture(deployStricter);
      const small = await scene.fund(scene.carol, 0n, 100);
      await clear({ account: small, instrument: ETH_PERP, size: WAD / 100n });
      await waitUntil(begun + RAMP_SECONDS / 3n);
      expect((await stricter.marginOf(small)).maintenance).to.equal(parseWad(25));
    });

    it("says what can be withdrawn, and the vault says the same once it has the engine", async () => {
      const { vault, clearinghouse, usdc, stricter, account, alice, waitUntil, ...scene } =
        await loadFixture(deployStricter);
      // The vault's engine is another wire: governance changes it with the same delay.
      await scene.fund(alice, 0n, 3_000);
      const args = [await clearinghouse.getAddress(), await stricter.getAddress()];
      await scene.asGovernance(vault, "wire", args);
      const next = await scene.engineAfter(stricter, "MarginEngine");
      const begun = await scene.putInCharge(next);
      await scene.refreshPrices();
      await waitUntil(begun + RAMP_SECONDS / 4n);
      for (const engine of [stricter, next]) {
        const { equity, initial } = await engine.marginOf(account);
        const spare = (equity - initial) / 10n ** 12n;
        expect(spare).to.be.greaterThan(0n);
        expect(await engine.withdrawable(account, usdc)).to.equal(spare);
      }
      const spare = await stricter.withdrawable(account, usdc);
      const { withdraw } = vault.connect(alice);
      await withdraw.staticCall(account, usdc, spare, alice);
      await expect(
        withdraw.staticCall(account, usdc, spare + 1n, alice),
      ).to.be.revertedWithCustomError(stricter, "BelowInitialMargin");
    });

    it("goes on from the second engine's model to the third's", async () => {
      const { marginEngine, stricter, account, engineAfter, putInCharge, waitUntil } =
        await loadFixture(deployStricter);
      const third = await engineAfter(stricter, "MarginEngine");
      const begun = await putInCharge(third);
      for (const passed of MOMENTS) {
        await waitUntil(begun + passed);
        const standard = await marginEngine.marginOf(account);
        const { initial, maintenance } = await third.marginOf(account);
        expect(initial).to.equal(onTheWay(2n * standard.initial, standard.initial, passed));
        const doubled = 2n * standard.maintenance;
        expect(maintenance).to.equal(onTheWay(doubled, standard.maintenance, passed));
      }
    });

    it("is of today's rules, which may be on a ramp of their own", async () => {
      const { marginEngine, rules, account, engineAfter, accessManager, governance, ...scene } =
        await loadFixture(deploySuccession);
      const second = await engineAfter(marginEngine, "MockStricterEngine");
      const engine = await second.getAddress();
      const swap = await scene.schedule(scene.clearinghouse, "setMarginEngine", [engine]);
      await scene.passTime(swap.delay - 300_000n);
      const changes = { maintenanceBaseBps: 500 };
      await scene.asGovernance(rules, "setUnderlying", [ETH, ratesOf(scene, ETH, changes)]);
      await scene.passTime(130_000n);
      await accessManager.connect(governance).execute(swap.target, swap.data);
      const begun = BigInt(await time.latest());
      const { endOfRamp } = await rules.marginRatesOf(ETH);
      expect(endOfRamp).to.be.greaterThan(begun);
      for (const passed of [0n, 50_000n, RAMP_SECONDS / 2n]) {
        await scene.waitUntil(begun + passed);
        const { maintenance } = await marginEngine.marginOf(account);
        const blended = (await second.marginOf(account)).maintenance;
        expect(blended).to.equal(onTheWay(maintenance, 2n * maintenance, passed));
      }
    });
  });
});
