import { expect } from "chai";
import { MaxInt256 } from "ethers";
import hre from "hardhat";
import { WAD } from "../sdk/index.js";
import { ratesOf } from "../sdk/volatility.js";
import { deployPlimsoll, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { RATES } from "./support/volatility.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const SIZE = 10n * WAD;
const PRICE = 3_000n * WAD;
const HEALTHY = 0n;
const MARGIN_CALL = 1n;
const LIQUIDATABLE = 2n;

/** Alice is long 10 ETH with 2,100 dollars, for which 1,900 are required; Bob is short. */
async function deployLeveraged() {
  const plimsoll = await deployPlimsoll(connection);
  const { alice, bob, fund, trade, accountOf } = plimsoll;
  await fund(alice, 0n, 2_100);
  await fund(bob, 0n, 100_000);
  await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size: SIZE, price: PRICE });
  return { ...plimsoll, account: accountOf(alice) };
}

type Scene = Awaited<ReturnType<typeof deployLeveraged>>;

/** The price goes somewhere and back, and the volatility oracle is told. */
async function shake({ setPrice, volatilityOracle }: Scene, dollars: number) {
  await setPrice(ETH, dollars);
  await setPrice(ETH, 3_000);
  await volatilityOracle.poke(ETH, 256n);
}

describe("Volatility and accounts", () => {
  it("requires what the rates of now say, to the wei", async () => {
    const scene = await networkHelpers.loadFixture(deployLeveraged);
    const { rules, marginEngine, account } = scene;
    await shake(scene, 3_200);
    const { slowSigma, fastSigma, maintenance, initial } = await rules.marginRatesOf(ETH);
    const expected = ratesOf(RATES, { slow: slowSigma, fast: fastSigma });
    expect([maintenance, initial]).to.deep.equal([expected.maintenance, expected.initial]);
    const margin = await marginEngine.marginOf(account);
    // 30,000 dollars are in the first bracket.
    expect(margin.maintenance).to.equal(30_000n * maintenance);
    expect(margin.initial).to.equal(30_000n * initial);
  });

  it("leaves maintenance to the slow half-life; the fast one raises what new risk requires", async () => {
    const scene = await networkHelpers.loadFixture(deployLeveraged);
    await shake(scene, 3_200);
    const { slowSigma, fastSigma, maintenance, initial } = await scene.rules.marginRatesOf(ETH);
    expect(fastSigma).to.be.greaterThan(slowSigma);
    const slow = ratesOf(RATES, { slow: slowSigma, fast: slowSigma });
    expect(maintenance).to.equal(slow.maintenance);
    expect(initial).to.be.greaterThan(slow.initial);
  });

  it("moves nothing before somebody pokes", async () => {
    const scene = await networkHelpers.loadFixture(deployLeveraged);
    const { setPrice, marginEngine, account } = scene;
    const before = await marginEngine.marginOf(account);
    await setPrice(ETH, 3_600);
    await setPrice(ETH, 3_000);
    const after = await marginEngine.marginOf(account);
    expect([after.initial, after.maintenance]).to.deep.equal([before.initial, before.maintenance]);
  });

  it("makes a margin call of a healthy account when prices become restless", async () => {
    const scene = await networkHelpers.loadFixture(deployLeveraged);
    const { marginEngine, clearinghouse, account, stranger } = scene;
    expect(await marginEngine.statusOf(account)).to.equal(HEALTHY);
    await shake(scene, 3_300);
    expect(await marginEngine.statusOf(account)).to.equal(MARGIN_CALL);
    await expect(clearinghouse.connect(stranger).callMargin(account)).to.emit(
      clearinghouse,
      "MarginCalled",
    );
  });

  it("makes an account liquidatable when they become wild", async () => {
    const scene = await networkHelpers.loadFixture(deployLeveraged);
    const { marginEngine, clearinghouse, account, fund, liquidator } = scene;
    const rescuer = await fund(liquidator, 0n, 100_000);
    await shake(scene, 3_600);
    expect(await marginEngine.statusOf(account)).to.equal(LIQUIDATABLE);
    await expect(
      clearinghouse.connect(liquidator).liquidate(account, rescuer, WAD, MaxInt256),
    ).to.emit(clearinghouse, "Liquidated");
  });

  it("is healthy again when the restless time is over, without a poke", async () => {
    const scene = await networkHelpers.loadFixture(deployLeveraged);
    const { marginEngine, account, passTime } = scene;
    await shake(scene, 3_300);
    await passTime(60n * 86_400n);
    expect(await marginEngine.statusOf(account)).to.equal(HEALTHY);
  });
});
