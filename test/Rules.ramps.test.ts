import { expect } from "chai";
import { network } from "hardhat";
import { type Group, type ListedRules, RAMP_GROUPS } from "./fixtures/ramp-groups.js";
import {
  allOnTheWay,
  deployListedRules,
  ETH,
  type Fields,
  MOMENTS,
  RAMP_SECONDS,
} from "./fixtures/ramps.js";

const connection = await network.create();
const { networkHelpers } = connection;
const { loadFixture, time } = networkHelpers;

const now = async () => BigInt(await time.latest());

/** Whether the values of a group go from one to the other in a straight line since a moment. */
async function expectLine(
  deployed: ListedRules,
  group: Group,
  line: { from: Fields; to: Fields; begun: bigint; moments?: readonly bigint[] },
) {
  for (const passed of line.moments ?? MOMENTS) {
    if (line.begun + passed > (await now())) await time.increaseTo(line.begun + passed);
    expect(await group.read(deployed), `after ${passed} s`).to.deep.equal(
      allOnTheWay(line.from, line.to, passed),
    );
  }
}

describe("Rules", () => {
  for (const group of RAMP_GROUPS) {
    const [first, second, third] = [group.first, group.second, group.third].map(group.shown) as [
      Fields,
      Fields,
      Fields,
    ];

    /** The group on its way from `first` to `second`, since `begun`. */
    const deployOnTheWay = async () => {
      const deployed = await loadFixture(deployListedRules);
      await group.set(deployed, group.second);
      return { deployed, begun: await now() };
    };

    describe(`ramp of ${group.name}`, () => {
      it("has no ramp when it is listed: the first values are there at once", async () => {
        const deployed = await loadFixture(deployListedRules);
        expect(await group.read(deployed)).to.deep.equal(first);
      });

      it("begins at the old values in the block of the change and is at the new ones from its end on (GV1)", async () => {
        const { deployed, begun } = await deployOnTheWay();
        await expectLine(deployed, group, { from: first, to: second, begun });
      });

      it("takes the same way back, so loosening takes as long as tightening", async () => {
        const { deployed } = await deployOnTheWay();
        await time.increase(RAMP_SECONDS);
        await group.set(deployed, group.first);
        await expectLine(deployed, group, { from: second, to: first, begun: await now() });
      });

      it("tells when it ends", async () => {
        const deployed = await loadFixture(deployListedRules);
        const at = (await now()) + 100n;
        await time.setNextBlockTimestamp(at);
        await expect(group.set(deployed, group.second))
          .to.emit(deployed.rules, group.event)
          .withArgs(...group.told(deployed, group.second), at + RAMP_SECONDS);
      });

      it("has none when what is already set is set, and tells so", async () => {
        const deployed = await loadFixture(deployListedRules);
        await expect(group.set(deployed, group.first))
          .to.emit(deployed.rules, group.event)
          .withArgs(...group.told(deployed, group.first), 0n);
        await time.increase(1_000n);
        expect(await group.read(deployed)).to.deep.equal(first);
      });

      it("goes on as it is when the same is set again, with the same end", async () => {
        const { deployed, begun } = await deployOnTheWay();
        await time.setNextBlockTimestamp(begun + 86_400n);
        await expect(group.set(deployed, group.second))
          .to.emit(deployed.rules, group.event)
          .withArgs(...group.told(deployed, group.second), begun + RAMP_SECONDS);
        const moments = MOMENTS.slice(2);
        await expectLine(deployed, group, { from: first, to: second, begun, moments });
      });

      it("tells its end, which is in the past, when the same is set after it", async () => {
        const { deployed, begun } = await deployOnTheWay();
        await time.setNextBlockTimestamp(begun + RAMP_SECONDS + 5n);
        await expect(group.set(deployed, group.second))
          .to.emit(deployed.rules, group.event)
          .withArgs(...group.told(deployed, group.second), begun + RAMP_SECONDS);
        expect(await group.read(deployed)).to.deep.equal(second);
      });

      if (group.movesAlone) {
        for (const passed of [1n, 129_607n, RAMP_SECONDS - 1n]) {
          it(`refuses others, and the way back, ${passed} s after its beginning`, async () => {
            const { deployed, begun } = await deployOnTheWay();
            for (const other of [group.third, group.first]) {
              await time.setNextBlockTimestamp(begun + passed);
              await expect(group.set(deployed, other))
                .to.be.revertedWithCustomError(deployed.rules, "RampNotOver")
                .withArgs(ETH, begun + RAMP_SECONDS);
            }
            await time.increaseTo(begun + RAMP_SECONDS - 1n);
            await group.set(deployed, group.third);
            const next = { from: second, to: third, begun: begun + RAMP_SECONDS };
            await expectLine(deployed, group, next);
          });
        }
        return;
      }

      for (const [other, title] of [
        [third, "begins anew at the values of the moment when others are set in the middle"],
        [first, "turns back from the values of the moment"],
      ] as const) {
        for (const passed of [1n, 129_607n, RAMP_SECONDS - 1n]) {
          it(`${title}, ${passed} s after its beginning`, async () => {
            const { deployed, begun } = await deployOnTheWay();
            await time.setNextBlockTimestamp(begun + passed);
            await group.set(deployed, other);
            const from = allOnTheWay(first, second, passed);
            await expectLine(deployed, group, { from, to: other, begun: begun + passed });
          });
        }
      }

      it("stands still when the values of a moment are set", async () => {
        const { deployed, begun } = await deployOnTheWay();
        await time.increaseTo(begun + 100_000n);
        const there = await group.read(deployed);
        await time.setNextBlockTimestamp(begun + 100_000n + 1n);
        await group.set(deployed, there);
        // One second more may have moved a field by one unit, from which it comes back.
        const from = allOnTheWay(first, second, 100_001n);
        const again = { from, to: there, begun: begun + 100_001n };
        await expectLine(deployed, group, again);
      });

      it("survives being set anew in every block: it only gets slower", async () => {
        const { deployed, begun } = await deployOnTheWay();
        let from = first;
        let last = begun;
        let target = second;
        for (let i = 1n; i <= 4n; ++i) {
          const at = begun + i * 40_009n;
          await time.setNextBlockTimestamp(at);
          const next = target === second ? third : second;
          await group.set(deployed, next);
          from = allOnTheWay(from, target, at - last);
          expect(await group.read(deployed)).to.deep.equal(from);
          [target, last] = [next, at];
        }
      });
    });
  }
});
