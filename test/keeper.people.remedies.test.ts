import { expect } from "chai";
import { MaxUint256 } from "ethers";
import hre from "hardhat";
import { depositTermsOf } from "../keeper/people/facts.js";
import { type DepositTerms, remediesOf } from "../keeper/people/remedies.js";
import {
  type AccountId,
  type AccountSnapshot,
  accountWith,
  marginOf,
  type MarketSnapshot,
  parseWad,
  statusOf,
  WAD,
} from "../sdk/index.js";
import { keeperScene } from "./fixtures/keeperView.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";

const { networkHelpers } = await hre.network.create();
/** A whole number between two, both included. */
type Draw = (least: number, most: number) => number;

const PLENTY = 10n ** 40n;
const WEI = 10n ** 12n;

describe("What restores initial margin", function () {
  this.timeout(60_000);
  let market: LiquidationMarket;

  beforeEach(async () => {
    market = await networkHelpers.loadFixture(deployLiquidationMarket);
  });

  /** Alice's account, long 10 ETH at 2,700 dollars with some WETH, and worth so much. */
  async function sunk(dollars: number): Promise<AccountId> {
    const { alice, fund, deposit, sink, weth } = market;
    const account = await fund(alice, 0n, 20_000);
    await deposit(alice, { token: weth, amount: "0.05" });
    const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
    await sink(account, legs, { prices: { [ETH]: 2_700 }, equity: () => parseWad(dollars) });
    return account;
  }

  async function remedies(account: AccountId) {
    const { index, view } = await keeperScene(market);
    const { market: known, snapshotOf } = await view();
    const terms = depositTermsOf(index, account, known);
    return { ...remediesOf(snapshotOf(account), known, terms), known };
  }

  const status = async (account: AccountId) => market.marginEngine.statusOf(account);

  it("is on the chain what it says of every token: a unit less is not enough", async () => {
    const account = await sunk(1_500);
    const { collateral, known, settlement } = await remedies(account);
    const { alice, usdc, vault } = market;
    const all = [
      { token: usdc, amount: settlement! },
      ...collateral.map(({ amount, place }) => ({
        token: [market.weth, market.wsteth, market.wbtc].find(
          ({ target }) => target === known.tokens[place]!.token,
        )!,
        amount,
      })),
    ];
    expect(all).to.have.length(4);
    for (const { amount, token } of all) {
      const before = await networkHelpers.takeSnapshot();
      await token.mint(alice, amount);
      await token.connect(alice).approve(vault, MaxUint256);
      await vault.connect(alice).deposit(account, token, amount - 1n);
      expect(await status(account)).to.equal(1n);
      await before.restore();
      await token.mint(alice, amount);
      await token.connect(alice).approve(vault, MaxUint256);
      await vault.connect(alice).deposit(account, token, amount);
      expect(await status(account)).to.equal(0n);
      await before.restore();
    }
  });

  it("is on the chain the part of the positions that it says", async () => {
    const account = await sunk(1_500);
    const { closedBps } = await remedies(account);
    for (const [bps, expected] of [
      [closedBps! - 1n, 1n],
      [closedBps!, 0n],
    ] as const) {
      const before = await networkHelpers.takeSnapshot();
      const size = -((10n * WAD * bps + 9_999n) / 10_000n);
      await market.clear({ account, instrument: ETH_PERP, size });
      expect(await status(account)).to.equal(expected);
      await before.restore();
    }
  });

  it("gives the price at which the largest position can be liquidated", async () => {
    const account = await sunk(1_500);
    const { liquidation } = await remedies(account);
    expect(liquidation!.instrument).to.equal(ETH_PERP);
    const above = Number(liquidation!.price / WEI) / 1e6;
    await market.setPrice(ETH, (above * 1.0001).toFixed(6));
    expect(await status(account)).to.equal(1n);
    await market.setPrice(ETH, (above * 0.9999).toFixed(6));
    expect(await status(account)).to.equal(2n);
  });

  it("is, for any account, enough, and a unit less is not", async () => {
    await sunk(1_500);
    const { index, view } = await keeperScene(market);
    const { market: known } = await view();
    expect(index.state.singles.tokens).to.have.length(3);
    const { between } = randomFrom(7);
    const draw: Draw = (least, most) => Number(between(BigInt(least), BigInt(most)));
    let [deposits, closings] = [0, 0];
    for (let i = 0; i < 400; i++) {
      const account = someAccount(draw);
      const { equity, initial } = marginOf(account, known);
      if (equity >= initial) continue;
      const found = remediesOf(account, known, termsOf(account));
      deposits += requireDeposits(account, known, found);
      closings += requireClosing(account, known, found.closedBps);
    }
    expect(deposits).to.be.greaterThan(100);
    expect(closings).to.be.greaterThan(20);
  });

  it("leaves out what is not taken, or not as much", async () => {
    const account = await sunk(1_500);
    const { index, view } = await keeperScene(market);
    const { market: known, snapshotOf } = await view();
    const snapshot = snapshotOf(account);
    const all = remediesOf(snapshot, known, depositTermsOf(index, account, known));
    const [first] = all.collateral;
    const tight: DepositTerms = {
      ...termsOf(snapshot),
      settlementRoom: 0n,
      rooms: [first!.amount - 1n, undefined, PLENTY],
    };
    const { collateral, settlement } = remediesOf(snapshot, known, tight);
    expect(collateral.map(({ place }) => place)).to.deep.equal([2]);
    // Below initial margin an account may always bring as much as that.
    expect(settlement).to.equal(all.settlement);
    const bankrupt = { ...snapshot, cash: snapshot.cash - 20_000n * WAD };
    expect(
      remediesOf(bankrupt, known, { ...tight, ...termsOf(bankrupt), settlementRoom: 0n })
        .settlement,
    ).to.equal(undefined);
  });

  function termsOf({ cash }: AccountSnapshot): DepositTerms {
    return {
      settlementDecimals: 6,
      settlementRoom: PLENTY,
      rooms: [PLENTY, PLENTY, PLENTY],
      cashAfter: (deposited) => cash + deposited,
    };
  }

  function someAccount(draw: Draw): AccountSnapshot {
    const sizes = [draw(-20, 20), draw(-2, 2)];
    const positions = [ETH_PERP, BTC_PERP].flatMap((instrument, i) => {
      const size = BigInt(sizes[i]!) * (WAD / 7n);
      const price = BigInt(draw(2_000, 4_000)) * (i === 0 ? 1n : 30n) * -1n;
      return size === 0n ? [] : [{ instrument, size, realQuote: size * price }];
    });
    const collateral = [0, 1, 2].flatMap((place) =>
      draw(0, 2) === 0
        ? [{ place, amount: BigInt(draw(1, 1_000_000)) * 10n ** BigInt(place === 2 ? 0 : 10) }]
        : [],
    );
    return {
      account: `0x${"11".repeat(32)}`,
      cash: BigInt(draw(-3_000, 1_500)) * WAD,
      positions,
      collateral,
    };
  }

  function requireDeposits(
    account: AccountSnapshot,
    known: MarketSnapshot,
    { collateral, settlement }: ReturnType<typeof remediesOf>,
  ): number {
    const isWell = (changed: AccountSnapshot) => statusOf(marginOf(changed, known)) === "Healthy";
    const withCash = (amount: bigint) => ({ ...account, cash: account.cash + amount * WEI });
    expect(isWell(withCash(settlement!))).to.equal(true);
    expect(isWell(withCash(settlement! - 1n))).to.equal(false);
    for (const { amount, place } of collateral) {
      const withToken = (added: bigint) => {
        const held = account.collateral.find((one) => one.place === place)?.amount ?? 0n;
        const others = account.collateral.filter((one) => one.place !== place);
        return { ...account, collateral: [...others, { place, amount: held + added }] };
      };
      expect(isWell(withToken(amount))).to.equal(true);
      expect(isWell(withToken(amount - 1n))).to.equal(false);
    }
    return 1 + collateral.length;
  }

  function requireClosing(
    account: AccountSnapshot,
    known: MarketSnapshot,
    closedBps: bigint | undefined,
  ): number {
    if (closedBps === undefined) return 0;
    const after = (bps: bigint) => {
      const deltas = account.positions.map(({ instrument, size }) => {
        const closed = ((size < 0n ? -size : size) * bps + 9_999n) / 10_000n;
        const price = known.prices.get(instrument === ETH_PERP ? ETH : BTC)!;
        return { instrument, size: size > 0n ? -closed : closed, price };
      });
      return statusOf(marginOf(accountWith(account, deltas, 0n), known));
    };
    expect(after(closedBps)).to.equal("Healthy");
    expect(after(closedBps - 1n)).to.not.equal("Healthy");
    return 1;
  }
});
