import { expect } from "chai";
import { simulate } from "../keeper/dispatch/simulate.js";
import { CouldNotLook } from "../sdk/index.js";

const REVERTED = Object.assign(new Error("execution reverted"), { code: 3 });

/** A node that needs so much gas for every call, or says something else. */
function nodeOf(needed: bigint | Error) {
  const asked: string[] = [];
  const rpc = (method: string, [call]: readonly unknown[]): Promise<unknown> => {
    asked.push(method);
    const { gas } = call as { gas?: string };
    if (needed instanceof Error) return Promise.reject(needed);
    if (gas !== undefined && BigInt(gas) < needed) return Promise.reject(REVERTED);
    return Promise.resolve(method === "eth_call" ? "0x" : `0x${needed.toString(16)}`);
  };
  const simulated = (limits: { gasLimit?: bigint; roomyGas?: bigint }) =>
    simulate(rpc, {
      proposal: { to: "0x01", data: "0x", ...limits },
      ...{ from: "0x02", context: {}, block: 7 },
    });
  return { asked, simulated };
}

describe("A simulation", () => {
  it("with roomy gas is one call that needs four fifths of it at most, and no estimate", async () => {
    const { asked, simulated } = nodeOf(80_000n);
    const found = await simulated({ roomyGas: 100_000n });
    expect(found).to.deep.equal({ kind: "passes", gasLimit: 100_000n });
    expect(asked).to.deep.equal(["eth_call"]);
  });

  it("is an estimate when roomy gas was not enough, with a quarter on top", async () => {
    const { asked, simulated } = nodeOf(80_001n);
    const found = await simulated({ roomyGas: 100_000n });
    expect(found).to.deep.equal({ kind: "passes", gasLimit: 100_001n });
    expect(asked).to.deep.equal(["eth_call", "eth_estimateGas"]);
  });

  it("is refused when the estimate is, whatever the call said", async () => {
    const found = await nodeOf(REVERTED).simulated({ roomyGas: 100_000n });
    expect(found.kind).to.equal("refused");
  });

  it("asks a silent node once, and says that nobody knows", async () => {
    const { asked, simulated } = nodeOf(new CouldNotLook("silence"));
    const found = await simulated({ roomyGas: 100_000n });
    expect(found).to.deep.equal({ kind: "unknown", reason: "silence" });
    expect(asked).to.deep.equal(["eth_call"]);
  });
});
