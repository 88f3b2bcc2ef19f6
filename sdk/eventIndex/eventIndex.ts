import type { InterfaceAbi } from "ethers";
import type { InstrumentId } from "../ids.js";
import { CLEARINGHOUSE_EVENTS } from "./clearinghouseEvents.js";
import { compileDecoders, MalformedLog, type EventDecoder } from "./decoder.js";
import { emptyState } from "./emptyState.js";
import { IndexOutOfStep, NotTheNextBlock, ReorgTooDeep, type Place } from "./errors.js";
import { CONTRACT_ROLES, type ChainBlock, type ChainLog, type ContractRole } from "./events.js";
import { type ChangeListener, Journal, type Undo } from "./journal.js";
import { EXCHANGE_EVENTS, ORACLE_EVENTS, VOLATILITY_EVENTS } from "./marketEvents.js";
import { RULES_EVENTS } from "./rulesEvents.js";
import type { IndexedDeployment, Reduction } from "./reduction.js";
import type { IndexState } from "./state.js";
import { VAULT_EVENTS } from "./vaultEvents.js";

/** The block up to which an index knows everything. */
export type BlockReference = Omit<ChainBlock, "logs">;

/** A block that can be taken back. */
export interface KeptBlock extends BlockReference {
  readonly undo: Undo;
}

/** The last blocks, oldest first. */
export interface History {
  readonly kept: readonly KeptBlock[];
  /** Nothing has happened before the oldest, so it can be taken back as well. */
  readonly isWhole: boolean;
}

/** What an index is made of. */
export interface EventIndexOptions {
  readonly deployment: IndexedDeployment;
  /** ABI of each contract, from its artifact, its TypeChain factory or `sdk/abi`. */
  readonly abis: Readonly<Record<ContractRole, InterfaceAbi>>;
  /** How many of the last blocks can be taken back; 128 if nothing is said. */
  readonly keptBlocks?: number;
}

type AnyHandler = (at: Reduction, args: never) => void;
type Dispatch = ReadonlyMap<string, { decoder: EventDecoder; handler: AnyHandler }>;

const HANDLERS: Readonly<Record<ContractRole, Readonly<Record<string, AnyHandler>>>> = {
  vault: VAULT_EVENTS,
  clearinghouse: CLEARINGHOUSE_EVENTS,
  exchange: EXCHANGE_EVENTS,
  rules: RULES_EVENTS,
  oracle: ORACLE_EVENTS,
  volatilityOracle: VOLATILITY_EVENTS,
};

/**
 * All balances, positions, parameters and indices, from events alone. It is given blocks in order and keeps what they make
 * of the state; the last ones can be taken back. It never calls the chain: see `catchUp` and `verifyIndex`.
 */
export class EventIndex {
  readonly deployment: IndexedDeployment;
  readonly keptBlocks: number;
  /** To be read only; values in it are never changed in place. */
  readonly state: IndexState = emptyState();
  private readonly journal = new Journal(this.state);
  private readonly dispatch = new Map<string, Dispatch>();
  private readonly at: Position;
  private kept: KeptBlock[] = [];
  /** Nothing has happened before the oldest block that is kept. */
  private isWhole = true;

  constructor({ abis, deployment, keptBlocks = 128 }: EventIndexOptions) {
    this.deployment = inLowerCase(deployment);
    this.keptBlocks = keptBlocks;
    this.at = new Position(this.deployment, this.journal);
    for (const role of CONTRACT_ROLES) {
      const dispatch = dispatchOf(role, abis[role]);
      for (const address of addressesOf(this.deployment, role))
        this.dispatch.set(address, dispatch);
    }
  }

  /** The contracts that are listened to, in lower case. */
  get addresses(): readonly string[] {
    return [...this.dispatch.keys()];
  }

  /** First topics of the events that are known. */
  get topics(): readonly string[] {
    return [...new Set([...this.dispatch.values()].flatMap((known) => [...known.keys()]))];
  }

  /** The block up to which everything is known; nothing before the first. */
  get tip(): BlockReference | undefined {
    return this.kept.at(-1);
  }

  /** What can be taken back. */
  get history(): History {
    return { kept: this.kept, isWhole: this.isWhole };
  }

  /** Tells of every entry of the state from now on that blocks write, or that is put back when they are taken back. */
  onChange(listener: ChangeListener): void {
    this.journal.listeners.push(listener);
  }

