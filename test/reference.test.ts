import { expect } from "chai";
import hre from "hardhat";
import { MUST_HAPPEN } from "./reference/scenario/mustHappen.js";
import { VARIANTS } from "./reference/scenario/parameters.js";
import { playScenario } from "./reference/scenario/run.js";
import { openStage, type Stage } from "./reference/scenario/stage.js";

const SEEDS = 40;
const ACTS = 250;

/** One scenario with all its acts in words: the failure of a run says which. */
const { PLIMSOLL_SEED, PLIMSOLL_ACTS, PLIMSOLL_TALLY } = process.env;

describe("The contracts and the reference model of ledger, margin, liquidation and vault", () => {
  const stages: Stage[] = [];
  const tally = new Map<string, number>();
  const acts = Number(PLIMSOLL_ACTS ?? ACTS);

  before(async function () {
    this.timeout(120_000);
    for (let variant = 0; variant < VARIANTS; ++variant) {
      stages.push(await openStage(await hre.network.create(), variant));
    }
  });

  const all = Array.from({ length: SEEDS }, (_, place) => place + 1);
  const seeds = PLIMSOLL_SEED === undefined ? all : [Number(PLIMSOLL_SEED)];
  for (const seed of seeds) {
    it(`agree to the wei after each of ${acts} acts, seed ${seed}`, async () => {
      const onAct = (line: string) => {
        if (PLIMSOLL_SEED !== undefined) console.log(line);
      };
      await playScenario(stages[seed % VARIANTS]!, { seed, acts, tally, onAct });
    }).timeout(120_000);
  }

  if (PLIMSOLL_SEED === undefined && PLIMSOLL_ACTS === undefined) {
    it("have met every act, error and event of the model at least once", () => {
      const missing = MUST_HAPPEN.filter((name) => !tally.has(name));
      expect(missing).to.deep.equal([]);
    });
  }

  after(() => {
    if (PLIMSOLL_TALLY === undefined) return;
    const sorted = [...tally].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, times] of sorted) console.log(String(times).padStart(6), name);
  });
});
