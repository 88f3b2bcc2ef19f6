import { formatWad, WAD, wadOfAmount } from "../../sdk/index.js";

/** What a check found: the verdict and the figures behind it, all as text so that JSON keeps every digit. */
export interface InvariantResult {
  /** Its number in the design. */
  readonly id: "I1" | "I2" | "I3" | "I5";
  readonly statement: string;
  readonly holds: boolean;
  /** What was compared, in a sentence each. */
  readonly findings: readonly string[];
  /** The numbers, by name [wei unless the name says otherwise]. */
  readonly figures: Readonly<Record<string, string>>;
}

/** One instrument's book as the chain has it. */
export interface InstrumentBook {
  readonly name: string;
  /** Signed size of every account [wad]. */
  readonly sizes: readonly bigint[];
  /** What the clearinghouse reports [wad]. */
  readonly openInterest: bigint;
}

/** I1: each instrument's sizes sum to exactly 0, and what is held long is what is held short is what is reported. */
export function checkFlatBook(books: readonly InstrumentBook[]): InvariantResult {
  const findings: string[] = [];
  const figures: Record<string, string> = {};
  let holds = books.length > 0;
  if (!holds) findings.push("No instrument was traded, so nothing was checked.");

  for (const { name, sizes, openInterest } of books) {
    const long = sum(sizes.filter((size) => size > 0n));
    const short = -sum(sizes.filter((size) => size < 0n));
    const net = long - short;
    const flat = net === 0n && long === openInterest && short === openInterest;
    holds &&= flat;
    findings.push(
      `${name}: sizes sum to ${net} wei; long ${units(long)}, short ${units(short)}, reported ${units(openInterest)}${flat ? "" : " (they differ)"}.`,
    );
    Object.assign(figures, {
      [`${name} net`]: `${net}`,
      [`${name} long`]: `${long}`,
      [`${name} short`]: `${short}`,
      [`${name} reported`]: `${openInterest}`,
    });
  }
  return { id: "I1", statement: "Flat book: every long has its short", holds, findings, figures };
}

/** Both sides of the settlement token's conservation. */
export interface ConservationFigures {
  /** What the vault keeps books for [token]. */
  readonly tracked: bigint;
  readonly decimals: number;
  /** Cash of every account, insurance fund and treasury included [wad]. */
  readonly cash: readonly bigint[];
  /** Real quotes of every open position [wad]. */
  readonly realQuotes: readonly bigint[];
  /** Fees that are not divided between fund and treasury yet [wad]. */
  readonly reserve: bigint;
  /** The insurance fund's part of interest, which it has not got yet [wad]. */
  readonly interestReserve: bigint;
  /** Losses that nobody has borne yet [wad]. */
  readonly deficit: bigint;
  /** How often a position was written: each may round by 2 wei. */
  readonly positionWrites: number;
  /** The open interest at each move of an index [wad]: a move may round by that x 1e-18. */
  readonly indexMoves: readonly bigint[];
  /** How often cash was written since an index first moved: each may round by 2 wei of principal, and as it is read by 1. */
  readonly cashWrites: number;
  /** What a wei of principal is worth, rounded up; 0 while no index has moved [wei]. */
  readonly cashIndex: bigint;
}

/**
 * I2: tracked balance == sum of cash + sum of real quotes + reserve + interest for the fund - deficit, off by rounding only,
 * and rounding only ever leaves too much in the vault, never too little.
 */
export function checkConservation(books: ConservationFigures): InvariantResult {
  const tracked = wadOfAmount(books.tracked, books.decimals);
  const cash = sum(books.cash);
  const realQuotes = sum(books.realQuotes);
  const claims = cash + realQuotes + books.reserve + books.interestReserve - books.deficit;
  const difference = tracked - claims;
  const tolerance =
    2n * BigInt(books.positionWrites) +
    sum(books.indexMoves.map((openInterest) => openInterest / WAD + 1n)) +
    books.cashIndex * BigInt(2 * books.cashWrites + books.cash.length);
  const holds = difference >= 0n && difference <= tolerance;

  const verdict =
    difference < 0n
      ? "the vault owes more than it has"
      : holds
        ? "rounding only, and in the vault's favour"
        : "more than rounding explains";
  return {
    id: "I2",
    statement: "Conservation: what the vault has is what accounts own",
    holds,
    findings: [
      `tracked ${units(tracked)} − (cash ${units(cash)} + real quotes ${units(realQuotes)} + reserve ${units(books.reserve)} + interest for the fund ${units(books.interestReserve)} − deficit ${units(books.deficit)}) = ${difference} wei.`,
      `Allowed: 0 to ${tolerance} wei (${books.positionWrites} position writes, ${books.indexMoves.length} index moves, ${books.cashWrites} cash writes): ${verdict}.`,
    ],
    figures: {
      tracked: `${tracked}`,
      cash: `${cash}`,
      realQuotes: `${realQuotes}`,
      reserve: `${books.reserve}`,
      interestReserve: `${books.interestReserve}`,
      deficit: `${books.deficit}`,
      difference: `${difference}`,
      tolerance: `${tolerance}`,
    },
  };
}

