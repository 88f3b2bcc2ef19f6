import { expect } from "chai";
import {
  AbiCoder,
  concat,
  dataLength,
  MaxInt256,
  MaxUint256,
  MinInt256,
  solidityPacked,
  toBeHex,
} from "ethers";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import {
  type AccountId,
  accountId,
  decodeBitmap,
  decodeMargins,
  parseWad,
  type PricedMargin,
  STATUSES,
} from "../sdk/index.js";
import { BTC_PERP, deployPlimsoll, ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { callTo, deployUnderAttack } from "./fixtures/reentrancy.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

/** The most that one transaction may use, and here the most that one call may. */
const GAS_LIMIT = 16_777_216n;
const BYTES_OF_MARGIN = 49;
const MEGABYTE = "62100000";
const MOST_INT128 = 2n ** 127n - 1n;
const MOST_UINT128 = 2n ** 128n - 1n;

/** Code of contracts that fail each in its own way; the bombs fill a megabyte. */
const FAILING_CODE = {
  "that reverts": "0x60006000fd",
  "that reverts with a megabyte": `0x${MEGABYTE}6000fd`,
  "that returns a megabyte": `0x${MEGABYTE}6000f3`,
  "that returns too little": "0x60406000f3",
  "that burns all gas": "0x5b600056",
  "that is no contract": "0x",
};

/** if gas > 300,000 return 96 bytes of zeros, else revert */
const ANSWERING_ABOVE_300_000 = "0x620493e05a11600c575f5ffd5b60605ff3";

/** What MockBrokenFeed can be told to do, in the order of its enum. */
const BROKEN = ["reverts", "reverts with a bomb", "returns too little", "returns a bomb"];

type Scene = Awaited<ReturnType<typeof deployScene>>;

describe("Lens", () => {
  describe("marginsOf", () => {
    it("says nothing of no accounts", async () => {
      const { lens } = await networkHelpers.loadFixture(deployScene);
      expect(await lens.marginsOf([])).to.equal("0x");
      expect(decodeMargins("0x", [])).to.deep.equal([]);
    });

    it("packs an account into 49 bytes", async () => {
      const { lens, marginEngine, called } = await networkHelpers.loadFixture(deployScene);
      const { equity, initial, maintenance } = await marginEngine.marginOf(called);
      const head = 1 + (1 << 1);
      expect(await lens.marginsOf([called])).to.equal(
        solidityPacked(
          ["int128", "uint128", "uint128", "uint8"],
          [equity, initial, maintenance, head],
        ),
      );
    });

    it("I10: says of accounts of every status what the margin engine says", async () => {
      const { lens, marginEngine, accounts } = await networkHelpers.loadFixture(deployScene);
      expect(accounts).to.have.length(9);
      const readings = decodeMargins(await lens.marginsOf(accounts), accounts);
      for (const [place, account] of accounts.entries()) {
        const { equity, initial, maintenance } = await marginEngine.marginOf(account);
        const status = STATUSES[Number(await marginEngine.statusOf(account))];
        expect(readings[place]).to.deep.equal({
          account,
          priced: true,
          status,
          equity,
          initial,
          maintenance,
        });
      }
      const statuses = readings.map((reading) => (reading as PricedMargin).status);
      expect([...new Set(statuses)]).to.have.members([...STATUSES]);
    });

    it("answers each time for an account that is named twice", async () => {
      const { lens, sinking, healthy } = await networkHelpers.loadFixture(deployScene);
      const accounts = [sinking, healthy, sinking, sinking];
      const readings = decodeMargins(await lens.marginsOf(accounts), accounts);
      expect(readings[2]).to.deep.equal(readings[0]);
      expect(readings[3]).to.deep.equal(readings[0]);
      expect(readings[1]).not.to.deep.equal(readings[0]);
    });

    it("gives figures beyond 128 bits as the nearest, with the status of the exact ones", async () => {
      const { lens, healthy, becomeEngine } = await networkHelpers.loadFixture(deployScene);
      const cases: [bigint, bigint, bigint, Omit<PricedMargin, "account" | "priced">][] = [
        [
          MaxInt256,
          MaxUint256,
          MOST_UINT128 + 1n,
          {
            status: "MarginCall",
            equity: MOST_INT128,
            initial: MOST_UINT128,
            maintenance: MOST_UINT128,
          },
        ],
        [
          MinInt256,
          MOST_UINT128,
          MOST_UINT128,
          {
            status: "Bankrupt",
            equity: -MOST_INT128 - 1n,
            initial: MOST_UINT128,
            maintenance: MOST_UINT128,
          },
        ],
        [
          2n ** 127n,
          2n ** 127n + 2n,
          2n ** 127n + 1n,
          {
            status: "Liquidatable",
            equity: MOST_INT128,
            initial: 2n ** 127n + 2n,
            maintenance: 2n ** 127n + 1n,
          },
        ],
      ];
      for (const [equity, initial, maintenance, expected] of cases) {
        await becomeEngine(answering([equity, initial, maintenance]));
        const [reading] = decodeMargins(await lens.marginsOf([healthy]), [healthy]);
        expect(reading).to.deep.equal({ account: healthy, priced: true, ...expected });
      }
    });
  });

  describe("liquidatable", () => {
    it("says nothing of no accounts", async () => {
      const { lens } = await networkHelpers.loadFixture(deployScene);
      expect(await lens.liquidatable([])).to.equal("0x");
      expect(decodeBitmap("0x", 0)).to.deep.equal([]);
    });

    it("counts bits from the least significant of the first byte, and fills up with 0", async () => {
      const { lens, sinking, healthy } = await networkHelpers.loadFixture(deployScene);
      expect(await lens.liquidatable([sinking])).to.equal("0x01");
      expect(await lens.liquidatable([healthy])).to.equal("0x00");
      expect(await lens.liquidatable([healthy, sinking])).to.equal("0x02");
      const nine = [healthy, sinking, ...Array<AccountId>(5).fill(healthy), sinking, sinking];
      expect(await lens.liquidatable(nine)).to.equal("0x8201");
      expect(await lens.liquidatable(Array<AccountId>(8).fill(sinking))).to.equal("0xff");
    });

    it("I5: names exactly those that a liquidator could take", async () => {
      const scene = await networkHelpers.loadFixture(deployScene);
      const { lens, clearinghouse, marginEngine, liquidator, liquidators, accounts } = scene;
      const found = decodeBitmap(await lens.liquidatable(accounts), accounts.length);
      expect(found.filter((is) => is)).to.have.length(2);
      for (const [place, account] of accounts.entries()) {
        if (account === liquidators) continue;
        const act = clearinghouse
          .connect(liquidator)
          .liquidate.staticCall(account, liquidators, parseWad(1), MaxInt256);
        if (found[place] === true) expect((await act)[0]).to.be.greaterThan(0n);
        else await expect(act).to.be.revertedWithCustomError(marginEngine, "NotLiquidatable");
      }
    });
  });

  describe("when a feed fails", () => {
    for (const [name, code] of Object.entries(FAILING_CODE)) {
      it(`OR4, GK2: reads the accounts that do not need one ${name}`, async () => {
        const scene = await networkHelpers.loadFixture(deployScene);
        await networkHelpers.setCode(await scene.feedOf("BTC/USD").getAddress(), code);
        await expectOnlyBtcMissing(scene);
      });
    }

    for (const [failure, name] of BROKEN.entries()) {
      it(`OR4, GK2: reads the accounts that do not need one that ${name}`, async () => {
        const scene = await networkHelpers.loadFixture(deployScene);
        const feed = await scene.feedOf("BTC/USD").getAddress();
        const broken = await ethers.deployContract("MockBrokenFeed", [8, failure]);
        // Decimals and failure share the first slot.
        await networkHelpers.setCode(feed, await ethers.provider.getCode(broken));
        await networkHelpers.setStorageAt(feed, 0, toBeHex((failure << 8) | 8, 32));
        await expectOnlyBtcMissing(scene);
      });
    }

    it("OR4: reads an account that does not need a stale one", async () => {
      const scene = await networkHelpers.loadFixture(deployScene);
      await networkHelpers.time.increase(3_900);
      await scene.setPrice(ETH, 2_800);
      await expectOnlyBtcMissing(scene);
    });

    it("GK2: a feed that burns all gas takes none from the others, wherever its accounts stand", async () => {
      const scene = await networkHelpers.loadFixture(deployScene);
      const { lens, btc, sinking } = scene;
      const burning = await scene.feedOf("BTC/USD").getAddress();
      await networkHelpers.setCode(burning, FAILING_CODE["that burns all gas"]);
      const burners = Array<AccountId>(40).fill(btc);
      for (const place of [0, 20, 40]) {
        const accounts = [...burners.slice(0, place), sinking, ...burners.slice(place)];
        const packed = await lens.marginsOf(accounts, { gasLimit: GAS_LIMIT });
        const priced = decodeMargins(packed, accounts).map((reading) => reading.priced);
        expect(priced).to.deep.equal(accounts.map((account) => account === sinking));
        const bitmap = await lens.liquidatable(accounts, { gasLimit: GAS_LIMIT });
        expect(decodeBitmap(bitmap, accounts.length)).to.deep.equal(priced);
      }
    });
  });

  describe("when the margin engine itself fails", () => {
    for (const name of [
      "that reverts",
      "that reverts with a megabyte",
      "that returns too little",
      "that burns all gas",
      "that is no contract",
    ] as const) {
      it(`GK2: one ${name} prices no account and finds none`, async () => {
        const scene = await networkHelpers.loadFixture(deployScene);
        await scene.becomeEngine(FAILING_CODE[name]);
        const { lens, accounts } = scene;
        const packed = await lens.marginsOf(accounts, { gasLimit: GAS_LIMIT });
        expect(BigInt(packed)).to.equal(0n);
        expect(dataLength(packed)).to.equal(accounts.length * BYTES_OF_MARGIN);
        expect(decodeMargins(packed, accounts)).to.deep.equal(
          accounts.map((account) => ({ account, priced: false })),
        );
        expect(await lens.liquidatable(accounts, { gasLimit: GAS_LIMIT })).to.equal("0x0000");
      });
    }

    it("GK2: a megabyte behind its answer is not copied", async () => {
      const { lens, healthy, becomeEngine } = await networkHelpers.loadFixture(deployScene);
      await becomeEngine(answering([3n, 2n, 1n], MEGABYTE));
      // A megabyte takes more than two million gas in memory: the engine pays for its own, the lens has none.
      const accounts = Array<AccountId>(5).fill(healthy);
      const packed = await lens.marginsOf(accounts, { gasLimit: GAS_LIMIT });
      for (const reading of decodeMargins(packed, accounts)) {
        expect(reading).to.include({ priced: true, equity: 3n, initial: 2n, maintenance: 1n });
      }
    });
  });

  describe("with little gas", () => {
    it("gives the truth or nothing, never a wrong figure", async () => {
      const { lens, accounts } = await networkHelpers.loadFixture(deployScene);
      const truth = decodeMargins(await lens.marginsOf(accounts), accounts);
      const bits = decodeBitmap(await lens.liquidatable(accounts), accounts.length);
      const known = new Set<number>();
      for (let gasLimit = 60_000n; gasLimit < 700_000n; gasLimit += 7_001n) {
        const readings = decodeMargins(await lens.marginsOf(accounts, { gasLimit }), accounts);
        for (const [place, reading] of readings.entries()) {
          if (reading.priced) expect(reading).to.deep.equal(truth[place]);
        }
        known.add(readings.filter(({ priced }) => priced).length);
        const found = decodeBitmap(await lens.liquidatable(accounts, { gasLimit }), 9);
        for (const [place, is] of found.entries()) if (is) expect(bits[place]).to.be.true;
      }
      expect(known).to.include(0).and.to.include(accounts.length);
      expect(known.size).to.be.greaterThan(2);
    });

    it("lets the first account pay for what all read, though that is more than an equal share", async () => {
      const { lens, marginEngine, btc, nobody } = await networkHelpers.loadFixture(deployScene);
      const accounts = [btc, ...Array<AccountId>(99).fill(nobody)];
      const packed = await lens.marginsOf(accounts, { gasLimit: 2_400_000n });
      const readings = decodeMargins(packed, accounts);
      expect(readings.every(({ priced }) => priced)).to.be.true;
      const { equity } = await marginEngine.marginOf(btc);
      expect((readings[0] as PricedMargin).equity).to.equal(equity);
    });

    it("asks those whose share was too small again, with what the others left", async () => {
      const { lens, nobody, becomeEngine } = await networkHelpers.loadFixture(deployScene);
      await becomeEngine(ANSWERING_ABOVE_300_000);
      const accounts = Array<AccountId>(20).fill(nobody);
      const pricedWith = async (gasLimit: bigint) =>
        decodeMargins(await lens.marginsOf(accounts, { gasLimit }), accounts).map((r) => r.priced);
      expect(await pricedWith(5_000_000n)).to.deep.equal(accounts.map(() => true));
      expect(await pricedWith(300_000n)).to.deep.equal(accounts.map(() => false));
    });
  });

  it("RE1: prices nobody while a token is being called", async () => {
    const scene = await networkHelpers.loadFixture(deployUnderAttack);
    const { lens, attacker, first, bobs, carols, vault, usdc } = scene;
    const accounts = [first, bobs, carols];
    await attacker.prepare([
      await callTo(lens, "marginsOf", [accounts]),
      await callTo(lens, "liquidatable", [accounts]),
    ]);
    await (await ethers.getContractAt("CallbackToken", usdc)).setHook(attacker, 1n);
    const deposit = await callTo(vault, "deposit", [first, await usdc.getAddress(), 1n]);
    await attacker.execute([deposit], 1, { gasLimit: GAS_LIMIT });
    const attempts = await attacker.queryFilter(attacker.filters.Attempted(), "latest");
    const results = attempts.map(({ args }) => BigInt(decodeBytes(args.result)));
    expect(results).to.deep.equal([0n, 0n]);
  });
});

describe("sdk: lens", () => {
  it("takes no answer to another question for one to this", () => {
    const account = accountId(toBeHex(1, 20));
    expect(() => decodeMargins("0x", [account])).to.throw(RangeError, "1 accounts take 49 bytes");
    expect(() => decodeMargins(`0x${"00".repeat(98)}`, [account])).to.throw(RangeError);
    expect(() => decodeBitmap("0x", 1)).to.throw(RangeError);
    expect(() => decodeBitmap("0x0000", 8)).to.throw(RangeError);
  });

  it("refuses a status that it does not know", () => {
    const packed = `0x${"00".repeat(48)}09`;
    expect(() => decodeMargins(packed, [accountId(toBeHex(1, 20))])).to.throw("unknown head 9");
  });
});

/** The accounts on BTC are unknown, those on ETH read as before, and the bitmap finds those of ETH. */
async function expectOnlyBtcMissing({
  lens,
  marginEngine,
  accounts,
  btc,
  sinking,
  bankrupt,
}: Scene) {
  const packed = await lens.marginsOf(accounts, { gasLimit: GAS_LIMIT });
  for (const reading of decodeMargins(packed, accounts)) {
    if (reading.account === btc) {
      expect(reading).to.deep.equal({ account: btc, priced: false });
      continue;
    }
    const { equity, initial, maintenance } = await marginEngine.marginOf(reading.account);
    expect(reading).to.include({ priced: true, equity, initial, maintenance });
  }
  const zeros = BYTES_OF_MARGIN * accounts.indexOf(btc);
  expect(packed.slice(2 + 2 * zeros).startsWith("00".repeat(BYTES_OF_MARGIN))).to.be.true;
  const found = decodeBitmap(await lens.liquidatable(accounts, { gasLimit: GAS_LIMIT }), 9);
  expect(accounts.filter((_, place) => found[place])).to.deep.equal([sinking, bankrupt]);
}

/** Code that returns the words, and as much behind them as the length in hexadecimal says. */
function answering(
  words: bigint[],
  length = "620000".concat(toBeHex(32 * words.length, 1).slice(2)),
) {
  const stores = words.map((word, place) =>
    concat([
      "0x7f",
      toBeHex(BigInt.asUintN(256, word), 32),
      "0x60",
      toBeHex(32 * place, 1),
      "0x52",
    ]),
  );
  return concat([...stores, `0x${length}`, "0x6000f3"]);
}

function decodeBytes(encoded: string): string {
  const [decoded] = AbiCoder.defaultAbiCoder().decode(["bytes"], encoded) as unknown as [string];
  return decoded;
}

/** Nine accounts, on ETH but for one on BTC too, at 2,800 dollars an ether. */
async function deployScene(network: NetworkConnection) {
  const plimsoll = await deployPlimsoll(network);
  const { alice, bob, carol, dave, liquidator, weth, marginEngine } = plimsoll;
  const { fund, deposit, trade, setPrice } = plimsoll;
  await fund(bob, 0n, 1_000_000);
  const liquidators = await fund(liquidator, 0n, 100_000);
  // Ten ether each, bought at 3,000 dollars: 2,000 dollars lost and 15 paid, 1,064 required.
  const healthy = await fund(alice, 0n, 10_000);
  const called = await fund(alice, 1n, 3_415);
  const sinking = await fund(alice, 2n, 2_515);
  const bankrupt = await fund(alice, 3n, 1_950);
  for (const subAccount of [0n, 1n, 2n, 3n]) {
    await trade({
      taker: { signer: alice, subAccount },
      maker: bob,
      instrument: ETH_PERP,
      size: parseWad(10),
      price: parseWad(3_000),
    });
  }
  const btc = await fund(carol, 0n, 50_000);
  await deposit(carol, { token: weth, amount: 1 });
  for (const [instrument, price] of [
    [BTC_PERP, 100_000],
    [ETH_PERP, 3_000],
  ] as const) {
    const size = parseWad("0.1");
    await trade({ taker: carol, maker: bob, instrument, size, price: parseWad(price) });
  }
  const saver = await deposit(dave, { token: weth, amount: 1 });
  await setPrice(ETH, 2_800);

  const nobody = accountId(dave.address, 7n);
  const key = "0x000000000000000000000000";
  const keyless = `${key}${"00".repeat(19)}01` as AccountId;
  const becomeEngine = async (code: string) => {
    await networkHelpers.setCode(await marginEngine.getAddress(), code);
  };
  const accounts = [healthy, called, sinking, btc, bankrupt, liquidators, saver, nobody, keyless];
  const named = { healthy, called, sinking, bankrupt, btc, saver, nobody, liquidators };
  return { ...plimsoll, ...named, accounts, becomeEngine };
}
