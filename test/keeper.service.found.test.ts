import { expect } from "chai";
import pino from "pino";
import type { Clock } from "../keeper/clock.js";
import type { Dispatcher, Submission } from "../keeper/dispatch/dispatcher.js";
import type { Proposal, Role, RoleName } from "../keeper/roles/role.js";
import { Keeper, type KeeperParts } from "../keeper/service.js";
import type { KeeperView } from "../keeper/state/view.js";

/** Time that moves only when the test moves it; who sleeps then wakes. */
function heldClock() {
  let now = 0;
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  const clock: Clock = {
    now: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const sleeper = {
          until: now + milliseconds,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", sleeper.wake);
        if (signal?.aborted) sleeper.wake();
      }),
  };
  const pass = async (milliseconds: number) => {
    now += milliseconds;
    for (const { until, wake } of [...sleepers]) if (until <= now) wake();
    await turns();
  };
  return { clock, pass };
}

/** Lets everything go on that can. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; ++i) await new Promise((resolve) => setImmediate(resolve));
}

/** Something that hangs until it is released. */
function hanging<T>() {
  let release!: (value: T) => void;
  const until = new Promise<T>((resolve) => (release = resolve));
  return { until, release };
}

function stage({
  dispatcher,
  ...overrides
}: Partial<Omit<KeeperParts, "dispatcher">> & { dispatcher?: Partial<Dispatcher> } = {}) {
  const sent: string[] = [];
  const alarms = new Map<string, string>();
  const { clock, pass } = heldClock();
  let number = 0;
  const parts: KeeperParts = {
    chain: { nextHead: () => Promise.resolve() },
    state: { update: () => Promise.resolve({ block: { number: ++number } } as KeeperView) },
    dispatcher: {
      address: "0x",
      resume: () => Promise.resolve(),
      submit(proposals) {
        sent.push(...proposals.map(({ key }) => key));
        return proposals.map((proposal) => ({ proposal }) as Submission);
      },
      tick: () => Promise.resolve(),
      needsTick: false,
      isHeld: () => false,
      isUnderWay: () => false,
      idle: () => Promise.resolve(),
      close: () => Promise.resolve(),
      ...dispatcher,
    },
    roles: [],
    chores: [],
    alarms: {
      active: [],
      raise: (name, subject, detail) => alarms.set(`${name} ${subject}`, detail),
      clear: (name, subject) => alarms.delete(`${name} ${subject}`),
    },
    logger: pino({ level: "silent" }),
    clock,
    ...overrides,
  };
  return { keeper: new Keeper(parts), sent, alarms, pass };
}

function proposal(key: string): Proposal {
  return { role: "liquidate", key, to: "0x", data: "0x", priority: 0, mostCost: 1n, about: key };
}

function role(name: RoleName, look: () => Promise<readonly Proposal[]>): Role {
  return { name, look };
}

