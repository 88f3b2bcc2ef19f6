import { expect } from "chai";
import { AccountTable } from "../sdk/eventIndex/accountTable.js";
import { nonceKey } from "../sdk/eventIndex/emptyState.js";
import { NonceTable } from "../sdk/eventIndex/nonceTable.js";
import type { StoredAccount } from "../sdk/eventIndex/state.js";
import type { AccountId } from "../sdk/ids.js";
import { AccountIds } from "../sdk/packed/accountIds.js";
import { WideNumbers } from "../sdk/packed/wideNumbers.js";
import { randomFrom } from "./fixtures/random.js";

const idOf = (number: bigint): AccountId => `0x${number.toString(16).padStart(64, "0")}`;

/** At every border of how a number is stored, and of either sign. */
const BORDERS = [0n, 31n, 32n, 62n, 63n, 64n, 95n, 96n, 126n, 127n, 128n, 200n, 255n].flatMap(
  (bits) => [-1n, 0n, 1n].flatMap((more) => [2n ** bits + more, -(2n ** bits) + more]),
);

describe("WideNumbers", () => {
  it("gives every number back as it was, of whatever size", () => {
    const numbers = new WideNumbers();
    numbers.growTo(BORDERS.length);
    for (let round = 0; round < BORDERS.length; ++round) {
      const turned = [...BORDERS.slice(round), ...BORDERS.slice(0, round)];
      for (const [at, value] of turned.entries()) numbers.set(at, value);
      for (const [at, value] of turned.entries()) expect(numbers.get(at)).to.equal(value);
    }
  });

  it("begins as 0, on every page", () => {
    const numbers = new WideNumbers();
    numbers.growTo(40_000);
    for (const at of [0, 16_383, 16_384, 39_999]) expect(numbers.get(at)).to.equal(0n);
    numbers.set(16_384, 5n);
    expect([numbers.get(16_383), numbers.get(16_384)]).to.deep.equal([0n, 5n]);
  });
});

describe("AccountIds", () => {
  it("knows the account of zeros only when it was added", () => {
    const ids = new AccountIds();
    expect([ids.find(idOf(0n)), ids.at(0), ids.size]).to.deep.equal([-1, undefined, 0]);
    ids.add(idOf(1n));
    ids.remove(idOf(1n));
    expect([ids.find(idOf(0n)), ids.at(0), ids.size]).to.deep.equal([-1, undefined, 0]);
    expect([ids.add(idOf(0n)), ids.find(idOf(0n)), ids.at(0)]).to.deep.equal([0, 0, idOf(0n)]);
  });

  it("takes digits in either case for the same account, and gives them in lower case", () => {
    const ids = new AccountIds();
    const [lower, upper] = [`0x${"ab".repeat(32)}`, `0x${"AB".repeat(32)}`] as const;
    expect([ids.add(upper), ids.find(lower), ids.add(lower), ids.size]).to.deep.equal([0, 0, 0, 1]);
    expect(ids.at(0)).to.equal(lower);
  });

  it("refuses what is no account's id, and finds no account under it", () => {
    const ids = new AccountIds();
    const wrong = [
      "0x",
      "",
      idOf(1n).slice(2),
      `${idOf(1n)}0`,
      `0x${"g".repeat(64)}`,
      "é".repeat(66),
    ];
    for (const id of wrong as AccountId[]) {
      expect(ids.find(id)).to.equal(-1);
      expect(() => ids.add(id), id).to.throw(RangeError, "is no account's id");
    }
    expect(ids.size).to.equal(0);
  });

  it("finds what it has and nothing else, whatever came and went", () => {
    const dice = randomFrom(3);
    const [ids, slots] = [new AccountIds(), new Map<AccountId, number>()];
    for (let i = 0; i < 30_000; ++i) {
      // Neighbours, as one owner's accounts are; often one that is there.
      const id = idOf(
        (BigInt(Math.floor(dice.next() * 3)) << 200n) | BigInt(Math.floor(dice.next() * 3_000)),
      );
      if (dice.next() < 0.45) {
        expect(ids.remove(id)).to.equal(slots.get(id) ?? -1);
        slots.delete(id);
      } else {
        const slot = ids.add(id);
        expect(slots.get(id) ?? slot).to.equal(slot);
        slots.set(id, slot);
      }
    }
    expect(ids.size).to.equal(slots.size);
    for (const [id, slot] of slots) expect([ids.find(id), ids.at(slot)]).to.deep.equal([slot, id]);
    expect([...ids.slots()]).to.have.members([...slots.values()]);
  });
});

