import { expect } from "chai";
import { MaxInt256 } from "ethers";
import hre from "hardhat";
import { parseWad, WAD } from "../sdk/index.js";
import { deployCrowded, MARKETS } from "./fixtures/limits.js";
import { ETH } from "./fixtures/plimsoll.js";
import { onTheWay, RAMP_SECONDS } from "./fixtures/ramps.js";
import {
  askToLiquidate,
  deployBetween,
  deploySuccession,
  liquidatedAt,
  successionActions,
} from "./fixtures/succession.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;
const { loadFixture, time } = networkHelpers;

/** Three quarters of what the design allows for any act of the largest account [gas]. */
const MOST_GAS = 6_000_000n;

const TEN_THOUSAND = 10_000n;
/** How far above the line a liquidation brings an account. */
const BUFFER = 1_500n;

describe("MarginEngine, liquidation while requirements move", () => {
  it("waits for the moving line: not a second before, and then at once (I5)", async () => {
    const scene = await loadFixture(deployBetween);
    const { stricter, account, begun, equity, maintenance, crossing } = scene;
    expect(crossing).to.be.within(RAMP_SECONDS / 10n, RAMP_SECONDS - 60_000n);
    for (const passed of [10n, crossing / 2n, crossing - 1n]) {
      await scene.waitUntil(begun + passed);
      const line = onTheWay(maintenance, 2n * maintenance, passed);
      expect(await stricter.statusOf(account)).to.be.lessThan(2n);
      expect(await stricter.previewLiquidation(account)).to.deep.equal([0n, 0n, 0n, 0n]);
      await expect(askToLiquidate(scene, account))
        .to.be.revertedWithCustomError(stricter, "NotLiquidatable")
        .withArgs(account, equity, line);
    }
    await time.setNextBlockTimestamp(begun + crossing);
    const line = onTheWay(maintenance, 2n * maintenance, crossing);
    expect(line).to.be.greaterThan(equity);
    expect(await liquidatedAt(scene, account)).to.deep.equal([equity, line]);
  });

  for (const left of [50_000n, 1n, -100n]) {
    it(`acts as its preview says and restores the target, ${left} s before the end (I6, I10)`, async () => {
      const scene = await loadFixture(deployBetween);
      const { stricter, account, begun, equity, maintenance } = scene;
      const passed = RAMP_SECONDS - left;
      await scene.waitUntil(begun + passed);
      const [fraction, payment] = await stricter.previewLiquidation(account);
      expect(fraction).to.be.within(WAD / 100n, WAD);
      expect(await askToLiquidate(scene, account)).to.deep.equal([fraction, payment]);

      await time.setNextBlockTimestamp(begun + passed + 1n);
      const line = onTheWay(maintenance, 2n * maintenance, passed + 1n);
      expect(await liquidatedAt(scene, account)).to.deep.equal([equity, line]);
      // The target is in the requirement of that block, half of the former's way or not.
      const after = await stricter.marginOf(account);
      const target = after.maintenance * (TEN_THOUSAND + BUFFER);
      expect(after.equity * TEN_THOUSAND).to.be.within(target, target + target / 1_000n);
    });
  }

  it("goes on for who was below the former line, by a line that begins there", async () => {
    const scene = await loadFixture(deploySuccession);
    const { marginEngine, account } = scene;
    await scene.setPrice(ETH, 2_650);
    const { equity, maintenance } = await marginEngine.marginOf(account);
    expect(equity).to.be.within(0n, maintenance - 1n);
    const second = await scene.engineAfter(marginEngine, "MockStricterEngine");
    const begun = await scene.putInCharge(second);
    await time.setNextBlockTimestamp(begun + 3n);
    const line = onTheWay(maintenance, 2n * maintenance, 3n);
    expect(await liquidatedAt(scene, account)).to.deep.equal([equity, line]);
  });

  it("keeps the liquidation of the fullest account, a part of it or all, far below 8,000,000 gas (GK1)", async function () {
    this.timeout(240_000);
    const scene = await loadFixture(deployCrowded);
    const { marginEngine, clearinghouse, liquidator, liquidators, alices, setFeed } = scene;
    const { engineAfter, putInCharge, waitUntil } = successionActions(connection, scene);
    const stricter = await engineAfter(marginEngine, "MockStricterEngine");
    const begun = await putInCharge(stricter);
    for (const number of MARKETS.slice(0, 32)) await setFeed(`M${number}/USD`, "92");
    await waitUntil(begun + RAMP_SECONDS / 2n);
    expect(await stricter.statusOf(alices)).to.equal(2n);
    for (const part of ["0.05", "1"]) {
      const snapshot = await networkHelpers.takeSnapshot();
      const act = await clearinghouse
        .connect(liquidator)
        .liquidate(alices, liquidators, parseWad(part), MaxInt256);
      const { gasUsed } = (await act.wait())!;
      expect(gasUsed, part).to.be.lessThan(MOST_GAS);
      await snapshot.restore();
    }
  });
});
