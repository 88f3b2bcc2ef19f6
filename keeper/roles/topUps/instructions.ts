import type { Result } from "ethers";
import {
  type AccountId,
  type BlockReference,
  type ChainBlock,
  CouldNotLook,
  NotTheNextBlock,
  type Rpc,
  rpcSource,
} from "../../../sdk/index.js";
import type { Database, Row } from "../../storage/database.js";
import { callAt } from "../calls.js";
import { inTurns } from "../inTurns.js";
import {
  cancelled,
  instructionFrom,
  instructionId,
  SOURCE_KINDS,
  STANDING_TOP_UP,
  type StandingInstruction,
} from "./instruction.js";

/** What {@link Instructions} are read with. */
export interface InstructionsOptions {
  readonly database: Database;
  readonly rpc: Rpc;
  /** Address of StandingTopUp. */
  readonly contract: string;
  /** The first block that may have an instruction. */
  readonly firstBlock: number;
  /** Most blocks of one question for logs. */
  readonly mostBlocks: number;
}

type Cursor = Pick<BlockReference, "number" | "hash">;

const CURSOR = "instructions";
/** The hash of a block that nobody knows. */
const UNKNOWN = "";
const EVENTS = ["InstructionSet", "InstructionCancelled"] as const;
const TOPICS = EVENTS.map((name) => STANDING_TOP_UP.getEvent(name)?.topicHash ?? "");
/** So many of the last blocks may still be replaced: as many as the event index can take back. */
const CHANGING_BLOCKS = 128;
/** Up to so many blocks are read one by one, each compared with its parent. */
const LISTED_BLOCKS = 16;
/** Without news the cursor is written so often: what is read again after a restart [blocks]. */
const CURSOR_BLOCKS = 64;

/**
 * All standing instructions, from their contract's events, kept in the database. What a reorganisation may have changed is
 * asked of the contract; the events from there on are read again.
 */
export class Instructions {
  readonly #byAccount = new Map<AccountId, Map<number, StandingInstruction>>();
  /** What was said lately, cancellations too: a reorganisation may take it back. */
  readonly #recent = new Map<string, StandingInstruction>();
  #cursor: Cursor | undefined;
  #written = -1;
  #isLoaded = false;
  #size = 0;

  constructor(private readonly options: InstructionsOptions) {}

