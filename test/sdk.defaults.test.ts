import { expect } from "chai";
import hre from "hardhat";
import {
  type AccountId,
  accountWith,
  type CashPool,
  deleverageOf,
  divDown,
  fundPaymentOf,
  mulDown,
  parseWad,
  passesGate,
  readAccount,
  readFund,
  readMarket,
  readVault,
  spreadOf,
  WAD,
  writeOffOf,
} from "../sdk/index.js";
import { deployDefaultMarket, deployLendersMarket } from "./fixtures/default.js";
import { sinkDue, sinkToDebt } from "./fixtures/default.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const { ethers, networkHelpers } = await hre.network.create();
const { loadFixture } = networkHelpers;

/** A market in which nothing changes by time, read now. */
async function read(market: LiquidationMarket, accounts: AccountId[]) {
  const at = { blockTag: await ethers.provider.getBlockNumber() };
  return {
    at,
    now: await readMarket(market, [ETH, BTC], at),
    fund: await readFund(market, new Map(), at),
    held: await Promise.all(accounts.map(async (one) => readAccount(market, one, at))),
  };
}

describe("Defaults in the SDK", () => {
  for (const size of ["4", "10"]) {
    it(`close ${size} of 10 ETH of a bankrupt account as the contracts do`, async () => {
      const market = await loadFixture(deployDefaultMarket);
      const { clearinghouse, house, stranger, endow } = market;
      await endow(300);
      const account = await sinkDue(market, 900);
      const { now, fund, held } = await read(market, [account, house]);
      const [bankrupt, counterparty] = held;
      const asked = { instrument: ETH_PERP, size: parseWad(size) };
      const found = deleverageOf(bankrupt!, counterparty!, asked, now);
      if (found.refusal !== undefined) throw new Error(found.refusal);
      const unpaid = found.loss - fundPaymentOf(bankrupt!, found.loss, now, fund);
      const { haircuts, rest } = spreadOf(bankrupt!, unpaid, now, new Map());
      const { borne } = haircuts[0]!;
      expect(rest).to.equal(unpaid - borne);

      await expect(clearinghouse.connect(stranger).deleverage(account, house, ETH_PERP, asked.size))
        .to.emit(clearinghouse, "Deleveraged")
        .withArgs(account, house, ETH_PERP, found.size, found.mark, found.loss)
        .and.to.emit(clearinghouse, "GainsHaircut")
        .withArgs(ETH_PERP, false, borne, -haircuts[0]!.move);
      expect(await clearinghouse.deficit()).to.equal(rest);
    });
  }

  it("refuse to close what is not opposed or not bankrupt", async () => {
    const market = await loadFixture(deployDefaultMarket);
    const account = await sinkDue(market, 900);
    const { now, held } = await read(market, [account, market.house]);
    const [bankrupt, house] = held;
    const asked = { instrument: ETH_PERP, size: WAD };
    expect(deleverageOf(bankrupt!, bankrupt!, asked, now).refusal).to.equal("SelfDealing");
    expect(deleverageOf(house!, bankrupt!, asked, now).refusal).to.equal("NotBankrupt");
    const nothing = { ...asked, size: 0n };
    expect(deleverageOf(bankrupt!, house!, nothing, now).refusal).to.equal("NotOpposite");
  });

  it("write a debt off as the contracts do: the fund, then lenders, then the deficit", async () => {
    const market = await loadFixture(deployLendersMarket);
    const { clearinghouse, vault, endow } = market;
    await endow(800);
    const account = await sinkToDebt(market, 20_000, {
      legs: [{ instrument: ETH_PERP, size: 200n * WAD }],
      stake: 70_000,
    });
    const { at, now, fund, held } = await read(market, [account]);
    const pool = await poolOf(market, at);
    const found = writeOffOf(held[0]!, now, fund, pool);
    expect(found.lendersBear).to.be.greaterThan(0n);
    expect(found.deficit).to.be.greaterThan(0n);
    await expect(clearinghouse.writeOff(account))
      .to.emit(clearinghouse, "WrittenOff")
      .withArgs(account, found.debt, found.fundPays);
    const [charged] = await vault.queryFilter(vault.filters.LendersCharged());
    expect(charged?.args[0]).to.equal(found.lendersBear);
    expect(await clearinghouse.deficit()).to.equal(found.deficit);
  });

  it("let trades through the gate that the contracts let through, and no others", async () => {
    const market = await loadFixture(deployLiquidationMarket);
    const account = await market.fund(market.alice, 0n, 10_000);
    const legs = [{ instrument: ETH_PERP, size: 10n * WAD }];
    for (const percent of [-5n, 50n, 110n]) {
      const here = await networkHelpers.takeSnapshot();
      const equity = ({ maintenance }: { maintenance: bigint }) => (maintenance * percent) / 100n;
      await market.sink(account, legs, { prices: { [ETH]: 2_800 }, equity });
      const { now, held } = await read(market, [account]);
      const outcomes = new Set<boolean>();
      for (const size of [-21n, -10n, -6n, -1n, 1n, 5n].map((whole) => whole * WAD)) {
        for (const price of [2_690, 2_780, 2_799, 2_800, 2_850].map(parseWad)) {
          const trade = { instrument: ETH_PERP, size, price };
          const acts = { trades: [trade], venueFees: 0n, builderFees: 0n };
          const passes = passesGate(accountWith(held[0]!, [trade], 0n), acts, now);
          const cleared = market.venue.clear.staticCall([
            await market.tradeOf({ account, ...trade }),
          ]);
          const said = await cleared.then(
            () => true,
            () => false,
          );
          expect(passes, `${size} at ${price}`).to.equal(said);
          outcomes.add(said);
        }
      }
      expect(outcomes.size, "some pass and some do not").to.equal(2);
      await here.restore();
    }
  });
});

async function poolOf(market: LiquidationMarket, at: { blockTag: number }): Promise<CashPool> {
  const { vault, usdc } = market;
  const [figures, rules, loans] = await Promise.all([
    vault.cashPool(at),
    vault.cashRules(at),
    readVault(market, at),
  ]);
  const tokens = (await vault.trackedOf(usdc, at)) * 10n ** 12n;
  const debt = divDown(figures.debt, loans.borrowIndex);
  const net = figures.positiveCash - tokens - mulDown(debt, loans.borrowIndex);
  const times = { accruedAt: 0n, lostAt: 0n, lostShare: 0n, reserved: 0n };
  const { supplyIndex, borrowIndex } = loans;
  return { rules, tokens, net, debt, supplyIndex, borrowIndex, ...times };
}
