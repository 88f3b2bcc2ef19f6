import { expect } from "chai";
import pino from "pino";
import { CouldNotLook, type BlockReference } from "../sdk/index.js";
import { systemClock } from "../keeper/clock.js";
import type { Submission } from "../keeper/dispatch/dispatcher.js";
import type { Proposal, Role, RoleName } from "../keeper/roles/role.js";
import { Keeper, type Chore, type KeeperParts } from "../keeper/service.js";
import type { KeeperView } from "../keeper/state/view.js";

/** A keeper whose parts are played by the test: what they were asked for, in order, and what they answer. */
function stage(overrides: Partial<KeeperParts> = {}) {
  const heard: string[] = [];
  const alarms = new Map<string, string>();
  let number = 0;
  const block = (): BlockReference => ({
    number: ++number,
    hash: `0x${number}`,
    parentHash: `0x${number - 1}`,
    time: BigInt(number),
  });
  const parts: KeeperParts = {
    chain: { nextHead: () => Promise.resolve() },
    state: { update: () => Promise.resolve({ block: block() } as KeeperView) },
    dispatcher: {
      address: "0x",
      resume: () => Promise.resolve(),
      submit(proposals) {
        heard.push(...proposals.map(({ key }) => `send ${key}`));
        return proposals.map((proposal) => ({ proposal }) as Submission);
      },
      tick: ({ number: at }) => {
        heard.push(`tick ${at}`);
        return Promise.resolve();
      },
      needsTick: true,
      isHeld: (key) => key === "held",
      isUnderWay: () => false,
      idle: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    roles: [],
    chores: [],
    alarms: {
      active: [],
      raise: (name, subject, detail) => alarms.set(`${name} ${subject}`, detail),
      clear: (name, subject) => alarms.delete(`${name} ${subject}`),
    },
    logger: pino({ level: "silent" }),
    clock: systemClock,
    ...overrides,
  };
  return { keeper: new Keeper(parts), heard, alarms };
}

function role(name: RoleName, look: () => Promise<readonly Proposal[]>): Role {
  return { name, look };
}

function proposal(key: string, priority = 0): Proposal {
  return { role: "liquidate", key, to: "0x", data: "0x", priority, mostCost: 1n, about: key };
}

const wanting = (name: RoleName, ...keys: string[]): Role =>
  role(name, () => Promise.resolve(keys.map((key) => proposal(key))));
const failing = (name: RoleName): Role =>
  role(name, () => Promise.reject(new CouldNotLook("The node hangs")));

describe("Keeper", () => {
  it("liquidates before it does anything else, whatever the order of its roles", async () => {
    const roles = [wanting("funding", "poke"), wanting("liquidate", "take")];
    const { keeper, heard } = stage({ roles });
    await keeper.round();
    expect(heard).to.deep.equal(["tick 1", "send take", "send poke"]);
  });

  it("does not let the others wait for a role that hangs before liquidations are sent", async () => {
    let release = (): void => undefined;
    const hanging = role("topUps", async () => {
      await new Promise<void>((resolve) => (release = resolve));
      return [];
    });
    const { keeper, heard } = stage({ roles: [hanging, wanting("liquidate", "take")] });
    const round = keeper.round();
    while (!heard.includes("send take")) await new Promise((resolve) => setImmediate(resolve));
    release();
    await round;
  });

  it("sends what takes away the most risk first, and nothing that is under way", async () => {
    const look = () =>
      Promise.resolve([proposal("small", 1), proposal("held", 9), proposal("large", 5)]);
    const { keeper, heard } = stage({ roles: [role("liquidate", look)] });
    const round = await keeper.round();
    expect(heard).to.deep.equal(["tick 1", "send large", "send small"]);
    expect(round?.submissions.map((one) => one.proposal.key)).to.deep.equal(["large", "small"]);
  });

  it("lets each role look although another could not, and says that one could not", async () => {
    const roles = [failing("liquidate"), failing("volatility"), wanting("topUps", "top")];
    const { keeper, heard, alarms } = stage({ roles });
    await keeper.round();
    expect(heard).to.include("send top");
    expect([...alarms.keys()]).to.deep.equal(["looksFailing liquidate", "looksFailing volatility"]);
    expect(alarms.get("looksFailing liquidate")).to.equal("The node hangs");
  });

  it("takes an alarm back when the role can look again", async () => {
    let times = 0;
    const once = role("liquidate", () =>
      ++times === 1 ? Promise.reject(new Error("once")) : Promise.resolve([]),
    );
    const { keeper, alarms } = stage({ roles: [once] });
    await keeper.round();
    expect(alarms.size).to.equal(1);
    await keeper.round();
    expect(alarms.size).to.equal(0);
  });

  it("does all chores although one fails", async () => {
    const done: string[] = [];
    const chores: Chore[] = [
      { name: "checkpoint", run: () => Promise.reject(new Error("The disk is full")) },
      { name: "audit", run: () => Promise.resolve(void done.push("audit")) },
    ];
    const { keeper, alarms } = stage({ chores });
    await keeper.round();
    expect(done).to.deep.equal(["audit"]);
    expect(alarms.get("looksFailing checkpoint")).to.equal("The disk is full");
  });

  it("says that there is no new block, and asks nobody", async () => {
    const { keeper, heard } = stage({ state: { update: () => Promise.resolve(undefined) } });
    expect(await keeper.round()).to.equal(undefined);
    expect(heard).to.deep.equal([]);
  });

  it("begins another look after one that failed, so that another node can be asked", async () => {
    const stop = new AbortController();
    const waits: [after: number, atMost: number][] = [];
    let looks = 0;
    const update = (): Promise<KeeperView | undefined> =>
      ++looks === 2
        ? Promise.reject(new CouldNotLook("The node is at block 84, and 89 was seen already"))
        : Promise.resolve({ block: { number: 88 + looks } } as KeeperView);
    const nextHead = (after: number, { atMost }: { atMost: number }): Promise<void> => {
      if (waits.push([after, atMost]) === 3) stop.abort();
      return Promise.resolve();
    };
    const { keeper } = stage({ state: { update }, chain: { nextHead } });
    await keeper.run(stop.signal);
    expect(waits).to.deep.equal([
      [89, 1_000],
      [89, 250],
      [91, 1_000],
    ]);
  });

  it("looks again after a look that failed, and ends when it is told to", async () => {
    const stop = new AbortController();
    let looks = 0;
    const update = (): Promise<KeeperView | undefined> => {
      if (++looks === 1) return Promise.reject(new CouldNotLook("The node is silent"));
      if (looks === 4) stop.abort();
      return Promise.resolve({ block: { number: looks } } as KeeperView);
    };
    const { keeper, alarms } = stage({ state: { update } });
    await keeper.run(stop.signal);
    expect(looks).to.equal(4);
    expect(alarms.size).to.equal(0);
    expect(keeper.block?.number).to.equal(4);
  });
});
