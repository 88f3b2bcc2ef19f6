import { expect } from "chai";
import { type BaseContract, ZeroAddress } from "ethers";
import hre from "hardhat";
import { parseWad, perpetual } from "../sdk/index.js";
import { deployWithVenue, PRICE } from "./fixtures/exchange.js";
import { RAMP_SECONDS } from "./fixtures/governance.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;
const { time } = networkHelpers;

const load = () => networkHelpers.loadFixture(deployWithVenue);

/** How many instruments an account may hold, and how many underlyings there are for more. */
const MOST = 32;
const UNDERLYINGS = Array.from({ length: MOST + 1 }, (_, index) => 100 + index);

/** 33 more underlyings with ETH's feed and ETH's rules, listed by governance in two acts. */
async function deployWithManyUnderlyings(network: typeof connection) {
  const trading = await deployWithVenue(network);
  const { accessManager, governance, oracle, rules, addresses, parameters } = trading;
  const eth = parameters.underlyings.find(({ number }) => number === ETH);
  if (eth?.market === undefined) throw new Error("ETH has no market");
  const { brackets, ...rates } = { ...eth.market, kinds: 2 };
  const feed = {
    aggregator: addresses.feeds["ETH/USD"],
    maximumAge: 3_900,
    minimum: parseWad(30),
    maximum: parseWad(300_000),
  };
  const calls: [BaseContract, string, unknown[]][] = UNDERLYINGS.flatMap((underlying) => [
    [oracle, "setSources", [underlying, [feed], [], 0]],
    [rules, "setUnderlying", [underlying, rates]],
    [rules, "setBrackets", [underlying, brackets]],
  ]);
  const acts = await Promise.all(
    calls.map(async ([contract, name, args]) => ({
      target: await contract.getAddress(),
      data: contract.interface.encodeFunctionData(name, args),
    })),
  );
  const manager = accessManager.connect(governance);
  const encode = manager.interface.encodeFunctionData.bind(manager.interface);
  const all = (step: (act: (typeof acts)[number]) => string) => manager.multicall(acts.map(step));
  await all(({ target, data }) => encode("schedule", [target, data, 0]));
  await trading.passTime(parameters.governance.delaySeconds.LISTING);
  await all(({ target, data }) => encode("execute", [target, data]));
  return trading;
}

/** A margin engine that succeeds another. */
async function successorOf(
  { vault, clearinghouse, oracle, rules }: Awaited<ReturnType<typeof load>>,
  engine: BaseContract | string,
) {
  return ethers.deployContract("MarginEngine", [vault, clearinghouse, oracle, rules, engine]);
}

