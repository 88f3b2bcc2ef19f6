import { expect } from "chai";
import type { Channel, Delivery } from "../keeper/people/channel.js";
import { claimLetters, settleLetter } from "../keeper/people/claims.js";
import { retryDelay, settlementOf } from "../keeper/people/deliverer.js";
import { EpisodeBook } from "../keeper/people/episodeBook.js";
import { isChannelFailing } from "../keeper/people/failing.js";
import type { Notice } from "../keeper/people/notice.js";
import { databasePostbox } from "../keeper/people/outbox.js";
import { endDestination } from "../keeper/people/subscriptions.js";
import type { Database } from "../keeper/storage/database.js";
import {
  ALICES,
  BOBS,
  liquidated,
  MovedClock,
  startDeliverer,
  statesOf,
  subscribeConfirmed,
  subscribeWebhook,
  surroundings,
  toldChannel,
  until,
  withTables,
} from "./fixtures/keeperPeople.js";
import { describeWithEachEngine } from "./support/databases.js";

const SENT: Delivery = { kind: "sent" };
const HOOK = "https://receiver.example/hook";
const PLACES = { webhook: 8, email: 8, telegram: 8 };

describeWithEachEngine("The outbox", (tests) => {
  let database: Database;
  let clock: MovedClock;
  let around: ReturnType<typeof surroundings>;
  let stops: (() => Promise<void>)[];

  beforeEach(async () => {
    database = await withTables(await tests.open());
    clock = new MovedClock();
    around = surroundings(clock);
    stops = [];
  });

  afterEach(async () => {
    for (const stop of stops) await stop();
  });

  const postboxOf = (one: Database = database) =>
    databasePostbox({ database: one, clock, posted: () => undefined });
  const claim = (holder: string, one: Database = database) =>
    claimLetters(one, { holder, now: clock.now(), most: PLACES });

  function start(one: Database, channels: readonly Channel[], holder = "one") {
    const running = startDeliverer(one, channels, around, { holder });
    stops.push(running.stop);
    return running;
  }

  it("delivers a notice to each subscription once, however often it is posted", async () => {
    await subscribeWebhook(database, { url: HOOK });
    await subscribeConfirmed(database, "telegram", { destination: "42" });
    await subscribeWebhook(database, { account: BOBS, url: `${HOOK}/bob` });
    const [hooks, chats] = [
      toldChannel("webhook", () => SENT),
      toldChannel("telegram", () => SENT),
    ];
    await postboxOf().post([liquidated("a")]);
    await postboxOf().post([liquidated("a"), liquidated("a")]);
    start(database, [hooks, chats]);
    await until(async () => (await statesOf(database)).every((state) => state === "sent"));
    await postboxOf().post([liquidated("a")]);
    expect(hooks.letters.map(({ destination }) => destination)).to.deep.equal([HOOK]);
    expect(chats.letters.map(({ destination }) => destination)).to.deep.equal(["42"]);
    expect(await statesOf(database)).to.deep.equal(["sent", "sent"]);
  });

  it("writes nothing for whom did not ask for this kind of notice", async () => {
    await subscribeWebhook(database, { url: HOOK, kinds: ["recovered"] });
    await postboxOf().post([liquidated("a")]);
    expect(await statesOf(database)).to.deep.equal([]);
    expect([...(await postboxOf().subscribed([ALICES, BOBS]))]).to.deep.equal([ALICES]);
  });

  it("writes all notices of a transaction or none", async () => {
    await subscribeWebhook(database, { url: HOOK });
    const act = database.transaction(async (inside) => {
      await postboxOf().post([liquidated("a")], inside);
      throw new Error("the keeper stumbles");
    });
    expect(await act.catch((error: unknown) => (error as Error).message)).to.equal(
      "the keeper stumbles",
    );
    expect(await statesOf(database)).to.deep.equal([]);
  });

  it("tries again later and later, and tells each message once in the end", async () => {
    await subscribeWebhook(database, { url: HOOK });
    let failures = 3;
    const hooks = toldChannel("webhook", () =>
      failures-- > 0 ? { kind: "failed", reason: "500", isOurs: false } : SENT,
    );
    await postboxOf().post([liquidated("a")]);
    start(database, [hooks]);
    for (const attempts of [1, 2, 3]) {
      await until(
        async () =>
          (await statesOf(database))[0] === "waiting" && hooks.letters.length === attempts,
      );
      clock.move(retryDelay(attempts) - 1);
      expect(await claim("nobody")).to.deep.equal({ letters: [], unknown: 0, dropped: 0 });
      clock.move(1);
    }
    await until(async () => (await statesOf(database))[0] === "sent");
    expect(new Set(hooks.letters.map(({ id }) => id)).size).to.equal(1);
    expect(hooks.letters).to.have.length(4);
  });

  it("gives up after a day", () => {
    const failed = { kind: "failed", reason: "500", isOurs: false } as const;
    const at = (now: number) =>
      settlementOf({ attempts: 30, createdAt: 0 }, failed, { knowsRepeats: true, now }).state;
    expect(at(22 * 3_600_000)).to.equal("waiting");
    expect(at(23 * 3_600_000 + 1)).to.equal("failed");
  });

  it("gives each message to one of two keepers, and each destination one message at a time", async () => {
    const other = await tests.open();
    for (const i of [1, 2, 3, 4]) await subscribeWebhook(database, { url: `${HOOK}/${i}` });
    const busy = new Map<string, number>();
    let mostBusy = 0;
    const slow = () =>
      toldChannel("webhook", async ({ destination }) => {
        busy.set(destination, (busy.get(destination) ?? 0) + 1);
        mostBusy = Math.max(mostBusy, busy.get(destination)!);
        await new Promise((resolve) => setTimeout(resolve, 2));
        busy.set(destination, busy.get(destination)! - 1);
        return SENT;
      });
    const [one, two] = [slow(), slow()];
    const notices = Array.from({ length: 6 }, (_, i) => liquidated(`n${i}`));
    await postboxOf().post(notices);
    const running = [start(database, [one]), start(other, [two], "two")];
    await until(async () => {
      for (const { wake } of running) wake();
      return (await statesOf(database)).every((state) => state === "sent");
    });
    const ids = [...one.letters, ...two.letters].map(({ id }) => id);
    expect(ids).to.have.length(24);
    expect(new Set(ids).size).to.equal(24);
    expect(mostBusy).to.equal(1);
  });

  it("lets webhooks that hang hold up neither mails nor the webhooks of others", async () => {
    for (let i = 0; i < 10; ++i) await subscribeWebhook(database, { url: `${HOOK}/${i}` });
    await subscribeConfirmed(database, "email", { account: BOBS, destination: "bob@b.example" });
    await subscribeWebhook(database, { account: BOBS, url: "https://bobs.example/" });
    await postboxOf().post([liquidated("of Alice"), liquidated("again")]);
    clock.move(1_000);
    await postboxOf().post([liquidated("of Bob", BOBS)]);
    let release = (): void => undefined;
    const hanging = new Promise<void>((resolve) => (release = resolve));
    const hooks = toldChannel("webhook", async ({ destination }) => {
      if (destination.startsWith(HOOK)) await hanging;
      return { kind: "failed", reason: "no answer", isOurs: false };
    });
    const mails = toldChannel("email", () => SENT);
    start(database, [hooks, mails]);
    await until(() => mails.letters.length === 1);
    await until(() => hooks.letters.some(({ destination }) => !destination.startsWith(HOOK)));
    expect(
      hooks.letters.filter(({ destination }) => destination.startsWith(HOOK)).length,
    ).to.be.lessThan(4);
    release();
  });

  it("tries what was never tried before what failed already", async () => {
    await subscribeWebhook(database, { url: HOOK });
    await subscribeWebhook(database, { account: BOBS, url: "https://bobs.example/" });
    await postboxOf().post([liquidated("old")]);
    const [failed] = (await claim("one")).letters;
    await settleLetter(database, failed!, "one", { state: "waiting", reason: "", dueAt: 0 });
    clock.move(1_000);
    await postboxOf().post([liquidated("new", BOBS)]);
    const { letters } = await claimLetters(database, {
      ...{ holder: "one", now: clock.now() },
      most: { webhook: 1 },
    });
    expect(letters.map(({ account }) => account)).to.deep.equal([BOBS]);
  });

  it("sends a webhook again when its keeper died in the attempt, and an e-mail never", async () => {
    await subscribeWebhook(database, { url: HOOK });
    await subscribeConfirmed(database, "email", { destination: "alice@example.com" });
    await postboxOf().post([liquidated("a")]);
    const dead = await claim("dead");
    expect(dead.letters).to.have.length(2);
    expect((await claim("alive")).letters).to.deep.equal([]);
    clock.move(61_000);
    const { letters, unknown } = await claim("alive");
    expect(unknown).to.equal(1);
    expect(letters.map(({ channel }) => channel)).to.deep.equal(["webhook"]);
    expect(letters[0]!.id).to.equal(dead.letters.find(({ channel }) => channel === "webhook")!.id);
    expect((await statesOf(database)).sort()).to.deep.equal(["sending", "unknown"]);
  });

  it("lets a keeper that was taken for dead change nothing of what another one did since", async () => {
    await subscribeWebhook(database, { url: HOOK });
    await postboxOf().post([liquidated("a")]);
    const [late] = (await claim("late")).letters;
    clock.move(61_000);
    const [taken] = (await claim("other")).letters;
    const sent = { state: "sent", reason: "", dueAt: clock.now() } as const;
    await settleLetter(database, taken!, "other", sent);
    await settleLetter(database, late!, "late", { ...sent, state: "waiting" });
    expect(await statesOf(database)).to.deep.equal(["sent"]);
  });

  it("never sends a second e-mail when the first one's fate is unknown", async () => {
    await subscribeConfirmed(database, "email", { destination: "alice@example.com" });
    const mails = toldChannel("email", () => ({ kind: "unknown", reason: "cut off" }));
    await postboxOf().post([liquidated("a")]);
    start(database, [mails]);
    await until(async () => (await statesOf(database))[0] === "unknown");
    clock.move(3_600_000);
    expect((await claim("other")).letters).to.deep.equal([]);
    expect(mails.letters).to.have.length(1);
    expect(await around.registry.metrics()).to.contain("plimsoll_keeper_people_unknown_total 1");
  });

  it("ends the subscriptions of a destination that is gone, and drops what waits for it", async () => {
    await subscribeWebhook(database, { url: HOOK });
    const hooks = toldChannel("webhook", () => ({ kind: "refused", reason: "410" }));
    await postboxOf().post([liquidated("a"), liquidated("b")]);
    start(database, [hooks]);
    await until(async () => (await statesOf(database)).sort().join() === "dropped,failed");
    expect(hooks.letters).to.have.length(1);
    expect(await endDestination(database, "webhook", HOOK)).to.equal(0);
  });

  describe("with margin calls", () => {
    const called = (episode: string, count: number): Notice => ({
      ...liquidated(`call ${episode} ${count}`),
      kind: "marginCall",
      episode,
    });
    let book: EpisodeBook;

    beforeEach(async () => {
      await subscribeWebhook(database, { url: HOOK });
      book = new EpisodeBook(database, postboxOf());
      await book.begin([ALICES], "first", 1_000);
    });

    const tell = async (count: number) => {
      const notice = called("first", count);
      return book.tell({ ...book.of(ALICES)!, told: count - 1 }, notice, {
        status: 1,
        time: 1_000,
      });
    };

    it("drops a call that a later one of the same trouble has overtaken", async () => {
      await tell(1);
      clock.move(1);
      await tell(2);
      const { dropped, letters } = await claim("one");
      expect([dropped, letters.length]).to.deep.equal([1, 1]);
      expect(await statesOf(database)).to.deep.equal(["dropped", "sending"]);
    });

    it("drops a call whose trouble is over, and says nothing of a recovery from what was not told", async () => {
      await tell(1);
      clock.move(1);
      const recovered: Notice = { ...called("first", 0), kind: "recovered", key: "recovered" };
      await book.end(book.of(ALICES)!, [recovered], 2_000);
      expect((await claim("one")).letters).to.deep.equal([]);
      expect(await statesOf(database)).to.deep.equal(["dropped", "dropped"]);
    });

    it("tells of the recovery from what was told", async () => {
      await tell(1);
      const [letter] = (await claim("one")).letters;
      await settleLetter(database, letter!, "one", { state: "sent", reason: "", dueAt: 0 });
      clock.move(1);
      const recovered: Notice = { ...called("first", 0), kind: "recovered", key: "recovered" };
      await book.end(book.of(ALICES)!, [recovered], 2_000);
      expect((await claim("one")).letters.map(({ kind }) => kind)).to.deep.equal(["recovered"]);
    });

    it("counts a telling of one of two keepers only", async () => {
      expect(await tell(1)).to.equal(true);
      const other = new EpisodeBook(await tests.open(), postboxOf());
      await other.begin([ALICES], "second", 1_001);
      expect(other.of(ALICES)).to.deep.include({ episode: "first", told: 1 });
      const stale = { ...other.of(ALICES)!, told: 0 };
      expect(await other.tell(stale, called("first", 1), { status: 1, time: 1_001 })).to.equal(
        false,
      );
      expect(await statesOf(database)).to.deep.equal(["waiting"]);
    });
  });
});

describe("A channel", () => {
  const attempt = (destination: string, isDelivered: boolean, isOurs = false) => ({
    destination,
    isDelivered,
    isOurs,
  });

  it("fails when three attempts in a row fail by our fault", () => {
    const ours = attempt("a", false, true);
    expect(isChannelFailing([ours, ours])).to.equal(false);
    expect(isChannelFailing([ours, ours, ours])).to.equal(true);
    expect(isChannelFailing([ours, ours, ours, attempt("a", true)])).to.equal(false);
  });

  it("fails when most attempts to several receivers fail, but not for one that is down", () => {
    const one = attempt("a", false);
    expect(isChannelFailing(Array.from({ length: 20 }, () => one))).to.equal(false);
    const three = ["a", "b", "c"].map((name) => attempt(name, false));
    expect(isChannelFailing(three)).to.equal(true);
    const good = ["d", "e", "f"].map((name) => attempt(name, true));
    expect(isChannelFailing([...three, ...good])).to.equal(false);
  });
});
