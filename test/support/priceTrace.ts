import type { NetworkConnection } from "hardhat/types/network";
import type { PriceOracle } from "../../typechain-types/index.js";

interface Step {
  depth: number;
  gas: number;
  op: string;
  stack: string[];
}

/** One read of a price in a fresh transaction: the oracle's slots, calls and gas, and all gas. */
export async function traceOf(
  ethers: NetworkConnection["ethers"],
  oracle: PriceOracle,
  underlying: bigint,
) {
  const data = oracle.interface.encodeFunctionData("price", [underlying]);
  const call = { to: await oracle.getAddress(), data };
  const trace = (await ethers.provider.send("debug_traceCall", [call, "latest", {}])) as {
    structLogs: Step[];
  };
  const own = trace.structLogs.filter((step) => step.depth === 1);
  const reads = own.filter((step) => step.op === "SLOAD").map((step) => step.stack.at(-1));
  const spent = own.slice(1).map((step, place) => {
    const before = own[place]!;
    return before.op === "STATICCALL" ? 0 : before.gas - step.gas;
  });
  return {
    slots: new Set(reads).size,
    calls: own.filter((step) => step.op === "STATICCALL").length,
    gas: own[0]!.gas - own.at(-1)!.gas,
    ownGas: spent.reduce((sum, gas) => sum + gas, 0),
  };
}
