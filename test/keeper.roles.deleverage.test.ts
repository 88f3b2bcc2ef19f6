import { expect } from "chai";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { Counterparties, sideKey } from "../keeper/roles/default/counterparties.js";
import {
  bySize,
  type Counterparty,
  decideStep,
  type DefaultFacts,
  FLAG_LIFE,
  PATIENCE_BLOCKS,
} from "../keeper/roles/default/decide.js";
import { createDeleverage } from "../keeper/roles/deleverage.js";
import type { Role } from "../keeper/roles/role.js";
import { type AccountId, accountId, parseWad, WAD } from "../sdk/index.js";
import { AccountTable } from "../sdk/eventIndex/accountTable.js";
import { deployDefaultMarket, sinkBelow, sinkDue, sinkToDebt } from "./fixtures/default.js";
import { keeperScene } from "./fixtures/keeperView.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { OWNER } from "./support/accounts.js";

const ACCOUNT = accountId(OWNER);
const long = { instrument: ETH_PERP, size: WAD, realQuote: 0n };
const held = { account: ACCOUNT, cash: -10n * WAD, positions: [long], collateral: [] };

const BANKRUPT: DefaultFacts = {
  account: held,
  equity: -5n * WAD,
  flaggedAt: 0n,
  time: 10_000n,
  delay: 3_600n,
  blocks: PATIENCE_BLOCKS,
  leastDebt: WAD,
};

