import {
  Interface,
  type EventFragment,
  type InterfaceAbi,
  type ParamType,
  type Result,
} from "ethers";
import type { ChainLog } from "./events.js";

/** An event with its arguments by name. */
export interface DecodedEvent {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Reads the logs of one event. */
export interface EventDecoder {
  readonly name: string;
  /** The first topic of its logs. */
  readonly topic: string;
  /** The event with its arguments by name. */
  decode(log: Pick<ChainLog, "topics" | "data">): DecodedEvent["args"];
}

/** A log is not what its first topic announces. */
export class MalformedLog extends Error {
  override readonly name = "MalformedLog";
}

/** Hexadecimal digits of a word. */
const WORD = 64;

/**
 * Decoders of all events of an ABI by their topic. They read hexadecimal digits where the ABI says that an argument stands,
 * many times faster than a general decoder; only events with arguments of no fixed length go through ethers.
 */
export function compileDecoders(abi: InterfaceAbi): Map<string, EventDecoder> {
  const known = Interface.from(abi);
  const decoders = new Map<string, EventDecoder>();
  known.forEachEvent((event) => {
    decoders.set(event.topicHash, compile(known, event));
  });
  return decoders;
}

type Read = (log: Pick<ChainLog, "topics" | "data">) => unknown;

function compile(known: Interface, event: EventFragment): EventDecoder {
  const { name, topicHash: topic } = event;
  if (event.inputs.some((input) => !isStatic(input))) {
    const decode: EventDecoder["decode"] = ({ topics, data }) =>
      fieldsOf(event.inputs, known.decodeEventLog(event, data, topics));
    return { name, topic, decode };
  }

  const fields: [name: string, read: Read][] = [];
  let topics = 1;
  let words = 0;
  for (const input of event.inputs) {
    if (input.indexed === true) {
      fields.push([input.name, topicReader(input, topics++)]);
    } else {
      fields.push([input.name, dataReader(input, words)]);
      words += wordsOf(input);
    }
  }
  const [topicCount, length] = [topics, 2 + words * WORD];
  const decode: EventDecoder["decode"] = (log) => {
    if (log.topics.length !== topicCount || log.data.length !== length) {
      throw new MalformedLog(`A log of ${name} has another length than its ABI says`);
    }
    const args: Record<string, unknown> = {};
    for (const [field, read] of fields) args[field] = read(log);
    return args;
  };
  return { name, topic, decode };
}

function isStatic(type: ParamType): boolean {
  if (type.isTuple()) return type.components.every(isStatic);
  return /^(u?int\d*|address|bool|bytes32)$/.test(type.baseType);
}

function wordsOf(type: ParamType): number {
  return type.isTuple() ? type.components.reduce((sum, part) => sum + wordsOf(part), 0) : 1;
}

function topicReader(type: ParamType, place: number): Read {
  if (type.baseType === "bytes32") return ({ topics }) => topics[place];
  const read = wordReader(type);
  // Its topics were counted before.
  return ({ topics }) => read(topics[place] ?? "", 2);
}

function dataReader(type: ParamType, word: number): Read {
  if (!type.isTuple()) {
    const read = wordReader(type);
    return ({ data }) => read(data, 2 + word * WORD);
  }
  const fields: [name: string, read: Read][] = [];
  for (const part of type.components) {
    fields.push([part.name, dataReader(part, word)]);
    word += wordsOf(part);
  }
  return (log) => Object.fromEntries(fields.map(([name, read]) => [name, read(log)]));
}

/** Reads the word that begins at a digit. */
function wordReader({ baseType }: ParamType): (digits: string, start: number) => unknown {
  if (baseType === "address")
    return (digits, start) => `0x${digits.slice(start + 24, start + WORD)}`;
  if (baseType === "bytes32") return (digits, start) => `0x${digits.slice(start, start + WORD)}`;
  if (baseType === "bool") return (digits, start) => digits[start + WORD - 1] === "1";
  if (baseType.startsWith("uint")) return unsigned;
  return (digits, start) => {
    const value = unsigned(digits, start);
    // The first digit of a negative word is f: every type is shorter than a word, or its numbers are small.
    return digits.charCodeAt(start) < EIGHT ? value : BigInt.asIntN(256, value);
  };
}

const EIGHT = "8".charCodeAt(0);

function unsigned(digits: string, start: number): bigint {
  return BigInt(`0x${digits.slice(start, start + WORD)}`);
}

/** What ethers decoded, in the spelling of the other decoders. */
function fieldsOf(fields: readonly ParamType[], values: Result): Record<string, unknown> {
  return Object.fromEntries(fields.map((field, i) => [field.name, plain(field, values[i])]));
}

function plain(type: ParamType, value: unknown): unknown {
  if (type.isArray()) return [...(value as Result)].map((one) => plain(type.arrayChildren, one));
  if (type.isTuple()) return fieldsOf(type.components, value as Result);
  return type.baseType === "address" ? (value as string).toLowerCase() : value;
}
