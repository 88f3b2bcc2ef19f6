import { expect } from "chai";
import { network } from "hardhat";
import { EventIndex } from "../sdk/eventIndex/eventIndex.js";
import { catchUp } from "../sdk/eventIndex/follow.js";
import { verifyIndex } from "../sdk/eventIndex/verify.js";
import { indexOptions, sourceFor } from "./fixtures/eventIndex.js";
import type { World } from "./reference/model/world.js";
import { VARIANTS } from "./reference/scenario/parameters.js";
import { playScenario } from "./reference/scenario/run.js";
import { openStage, type Stage } from "./reference/scenario/stage.js";

/** One with defaults that reach the fund and winners, one with tokens of other decimals. More: PLIMSOLL_SEEDS=30. */
const { PLIMSOLL_SEEDS } = process.env;
const SEEDS = PLIMSOLL_SEEDS === undefined ? [6, 4] : range(1, Number(PLIMSOLL_SEEDS));
const ACTS = PLIMSOLL_SEEDS === undefined ? 160 : 250;

describe("The event index of whole scenarios", () => {
  const stages = new Map<number, Stage>();

  before(async function () {
    this.timeout(120_000);
    for (const variant of new Set(SEEDS.map((seed) => seed % VARIANTS))) {
      stages.set(variant, await openStage(await network.create(), variant));
    }
  });

  for (const seed of SEEDS) {
    it(`is equal to the chain and to the model, to the wei, seed ${seed}`, async () => {
      const stage = stages.get(seed % VARIANTS)!;
      const world = await playScenario(stage, { seed, acts: ACTS, tally: new Map() });
      const index = new EventIndex(await indexOptions(stage.plimsoll));
      const source = sourceFor(index, stage.connection);
      const { number } = await source.head();
      for (const confirmations of [100, 50, 0]) {
        await catchUp(index, { source, confirmations });
        expect(index.tip?.number).to.equal(number - confirmations);
        const { compared, differences } = await verifyIndex(index, { contracts: stage.plimsoll });
        expect(differences).to.deep.equal([]);
        expect(compared).to.be.above(200);
      }
      expectMemoryOf(index, world);
    }).timeout(120_000);
  }
});

/** What no view of the contracts says: the model has it, and all that follows from it is compared act by act. */
function expectMemoryOf({ state }: EventIndex, world: World): void {
  for (const [instrument, { drawn, drawnAt, moved, movedAt }] of world.books) {
    const label = `instrument ${instrument}`;
    const draw = state.draws.get(instrument) ?? { drawn: 0n, drawnAt: 0n };
    expect(draw, label).to.deep.equal({ drawn, drawnAt });
    const room = state.haircuts.get(instrument) ?? { movedLong: 0n, movedShort: 0n, movedAt: 0n };
    const expected = { movedLong: moved.long, movedShort: moved.short, movedAt };
    expect(room, label).to.deep.equal(expected);
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