  /** Those in force or expired, by account. */
  get byAccount(): ReadonlyMap<AccountId, ReadonlyMap<number, StandingInstruction>> {
    return this.#byAccount;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Reads up to a block.
   *
   * @param replacedFrom The first block that was replaced since the last call, if any was.
   * @throws CouldNotLook when the node does not answer or the chain changes meanwhile; what was read stays.
   */
  async update(block: BlockReference, replacedFrom?: number): Promise<void> {
    if (!this.#isLoaded) await this.#load();
    const isReplaced = replacedFrom !== undefined && replacedFrom <= (this.#cursor?.number ?? -1);
    try {
      if (isReplaced || (await this.#isGone(block))) await this.#readAgain(block);
      // Also where nobody said so: a restart may have slept through it.
      if (await this.#readTo(block)) return;
      await this.#readAgain(block);
      if (!(await this.#readTo(block))) throw new NotTheNextBlock("it changed once more");
    } catch (error) {
      if (!(error instanceof NotTheNextBlock)) throw error;
      throw new CouldNotLook(`The chain changed while instructions were read: ${error.message}`, {
        cause: error,
      });
    }
  }

  // Reading

  /** Whether the block up to which everything was read is no longer one of the chain; of near ones their successor tells. */
  async #isGone({ number, hash }: BlockReference): Promise<boolean> {
    const cursor = this.#cursor;
    if (cursor === undefined || cursor.hash === UNKNOWN) return false;
    if (cursor.number >= number) return cursor.number > number || cursor.hash !== hash;
    if (number - cursor.number <= LISTED_BLOCKS) return false;
    return (await this.#source().blockAt(cursor.number))?.hash !== cursor.hash;
  }

  /** Whether all could be read: not when the next block has another parent than what was read. */
  async #readTo({ number, hash }: BlockReference): Promise<boolean> {
    const { firstBlock, mostBlocks } = this.options;
    let from = this.#cursor === undefined ? firstBlock : this.#cursor.number + 1;
    while (from <= number) {
      const to = Math.min(from + mostBlocks - 1, number);
      const allFrom = to - from < LISTED_BLOCKS ? from : to;
      const blocks = await this.#source().blocks({ from, to, allFrom });
      const [first, last] = [blocks[0], blocks.at(-1)];
      if (last === undefined || (to === number && last.hash !== hash)) {
        throw new CouldNotLook(`The node no longer has block ${number} as it was`);
      }
      if (first?.number === from && !this.#isChild(first)) return false;
      await this.#apply(blocks.flatMap(changesOf), last);
      from = to + 1;
    }
    return true;
  }

  #isChild({ parentHash }: ChainBlock): boolean {
    const hash = this.#cursor?.hash ?? UNKNOWN;
    return hash === UNKNOWN || hash === parentHash;
  }

  /** What was said in blocks that may be gone is asked of the contract as of now, before their successors are read. */
  async #readAgain(block: BlockReference): Promise<void> {
    const from = Math.max(
      this.options.firstBlock,
      Math.min(this.#cursor?.number ?? 0, block.number) - CHANGING_BLOCKS,
    );
    const doubtful = [...this.#recent.values()].filter((said) => said.block >= from);
    const asked = await inTurns(doubtful, LISTED_BLOCKS, (said) => this.#ask(said, block));
    const before = from > 0 ? await this.#source().blockAt(from - 1) : undefined;
    const cursor = { number: from - 1, hash: before?.hash ?? UNKNOWN };
    await this.#apply(asked, cursor, { isForced: true });
  }

  async #ask({ account, number }: StandingInstruction, block: BlockReference) {
    const { contract, rpc } = this.options;
    const data = STANDING_TOP_UP.encodeFunctionData("instructionOf", [account, number]);
    const result = await callAt(rpc, { to: contract, data }, block.number);
    if (!result.isAnswer) throw new CouldNotLook(`instructionOf(${account}, ${number}) reverted`);
    const [fields] = STANDING_TOP_UP.decodeFunctionResult(
      "instructionOf",
      result.data,
    ) as unknown as [Result];
    return instructionFrom(fields, { account, number, block: block.number });
  }

  #source() {
    const { contract, rpc } = this.options;
    return rpcSource({ rpc, addresses: [contract.toLowerCase()], topics: TOPICS });
  }

  // Keeping

  /** First to the database, so that what is in memory is also there. */
  async #apply(
    changes: readonly StandingInstruction[],
    { number, hash }: Cursor,
    { isForced }: { isForced: boolean } = { isForced: false },
  ): Promise<void> {
    if (isForced || changes.length > 0 || number - this.#written >= CURSOR_BLOCKS) {
      await this.#write(changes, { number, hash });
      this.#written = number;
    }
    this.#cursor = { number, hash };
    for (const change of changes) this.#put(change);
    for (const [id, said] of this.#recent) {
      if (said.block < number - 2 * CHANGING_BLOCKS) this.#recent.delete(id);
    }
  }

  async #write(changes: readonly StandingInstruction[], cursor: Cursor): Promise<void> {
    await this.options.database.transaction(async (inside) => {
      for (const change of changes) {
        const { account, block, kind, number, source, triggerHealth, until } = change;
        await inside.query(
          `INSERT INTO roles_instructions (id, account, number, kind, source, ends, trigger_health, block)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind,
           source = excluded.source, ends = excluded.ends, trigger_health = excluded.trigger_health, block = excluded.block`,
          [
            ...[instructionId(change), account, number, kind, source],
            ...[until.toString(), triggerHealth.toString(), block],
          ],
        );
      }
      await inside.query("DELETE FROM roles_instructions WHERE kind = 0 AND block < $1", [
        cursor.number - 2 * CHANGING_BLOCKS,
      ]);
      await inside.query(
        `INSERT INTO roles_cursors (name, block, hash) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET block = excluded.block, hash = excluded.hash`,
        [CURSOR, cursor.number, cursor.hash],
      );
    });
  }

  async #load(): Promise<void> {
    const { database } = this.options;
    // Together: another keeper may write between the two.
    const { rows, cursors } = await database.transaction(async (inside) => ({
      rows: await inside.query("SELECT * FROM roles_instructions"),
      cursors: await inside.query("SELECT block, hash FROM roles_cursors WHERE name = $1", [
        CURSOR,
      ]),
    }));
    for (const row of rows) this.#put(instructionOfRow(row));
    const [cursor] = cursors;
    if (cursor !== undefined) {
      this.#cursor = { number: Number(cursor.block), hash: String(cursor.hash) };
      this.#written = this.#cursor.number;
    }
    this.#isLoaded = true;
  }

  #put(instruction: StandingInstruction): void {
    const { account, kind, number } = instruction;
    this.#recent.set(instructionId(instruction), instruction);
    const numbers = this.#byAccount.get(account) ?? new Map<number, StandingInstruction>();
    this.#size -= numbers.size;
    if (kind === SOURCE_KINDS.none) numbers.delete(number);
    else numbers.set(number, instruction);
    this.#size += numbers.size;
    if (numbers.size === 0) this.#byAccount.delete(account);
    else this.#byAccount.set(account, numbers);
  }
}

function changesOf({ number: block, logs }: ChainBlock): StandingInstruction[] {
  return logs.map((log) => {
    const parsed = STANDING_TOP_UP.parseLog(log);
    if (parsed === null) throw new CouldNotLook("The node gave a log that was not asked for");
    const account = String(parsed.args.getValue("account")) as AccountId;
    const place = { account, number: Number(parsed.args.getValue("number")), block };
    if (parsed.name !== "InstructionSet") return cancelled(place);
    return instructionFrom(parsed.args.getValue("instruction") as Result, place);
  });
}

function instructionOfRow(row: Row): StandingInstruction {
  return {
    account: String(row.account) as AccountId,
    number: Number(row.number),
    kind: Number(row.kind),
    source: String(row.source),
    until: BigInt(String(row.ends)),
    triggerHealth: BigInt(String(row.trigger_health)),
    block: Number(row.block),
  };
}
