import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import hre from "hardhat";
import { CONTRACTS } from "../ignition/deploy.js";
import { startExplorer } from "../scripts/rehearse/explorer.js";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** The rehearsal compiles into a folder of its own: half a minute, or a minute when that is empty. */
const TIMEOUT_MILLISECONDS = 300_000;

/** Starts the command as npm does; with the compiler's quick profile, since what is compiled is not the point here. */
function startRehearsal() {
  const args = ["--import", "tsx", "scripts/rehearse.ts", "--build-profile", "default"];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" },
  });
  const outcome = { output: "" };
  const collect = (text: string) => (outcome.output += text);
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  return { child, outcome, ended: once(child, "close") };
}

describe("npm run rehearse", function () {
  this.timeout(TIMEOUT_MILLISECONDS);

  it("deploys to a chain like Sepolia, uses what it deployed and verifies all sources", async () => {
    const { child, outcome, ended } = startRehearsal();
    await ended;
    const { output } = outcome;
    expect(child.exitCode, output).to.equal(0);
    expect(output).to.include("ok    chain id: 11155111\n");
    expect(output).to.include("ok    feed ETH/USD: ETH / USD, 8 decimals");
    expect(output).not.to.include("WRONG");
    expect(output.match(/^Smoke test: /gm)).to.have.length(6);
    expect(output).to.include(
      `All ${CONTRACTS.length} contracts are verified. The rehearsal is complete.\n`,
    );
  });

  it("leaves no node behind when it is interrupted", async () => {
    const { child, outcome, ended } = startRehearsal();
    let url: string | undefined;
    while (url === undefined && child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      url = /answers at (\S+)\.\n/.exec(outcome.output)?.[1];
    }
    child.kill("SIGINT");
    await ended;
    expect(child.exitCode).to.equal(130);
    const answered = await fetch(url!).then(
      () => true,
      () => false,
    );
    expect(answered).to.equal(false);
  });
});

describe("The rehearsal's explorer", () => {
  const SOURCE = `// SPDX-License-Identifier: MIT
    pragma solidity 0.8.37;
    contract Box { uint256 public immutable X; constructor(uint256 x) { X = x; } function two() external pure returns (uint256) { return 2; } }`;

  async function submit(change: { source?: string; constructorArguments?: string } = {}) {
    const { ethers } = await hre.network.create();
    const input = {
      language: "Solidity",
      sources: { "Box.sol": { content: SOURCE } },
      settings: { evmVersion: "osaka" },
    };
    const argument = ethers.toBeHex(7n, 32);
    const compiled = await compileBox(input);
    const [deployer] = await ethers.getSigners();
    const transaction = await deployer!.sendTransaction({
      data: ethers.concat([`0x${compiled}`, argument]),
    });
    const address = (await transaction.wait())!.contractAddress!;

    const explorer = await startExplorer(ethers.provider);
    try {
      const sources = { "Box.sol": { content: change.source ?? SOURCE } };
      const body = new URLSearchParams({
        contractaddress: address,
        contractname: "Box.sol:Box",
        sourceCode: JSON.stringify({ ...input, sources }),
        constructorArguments: (change.constructorArguments ?? argument).slice(2),
      });
      const post = await fetch(`${explorer.url}/api?action=verifysourcecode`, {
        method: "POST",
        body,
      });
      const { result: guid } = (await post.json()) as { result: string };
      const status = await fetch(`${explorer.url}/api?action=checkverifystatus&guid=${guid}`);
      const { result } = (await status.json()) as { result: string };
      return { result, verdict: explorer.verdicts[0]! };
    } finally {
      await explorer.stop();
    }
  }

  async function compileBox(input: object): Promise<string> {
    const { default: solc } = (await import("solc")) as {
      default: { compile(input: string): string };
    };
    const outputSelection = { "*": { "*": ["evm.bytecode.object"] } };
    const settings = { evmVersion: "osaka", outputSelection };
    const output = JSON.parse(solc.compile(JSON.stringify({ ...input, settings }))) as {
      contracts: { "Box.sol": { Box: { evm: { bytecode: { object: string } } } } };
    };
    return output.contracts["Box.sol"].Box.evm.bytecode.object;
  }

  it("passes the source that makes the code, whatever its immutables are", async () => {
    const { result, verdict } = await submit();
    expect(result).to.equal("Pass - Verified");
    expect([verdict.runtime, verdict.creation]).to.deep.equal(["exact", "exact"]);
  });

  it("passes a source that differs in the hash of the metadata alone, and says so", async () => {
    const { result, verdict } = await submit({ source: `${SOURCE} // a remark` });
    expect(result).to.equal("Pass - Verified");
    expect([verdict.runtime, verdict.creation]).to.deep.equal(Array(2).fill("all but metadata"));
  });

  it("fails a source that makes other code", async () => {
    const { result, verdict } = await submit({ source: SOURCE.replace("return 2", "return 3") });
    expect(result).to.equal("Fail - Unable to verify");
    expect([verdict.runtime, verdict.creation]).to.deep.equal(["different", "different"]);
  });

  it("fails a source that does not compile", async () => {
    expect((await submit({ source: "contract" })).result).to.equal("Fail - Unable to verify");
  });

  it("fails other arguments of the constructor, though the code is the same", async () => {
    const { result, verdict } = await submit({ constructorArguments: `0x${"0".repeat(64)}` });
    expect(result).to.equal("Fail - Unable to verify");
    expect([verdict.runtime, verdict.creation]).to.deep.equal(["exact", "different"]);
  });
});