describe("Keeper: accounts that nobody takes", () => {
  describe("what is decided", () => {
    it("leaves a bankrupt account to liquidators for some blocks, then flags it", () => {
      const fresh = { ...BANKRUPT, blocks: PATIENCE_BLOCKS - 1 };
      expect(decideStep(fresh)).to.deep.equal({ kind: "wait" });
      expect(decideStep(BANKRUPT)).to.deep.equal({ kind: "flag", why: "bankrupt" });
    });

    it("deleverages from the end of the delay on, for a day, and then flags anew", () => {
      const flagged = { ...BANKRUPT, flaggedAt: 10_000n };
      const at = (time: bigint) => decideStep({ ...flagged, time });
      expect(at(13_599n)).to.deep.equal({ kind: "wait" });
      expect(at(13_600n)).to.deep.equal({ kind: "deleverage" });
      expect(at(13_600n + FLAG_LIFE)).to.deep.equal({ kind: "deleverage" });
      expect(at(13_601n + FLAG_LIFE)).to.deep.equal({ kind: "flag", why: "tooOld" });
    });

    it("takes a flag back from an account that has had equity for some blocks", () => {
      const well = { ...BANKRUPT, equity: 0n, flaggedAt: 9_000n };
      expect(decideStep(well)).to.deep.equal({ kind: "flag", why: "recovered" });
      expect(decideStep({ ...well, blocks: 0 })).to.deep.equal({ kind: "wait" });
      expect(decideStep({ ...well, flaggedAt: 0n })).to.deep.equal({ kind: "wait" });
    });

    it("writes a debt off that is worth the gas and stands alone", () => {
      const alone = { ...BANKRUPT, account: { ...held, positions: [] } };
      expect(decideStep(alone)).to.deep.equal({ kind: "writeOff" });
      expect(decideStep({ ...alone, leastDebt: 11n * WAD })).to.deep.equal({ kind: "wait" });
      const collateral = [{ place: 0, amount: 1n }];
      const secured = { ...alone.account, collateral };
      expect(decideStep({ ...alone, account: secured })).to.deep.equal({ kind: "wait" });
    });

    it("closes the largest first, in the same order in every keeper", () => {
      const of = (digit: string, size: bigint): Counterparty => ({
        account: `0x${digit.repeat(64)}`,
        size,
      });
      const [small, large, equal] = [of("1", -WAD), of("3", -3n * WAD), of("2", -3n * WAD)];
      expect([small, large, equal].sort(bySize)).to.deep.equal([equal, large, small]);
    });

    it("finds the largest of a side among many, with what they hold now", async () => {
      const accounts = new AccountTable();
      const put = (i: bigint, size: bigint) => {
        const positions = [{ instrument: ETH_PERP, size, quote: 0n }];
        accounts.set(accountId(OWNER, i), { principal: 0n, positions, collateral: [] });
      };
      for (let i = 1n; i <= 5_000n; ++i) put(i, (i % 2n === 0n ? 1n : -1n) * i);
      const side = { instrument: ETH_PERP, isLong: false };
      const counterparties = new Counterparties();
      const sizes = async (block: number) => {
        const found = await counterparties.of(accounts, [side], block);
        return found.get(sideKey(side))!.map(({ size }) => size);
      };
      const first = await sizes(100);
      expect(first.slice(0, 3)).to.deep.equal([-4_999n, -4_997n, -4_995n]);
      expect(first).to.have.length(256);

      // Who was closed meanwhile is gone, who was closed in part comes later, and newcomers wait for the next walk.
      put(4_999n, 1n);
      put(4_997n, -4_500n);
      put(2n, -9_000n);
      const next = await sizes(101);
      expect(next[0]).to.equal(-4_995n);
      expect(next).to.have.length(255);
      expect(next.at(-7)).to.equal(-4_500n);
      expect((await sizes(164))[0]).to.equal(-9_000n);
    });

    it("looks again when nobody whom it knew is left", async () => {
      const accounts = new AccountTable();
      const put = (i: bigint, size: bigint) => {
        const positions = [{ instrument: ETH_PERP, size, quote: 0n }];
        accounts.set(accountId(OWNER, i), { principal: 0n, positions, collateral: [] });
      };
      const side = { instrument: ETH_PERP, isLong: true };
      const counterparties = new Counterparties();
      const sizes = async () => {
        const found = await counterparties.of(accounts, [side], 100);
        return found.get(sideKey(side))!.map(({ size }) => size);
      };
      put(1n, 5n);
      expect(await sizes()).to.deep.equal([5n]);
      put(1n, -5n);
      put(2n, 7n);
      expect(await sizes()).to.deep.equal([7n]);
    });
  });

  describe("on the chain", () => {
    let connection: NetworkConnection;
    before(async () => (connection = await network.create()));
    after(() => connection.close());

    async function deploy(connection: NetworkConnection) {
      const market = await deployDefaultMarket(connection);
      return { ...market, keeper: await keeperScene(market) };
    }

    async function load() {
      const market = await connection.networkHelpers.loadFixture(deploy);
      const role = createDeleverage(market.keeper.tools);
      const look = async () => role.look(await market.keeper.view());
      const keysOf = async () => (await look()).map(({ key }) => key);
      return { ...market, role, look, keysOf };
    }

    /** Looks at so many blocks that patience is over; the last look's proposals. */
    async function lookPatiently({ keeper }: Awaited<ReturnType<typeof load>>, role: Role) {
      await role.look(await keeper.view());
      await connection.networkHelpers.mine(PATIENCE_BLOCKS);
      return role.look(await keeper.view());
    }

    it("flags, closes against the other side after the delay, and writes off the rest", async () => {
      const market = await load();
      const { clearinghouse, keeper, keysOf, look, role, vault } = market;
      const account = await sinkBelow(market, 1_000, { subAccount: 4n });
      expect(await keysOf()).to.deep.equal([]);

      const flags = await lookPatiently(market, role);
      expect(flags.map(({ key }) => key)).to.deep.equal([`flag ${account}`]);
      await keeper.execute(flags);
      expect(await clearinghouse.flaggedAt(account)).to.be.greaterThan(0n);
      expect(await keysOf()).to.deep.equal([]);

      await market.passTime(market.parameters.liquidation.deleverageDelay);
      const closings = await look();
      expect(closings.map(({ key }) => key)).to.deep.equal([`deleverage ${account} ${ETH_PERP}`]);
      await keeper.execute(closings);
      expect(await clearinghouse.instrumentsOf(account)).to.deep.equal([]);

      expect(await vault.cashOf(account)).to.equal(0n);
      expect(await keysOf()).to.deep.equal([]);
    });

    it("writes a debt off at once", async () => {
      const market = await load();
      const account = await sinkToDebt(market, 500);
      const proposals = await market.look();
      expect(proposals.map(({ key }) => key)).to.deep.equal([`writeOff ${account}`]);
      // Twenty dollars of ether at 2,700 dollars.
      expect(proposals[0]!.mostCost).to.equal((20n * WAD * WAD) / parseWad(2_700));
      await market.keeper.execute(proposals);
      expect(await market.vault.cashOf(account)).to.equal(0n);
      expect(await market.keysOf()).to.deep.equal([]);
    });

    it("closes against several, the largest first, each once", async () => {
      const market = await load();
      const { carol, clearinghouse, dave, house, keeper, look } = market;
      const second = await market.fund(carol, 0n, 1_000_000);
      const third = await market.fund(dave, 0n, 1_000_000);
      // The house is the other side of nothing: its 10 go to Carol and Dave.
      const account = await sinkDue(market, 1_000, { subAccount: 2n });
      await market.clear(
        { account: second, instrument: ETH_PERP, size: -6n * WAD },
        { account: third, instrument: ETH_PERP, size: -4n * WAD },
      );
      expect((await clearinghouse.positionOf(house, ETH_PERP)).size).to.equal(0n);

      const against: AccountId[] = [];
      for (const left of [4n, 0n]) {
        const proposals = await look();
        expect(proposals).to.have.length(1);
        const { args } = clearinghouse.interface.parseTransaction(proposals[0]!)!;
        against.push(String(args.getValue("counterparty")) as AccountId);
        await keeper.execute(proposals);
        expect((await clearinghouse.positionOf(account, ETH_PERP)).size).to.equal(left * WAD);
      }
      expect(against).to.deep.equal([second, third]);
    });

    it("closes two bankrupt accounts against one without taking the same size twice", async () => {
      const market = await load();
      const { carol, clearinghouse, keeper, look } = market;
      const one = await sinkDue(market, 1_000, { subAccount: 2n });
      const other = await market.fund(carol, 0n, 3_400);
      await market.setPrice(ETH, 3_000);
      await market.clear({ account: other, instrument: ETH_PERP, size: 10n * WAD });
      await market.setPrice(ETH, 2_650);
      await clearinghouse.connect(market.stranger).flag(other);
      await market.passTime(market.parameters.liquidation.deleverageDelay);

      const proposals = await look();
      expect(proposals.map(({ account }) => account)).to.have.members([one, other]);
      await keeper.execute(proposals);
      expect(await clearinghouse.instrumentsOf(one)).to.deep.equal([]);
      expect(await clearinghouse.instrumentsOf(other)).to.deep.equal([]);
    });

    it("renews a flag that is too old, and takes one back of an account with equity", async () => {
      const market = await load();
      const account = await sinkDue(market, 1_000);
      await market.passTime(FLAG_LIFE + 60n);
      const renewal = await market.look();
      expect(renewal.map(({ key, about }) => [key, about.includes("anew")])).to.deep.equal([
        [`flag ${account}`, true],
      ]);
      await market.keeper.execute(renewal);

      await market.setPrice(ETH, 3_000);
      const removal = await lookPatiently(market, market.role);
      expect(removal.map(({ key }) => key)).to.deep.equal([`flag ${account}`]);
      await market.keeper.execute(removal);
      expect(await market.clearinghouse.flaggedAt(account)).to.equal(0n);
    });

    it("begins to be patient anew when the chain is reorganised or the account recovers", async () => {
      const market = await load();
      const { keeper, keysOf, setPrice } = market;
      await sinkBelow(market, 1_000);
      await keysOf();
      await setPrice(ETH, 3_000);
      await keysOf();
      await setPrice(ETH, 2_700);
      await connection.networkHelpers.mine(PATIENCE_BLOCKS);
      expect(await keysOf()).to.deep.equal([]);
      const view = await keeper.view();
      const back = { ...view, block: { ...view.block, number: view.block.number - 50 } };
      expect(await market.role.look(back)).to.deep.equal([]);
    });
  });
});
