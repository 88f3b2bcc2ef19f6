import { getAddress, toBeHex } from "ethers";
import { calledBy, classOf, type GasClass, type Instruction } from "./gas-classes.js";

/** Gas spent on something, and how often. */
export interface Spending {
  times: number;
  gas: number;
}

/** Calls of one function of one contract from one place: what it spent itself, and what it called. */
export interface Frame {
  label: string;
  times: number;
  own: Map<GasClass, Spending>;
  callees: Map<string, Frame>;
}

/** A call that has not returned. */
interface OpenCall {
  address: string;
  selector: string | undefined;
  /** What is left as it begins [gas]. */
  start: number;
  frame: Frame;
  /** The instruction whose call has not returned. */
  pending: Instruction | undefined;
}

/** Names for the table. */
export interface Names {
  contractOf(address: string): string;
  functionOf(selector: string | undefined): string;
}

/** How the dispatcher of solc begins: it shifts the selector to the low end of the word. */
const SELECTOR_SHIFT = "0xe0";

/**
 * Sorts the gas of a trace by contract frame and class. Costs are differences of the gas that is left, so precompiles and
 * the growth of memory are in them, and what a called contract spends is not.
 */
export function framesOf(instructions: Instruction[], to: string, names: Names): Frame {
  const first = instructions[0];
  if (first === undefined) throw new Error("The trace is empty");
  const open: OpenCall[] = [beginCall(to, first.gas)];

  for (const [place, instruction] of instructions.entries()) {
    const call = open.at(-1);
    if (call === undefined) throw new Error("The trace goes on after its last return");
    const next = instructions[place + 1];

    if (next !== undefined && next.depth === instruction.depth) {
      spend(call.frame, instruction, instruction.gas - next.gas);
      if (instruction.op === "SHR" && instruction.stack.at(-1) === SELECTOR_SHIFT) {
        call.selector ??= toBeHex(next.stack.at(-1) ?? "0x", 4);
      }
    } else if (next !== undefined && next.depth > instruction.depth) {
      call.pending = instruction;
      open.push(beginCall(calledBy(instruction), next.gas));
    } else {
      spend(call.frame, instruction, instruction.gasCost);
      open.pop();
      call.frame.label = `${names.contractOf(call.address)}.${names.functionOf(call.selector)}`;
      const caller = open.at(-1);
      if (caller === undefined) return call.frame;
      if (next === undefined || caller.pending === undefined) {
        throw new Error("The trace ends inside of a call");
      }
      const spentByCall = call.start - (instruction.gas - instruction.gasCost);
      spend(caller.frame, caller.pending, caller.pending.gas - next.gas - spentByCall);
      merge(caller.frame.callees, call.frame);
    }
  }
  throw new Error("The trace has no end");
}

function beginCall(address: string, start: number): OpenCall {
  const frame = { label: "", times: 1, own: new Map(), callees: new Map() };
  const checksummed = getAddress(toBeHex(address, 20));
  return { address: checksummed, selector: undefined, start, frame, pending: undefined };
}

function spend({ own }: Frame, instruction: Instruction, gas: number): void {
  add(own, classOf(instruction, gas), { times: 1, gas });
}

/** Adds a spending to what was spent on the same before. */
export function add<T>(spendings: Map<T, Spending>, on: T, { times, gas }: Spending): void {
  const before = spendings.get(on) ?? { times: 0, gas: 0 };
  spendings.set(on, { times: before.times + times, gas: before.gas + gas });
}

/** Joins a frame with earlier calls of the same function from the same place. */
function merge(siblings: Map<string, Frame>, frame: Frame): void {
  const same = siblings.get(frame.label);
  if (same === undefined) {
    siblings.set(frame.label, frame);
    return;
  }
  same.times += frame.times;
  for (const [on, spending] of frame.own) add(same.own, on, spending);
  for (const callee of frame.callees.values()) merge(same.callees, callee);
}
