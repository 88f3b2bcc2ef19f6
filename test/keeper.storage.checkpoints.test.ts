import { expect } from "chai";
import { setImmediate as turn } from "node:timers/promises";
import { createCheckpoints as create, type Saved } from "../keeper/storage/checkpoints.js";
import type { Database } from "../keeper/storage/database.js";
import { createLeases, type Leases, newHolder } from "../keeper/storage/leases.js";
import { migrate } from "../keeper/storage/migrate.js";
import { MIGRATIONS } from "../keeper/storage/migrations.js";
import { restoreIndex } from "../keeper/storage/restoreIndex.js";
import { EventIndex } from "../sdk/index.js";
import { randomFrom } from "./fixtures/random.js";
import { describeWithEachEngine } from "./support/databases.js";
import { dyingAfter, fragile } from "./support/fragile.js";
import { everythingIn, WRITTEN_INDEX, WrittenChain } from "./support/writtenChain.js";

const ACCOUNTS = 40;
/** So few that there are several pieces. */
const PIECE_LINES = 20;

const createCheckpoints = (options: Parameters<typeof create>[0]) =>
  create({ pieceLines: PIECE_LINES, ...options });

describeWithEachEngine("Checkpoints of the event index", (test) => {
  let database: Database;
  let chain: WrittenChain;
  let index: EventIndex;

  beforeEach(async () => {
    database = await test.open();
    await migrate(database, MIGRATIONS);
    chain = new WrittenChain(1);
    index = new EventIndex(WRITTEN_INDEX);
    chain.openPositions(index, ACCOUNTS);
    for (let i = 0; i < 10; ++i) chain.grow(index, { accounts: ACCOUNTS });
  });

  const grow = (news = 10): void => {
    chain.grow(index, { accounts: ACCOUNTS, news });
  };

  const restored = async () => (await restoreIndex(database, WRITTEN_INDEX))!;

  async function expectStored(expected: EventIndex): Promise<void> {
    const { index: found } = await restored();
    expect(everythingIn(found)).to.deep.equal(everythingIn(expected));
  }

  /** How many lines a save has written of what has changed. */
  function linesOf(saved: Saved): number {
    if (saved.outcome !== "saved") expect.fail(saved.outcome);
    expect(saved.isWhole).to.be.false;
    return saved.lines;
  }

  const countOf = async (sql: string): Promise<unknown> =>
    Object.values((await database.query(`SELECT COUNT(*) AS count ${sql}`))[0]!)[0];

  it("are none where nothing was saved, or nothing is known", async () => {
    expect(await restoreIndex(database, WRITTEN_INDEX)).to.be.undefined;
    const nothing = createCheckpoints({ database, index: new EventIndex(WRITTEN_INDEX) });
    expect(await nothing.save()).to.deep.equal({ outcome: "unchanged" });
    expect(await restoreIndex(database, WRITTEN_INDEX)).to.be.undefined;
  });

  it("give back everything, with what can be taken back", async () => {
    const saved = await createCheckpoints({ database, index }).save();
    expect(saved).to.include({ outcome: "saved", block: 11, isWhole: true });
    const { index: found } = await restored();
    expect(everythingIn(found)).to.deep.equal(everythingIn(index));
    for (let i = 0; i < 8; ++i) found.takeBack();
    for (const block of chain.blocks.slice(-8)) found.apply(block);
    expect(everythingIn(found)).to.deep.equal(everythingIn(index));
  });

  it("write only what has changed, also when another run goes on", async () => {
    const first = createCheckpoints({ database, index });
    await first.save();
    expect(await first.save()).to.deep.equal({ outcome: "unchanged" });
    grow();
    expect(linesOf(await first.save())).to.be.within(5, 40);
    await expectStored(index);

    const { index: found, stored } = await restored();
    const second = createCheckpoints({ database, index: found, stored });
    expect(await second.save()).to.deep.equal({ outcome: "unchanged" });
    chain.grow(found, { accounts: ACCOUNTS });
    expect(linesOf(await second.save())).to.be.within(5, 40);
    await expectStored(found);
  });

  it("are those of the last save, whatever came, went and came again before", async () => {
    const dice = randomFrom(3);
    let checkpoints = createCheckpoints({ database, index });
    for (let round = 0; round < 12; ++round) {
      const back = Math.floor(dice.next() * 5);
      for (let i = 0; i < back; ++i) chain.takeBack(index);
      for (let i = 0; i < 5; ++i) grow(1 + Math.floor(dice.next() * 15));
      await checkpoints.save();
      await expectStored(index);
      if (round % 4 < 3) continue;
      const { index: found, stored } = await restored();
      index = found;
      checkpoints = createCheckpoints({ database, index, stored });
    }
  });

  it("are of one moment though blocks come and go while they are written", async () => {
    const checkpoints = createCheckpoints({ database, index });
    for (let round = 0; round < 3; ++round) {
      const saving = checkpoints.save();
      for (let blocks = 0; blocks < 8; ++blocks) {
        if (blocks % 4 === 3) chain.takeBack(index);
        grow(30);
        for (let i = 0; i < 3; ++i) await turn();
      }
      await saving;
      const { index: found } = await restored();
      const expected = chain.indexAt(found.tip!.hash);
      expect(everythingIn(found)).to.deep.equal(everythingIn(expected));
    }
    grow();
    expect(await checkpoints.save()).to.include({ outcome: "saved", isWhole: false });
    await expectStored(index);
  });

  it("are the old or the new one, wherever the process dies", async () => {
    await createCheckpoints({ database, index }).save();
    const before = everythingIn(index);
    for (const isWhole of [false, true]) {
      let steps = 0;
      for (let isDead = true; isDead; ++steps) {
        const { index: found, stored } = await restored();
        const old = everythingIn(found);
        chain.blocks.length = found.tip!.number;
        chain.grow(found, { accounts: ACCOUNTS });
        const dying = dyingAfter(database, steps);
        const kept = isWhole ? undefined : stored;
        const saving = createCheckpoints({ database: dying, index: found, stored: kept }).save();
        isDead = await saving.then(
          () => false,
          () => true,
        );
        const now = everythingIn((await restored()).index);
        expect(now).to.be.deep.oneOf([old, everythingIn(found)]);
        if (!isDead) expect(now).to.deep.equal(everythingIn(found));
      }
      expect(steps).to.be.above(isWhole ? 15 : 5);
    }
    expect(everythingIn((await restored()).index)).not.to.deep.equal(before);
  });

  it("lose nothing by a save that failed, nor by one of which it is not known", async () => {
    let fails = false;
    const fail = (): void => {
      if (fails) throw new Error("no answer");
    };
    for (const fault of ["before", "afterKept"] as const) {
      const checkpoints = createCheckpoints({
        database: fragile(database, { [fault]: fail }),
        index,
      });
      await checkpoints.save();
      for (let i = 0; i < 3; ++i) {
        grow();
        fails = true;
        expect(await checkpoints.save().catch((error: unknown) => error)).to.be.instanceOf(Error);
        fails = false;
        if (i === 1) continue;
        grow();
        linesOf(await checkpoints.save());
        await expectStored(index);
      }
    }
  });

  it("begin anew when what was added outweighs the whole, and keep one series only", async () => {
    const checkpoints = createCheckpoints({ database, index, leastGrowth: 20_000 });
    await checkpoints.save();
    let saved: Saved;
    let saves = 0;
    do {
      grow(300);
      saved = await checkpoints.save();
      expect(++saves).to.be.below(20);
    } while (saved.outcome === "saved" && !saved.isWhole);
    expect(saves).to.be.above(2);
    await expectStored(index);
    const others = "FROM storage_checkpoint_pieces p, storage_checkpoints c";
    expect(await countOf(`${others} WHERE p.series <> c.series`)).to.equal(0);
    expect(await countOf(others)).to.be.above(2);
  });

  describe("that are not what was written", () => {
    const damages = {
      "a piece is missing": "DELETE FROM storage_checkpoint_pieces WHERE number = 2",
      "the last piece is missing": `DELETE FROM storage_checkpoint_pieces
          WHERE number = (SELECT MAX(number) FROM storage_checkpoint_pieces)`,
      "a piece is another": "UPDATE storage_checkpoint_pieces SET lines = '' WHERE number = 2",
      "one number is another":
        "UPDATE storage_checkpoint_pieces SET lines = REPLACE(lines, '0n', '1n') WHERE number = 2",
      "the head is that of another series": "UPDATE storage_checkpoints SET series = 'another'",
      "the head is older": "UPDATE storage_checkpoints SET pieces = pieces - 1",
      "they are of another version": "UPDATE storage_checkpoints SET version = version + 1",
    };
    for (const [damage, sql] of Object.entries(damages)) {
      it(`are not believed: ${damage}; the next save is whole`, async () => {
        const checkpoints = createCheckpoints({ database, index });
        await checkpoints.save();
        grow();
        await checkpoints.save();
        await database.query(sql);
        expect(await restoreIndex(database, WRITTEN_INDEX)).to.be.undefined;
        await createCheckpoints({ database, index }).save();
        await expectStored(index);
      });
    }
  });

  it("of another deployment stand beside them and are never taken for them", async () => {
    const deployment = { ...WRITTEN_INDEX.deployment, firstBlock: 1 };
    await createCheckpoints({ database, index }).save();
    expect(await restoreIndex(database, { ...WRITTEN_INDEX, deployment })).to.be.undefined;
    const other = new EventIndex({ ...WRITTEN_INDEX, deployment });
    chain.openPositions(other, 10);
    chain.blocks.pop();
    await createCheckpoints({ database, index: other }).save();
    await expectStored(index);
  });

  it("are written by one save at a time, which close ends", async () => {
    const checkpoints = createCheckpoints({ database, index });
    const [one, two] = await Promise.all([checkpoints.save(), checkpoints.save()]);
    expect(one).to.equal(two);
    const whole = createCheckpoints({ database, index });
    const saving = whole.save();
    await whole.close();
    expect(await saving).to.deep.equal({ outcome: "stopped" });
    expect(await whole.save()).to.deep.equal({ outcome: "stopped" });
    await expectStored(index);
  });

  describe("of several keepers", () => {
    let leases: Leases[];
    beforeEach(async () => {
      leases = await Promise.all(
        [1, 2].map(async () => createLeases(await test.open(), { holder: newHolder("keeper") })),
      );
    });

    it("are written by the one that holds them, and by another when that one is gone", async () => {
      const [first, second] = leases.map((own) =>
        createCheckpoints({ database, index, leases: own }),
      );
      await first!.save();
      grow();
      expect(await second!.save()).to.deep.equal({ outcome: "elsewhere" });
      grow();
      linesOf(await first!.save());
      await first!.close();
      grow();
      expect(await second!.save()).to.include({ outcome: "saved", isWhole: true });
      await expectStored(index);
      grow();
      linesOf(await second!.save());
      await expectStored(index);
    });

    it("are not spoilt by one that slept while another took over", async () => {
      const sleeper = createCheckpoints({ database, index });
      await sleeper.save();
      const { index: found, stored } = await restored();
      const other = createCheckpoints({ database: await test.open(), index: found, stored });
      const blocks = chain.blocks.length;
      grow(100);
      found.apply(chain.blocks[blocks]!);
      linesOf(await other.save());
      // The sleeper has not noticed: its base is no more what is stored.
      grow(100);
      expect(await sleeper.save()).to.include({ outcome: "saved", isWhole: true });
      await expectStored(index);
      found.apply(chain.blocks.at(-1)!);
      expect(await other.save()).to.include({ outcome: "saved", isWhole: true });
      await expectStored(index);
    });

    it("are no base for one whose series another has replaced by the same words", async () => {
      const [first, second] = [database, await test.open()].map((own) =>
        createCheckpoints({ database: own, index }),
      );
      await first!.save();
      expect(await second!.save()).to.include({ outcome: "saved", isWhole: true });
      grow();
      expect(await first!.save()).to.include({ outcome: "saved", isWhole: true });
      await expectStored(index);
    });

    it("are always somebody's whole ones, though both write at the same time", async () => {
      const others = [database, await test.open()];
      for (let round = 0; round < 5; ++round) {
        const writers = others.map((own) => createCheckpoints({ database: own, index }));
        const outcomes = await Promise.all(writers.map((writer) => writer.save()));
        expect(outcomes.map(({ outcome }) => outcome)).to.include("saved");
        await expectStored(index);
        grow(20);
        await Promise.all(writers.map((writer) => writer.save()));
        await expectStored(index);
      }
    });
  });
});
