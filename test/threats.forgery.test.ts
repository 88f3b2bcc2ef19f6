import { expect } from "chai";
import { type BaseContract, concat, type HDNodeWallet, Wallet } from "ethers";
import hre from "hardhat";
import { accountId } from "../sdk/index.js";
import { callWithZeros, stateChanging } from "./fixtures/abi.js";
import {
  BTC,
  BTC_PERP,
  deployPlimsoll,
  ETH,
  ETH_PERP,
  type Plimsoll,
} from "./fixtures/plimsoll.js";
import { ratesOf } from "./fixtures/rates.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

/** Plimsoll, with a feed that says one dollar, a wallet without any right, and the calls that would make use of it. */
async function deployForger() {
  const plimsoll = await deployPlimsoll(connection);
  const forged = await ethers.deployContract("MockV3Aggregator", [8n, 10n ** 8n]);
  const uptime = await ethers.deployContract("MockV3Aggregator", [0n, 0n]);
  const token = await ethers.deployContract("MockToken", ["Worthless", "ZERO", 18n]);
  const forger = Wallet.createRandom(ethers.provider);
  await networkHelpers.setBalance(forger.address, 10n ** 20n);
  return { ...plimsoll, forged, uptime, token, forger };
}

type Scene = Awaited<ReturnType<typeof deployForger>>;

/** What anyone may call: it notes what the feeds say. Nothing is to be noted when these tests begin. */
const OPEN = new Set(["notePrice(uint24)", "poke(uint24,uint256)"]);

/** How the functions that no role guards refuse what they are not for. */
const REFUSALS: Record<string, string> = {
  "noteVolatility(uint24,uint16,uint16,uint32)": "NotVolatilityOracle",
  "follow(uint24)": "AlreadyFollowed",
};

/** For every function of the three contracts that changes state, arguments that would change what is read. */
async function forgeries(scene: Scene): Promise<[BaseContract, string, string][]> {
  const { oracle, rules, volatilityOracle, parameters, weth } = scene;
  const feed = [await scene.forged.getAddress(), 3_900n, 1n, 10n ** 30n];
  const [collateral] = parameters.collaterals;
  const terms = { underlying: ETH, maintenanceHaircutBps: 0, initialHaircutBps: 0, accepted: true };
  const given: Record<string, unknown[]> = {
    setSources: [ETH, [feed], [], 0n],
    replaceSources: [ETH, [feed], [], 0n],
    setSequencer: [await scene.uptime.getAddress(), 3_600n],
    notePrice: [ETH],
    setUnderlying: [ETH, ratesOf(scene, ETH, { openInterestCap: 0 })],
    setFundingRules: [
      ETH,
      { interestMillionths: 50n, deadBandMillionths: 0n, capMillionths: 100n, depthShareBps: 500n },
    ],
    setBrackets: [ETH, [1n, 2n, 3n, 10_000n, 10_000n, 10_000n]],
    listCollateral: [await scene.token.getAddress(), terms],
    setCollateral: [await weth.getAddress(), { ...terms, underlying: collateral ? ETH : 0 }],
    setLiquidationRules: [{ ...parameters.liquidation, bufferBps: 100 }],
    setVolatilityOracle: [await volatilityOracle.getAddress()],
    noteVolatility: [ETH, 1n, 1n, 1n],
    follow: [ETH],
    poke: [ETH, 256n],
    freezeUnderlying: [ETH],
    freezeCollateral: [await weth.getAddress()],
    setAuthority: [scene.forger.address],
  };
  return [oracle, rules, volatilityOracle].flatMap((contract: BaseContract) =>
    stateChanging(contract).map((signature): [BaseContract, string, string] => {
      const name = signature.slice(0, signature.indexOf("("));
      const args = given[name];
      if (args === undefined) throw new Error(`${name} is new: say how it could be misused`);
      return [contract, signature, contract.interface.encodeFunctionData(signature, args)];
    }),
  );
}

/** Everything that anyone reads of prices and rules, and the storage behind it. */
async function stateOf({ oracle, rules, volatilityOracle, parameters }: Plimsoll) {
  const numbers = parameters.underlyings.map(({ number }) => number);
  const slots = Array.from({ length: 8 }, (_, slot) => slot);
  return Promise.all([
    ...numbers.map((number) => oracle.price(number)),
    ...numbers.map((number) => oracle.sourcesOf(number)),
    ...[ETH_PERP, BTC_PERP].map((instrument) => rules.instrumentRules(instrument)),
    ...[ETH, BTC].flatMap((number) => [
      rules.marginRatesOf(number),
      volatilityOracle.volatilityOf(number),
      volatilityOracle.feedOf(number),
    ]),
    rules.volatilityOracle(),
    ...[0, 1, 2, 3].map((place) => rules.collateralAt(place)),
    rules.collateralCount(),
    rules.liquidationRules(),
    oracle.authority(),
    rules.authority(),
    ...slots.map((slot) => ethers.provider.getStorage(oracle, slot)),
    ...slots.map((slot) => ethers.provider.getStorage(rules, slot)),
  ]);
}

