import { expect } from "chai";
import { ZeroAddress } from "ethers";
import {
  accountId,
  callOption,
  describeInstrument,
  formatAccount,
  future,
  type Instrument,
  type InstrumentId,
  isInstrument,
  KINDS,
  packInstrument,
  parseAccount,
  perpetual,
  putOption,
  unpackInstrument,
} from "../sdk/index.js";
import { ETH } from "./fixtures/plimsoll.js";
import { randomFrom } from "./fixtures/random.js";

const OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const STRIKE = 3_000n * 10n ** 18n;
/** 25 December 2026, 08:00 UTC. */
const EXPIRY = 1_798_185_600n;
const SYMBOLS = new Map([[ETH, "ETH"]]);

describe("Instrument ids", () => {
  it("stand as the design lays them out", () => {
    const dated = (BigInt(ETH) << 168n) | (EXPIRY << 128n);
    expect(perpetual(ETH)).to.equal((1n << 192n) | (BigInt(ETH) << 168n));
    expect(future({ underlying: ETH, expiry: EXPIRY })).to.equal((2n << 192n) | dated);
    const terms = { underlying: ETH, expiry: EXPIRY, strike: STRIKE };
    expect(callOption(terms)).to.equal((3n << 192n) | dated | STRIKE);
    expect(putOption(terms)).to.equal((4n << 192n) | dated | STRIKE);
    expect(future({ underlying: ETH, expiry: Number(EXPIRY) })).to.equal((2n << 192n) | dated);
  });

  it("are read back whole, at the ends of every field too", () => {
    const random = randomFrom(20_261_225);
    const ends = [1n, 2n ** 40n - 1n];
    for (const kind of Object.keys(KINDS) as Instrument["kind"][]) {
      for (const underlying of [1, 2 ** 24 - 1, Number(random.between(1n, 2n ** 24n - 1n))]) {
        for (const time of [...ends, random.between(1n, 2n ** 40n - 1n)]) {
          const expiry = kind === "perpetual" ? 0n : time;
          const strike = kind === "call" || kind === "put" ? 2n ** 128n - time : 0n;
          const instrument = { kind, underlying, expiry, strike };
          expect(unpackInstrument(packInstrument(instrument))).to.deep.equal(instrument);
        }
      }
    }
  });

  it("are refused when a field does not fit, is missing or is one that the kind has not", () => {
    const wrong: (() => InstrumentId)[] = [
      () => future({ underlying: ETH, expiry: 0n }),
      () => future({ underlying: ETH, expiry: 2n ** 40n }),
      () => future({ underlying: 0, expiry: EXPIRY }),
      () => callOption({ underlying: ETH, expiry: EXPIRY, strike: 0n }),
      () => putOption({ underlying: ETH, expiry: EXPIRY, strike: 2n ** 128n }),
      () => putOption({ underlying: ETH, expiry: EXPIRY, strike: -1n }),
      () => packInstrument({ kind: "perpetual", underlying: ETH, expiry: 1n, strike: 0n }),
      () => packInstrument({ kind: "future", underlying: ETH, expiry: EXPIRY, strike: 1n }),
    ];
    for (const make of wrong) expect(make, make.toString()).to.throw(RangeError);
  });

  it("are told from numbers that are none", () => {
    expect(isInstrument(perpetual(ETH))).to.equal(true);
    for (const id of [
      0n,
      -1n,
      perpetual(ETH) | 1n,
      perpetual(ETH) | (1n << 200n),
      5n << 192n,
      1n << 192n,
      (2n << 192n) | (1n << 168n),
    ]) {
      expect(isInstrument(id), id.toString(16)).to.equal(false);
      expect(() => unpackInstrument(id)).to.throw(RangeError);
    }
  });

  it("have names for people", () => {
    expect(describeInstrument(perpetual(ETH), SYMBOLS)).to.equal("ETH-PERP");
    expect(describeInstrument(perpetual(7))).to.equal("#7-PERP");
    const terms = { underlying: ETH, expiry: EXPIRY, strike: STRIKE };
    expect(describeInstrument(future(terms), SYMBOLS)).to.equal("ETH-2026-12-25");
    expect(describeInstrument(callOption(terms), SYMBOLS)).to.equal("ETH-2026-12-25-3000-C");
    const odd = putOption({ ...terms, expiry: EXPIRY + 1n, strike: STRIKE / 7n });
    expect(describeInstrument(odd, SYMBOLS)).to.equal(
      "ETH-2026-12-25T08:00:01Z-428.571428571428571428-P",
    );
  });
});

describe("Account ids for people", () => {
  it("are the owner and, if it is not the first, the number", () => {
    expect(formatAccount(accountId(OWNER))).to.equal(OWNER);
    expect(formatAccount(accountId(OWNER, 7n))).to.equal(`${OWNER}/7`);
    expect(formatAccount(accountId(OWNER, 7n), { short: true })).to.equal("0x7099…79C8/7");
  });

  it("are read back from what people write", () => {
    for (const account of [
      accountId(OWNER),
      accountId(OWNER, 7n),
      accountId(OWNER, 2n ** 96n - 1n),
    ]) {
      expect(parseAccount(formatAccount(account))).to.equal(account);
      expect(parseAccount(` ${account.toUpperCase().replace("0X", "0x")} `)).to.equal(account);
    }
    expect(parseAccount(OWNER.toLowerCase())).to.equal(accountId(OWNER));
  });

  it("are refused when they are none", () => {
    const wrongChecksum = OWNER.replace("C51812", "c51812");
    for (const text of [
      "",
      "0x12",
      `${OWNER}/`,
      `${OWNER}/-1`,
      `${OWNER}/1/2`,
      `${OWNER}/x`,
      ZeroAddress,
      `0x${"0".repeat(64)}`,
      wrongChecksum,
      formatAccount(accountId(OWNER), { short: true }),
    ]) {
      expect(() => parseAccount(text), text).to.throw(TypeError);
    }
    expect(() => parseAccount(`${OWNER}/${2n ** 96n}`)).to.throw(RangeError);
  });
});
