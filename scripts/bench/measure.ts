import { getBytes, type TransactionReceipt } from "ethers";
import { ACTS, type ActName } from "./acts.js";
import { ACT_TIME } from "./deployment.js";
import { type Figures, KEYS } from "./figures.js";
import type { Market } from "./market.js";

/** A measured transaction. */
export interface Measurement {
  receipt: TransactionReceipt;
  /** What is paid before the first instruction: the transaction and its calldata [gas]. */
  intrinsic: number;
}

/** Before it every feed answers anew, so that no price is too old [seconds]. */
const REFRESH_SECONDS = 60;

/** No transaction that a user or keeper needs may take more. */
const GAS_LIMIT = 8_000_000n;

const TRANSACTION_GAS = 21_000;
const ZERO_BYTE_GAS = 4;
const NONZERO_BYTE_GAS = 16;

/**
 * Prepares an act, sends it in a block of its own and hands the result to `inspect`; then everything is as before. An act
 * sees nothing of the others.
 */
export async function measure<T>(
  market: Market,
  name: ActName,
  inspect: (measurement: Measurement) => T | Promise<T>,
): Promise<T> {
  const { takeSnapshot, time } = market.connection.networkHelpers;
  const snapshot = await takeSnapshot();
  try {
    const { sender, request } = await ACTS[name](market);
    await time.setNextBlockTimestamp(ACT_TIME - REFRESH_SECONDS);
    await market.refreshPrices();
    await time.setNextBlockTimestamp(ACT_TIME);
    const response = await sender.sendTransaction({ ...request, gasLimit: GAS_LIMIT });
    const receipt = await response.wait();
    if (receipt === null) throw new Error(`${name} has no receipt`);
    return await inspect({ receipt, intrinsic: intrinsicGas(request.data) });
  } finally {
    await snapshot.restore();
  }
}

/** Measures everything. */
export async function measureAll(market: Market): Promise<Figures> {
  const gasOf = async (name: ActName) =>
    measure(market, name, ({ receipt }) => Number(receipt.gasUsed));
  const executionGasOf = async (name: ActName) =>
    measure(market, name, ({ receipt, intrinsic }) => Number(receipt.gasUsed) - intrinsic);

  const figures = {} as Figures;
  for (const key of KEYS) {
    if (key === "furtherMaker") {
      const [five, one] = [await gasOf("matchFiveMakers"), await gasOf("matchOneMaker")];
      figures[key] = Math.ceil((five - one) / 4);
    } else if (key === "marginView1" || key === "marginView5") {
      figures[key] = await executionGasOf(key);
    } else {
      figures[key] = await gasOf(key);
    }
  }
  return figures;
}

function intrinsicGas(data: string): number {
  return getBytes(data).reduce(
    (gas, byte) => gas + (byte === 0 ? ZERO_BYTE_GAS : NONZERO_BYTE_GAS),
    TRANSACTION_GAS,
  );
}
