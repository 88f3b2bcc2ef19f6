import { expect } from "chai";
import hre from "hardhat";
import { MUST_HAPPEN, ONLY_IN } from "./mustHappen.js";
import { VARIANTS } from "./parameters.js";
import { playScenario } from "./run.js";
import { openStage, type Stage } from "./stage.js";

const SEEDS = 40;
const ACTS = 250;

/** Half of the fixed seeds: what the tests of one file play, so that two processes share them. */
export type Half = keyof typeof ONLY_IN;

/** One scenario with all its acts in words: the failure of a run says which. */
const { PLIMSOLL_SEED, PLIMSOLL_ACTS, PLIMSOLL_TALLY } = process.env;

/** Plays the scenarios of one half of the seeds, or of the one seed that the environment names. */
export function describeScenarios(half: Half): void {
  describe(`The contracts and the reference model of ledger, margin, liquidation and vault, ${half} seeds`, () => {
    const stages: Stage[] = [];
    const tally = new Map<string, number>();
    const acts = Number(PLIMSOLL_ACTS ?? ACTS);

    before(async function () {
      this.timeout(120_000);
      for (let variant = 0; variant < VARIANTS; ++variant) {
        stages.push(await openStage(await hre.network.create(), variant));
      }
    });

    const first = half === "odd" ? 1 : 2;
    const seedsOfHalf = Array.from({ length: SEEDS / 2 }, (_, place) => first + 2 * place);
    const seeds = PLIMSOLL_SEED === undefined ? seedsOfHalf : [Number(PLIMSOLL_SEED)];
    for (const seed of seeds) {
      it(`agree to the wei after each of ${acts} acts, seed ${seed}`, async () => {
        const onAct = (line: string) => {
          if (PLIMSOLL_SEED !== undefined) console.log(line);
        };
        await playScenario(stages[seed % VARIANTS]!, { seed, acts, tally, onAct });
      }).timeout(120_000);
    }

    if (PLIMSOLL_SEED === undefined && PLIMSOLL_ACTS === undefined) {
      it("have met every act, error and event of the model that the other half need not meet", () => {
        const own: readonly string[] = ONLY_IN[half];
        const elsewhere = new Set<string>(ONLY_IN[half === "odd" ? "even" : "odd"]);
        expect(own.filter((name) => elsewhere.has(name))).to.deep.equal([]);
        const due = MUST_HAPPEN.filter((name) => !elsewhere.has(name));
        expect(due).to.include.members(own);
        expect(due.filter((name) => !tally.has(name))).to.deep.equal([]);
      });
    }

    after(() => {
      if (PLIMSOLL_TALLY === undefined) return;
      const sorted = [...tally].sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [name, times] of sorted) console.log(String(times).padStart(6), name);
    });
  });
}