describe("Clearinghouse", () => {
  describe("clear, up to the most instruments", () => {
    it("lets an account hold 32 instruments and refuses the next", async () => {
      const { clearinghouse, accountOf, alice, bob, carol, tradeOf, clear } =
        await networkHelpers.loadFixture(deployWithManyUnderlyings);
      const instruments = UNDERLYINGS.map(perpetual) as [bigint, ...bigint[]];
      const trades = instruments.map((instrument) => tradeOf(alice, bob, "0.01", { instrument }));
      await expect(clear(...trades))
        .to.be.revertedWithCustomError(clearinghouse, "TooManyInstruments")
        .withArgs(accountOf(alice), MOST);
      await clear(...trades.slice(1));
      expect(await clearinghouse.instrumentsOf(accountOf(alice))).to.deep.equal(
        instruments.slice(1),
      );

      const [first, second] = instruments;
      await expect(clear(tradeOf(carol, bob, "0.01", { instrument: first })))
        .to.be.revertedWithCustomError(clearinghouse, "TooManyInstruments")
        .withArgs(accountOf(bob), MOST);
      await clear(
        tradeOf(alice, bob, "-0.01", { instrument: second as bigint }),
        tradeOf(alice, bob, "0.01", { instrument: first }),
      );
      const held = await clearinghouse.instrumentsOf(accountOf(alice));
      expect([...held].sort()).to.deep.equal([first, ...instruments.slice(2)]);
    });
  });

  describe("governance", () => {
    const setters = {
      setVenue: [ZeroAddress, false],
      setMarginEngine: [ZeroAddress],
      setFeeShares: [ZeroAddress, 0n],
    };
    for (const [setter, args] of Object.entries(setters)) {
      it(`alone may call ${setter}`, async () => {
        const { clearinghouse, stranger } = await load();
        await expect(clearinghouse.connect(stranger).getFunction(setter)(...args))
          .to.be.revertedWithCustomError(clearinghouse, "AccessManagedUnauthorized")
          .withArgs(stranger.address);
      });
    }

    it("registers contracts only as venues, and may remove anything", async () => {
      const { clearinghouse, asGovernance, stranger } = await load();
      await expect(asGovernance(clearinghouse, "setVenue", [stranger.address, true]))
        .to.be.revertedWithCustomError(clearinghouse, "NotAContract")
        .withArgs(stranger.address);
      await expect(asGovernance(clearinghouse, "setVenue", [stranger.address, false]))
        .to.emit(clearinghouse, "VenueSet")
        .withArgs(stranger.address, false);
    });

    it("registers a second venue beside the first", async () => {
      const { clearinghouse, exchange, usdc, asGovernance } = await load();
      const other = await usdc.getAddress();
      await expect(asGovernance(clearinghouse, "setVenue", [other, true]))
        .to.emit(clearinghouse, "VenueSet")
        .withArgs(other, true);
      expect(await clearinghouse.isVenue(other)).to.be.true;
      expect(await clearinghouse.isVenue(exchange)).to.be.true;
    });

    it("sets a margin engine that is a contract and succeeds the one in charge, which begins", async () => {
      const scene = await load();
      const { clearinghouse, marginEngine, asGovernance, stranger } = scene;
      await expect(asGovernance(clearinghouse, "setMarginEngine", [stranger.address]))
        .to.be.revertedWithCustomError(clearinghouse, "NotAContract")
        .withArgs(stranger.address);
      const successor = await successorOf(scene, marginEngine);
      expect(await successor.endOfBlend()).to.equal(0n);
      await expect(asGovernance(clearinghouse, "setMarginEngine", [await successor.getAddress()]))
        .to.emit(clearinghouse, "MarginEngineSet")
        .withArgs(successor);
      const now = BigInt(await time.latest());
      expect(await successor.endOfBlend()).to.equal(now + RAMP_SECONDS);
    });

    it("sets no engine that succeeds nobody, another one or itself", async () => {
      const scene = await load();
      const { clearinghouse, marginEngine, asGovernance } = scene;
      const first = await successorOf(scene, ZeroAddress);
      const second = await successorOf(scene, first);
      for (const engine of [first, second, marginEngine]) {
        const address = await engine.getAddress();
        await expect(asGovernance(clearinghouse, "setMarginEngine", [address]))
          .to.be.revertedWithCustomError(clearinghouse, "NotTheSuccessor")
          .withArgs(address, marginEngine);
      }
    });

    it("never sets the former engine again: only a new one that succeeds its successor", async () => {
      const scene = await load();
      const { clearinghouse, marginEngine, asGovernance } = scene;
      const successor = await successorOf(scene, marginEngine);
      await asGovernance(clearinghouse, "setMarginEngine", [await successor.getAddress()]);
      const former = await marginEngine.getAddress();
      await expect(asGovernance(clearinghouse, "setMarginEngine", [former]))
        .to.be.revertedWithCustomError(clearinghouse, "NotTheSuccessor")
        .withArgs(former, successor);
    });

    it("sets no engine while the one in charge is on its way from its predecessor, to the second", async () => {
      const scene = await load();
      const { clearinghouse, marginEngine, schedule, passTime, accessManager, governance } = scene;
      const successor = await successorOf(scene, marginEngine);
      const next = await successorOf(scene, successor);
      const calls = [];
      for (const engine of [successor, next]) {
        const args = [await engine.getAddress()];
        calls.push(await schedule(clearinghouse, "setMarginEngine", args));
      }
      await passTime(calls[0]!.delay);
      const manager = accessManager.connect(governance);
      await manager.execute(calls[0]!.target, calls[0]!.data);
      const end = BigInt(await time.latest()) + RAMP_SECONDS;
      for (const at of [undefined, end - 1n]) {
        if (at !== undefined) await time.setNextBlockTimestamp(at);
        await expect(manager.execute(calls[1]!.target, calls[1]!.data))
          .to.be.revertedWithCustomError(clearinghouse, "BlendNotOver")
          .withArgs(end);
      }
      await time.setNextBlockTimestamp(end);
      await expect(manager.execute(calls[1]!.target, calls[1]!.data))
        .to.emit(clearinghouse, "MarginEngineSet")
        .withArgs(next);
      expect(await next.endOfBlend()).to.equal(end + RAMP_SECONDS);
    });

    it("lets nobody but itself begin an engine's blend", async () => {
      const { marginEngine, vault, governance, stranger } = await load();
      for (const caller of [governance, stranger]) {
        await expect(marginEngine.connect(caller).begin())
          .to.be.revertedWithCustomError(vault, "NotClearinghouse")
          .withArgs(caller.address);
      }
    });

    it("sets fee shares up to the whole, with a treasury for the rest", async () => {
      const { clearinghouse, asGovernance, treasury } = await load();
      const whole = parseWad(1);
      for (const [receiver, share] of [
        [treasury.address, whole + 1n],
        [ZeroAddress, whole + 1n],
        [ZeroAddress, whole - 1n],
      ] as const) {
        await expect(asGovernance(clearinghouse, "setFeeShares", [receiver, share]))
          .to.be.revertedWithCustomError(clearinghouse, "InvalidFeeShare")
          .withArgs(receiver, share);
      }
      for (const [receiver, share] of [
        [treasury.address, 0n],
        [ZeroAddress, whole],
      ] as const) {
        await expect(asGovernance(clearinghouse, "setFeeShares", [receiver, share]))
          .to.emit(clearinghouse, "FeeSharesSet")
          .withArgs(receiver, share);
        expect(await clearinghouse.feeShares()).to.deep.equal([receiver, share]);
      }
    });

    it("sends all fees to the fund when there is no treasury", async () => {
      const { clearinghouse, vault, asGovernance, alice, bob, tradeOf, clear } = await load();
      await asGovernance(clearinghouse, "setFeeShares", [ZeroAddress, parseWad(1)]);
      await clear(tradeOf(alice, bob, 1, { takerLeg: { fee: 3n } }));
      await expect(clearinghouse.distributeFees())
        .to.emit(clearinghouse, "FeesDistributed")
        .withArgs(3n, 0n, 0n);
      expect(await vault.cashOf(await clearinghouse.insuranceFund())).to.equal(3n);
    });
  });

  describe("before it is wired", () => {
    it("refuses every act", async () => {
      const { accessManager, addresses, vault, oracle, rules, alice, accountOf, bob } =
        await load();
      const { DefaultProcess } = addresses.contracts;
      const fresh = await ethers.deployContract(
        "Clearinghouse",
        [accessManager, vault, oracle, rules],
        { libraries: { DefaultProcess } },
      );
      const mine = fresh.connect(alice);
      await expect(mine.settleVariation(accountOf(alice))).to.be.revertedWithCustomError(
        fresh,
        "NotWired",
      );
      await expect(mine.distributeFees()).to.be.revertedWithCustomError(fresh, "NotWired");
      await expect(
        mine.liquidate(accountOf(bob), accountOf(alice), parseWad(1), 0n),
      ).to.be.revertedWithCustomError(fresh, "NotWired");
    });
  });

  describe("markOf", () => {
    it("is the index price of a perpetual, and refuses what is not listed", async () => {
      const { clearinghouse, rules } = await load();
      expect(await clearinghouse.markOf(ETH_PERP)).to.equal(PRICE);
      await expect(clearinghouse.markOf(ETH_PERP + 1n))
        .to.be.revertedWithCustomError(rules, "UnknownInstrument")
        .withArgs(ETH_PERP + 1n);
    });
  });
});