describe("AccountTable", () => {
  const tokens = [`0x${"11".repeat(20)}`, `0x${"22".repeat(20)}`];

  function randomAccount(dice: { next(): number }): StoredAccount {
    const wide = (): bigint => BORDERS[Math.floor(dice.next() * BORDERS.length)] as bigint;
    const some = <T>(most: number, make: (i: number) => T): T[] =>
      Array.from({ length: Math.floor(dice.next() * (most + 1)) }, (_, i) => make(i));
    return {
      principal: wide(),
      positions: some(dice.next() < 0.05 ? 300 : 7, (i) => ({
        instrument: (1n << 192n) | BigInt(i),
        size: wide(),
        quote: wide(),
      })),
      collateral: some(2, (i) => ({ token: tokens[i] as string, amount: wide() })),
    };
  }

  it("is a Map of accounts to the wei, whatever is written, changed, removed and read between", () => {
    const dice = randomFrom(11);
    const [table, map] = [new AccountTable(), new Map<AccountId, StoredAccount>()];
    for (let i = 0; i < 6_000; ++i) {
      const id = idOf(BigInt(Math.floor(dice.next() * 300)));
      const before = table.get(id);
      expect(before).to.deep.equal(map.get(id));
      const fate = dice.next();
      if (fate < 0.2) {
        expect(table.delete(id)).to.equal(map.delete(id));
        continue;
      }
      let value = randomAccount(dice);
      // As the index does: most of an account stays the very same objects.
      if (before !== undefined && fate < 0.5) value = { ...before, principal: value.principal };
      const last = value.positions.at(-1);
      if (before !== undefined && last !== undefined && fate > 0.7 && before.positions.length > 1) {
        value = { ...before, positions: before.positions.with(1, last) };
      }
      if (dice.next() < 0.3) table.get(idOf(BigInt(Math.floor(dice.next() * 300))));
      table.set(id, value);
      map.set(id, value);
    }
    expect(table.size).to.equal(map.size);
    for (const [id, value] of map) expect(table.get(id)).to.deep.equal(value);
    const byId = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
    expect([...table].sort(byId)).to.deep.equal([...map].sort(byId));
    expect([...table.keys()]).to.have.members([...map.keys()]);
    expect([...table.values()].length).to.equal(map.size);
  });

  it("keeps what was read as it was when the account changes", () => {
    const table = new AccountTable();
    const position = { instrument: 1n << 192n, size: 5n, quote: -7n };
    table.set(idOf(1n), { principal: 1n, positions: [position], collateral: [] });
    table.set(idOf(2n), { principal: 2n, positions: [], collateral: [] });
    const read = table.get(idOf(1n))!;
    table.set(idOf(1n), { ...read, positions: [{ ...position, size: 6n }] });
    expect(read.positions).to.deep.equal([position]);
    expect(table.get(idOf(1n))!.positions[0]!.size).to.equal(6n);
  });

  it("gives accounts in the order in which they came, also after the last ones were taken back", () => {
    const table = new AccountTable();
    const value: StoredAccount = { principal: 0n, positions: [], collateral: [] };
    for (const number of [5n, 3n, 9n, 1n]) table.set(idOf(number), value);
    for (const number of [1n, 9n]) table.delete(idOf(number));
    for (const number of [7n, 9n]) table.set(idOf(number), value);
    expect([...table.keys()]).to.deep.equal([5n, 3n, 7n, 9n].map(idOf));
    table.clear();
    expect([table.size, [...table]]).to.deep.equal([0, []]);
  });
});

describe("NonceTable", () => {
  const mostNonce = 2n ** 64n - 1n;

  it("is a Map of masks of 256 bits, whatever is written and removed between", () => {
    const dice = randomFrom(5);
    const [table, map] = [new NonceTable(), new Map<string, bigint>()];
    const places = [0n, 256n, 511n, 2n ** 32n, 2n ** 40n, 2n ** 41n + 256n, mostNonce];
    for (let i = 0; i < 6_000; ++i) {
      const nonce = places[Math.floor(dice.next() * places.length)] as bigint;
      const key = nonceKey(idOf(BigInt(Math.floor(dice.next() * 100))), nonce);
      expect([table.get(key), table.has(key)]).to.deep.equal([map.get(key), map.has(key)]);
      if (dice.next() < 0.3) {
        expect(table.delete(key)).to.equal(map.delete(key));
        continue;
      }
      const mask = (map.get(key) ?? 0n) | (1n << BigInt(Math.floor(dice.next() * 256)));
      table.set(key, mask);
      map.set(key, mask);
    }
    expect(table.size).to.equal(map.size);
    expect([...table]).to.have.deep.members([...map]);
    expect([...table.keys()]).to.have.members([...map.keys()]);
    table.clear();
    expect([table.size, [...table.values()]]).to.deep.equal([0, []]);
  });

  it("keeps a mask of no bits and one of all bits", () => {
    const table = new NonceTable();
    const [none, all] = [nonceKey(idOf(1n), 0n), nonceKey(idOf(1n), mostNonce)];
    table.set(none, 0n).set(all, 2n ** 256n - 1n);
    expect([table.get(none), table.get(all)]).to.deep.equal([0n, 2n ** 256n - 1n]);
  });

  it("refuses what is no key of nonces, and finds nothing under it", () => {
    const table = new NonceTable();
    const id = idOf(1n);
    for (const key of [
      id,
      `${id}/`,
      `${id}/00`,
      `${id}/g`,
      `${id}/A`,
      `${id}/${"1".repeat(15)}`,
      "/1",
    ]) {
      expect([table.get(key), table.delete(key)]).to.deep.equal([undefined, false]);
      expect(() => table.set(key, 1n), key).to.throw(RangeError, "is no key of nonces");
    }
  });
});
