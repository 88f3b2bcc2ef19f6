import { id as keccakOf } from "ethers";
import { type AccountId, type InstrumentId, underlyingOf, WAD } from "../../../sdk/index.js";
import { figuresOf, poolNow } from "../model/cash.js";
import { releasableOf } from "../model/custody.js";
import { openNotionalOf, ratesOf } from "../model/funding.js";
import { indexOf } from "../model/ledger.js";
import { previewLiquidation } from "../model/liquidation.js";
import { marginRatesOf } from "../model/marginRates.js";
import { Refusal } from "../model/refusal.js";
import { chargedOf } from "../model/requirement.js";
import { marginOf, portfolioOf, withdrawable } from "../model/valuation.js";
import { priorSigmaOf } from "../model/volatility.js";
import { bookOf, type World } from "../model/world.js";
import type { Stage } from "./stage.js";

/** What is compared after an act: the words of MockReader, in its order. */

/** In the last of all brackets: what it is charged depends on each of them [wad]. */
const LARGE_NOTIONAL = 1_000_000n * WAD;

export interface Question {
  accounts: AccountId[];
  /** Accounts whose margin is asked, and the places of tokens whose `withdrawable` is. */
  queries: { account: AccountId; places: number[] }[];
}

/** A word and what it says. */
export type Word = readonly [label: string, value: bigint];

/** What the contracts say, as one string of 64 digits a word. */
export async function readWords(stage: Stage, question: Question): Promise<string> {
  const { addresses, connection, reader, instruments, plimsoll } = stage;
  const data = reader.interface.encodeFunctionData("read", [
    addresses.tokens,
    instruments,
    question.accounts,
    question.queries.map(({ account, places }) => ({
      account,
      tokens: places.map((place) => addresses.tokens[place]!),
    })),
  ]);
  const call = { from: plimsoll.stranger.address, to: addresses.reader, data };
  const answer: unknown = await connection.provider.request({
    method: "eth_call",
    params: [call, "latest"],
  });
  // 0x, the list's offset and its length come first.
  return (answer as string).slice(2 + 2 * 64);
}

/** What the model says. */
export function wordsOf(world: World, stage: Stage, question: Question): Word[] {
  return [
    ["time", world.now],
    ["reserve", world.reserve],
    ["deficit", world.deficit],
    ["open notional", openNotionalOf(world)],
    ...Object.entries(figuresOf(world)),
    ["interest reserve", poolNow(world).reserved],
    ...world.custody.flatMap(({ tracked, held }, place): Word[] => [
      [`token ${place} tracked`, tracked],
      [`token ${place} releasable`, releasableOf(world, place)],
      [`token ${place} held`, held],
    ]),
    ...stage.instruments.flatMap((instrument) => wordsOfInstrument(world, instrument)),
    ...stage.instruments.flatMap((instrument) => wordsOfRates(world, underlyingOf(instrument))),
    ...question.accounts.flatMap((account) => wordsOfAccount(world, account)),
    ...question.queries.flatMap((query) => wordsOfMargin(world, query)),
  ];
}

function wordsOfInstrument(world: World, instrument: InstrumentId): Word[] {
  const book = bookOf(world, instrument);
  const { rate, premium } = ratesOf(book, world.now);
  return [
    [`${instrument} open interest`, book.openInterest],
    [`${instrument} funding rate`, rate],
    [`${instrument} premium`, premium],
    [`${instrument} index of longs`, indexOf(world, instrument, 1n)],
    [`${instrument} index of shorts`, indexOf(world, instrument, -1n)],
  ];
}

