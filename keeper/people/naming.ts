import { formatUnits } from "ethers";
import {
  describeInstrument,
  type ErrorContext,
  formatWad,
  type InstrumentId,
} from "../../sdk/index.js";

/** What tokens and instruments are called in messages. */
export interface Naming {
  /** The settlement token's symbol. */
  readonly currency: string;
  /** An amount of the settlement token in whole tokens, exactly. */
  readonly money: (amount: bigint) => string;
  /** A token's symbol; its address where nobody knows one. */
  readonly symbolOf: (token: string) => string;
  readonly instrument: (instrument: InstrumentId) => string;
}

/** Names as `readErrorContext` of the SDK reads them. */
export function namingOf({ settlement, symbols, tokens }: ErrorContext): Naming {
  const known = new Map([...(tokens ?? [])].map(([token, one]) => [token.toLowerCase(), one]));
  return {
    currency: settlement?.symbol ?? "",
    money: (amount) =>
      settlement === undefined ? amount.toString() : decimal(amount, settlement.decimals),
    symbolOf: (token) => known.get(token.toLowerCase())?.symbol ?? token,
    instrument: (instrument) => describeInstrument(instrument, symbols),
  };
}

/** Token units as a decimal text without trailing zeros. */
export function decimal(amount: bigint, decimals: number): string {
  return formatUnits(amount, decimals).replace(/\.0$/, "");
}

/** A part of the whole as a decimal text [wad] to [%]. */
export function percent(part: bigint): string {
  return formatWad(part * 100n);
}