/** One token's custody. */
export interface TokenBook {
  readonly symbol: string;
  /** The vault's balance as the token has it [token]. */
  readonly held: bigint;
  /** What the vault keeps books for [token]. */
  readonly tracked: bigint;
  /** Each account's collateral [token]; absent for the settlement token, whose claims I2 checks. */
  readonly accounts?: readonly bigint[];
}

/** I3: for each token the books equal the sum of the accounts, and the vault really holds that much. */
export function checkCustody(tokens: readonly TokenBook[]): InvariantResult {
  const findings: string[] = [];
  const figures: Record<string, string> = {};
  let holds = tokens.length > 0;
  if (!holds) findings.push("No token was found, so nothing was checked.");

  for (const { symbol, held, tracked, accounts } of tokens) {
    const owned = accounts === undefined ? tracked : sum(accounts);
    const kept = held >= tracked && tracked === owned;
    holds &&= kept;
    const claims = accounts === undefined ? "" : `, accounts own ${owned}`;
    findings.push(
      `${symbol}: the vault holds ${held}, its books say ${tracked}${claims}${kept ? "" : " (they differ)"}.`,
    );
    Object.assign(figures, { [`${symbol} held`]: `${held}`, [`${symbol} tracked`]: `${tracked}` });
    if (accounts !== undefined) figures[`${symbol} accounts`] = `${owned}`;
  }
  return {
    id: "I3",
    statement: "Custody: every token owned is in the vault",
    holds,
    findings,
    figures,
  };
}

/** How the chain answered an attempt to liquidate an account. */
export interface LiquidationAttempt {
  readonly account: string;
  readonly belowMaintenance: boolean;
  /** The name of the error, or "accepted". */
  readonly outcome: string;
}

/** What the line was watched with. */
export interface LineFigures {
  readonly steps: number;
  /** Accounts that were still below maintenance after a step's liquidations. */
  readonly leftBelow: readonly { readonly step: number; readonly account: string }[];
  /** One attempt for every account at the end. */
  readonly attempts: readonly LiquidationAttempt[];
}

/** I5: who is below maintenance can be liquidated, at once; who is not, never. */
export function checkLine({ steps, leftBelow, attempts }: LineFigures): InvariantResult {
  const wrong = attempts.filter(
    ({ belowMaintenance, outcome }) =>
      outcome !== (belowMaintenance ? "accepted" : "NotLiquidatable"),
  );
  const refused = attempts.filter(({ outcome }) => outcome === "NotLiquidatable").length;
  const holds = steps > 0 && attempts.length > 0 && leftBelow.length === 0 && wrong.length === 0;
  return {
    id: "I5",
    statement: "Line: below maintenance anyone may liquidate, above it nobody",
    holds,
    findings: [
      leftBelow.length === 0
        ? `In ${steps} steps nobody was left below maintenance.`
        : `Left below maintenance in ${steps} steps: ${leftBelow.map(({ step, account }) => `${account} at step ${step}`).join(", ")}.`,
      `liquidate() was tried on ${attempts.length} accounts at the end: ${refused} refused with NotLiquidatable, ${wrong.length === 0 ? "none" : wrong.length} answered wrongly${wrong.length > 0 ? `: ${wrong.map(({ account, outcome }) => `${account} ${outcome}`).join(", ")}` : ""}.`,
    ],
    figures: {
      steps: `${steps}`,
      leftBelow: `${leftBelow.length}`,
      attempts: `${attempts.length}`,
      refused: `${refused}`,
      wrong: `${wrong.length}`,
    },
  };
}

/** The exit code that a run's invariants call for: 0 when all hold, 1 otherwise, also when there are none. */
export function exitCodeOf(results: readonly InvariantResult[]): 0 | 1 {
  return results.length > 0 && results.every(({ holds }) => holds) ? 0 : 1;
}

/** A WAD for people: six decimals, and the sign of what rounds to nothing is kept. */
function units(wad: bigint): string {
  const sign = wad < 0n ? "−" : "";
  const [whole = "0", fraction = ""] = formatWad(wad < 0n ? -wad : wad).split(".");
  return `${sign}${BigInt(whole).toLocaleString("en-US")}${fraction === "" ? "" : `.${fraction.slice(0, 6)}`}`;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
