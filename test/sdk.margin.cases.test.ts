import { expect } from "chai";
import { network } from "hardhat";
import {
  liquidationPrice,
  marginOf,
  MissingPriceError,
  previewLiquidation,
  withdrawableCash,
  withdrawableCollateral,
} from "../sdk/index.js";
import { type CaseScene, marginCases, SETTLEMENT } from "./fixtures/marginCases.js";
import { MARGIN_STATES } from "./fixtures/marginStates.js";
import { deployMarginWorld, type MarginWorld } from "./fixtures/marginWorld.js";

const SCENES = 16;
const SIZE = { margins: 80, withdrawals: 3, searches: 1 };

describe("The margin mirror", function () {
  this.timeout(240_000);
  let world: MarginWorld;

  before(async () => {
    world = await deployMarginWorld(await network.create());
  });

  for (const [name, reach] of Object.entries(MARGIN_STATES)) {
    it(`says what the contracts say ${name}`, async () => {
      const start = Date.now();
      await reach(world);
      console.log("reach", Date.now() - start);
      let seed = 1;
      for await (const scene of marginCases(world, { seed: ++seed, scenes: SCENES, size: SIZE })) {
        compare(scene);
      }
      console.log("total", Date.now() - start);
    });
  }
});

function compare({ market, vault, fund, ...scene }: CaseScene): void {
  for (const { account, said } of scene.margins) {
    expect(unlessMissing(() => marginOf(account, market))).to.deep.equal(said);
  }
  for (const { account, said } of scene.previews) {
    expect(unlessMissing(() => previewLiquidation(account, market, fund))).to.deep.equal(said);
  }
  for (const { account, place, said } of scene.withdrawals) {
    const got = unlessMissing(() =>
      place === SETTLEMENT
        ? withdrawableCash(account, market, vault)
        : withdrawableCollateral(account, place, market, vault),
    );
    expect(got).to.equal(said);
  }
  for (const { account, instrument, said } of scene.prices) {
    expect(unlessMissing(() => liquidationPrice(account, instrument, market))).to.equal(said);
  }
}

function unlessMissing<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof MissingPriceError) return undefined;
    throw error;
  }
}