function wordsOfRates(world: World, underlying: number): Word[] {
  const rates = marginRatesOf(world, underlying);
  const { initial, maintenance, target, slowSigma, fastSigma, rules, brackets } = rates;
  const { end } = world.rates.get(underlying)!;
  const { slow, fast, acceptedAt, answer, looked } = world.followed.get(underlying)!;
  const words = {
    "initial rate": initial,
    "maintenance rate": maintenance,
    "slow sigma": slowSigma,
    "fast sigma": fastSigma,
    "prior sigma": priorSigmaOf(world, underlying),
    "last round at": acceptedAt,
    "initial floor": rules.initialFloorBps,
    "maintenance cap": rules.maintenanceCapBps,
    charged: chargedOf(brackets, LARGE_NOTIONAL),
    "end of ramp": end,
    "charged at the end": chargedOf(rules, LARGE_NOTIONAL),
    "initial rate at the end": target.initial,
    "maintenance rate at the end": target.maintenance,
    "slow variance": slow,
    "fast variance": fast,
    "accepted at": acceptedAt,
    answer,
    round: looked,
  };
  return Object.entries(words).map(([name, word]) => [`${underlying} ${name}`, word]);
}

function wordsOfAccount(world: World, id: AccountId): Word[] {
  const { cash, collateral, positions } = portfolioOf(world, id);
  const held = collateral.map((amount, index) => [index, amount] as const);
  const tokens = held.filter(([, amount]) => amount > 0n);
  return [
    [`${id} cash`, cash],
    [`${id} flagged at`, world.flags.get(id) ?? 0n],
    [`${id} called at`, world.calls.get(id) ?? 0n],
    [`${id} tokens`, tokens.reduce((bits, [index]) => bits | (1n << BigInt(index)), 0n)],
    ...tokens.map(([index, amount]): Word => [`${id} token ${index + 1}`, amount]),
    [`${id} instruments`, BigInt(positions.length)],
    ...positions.flatMap(({ instrument, size, quote }): Word[] => [
      [`${id} instrument`, instrument],
      [`${id} size`, size],
      [`${id} quote`, quote],
    ]),
  ];
}

function wordsOfMargin(world: World, { account, places }: Question["queries"][number]): Word[] {
  return [
    ...answered(`${account} margin`, () => {
      const { equity, initial, maintenance } = marginOf(world, account);
      return { equity, initial, maintenance };
    }),
    ...answered(`${account} preview`, () => {
      const { fraction, payment, toAccount, toInsurance } = previewLiquidation(world, account);
      return { fraction, payment, toAccount, toInsurance };
    }),
    ...places.flatMap((place) =>
      answered(`${account} withdrawable ${place}`, () => ({
        amount: withdrawable(world, account, place),
      })),
    ),
  ];
}

/** 0 and the answer, or the selector of the error alone. */
function answered(label: string, ask: () => Record<string, bigint>): Word[] {
  try {
    const named = Object.entries(ask());
    return [[label, 0n], ...named.map(([name, value]): Word => [`${label} ${name}`, value])];
  } catch (reason) {
    if (!(reason instanceof Refusal)) throw reason;
    return [[`${label} refused: ${reason.reason}`, selectorOf(reason.reason)]];
  }
}

/** Errors that a view of the margin engine may end with. */
const VIEW_ERRORS: Record<string, string> = {
  StalePrice: "StalePrice(uint24,address,uint256,uint256)",
  InvalidPrice: "InvalidPrice(uint24,address,int256)",
};

function selectorOf(error: string): bigint {
  const signature = VIEW_ERRORS[error];
  if (signature === undefined) throw new Error(`No view is known to refuse with ${error}`);
  return BigInt(keccakOf(signature).slice(0, 10));
}

/** The words as MockReader's answer spells them. */
export function spell(words: readonly Word[]): string {
  return words
    .map(([, value]) => BigInt.asUintN(256, value).toString(16).padStart(64, "0"))
    .join("");
}

/** What differs, for people; at most ten lines. */
export function differences(words: readonly Word[], answer: string): string {
  const lines = words.flatMap(([label, expected], place) => {
    const found = answer.slice(64 * place, 64 * (place + 1));
    const actual = found === "" ? undefined : BigInt.asIntN(256, BigInt(`0x${found}`));
    if (actual === BigInt.asIntN(256, expected)) return [];
    return [`  ${label}: model ${expected}, contracts ${actual ?? "nothing"}`];
  });
  const more = answer.length > 64 * words.length ? ["  the contracts say more"] : [];
  return [...lines, ...more].slice(0, 10).join("\n");
}
