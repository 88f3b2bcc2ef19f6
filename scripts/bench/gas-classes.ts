import { toBeHex } from "ethers";

/** One instruction, as `debug_traceTransaction` of EDR and geth prints it. */
export interface Instruction {
  op: string;
  /** What is left before it [gas]. */
  gas: number;
  /** With what it forwards to a call [gas]. */
  gasCost: number;
  depth: number;
  /** Hexadecimal words, the top last. */
  stack: string[];
  /** The refund counter before it [gas]. */
  refund: number;
}

/** What gas is paid for, in the order of the tables. */
export const GAS_CLASSES = [
  "cold reads",
  "warm reads",
  "new slots",
  "other writes",
  "transient",
  "cold accounts",
  "warm calls",
  "events",
  "signatures",
  "hashing",
  "memory",
  "computation",
] as const;

export type GasClass = (typeof GAS_CLASSES)[number];

/** What each class is, for the legend. */
export const CLASS_MEANINGS: Record<GasClass, string> = {
  "cold reads": "SLOAD of a slot that the transaction had not touched",
  "warm reads": "SLOAD of one that it had",
  "new slots": "SSTORE that makes a word of 0 something else",
  "other writes": "every other SSTORE",
  transient: "TLOAD and TSTORE",
  "cold accounts": "the first call of, or look at, a contract",
  "warm calls": "every later one, without what the called contract spends",
  events: "LOG",
  signatures: "calls of ecrecover",
  hashing: "KECCAK256: slots of mappings, order digests",
  memory: "loads, stores and copies, with the growth of memory",
  computation: "all the rest: arithmetic, the stack, jumps",
};

const NEW_SLOT_GAS = 20_000;
const COLD_SLOT_GAS = 2_100;
const COLD_ACCOUNT_GAS = 2_600;
const ECRECOVER = toBeHex(1);

const ACCOUNT_OPS = new Set([
  "BALANCE",
  "CALL",
  "CALLCODE",
  "DELEGATECALL",
  "EXTCODECOPY",
  "EXTCODEHASH",
  "EXTCODESIZE",
  "STATICCALL",
]);
const MEMORY_OPS = new Set([
  "CALLDATACOPY",
  "CODECOPY",
  "MCOPY",
  "MLOAD",
  "MSTORE",
  "MSTORE8",
  "RETURNDATACOPY",
]);

/** The class of an instruction that cost so much itself, without what a called contract spent [gas]. */
export function classOf(instruction: Instruction, cost: number): GasClass {
  const { op } = instruction;
  if (op === "SLOAD") return cost >= COLD_SLOT_GAS ? "cold reads" : "warm reads";
  if (op === "SSTORE") return cost >= NEW_SLOT_GAS ? "new slots" : "other writes";
  if (op === "TLOAD" || op === "TSTORE") return "transient";
  if (op.startsWith("LOG")) return "events";
  if (op === "KECCAK256") return "hashing";
  if (MEMORY_OPS.has(op)) return "memory";
  if (!ACCOUNT_OPS.has(op)) return "computation";
  if (op.endsWith("CALL") && toBeHex(calledBy(instruction)) === ECRECOVER) return "signatures";
  return cost >= COLD_ACCOUNT_GAS ? "cold accounts" : "warm calls";
}

/** The address, without leading zeros, that a call instruction calls. */
export function calledBy({ stack }: Instruction): string {
  const address = stack.at(-2);
  if (address === undefined) throw new Error("A call has no address on the stack");
  return address;
}
