import hre from "hardhat";
import { VARIANTS } from "./reference/scenario/parameters.js";
import { playScenario } from "./reference/scenario/run.js";
import { openStage, type Stage } from "./reference/scenario/stage.js";

const SEEDS = 40;
const ACTS = 250;

/** One scenario instead of all: the failure of a run prints both. */
const { PLIMSOLL_SEED, PLIMSOLL_ACTS } = process.env;

describe("Reference model: ledger, margin, liquidation and vault", () => {
  const stages: Stage[] = [];
  const tally = new Map<string, number>();

  before(async function () {
    this.timeout(120_000);
    for (let variant = 0; variant < VARIANTS; ++variant) {
      stages.push(await openStage(await hre.network.create(), variant));
    }
  });

  const seeds =
    PLIMSOLL_SEED === undefined
      ? Array.from({ length: SEEDS }, (_, i) => i + 1)
      : [Number(PLIMSOLL_SEED)];
  for (const seed of seeds) {
    it(`agrees with the contracts after each of ${ACTS} acts, seed ${seed}`, async () => {
      const onAct = PLIMSOLL_SEED === undefined ? undefined : console.log;
      await playScenario(stages[seed % VARIANTS]!, {
        seed,
        acts: Number(PLIMSOLL_ACTS ?? ACTS),
        tally,
        ...(onAct === undefined ? {} : { onAct }),
      });
    }).timeout(120_000);
  }

  after(() => {
    if (process.env.PLIMSOLL_TALLY !== undefined)
      for (const [name, times] of [...tally].sort()) console.log(String(times).padStart(6), name);
  });
});
