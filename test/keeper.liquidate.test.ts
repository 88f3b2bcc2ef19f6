import { expect } from "chai";
import { network } from "hardhat";
import { indicesOf } from "../keeper/roles/liquidate.js";
import { planLiquidations } from "../keeper/roles/liquidatePlan.js";
import { planRulesOf } from "../keeper/roles/liquidateRules.js";
import type { Proposal } from "../keeper/roles/role.js";
import { belowLine, nearLine } from "../keeper/state/belowLine.js";
import type { KeeperState } from "../keeper/state/state.js";
import type { KeeperView } from "../keeper/state/view.js";
import { configSchema } from "../keeper/config/schema.js";
import { type AccountId, accountId, ownerOf, parseWad, readAccount, WAD } from "../sdk/index.js";
import { liquidateOver } from "./fixtures/keeperState.js";
import { deployLiquidationMarket, type LiquidationMarket } from "./fixtures/liquidation.js";
import { BTC, BTC_PERP, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { successionActions } from "./fixtures/succession.js";

const connection = await network.create();
const { loadFixture, mine, time } = connection.networkHelpers;

/** Three accounts of alice are long ETH, the second the most; at 2,700 dollars all are below the line. */
async function deploySinking() {
  const market = await deployLiquidationMarket(connection);
  const accounts: AccountId[] = [];
  for (const [place, size] of [20, 40, 10].entries()) {
    const account = await market.fund(market.alice, BigInt(place), size * 400);
    await market.clear({ account, instrument: ETH_PERP, size: parseWad(size) });
    accounts.push(account);
  }
  return { ...market, accounts };
}

const load = async () => loadFixture(deploySinking);
const LOW = { [ETH]: 2_680 };
const isTaken = (proposals: readonly Proposal[]) => proposals.map(({ account }) => account);

async function nextOf(state: KeeperState): Promise<KeeperView> {
  const view = await state.update();
  if (view === undefined) throw new Error("There is no view");
  return view;
}

/** A config of the role with other settings than the defaults. */
function settingsOf(settings: object) {
  return { liquidate: configSchema.parse({ liquidate: settings }).liquidate };
}

/** What the contract says of all liquidations of a block. */
async function liquidationsOf({ clearinghouse }: LiquidationMarket, block: number) {
  const events = await clearinghouse.queryFilter(clearinghouse.filters.Liquidated(), block, block);
  return events.map(({ args }) => args);
}

/** Sends proposals in one block, each with enough gas; returns its number. */
async function sendTogether(market: LiquidationMarket, proposals: readonly Proposal[]) {
  const { ethers, provider } = connection;
  await provider.request({ method: "evm_setAutomine", params: [false] });
  for (const { data, to } of proposals) {
    await market.liquidator.sendTransaction({ to, data, gasLimit: 3_000_000n });
  }
  await mine(1);
  await provider.request({ method: "evm_setAutomine", params: [true] });
  return ethers.provider.getBlockNumber();
}

describe("The role that liquidates", () => {
  it("proposes nothing while everyone is above the line", async () => {
    const market = await load();
    const { role, state } = await liquidateOver(market);
    expect(await role.look(await nextOf(state))).to.deep.equal([]);
  });

  it("proposes the largest risk first, and does to the wei what was planned", async () => {
    const market = await load();
    const { config, role, state } = await liquidateOver(market);
    await market.setPrices(LOW);
    const view = await nextOf(state);
    const proposals = await role.look(view);
    const [first, second, third] = market.accounts;
    expect(isTaken(proposals)).to.deep.equal([second, first, third]);
    expect(proposals.map(({ key }) => key)).to.include(`liquidate ${first}`);
    expect(proposals[0]!.priority).to.be.above(proposals[1]!.priority);

    const { plans } = planLiquidations({
      accounts: [...belowLine(view, nearLine(view, 10), () => false)],
      liquidator: view.snapshotOf(market.rescuer),
      market: view.market,
      fund: view.fund,
      indices: indicesOf(view.index.state, view.block.time),
      gasPrice: view.gasPrice,
      etherPrice: view.etherPrice,
      rules: planRulesOf(config),
    });
    const block = await sendTogether(market, proposals);
    const events = await liquidationsOf(market, block);
    expect(events.map(({ fraction, payment }) => [fraction, payment])).to.deep.equal(
      plans.map(({ slice }) => [slice.fraction, slice.settlement.payment]),
    );
    const { account, ...taken } = await readAccount(market, market.rescuer, { blockTag: block });
    expect(account).to.equal(market.rescuer);
    const { cash, collateral, positions } = plans.at(-1)!.liquidator;
    expect(taken).to.deep.equal({ cash, collateral, positions });
    expect(await role.look(await nextOf(state))).to.deep.equal([]);
  });

  it("plans slices that fit the liquidator's margin together, and keeps its reserve", async () => {
    const market = await load();
    // What all three require is about three times as much.
    const small = await market.fund(market.liquidator, 1n, 3_000);
    const config = settingsOf({ reserve: 400 });
    const { alarms, role, state } = await liquidateOver(market, { liquidator: small, config });
    await market.setPrices(LOW);
    const proposals = await role.look(await nextOf(state));
    const block = await sendTogether(market, proposals);
    const events = await liquidationsOf(market, block);
    expect(events).to.have.length(proposals.length);
    expect(events.some(({ fraction }) => fraction < WAD / 2n)).to.equal(true);
    const { equity, initial } = await market.marginOf(small);
    expect(equity - initial).to.be.within(parseWad(400), parseWad(500));
    expect(alarms.names).to.deep.equal([]);
  });

  it("says that the liquidator's account is empty when nothing fits, until something does", async () => {
    const market = await load();
    const small = await market.fund(market.liquidator, 1n, 1);
    const { alarms, role, state } = await liquidateOver(market, { liquidator: small });
    await market.setPrices(LOW);
    expect(await role.look(await nextOf(state))).to.deep.equal([]);
    expect(alarms.names).to.deep.equal(["liquidatorEmpty"]);
    expect(alarms.active[0]?.detail).to.contain("deposit into it");
    await market.fund(market.liquidator, 1n, 50_000);
    expect(await role.look(await nextOf(state))).to.have.length(3);
    expect(alarms.names).to.deep.equal([]);
  });

  it("leaves what is held alone, and the margin that it needs with it", async () => {
    const market = await load();
    const small = await market.fund(market.liquidator, 1n, 3_000);
    const held = new Set<string>();
    const isHeld = (key: string) => held.has(key);
    const { role, state } = await liquidateOver(market, { liquidator: small, isHeld });
    await market.setPrices(LOW);
    const first = await role.look(await nextOf(state));
    expect(first.length).to.be.above(0);
    for (const { key } of first) held.add(key);
    await mine(1);
    // All that its margin bears is under way.
    expect(await role.look(await nextOf(state))).to.deep.equal([]);
    // What never came through gives way to the others after some blocks.
    await mine(5);
    const others = await role.look(await nextOf(state));
    expect(others.length).to.be.above(0);
    expect(isTaken(others)).to.not.include.members(isTaken(first));
  });

  it("believes the Lens, and says that memory is wrong where it disagrees", async () => {
    const market = await load();
    const [first, second, third] = market.accounts as [AccountId, AccountId, AccountId];
    const selector = market.lens.interface.getFunction("liquidatable").selector;
    let asked = 0;
    const { alarms, role, state } = await liquidateOver(market, {
      falsify: (method, answer, [call]) => {
        if (method !== "eth_call" || !(call as { data: string }).data.startsWith(selector)) {
          return answer;
        }
        ++asked;
        const { data } = call as { data: string };
        const [accounts] = market.lens.interface.decodeFunctionData("liquidatable", data);
        const bits = (accounts as string[]).reduce(
          (sum, account, place) => sum + (account === second ? 0 : 1 << place),
          0,
        );
        const byte = `0x${bits.toString(16).padStart(2, "0")}`;
        return market.lens.interface.encodeFunctionResult("liquidatable", [byte]);
      },
    });
    await market.setPrices(LOW);
    const proposals = await role.look(await nextOf(state));
    expect(isTaken(proposals)).to.deep.equal([first, third]);
    expect(alarms.names).to.deep.equal(["memoryWrong"]);
    expect([...state.suspects]).to.deep.equal([second]);
    // Once with the others, once by itself, for in a page the gas may have been spent.
    expect(asked).to.equal(2);
  });

  it("proposes neither its own account nor the insurance fund's", async () => {
    const market = await load();
    const own = await market.fund(market.liquidator, 2n, 4_000);
    await market.clear({ account: own, instrument: ETH_PERP, size: parseWad(10) });
    const liquidator = own.toUpperCase().replace("0X", "0x") as AccountId;
    const { role, state } = await liquidateOver(market, { liquidator });
    await market.setPrices(LOW);
    const view = await nextOf(state);
    expect(view.book.below()).to.include(own);
    expect(isTaken(await role.look(view))).to.not.include(own);
  });

  it("does not let an account whose price is gone hold up the others", async () => {
    const market = await load();
    const account = await market.fund(market.carol, 0n, 40_000);
    await market.clear({ account, instrument: BTC_PERP, size: parseWad(3) });
    const { metrics, role, state } = await liquidateOver(market);
    await nextOf(state);
    await time.increase(4 * 86_400);
    await market.setPrices(LOW);
    const view = await nextOf(state);
    expect(view.prices.get(BTC)).to.deep.equal({});
    expect(isTaken(await role.look(view))).to.have.members(market.accounts);
    const { values } = await metrics.failures.get();
    // Carol's account and the house, which has the other side.
    expect(values).to.deep.equal([{ value: 2, labels: { what: "price missing" } }]);
  });

  it("finds accounts by the Lens while the engine in charge is another", async () => {
    const market = await load();
    const { alarms, role, send, state } = await liquidateOver(market);
    await nextOf(state);
    expect(state.isModelKnown).to.equal(true);
    const { engineAfter, putInCharge } = successionActions(connection, market);
    await putInCharge(await engineAfter(market.marginEngine, "MockStricterEngine"));
    await market.setPrices(LOW);
    const view = await nextOf(state);
    expect(alarms.names).to.deep.equal(["modelUnknown"]);
    const proposals = await role.look(view);
    expect(isTaken(proposals)).to.have.members(market.accounts);
    for (const proposal of proposals) {
      expect(ownerOf(proposal.account!)).to.equal(market.alice.address);
      expect((await send(proposal))?.status).to.equal(1);
    }
    expect(accountId(market.alice.address, 0n)).to.equal(market.accounts[0]);
  });
});
