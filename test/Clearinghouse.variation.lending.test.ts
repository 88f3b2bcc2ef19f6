import { expect } from "chai";
import type { NetworkConnection } from "hardhat/types/network";
import hre from "hardhat";
import { readParameters } from "../ignition/parameters.js";
import { parseWad, WAD } from "../sdk/index.js";
import { expectBooks } from "./fixtures/books.js";
import { deployLiquidationMarketWith } from "./fixtures/liquidation.js";
import { ETH, ETH_PERP, stillParameters } from "./fixtures/plimsoll.js";
import { sum } from "./reference/margin.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const MONTH = 30n * 86_400n;

/**
 * Debt bears interest. Alice is long 100 ETH in one account and short as much in another, ETH has risen by 500 dollars, and
 * Dave owes 5 million of the house's 6.
 */
async function deployHedged(network: NetworkConnection) {
  const { cash } = readParameters("local");
  const market = await deployLiquidationMarketWith(network, { ...stillParameters(), cash });
  const { vault, usdc, weth, bob, liquidator, alice, dave, house, rescuer, fund } = market;
  const dollars = (millions: bigint) => millions * 10n ** 12n;
  await vault.connect(liquidator).withdraw(rescuer, usdc, dollars(20n), liquidator);
  await vault.connect(bob).withdraw(house, usdc, dollars(194n), bob);
  const winning = await fund(alice, 0n, 200_000);
  const losing = await fund(alice, 1n, 200_000);
  const borrower = await market.deposit(dave, { token: weth, amount: 9_000 });
  await market.clear({ account: winning, instrument: ETH_PERP, size: 100n * WAD, maker: losing });
  await market.setPrice(ETH, 3_500);
  await vault.connect(dave).withdraw(borrower, usdc, dollars(5n), dave);
  return { ...market, winning, losing };
}

describe("Clearinghouse.settleVariation where cash earns interest", () => {
  /** What Alice's two accounts earn together in a month, with what is settled at its beginning. */
  async function earnedWith(settled: ("winning" | "losing")[]): Promise<bigint> {
    const market = await networkHelpers.loadFixture(deployHedged);
    const { clearinghouse, marginEngine, alice, stranger, winning, losing } = market;
    const worth = async () =>
      sum(
        await Promise.all(
          [winning, losing].map(async (each) => (await marginEngine.marginOf(each)).equity),
        ),
      );
    const before = await worth();
    if (settled.includes("winning")) await clearinghouse.connect(alice).settleVariation(winning);
    if (settled.includes("losing")) await clearinghouse.connect(stranger).settleVariation(losing);
    await market.passTime(MONTH);
    const earned = (await worth()) - before;
    await expectBooks(market);
    return earned;
  }

  it("pays an owner who settles only the winning one of two hedged accounts for cash that nobody brought", async () => {
    const [nothing, onlyGain] = [await earnedWith([]), await earnedWith(["winning"])];
    expect(nothing).to.be.above(0n);
    expect(onlyGain).to.be.above(nothing);
  });

  it("pays nothing for it once anybody settles the losing one: that takes the owner's leave of nobody", async () => {
    const [nothing, both] = [await earnedWith([]), await earnedWith(["winning", "losing"])];
    // Some seconds of interest lie between the runs: of 400,000 dollars at a tenth a year, a cent.
    expect(both).to.be.within(nothing - parseWad("0.05"), nothing + parseWad("0.05"));
  });
});
