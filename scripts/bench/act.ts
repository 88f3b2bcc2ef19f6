import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { ContractTransaction } from "ethers";
import type { Market } from "./market.js";

/** The one transaction that is measured. */
export interface Act {
  sender: HardhatEthersSigner;
  request: ContractTransaction;
}

/** Brings the market to the state in which the act is due. */
export type Preparation = (market: Market) => Promise<Act>;

/** After this a debtor whose cash is 8 % of notional has about four fifths of its maintenance margin. */
export const CRASH_BPS = -500n;
export const DEBTOR_DOLLARS = 2_400;

/** After this one it is below its initial margin only. */
export const SETBACK_BPS = -300n;
