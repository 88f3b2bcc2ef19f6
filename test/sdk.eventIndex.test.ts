import { expect } from "chai";
import { network } from "hardhat";
import { EventIndex } from "../sdk/eventIndex/eventIndex.js";
import { catchUp } from "../sdk/eventIndex/follow.js";
import { verifyIndex } from "../sdk/eventIndex/verify.js";
import { indexOptions, sourceFor } from "./fixtures/eventIndex.js";
import { playScenario } from "./reference/scenario/run.js";
import { openStage, type Stage } from "./reference/scenario/stage.js";

const SEEDS = [
  [1, 3],
  [2, 5],
  [0, 6],
  [0, 2],
] as const;

describe("The event index of whole scenarios", () => {
  let stages: Stage[];

  before(async function () {
    this.timeout(120_000);
    stages = [];
    for (const [variant] of SEEDS) {
      stages.push(await openStage(await network.create(), variant));
    }
  });

  for (const [variant, seed] of SEEDS) {
    it(`is equal to the wei at the end, seed ${seed}`, async () => {
      const stage = stages.find((_, place) => SEEDS[place]![0] === variant)!;
      const tally = new Map<string, number>();
      await playScenario(stage, { seed, acts: 250, tally });
      const index = new EventIndex(await indexOptions(stage.plimsoll));
      const source = sourceFor(index, stage.connection);
      const { number } = await source.head();
      for (const confirmations of [120, 60, 30, 0]) {
        await catchUp(index, { source, confirmations });
        expect(index.tip?.number).to.equal(number - confirmations);
        const { compared, differences } = await verifyIndex(index, { contracts: stage.plimsoll });
        expect(differences).to.deep.equal([]);
        console.log(compared, Object.fromEntries(Object.entries(index.state).map(([k,v])=>[k, (v as {size?:number}).size])));
      }
    }).timeout(120_000);
  }
});