describe("Keeper, when a part hangs", () => {
  it("looks at the next block although a role of the last one still looks", async () => {
    const slow = hanging<readonly Proposal[]>();
    let block = 0;
    const liquidate = role("liquidate", () => Promise.resolve([proposal(`take ${++block}`)]));
    const topUps = role("topUps", () => slow.until);
    const { keeper, alarms, sent, pass } = stage({ roles: [topUps, liquidate] });
    const first = keeper.round();
    await turns();
    await pass(1_000);
    await first;
    await keeper.round();
    expect(sent).to.deep.equal(["take 1", "take 2"]);
    await pass(10_000);
    await keeper.round();
    expect(alarms.get("looksFailing topUps")).to.equal("It has not come to an end for 11 s.");
    slow.release([]);
  });

  it("sends nothing that a role proposes of a block that has passed, says so, and asks it again", async () => {
    const slow = hanging<readonly Proposal[]>();
    let looks = 0;
    const topUps = role("topUps", () =>
      ++looks === 1 ? slow.until : Promise.resolve([proposal(`look ${looks}`)]),
    );
    const { keeper, alarms, sent, pass } = stage({ roles: [role("liquidate", nothing), topUps] });
    const first = keeper.round();
    await turns();
    await pass(1_000);
    await first;
    await keeper.round();
    slow.release([proposal("late")]);
    await turns();
    expect(sent).to.deep.equal([]);
    expect([...alarms.keys()]).to.deep.equal(["looksFailing topUps"]);
    await keeper.round();
    expect(sent).to.deep.equal(["look 2"]);
    expect([...alarms.keys()]).to.deep.equal([]);
  });

  it("sends what a role proposes after its round while there is no other block", async () => {
    const slow = hanging<readonly Proposal[]>();
    const topUps = role("topUps", () => slow.until);
    const told: string[] = [];
    const { keeper, sent, pass } = stage({
      roles: [role("liquidate", nothing), topUps],
      onSubmitted: (some) => told.push(...some.map((one) => one.proposal.key)),
    });
    const round = keeper.round();
    await turns();
    await pass(1_000);
    const { submissions } = (await round)!;
    slow.release([proposal("late")]);
    await turns();
    expect([sent, told]).to.deep.equal([["late"], ["late"]]);
    expect(submissions.map((one) => one.proposal.key)).to.deep.equal(["late"]);
  });

  it("sends nothing of a view after an update of memory failed half way", async () => {
    const slow = hanging<readonly Proposal[]>();
    let updates = 0;
    const update = () =>
      ++updates === 1
        ? Promise.resolve({ block: { number: 1 } } as KeeperView)
        : Promise.reject(new Error("The node is silent"));
    const roles = [role("liquidate", nothing), role("topUps", () => slow.until)];
    const { keeper, sent, pass } = stage({ roles, state: { update } });
    const round = keeper.round();
    await turns();
    await pass(1_000);
    await round;
    await keeper.round().catch(() => undefined);
    slow.release([proposal("late")]);
    await turns();
    expect(sent).to.deep.equal([]);
  });

  it("sends liquidations before the look at what is under way is over when nothing is", async () => {
    const slow = hanging<undefined>();
    const { keeper, sent, pass } = stage({
      roles: [role("liquidate", () => Promise.resolve([proposal("take")]))],
      dispatcher: { tick: () => slow.until },
    });
    const round = keeper.round();
    await turns();
    expect(sent).to.deep.equal(["take"]);
    slow.release(undefined);
    await pass(2_000);
    await round;
  });

  it("sends liquidations although the look at what is under way hangs, and looks at it once at a time", async () => {
    const slow = hanging<undefined>();
    let ticks = 0;
    const { keeper, sent, pass } = stage({
      roles: [role("liquidate", () => Promise.resolve([proposal("take")]))],
      dispatcher: {
        needsTick: true,
        tick: () => {
          ++ticks;
          return slow.until;
        },
      },
    });
    const round = keeper.round();
    await turns();
    expect(sent).to.deep.equal([]);
    await pass(2_000);
    await round;
    await keeper.round();
    expect(sent).to.deep.equal(["take", "take"]);
    expect(ticks).to.equal(1);
    slow.release(undefined);
  });

  it("waits for no chore that hangs, and does not begin it twice", async () => {
    const slow = hanging<undefined>();
    let runs = 0;
    const chore = {
      name: "audit",
      run: () => {
        ++runs;
        return slow.until;
      },
    };
    const { keeper, pass } = stage({ chores: [chore] });
    const round = keeper.round();
    await turns();
    await pass(1_000);
    expect((await round)?.took.whole).to.equal(1_000);
    await keeper.round();
    expect(runs).to.equal(1);
    slow.release(undefined);
  });

  it("raises an alarm while a look at the chain does not come to an end", async () => {
    const slow = hanging<KeeperView | undefined>();
    let updates = 0;
    const update = () =>
      ++updates === 1
        ? Promise.resolve({ block: { number: 1 } } as KeeperView)
        : slow.until.then(() => undefined);
    const { keeper, alarms, pass } = stage({ state: { update } });
    await keeper.round();
    const round = keeper.round();
    await pass(9_999);
    expect(alarms.size).to.equal(0);
    await pass(1);
    expect([...alarms.keys()]).to.deep.equal(["looksFailing state"]);
    slow.release(undefined);
    await round;
  });

  it("ends with the signal although a look hangs while what was sent is waited for", async () => {
    const end = new AbortController();
    const slow = hanging<KeeperView | undefined>();
    const { keeper } = stage({
      state: { update: () => slow.until },
      dispatcher: {
        idle: (signal) =>
          new Promise((resolve) => {
            signal?.addEventListener("abort", () => {
              resolve();
            });
          }),
      },
    });
    const settled = keeper.settle(end.signal);
    await turns();
    end.abort();
    await settled;
    slow.release(undefined);
  });
});

const nothing = (): Promise<readonly Proposal[]> => Promise.resolve([]);