  /**
   * Takes in a block, wholly or not at all. Blocks without a log of the contracts may be left out.
   *
   * @throws NotTheNextBlock when the block is not a later one, or the next one of another chain.
   * @throws IndexOutOfStep when what it says cannot follow from what was said before.
   */
  apply(block: ChainBlock): void {
    const { tip } = this;
    if (tip !== undefined && block.number <= tip.number) {
      throw new NotTheNextBlock(`Block ${block.number} does not come after block ${tip.number}`);
    }
    if (tip?.number === block.number - 1 && tip.hash !== block.parentHash) {
      throw new NotTheNextBlock(`Block ${block.number} is not the child of ${tip.hash}`);
    }
    try {
      for (const log of block.logs) this.take(block, log);
      this.requireFlatBooks(block);
    } catch (error) {
      this.at.touched.clear();
      this.journal.takeBack();
      throw error;
    }
    const { hash, number, parentHash, time } = block;
    this.kept.push({ number, hash, parentHash, time, undo: this.journal.cut() });
    // One more than can be taken back: what is left when all are.
    if (this.kept.length <= this.keptBlocks + 1) return;
    this.kept.shift();
    this.isWhole = false;
  }

  /**
   * Takes back the last block.
   *
   * @throws ReorgTooDeep when it is the oldest that is known.
   */
  takeBack(): void {
    const last = this.kept.at(-1);
    if (last === undefined) throw new RangeError("There is no block to take back");
    if (this.kept.length === 1 && !this.isWhole) throw new ReorgTooDeep(last.number);
    this.kept.pop();
    this.journal.takeBack(last.undo);
  }

  /** What a checkpoint says is put into an index that knows nothing yet. */
  adopt({ kept, isWhole }: History): void {
    if (this.tip !== undefined) throw new RangeError("The index knows something already");
    [this.kept, this.isWhole] = [[...kept], isWhole];
  }

  private take(block: ChainBlock, log: ChainLog): void {
    const { at } = this;
    const address = log.address.toLowerCase();
    const known = this.dispatch.get(address)?.get(log.topics[0] ?? "");
    at.place = { block: block.number, logIndex: log.logIndex, event: known?.decoder.name ?? "" };
    if (known === undefined)
      return at.fail(`Nothing is known of event ${log.topics[0]} of ${address}`);
    [at.address, at.time] = [address, block.time];
    known.handler(at, decoded(at, known.decoder, log) as never);
  }

  /** For each instrument the sizes of all accounts sum to 0: one write that was left out would show. */
  private requireFlatBooks({ number }: ChainBlock): void {
    for (const instrument of this.at.touched) {
      const net = this.state.interest.get(instrument)?.net ?? 0n;
      if (net === 0n) continue;
      const problem = `The sizes of instrument ${instrument} sum to ${net}, not to 0`;
      throw new IndexOutOfStep(problem, { block: number });
    }
    this.at.touched.clear();
  }
}

/** Where the index stands in a block: one for all events, for there are many. */
class Position implements Reduction {
  readonly touched = new Set<InstrumentId>();
  readonly state: IndexState;
  address = "";
  time = 0n;
  place: Place = { block: 0 };

  constructor(
    readonly deployment: IndexedDeployment,
    readonly journal: Journal,
  ) {
    this.state = journal.state;
  }

  fail(problem: string): never {
    throw new IndexOutOfStep(problem, this.place);
  }
}

function decoded(at: Position, decoder: EventDecoder, log: ChainLog): unknown {
  try {
    return decoder.decode(log);
  } catch (error) {
    if (error instanceof MalformedLog) at.fail(error.message);
    throw error;
  }
}

function dispatchOf(role: ContractRole, abi: InterfaceAbi): Dispatch {
  const dispatch = new Map<string, { decoder: EventDecoder; handler: AnyHandler }>();
  for (const [topic, decoder] of compileDecoders(abi)) {
    const handler = HANDLERS[role][decoder.name];
    if (handler === undefined)
      throw new RangeError(`${role} has the unknown event ${decoder.name}`);
    dispatch.set(topic, { decoder, handler });
  }
  return dispatch;
}

function addressesOf(
  { contracts, laterVolatilityOracles }: IndexedDeployment,
  role: ContractRole,
): string[] {
  const later = role === "volatilityOracle" ? (laterVolatilityOracles ?? []) : [];
  return [contracts[role], ...later];
}

function inLowerCase(deployment: IndexedDeployment): IndexedDeployment {
  const contracts = Object.fromEntries(
    Object.entries(deployment.contracts).map(([role, address]) => [role, address.toLowerCase()]),
  ) as IndexedDeployment["contracts"];
  const lower = (address: string): string => address.toLowerCase();
  return {
    ...deployment,
    contracts,
    settlementToken: deployment.settlementToken.toLowerCase(),
    laterVolatilityOracles: (deployment.laterVolatilityOracles ?? []).map(lower),
  };
}
