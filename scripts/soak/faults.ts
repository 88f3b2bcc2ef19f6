import type { Random } from "../demo/random.js";
import type { FaultyNode } from "./faultyNode.js";
import type { KeeperProcess } from "./keeperProcess.js";
import type { World } from "./world.js";

/** What is broken on purpose. */
const FAULT_KINDS = [
  "errors",
  "down",
  "sockets",
  "silence",
  "lag",
  "reorganisation",
  "kill",
] as const;

/** One of {@link FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Where faults are injected. */
export interface FaultsOptions {
  readonly random: Random;
  readonly world: World;
  readonly proxies: readonly FaultyNode[];
  readonly keepers: readonly KeeperProcess[];
  readonly say: (line: string) => void;
}

/** Blocks from one fault to the next, and how long one lasts. */
const FEWEST_BETWEEN = 3;
const MOST_BETWEEN = 8;
const FEWEST_BLOCKS = 2;
const MOST_BLOCKS = 8;
/** Share of requests that fail. */
const SHARE = 0.3;
/** So deep is a reorganisation. */
export const REPLACED_BLOCKS = 3;
const LAG_BLOCKS = 6;

/** Something that is broken until a block. */
interface Broken {
  readonly until: number;
  readonly mend: () => void | Promise<void>;
}

/**
 * Breaks one thing after the other: one of the two ways to the chain at a time, and one keeper at a time, for what nobody can
 * see or do is no fault of the keepers. What is broken is mended some blocks later.
 */
export class Faults {
  readonly counts: Record<FaultKind, number> = {
    errors: 0,
    down: 0,
    sockets: 0,
    silence: 0,
    lag: 0,
    reorganisation: 0,
    kill: 0,
  };
  private readonly broken = new Map<"node" | "keeper", Broken>();
  private next = 0;
  private turn = 0;

  constructor(private readonly options: FaultsOptions) {}

  /**
   * Mends what is due, and breaks something when it is time to.
   *
   * @returns Whether the last blocks were replaced.
   */
  async step(block: number): Promise<boolean> {
    for (const [what, { mend, until }] of this.broken) {
      if (block < until) continue;
      this.broken.delete(what);
      await mend();
    }
    if (block < this.next) return false;
    this.next = block + this.between(FEWEST_BETWEEN, MOST_BETWEEN);
    return this.inject(block);
  }

  /** Mends everything. */
  async end(): Promise<void> {
    for (const { mend } of this.broken.values()) await mend();
    this.broken.clear();
  }

  private async inject(block: number): Promise<boolean> {
    // Each kind in its turn, so that a short run has them all.
    const kind = FAULT_KINDS[this.turn++ % FAULT_KINDS.length] ?? "errors";
    const { keepers, proxies, random, say, world } = this.options;
    if (kind === "reorganisation") {
      say(`block ${block}: ${REPLACED_BLOCKS} blocks are replaced`);
      await world.reorganise(REPLACED_BLOCKS);
    } else if (kind === "kill") {
      const keeper = keepers[Math.floor(random.uniform() * keepers.length)];
      if (keeper === undefined || this.broken.has("keeper")) return false;
      say(`block ${block}: ${keeper.name} is killed`);
      await keeper.kill();
      this.keep("keeper", block, () => keeper.start());
    } else {
      const proxy = proxies[Math.floor(random.uniform() * proxies.length)];
      if (proxy === undefined || this.broken.has("node")) return false;
      say(`block ${block}: ${TOLD[kind]}`);
      this.trouble(proxy, kind);
      this.keep("node", block, () => {
        proxy.behave();
      });
    }
    this.counts[kind]++;
    return kind === "reorganisation";
  }

  private trouble(proxy: FaultyNode, kind: Exclude<FaultKind, "reorganisation" | "kill">): void {
    const { random } = this.options;
    if (kind === "errors") {
      proxy.misbehave({ seed: Math.floor(random.uniform() * 2 ** 31), share: SHARE });
    } else if (kind === "down") {
      proxy.troubles.isDown = true;
      proxy.closeSockets();
    } else if (kind === "sockets") proxy.closeSockets();
    else if (kind === "silence") proxy.troubles.headsFrozen = true;
    else proxy.troubles.lag = LAG_BLOCKS;
  }

  private keep(what: "node" | "keeper", block: number, mend: Broken["mend"]): void {
    this.broken.set(what, { until: block + this.between(FEWEST_BLOCKS, MOST_BLOCKS), mend });
  }

  private between(least: number, most: number): number {
    return Math.round(this.options.random.between(least, most));
  }
}

const TOLD = {
  errors: "a node fails in many ways",
  down: "a node is gone",
  sockets: "a node closes its sockets",
  silence: "a node announces no blocks",
  lag: `a node falls ${LAG_BLOCKS} blocks behind`,
} as const;