/** Sends what a forger sends; whether it went through. */
async function goesThrough(forger: HDNodeWallet, to: string, data: string): Promise<boolean> {
  try {
    await (await forger.sendTransaction({ to, data, gasLimit: 5_000_000n })).wait();
    return true;
  } catch {
    return false;
  }
}

describe("Prices and rules", () => {
  /** Every way to a restricted function that does not ask for its role. */
  const WAYS: Record<
    string,
    (scene: Scene, to: string, data: string) => Promise<[string, string]>
  > = {
    "called by anyone": (_, to, data) => Promise.resolve([to, data]),
    "with governance's address appended": ({ governance }, to, data) =>
      Promise.resolve([to, concat([data, governance.address])]),
    "with the AccessManager's address appended": async ({ accessManager }, to, data) => [
      to,
      concat([data, await accessManager.getAddress()]),
    ],
    "through the AccessManager's execute": async ({ accessManager }, to, data) => [
      await accessManager.getAddress(),
      accessManager.interface.encodeFunctionData("execute", [to, data]),
    ],
    "through execute, with governance's address appended": async (scene, to, data) => [
      await scene.accessManager.getAddress(),
      concat([
        scene.accessManager.interface.encodeFunctionData("execute", [to, data]),
        scene.governance.address,
      ]),
    ],
    "through the AccessManager's multicall": async ({ accessManager }, to, data) => [
      await accessManager.getAddress(),
      accessManager.interface.encodeFunctionData("multicall", [
        [accessManager.interface.encodeFunctionData("execute", [to, data])],
      ]),
    ],
    "through schedule and execute in one multicall": async ({ accessManager }, to, data) => [
      await accessManager.getAddress(),
      accessManager.interface.encodeFunctionData("multicall", [
        [
          accessManager.interface.encodeFunctionData("schedule", [to, data, 0n]),
          accessManager.interface.encodeFunctionData("execute", [to, data]),
        ],
      ]),
    ],
  };

  for (const [way, wrap] of Object.entries(WAYS)) {
    it(`stay as they are, whatever is ${way} (OR5)`, async () => {
      const scene = await networkHelpers.loadFixture(deployForger);
      const before = await stateOf(scene);
      for (const [contract, signature, data] of await forgeries(scene)) {
        const call = await wrap(scene, await contract.getAddress(), data);
        const succeeded = await goesThrough(scene.forger, ...call);
        // What is anyone's changes nothing here: through the AccessManager it is nobody's.
        const open = OPEN.has(signature) && !way.includes("through");
        expect(succeeded, signature).to.equal(open);
      }
      expect(await stateOf(scene)).to.deep.equal(before);
    });
  }

  it("stay as they are when any contract of the system is made to call (OR5)", async () => {
    const scene = await networkHelpers.loadFixture(deployForger);
    const { addresses, oracle, rules, volatilityOracle } = scene;
    const before = await stateOf(scene);
    for (const [name, address] of Object.entries(addresses.contracts)) {
      await networkHelpers.setBalance(address, 10n ** 20n);
      const caller = await ethers.getImpersonatedSigner(address);
      for (const [contract, signature, data] of await forgeries(scene)) {
        // The AccessManager calls what a role had it call, and nothing of its own: `setAuthority` is that.
        if (name === "AccessManager") continue;
        if (OPEN.has(signature)) continue;
        // The volatility oracle notes what its rounds say, and nothing of its own.
        if (name === "VolatilityOracle" && signature.startsWith("noteVolatility(")) continue;
        await expect(
          caller.call({ to: await contract.getAddress(), data }),
          `${name}: ${signature}`,
        ).to.be.revertedWithCustomError(
          contract,
          REFUSALS[signature] ?? "AccessManagedUnauthorized",
        );
      }
    }
    for (const contract of [oracle, rules, volatilityOracle]) {
      for (const target of Object.values(addresses.contracts)) {
        for (const signature of stateChanging(contract)) {
          const { accessManager } = scene;
          const selector = callWithZeros(contract, signature).slice(0, 10);
          const [immediate, delay] = await accessManager.canCall(target, contract, selector);
          expect([immediate, delay], signature).to.deep.equal([false, 0n]);
        }
      }
    }
    expect(await stateOf(scene)).to.deep.equal(before);
  });

  it("cannot be noted as anything but what the feed says, by anyone (OR5)", async () => {
    const { oracle, forger, setPrice, feedOf } = await networkHelpers.loadFixture(deployForger);
    const data = concat([
      oracle.interface.encodeFunctionData("notePrice", [ETH]),
      accountId(forger.address),
    ]);
    await setPrice(ETH, 2_345);
    expect(await goesThrough(forger, await oracle.getAddress(), data)).to.equal(true);
    await networkHelpers.setCode(await feedOf("ETH/USD").getAddress(), "0x60006000fd");
    expect(await oracle.lastPrice(ETH)).to.equal(2_345n * 10n ** 18n);
  });
});
