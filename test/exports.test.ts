import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { Interface, type InterfaceAbi } from "ethers";
import hre from "hardhat";
import ts from "typescript";
import { CONTRACTS } from "../ignition/deploy.js";
import { writeExports } from "../scripts/deploy/exports.js";
import { writeRecord } from "../scripts/deploy/record.js";
import { readSources, withoutComments } from "../scripts/sources.js";

const CHAIN = 424_242;
const ADDRESS = `0x${"12".repeat(20)}`;

describe("Exports for frontends", () => {
  let root: string;

  before(async () => {
    // Inside the project, so that the compiler finds what it needs.
    mkdirSync(hre.config.paths.cache, { recursive: true });
    root = mkdtempSync(path.join(hre.config.paths.cache, "exports-"));
    writeRecord(path.join(root, "deployments", "there.json"), {
      network: "there",
      chainId: CHAIN,
      block: { number: 7, hash: "0x" },
      contracts: Object.fromEntries(CONTRACTS.map((name) => [name, ADDRESS])) as never,
      tokens: {},
      feeds: {},
    });
    await writeExports(root);
  });

  after(() => {
    rmSync(root, { recursive: true, force: true });
  });

  function abiOf(contract: string): Interface {
    const file = path.join(root, "exports", "abi", `${contract}.json`);
    return new Interface(JSON.parse(readFileSync(file, "utf8")) as InterfaceAbi);
  }

  it("let every contract's ABI decode every custom error of the sources", () => {
    const declared = readSources("contracts/**/*.sol")
      .filter(({ path: file }) => !/\/(mocks|testing)\//.test(file))
      .flatMap(({ text }) => [...withoutComments(text).matchAll(/^\s*error\s+(\w+)/gm)])
      .map((match) => match[1]!);
    expect(declared.length).to.be.above(50);
    for (const contract of CONTRACTS) {
      const known = new Set<string>();
      abiOf(contract).forEachError(({ name }) => known.add(name));
      expect(
        declared.filter((error) => !known.has(error)),
        contract,
      ).to.deep.equal([]);
    }
  });

  it("have the errors of tokens and of the AccessManager, and no two with one selector", () => {
    const abi = abiOf("errors");
    for (const error of ["ERC20InsufficientAllowance", "AccessManagerNotScheduled"]) {
      expect(abi.getError(error), error).not.to.equal(null);
    }
    const selectors: string[] = [];
    abi.forEachError(({ selector }) => selectors.push(selector));
    expect(new Set(selectors).size).to.equal(selectors.length);
  });

  it("have the events that a library logs at the contract that uses it", async () => {
    const { abi } = await hre.artifacts.readArtifact("DefaultProcess");
    const clearinghouse = abiOf("Clearinghouse");
    let count = 0;
    new Interface(abi).forEachEvent(({ topicHash, name }) => {
      count++;
      expect(clearinghouse.getEvent(topicHash), name).not.to.equal(null);
    });
    expect(count).to.be.above(0);
  });

  it("compile as TypeScript, with names and addresses that the compiler knows", () => {
    const consumer = path.join(root, "consumer.ts");
    writeFileSync(
      consumer,
      `import { deployments, errorsAbi, vaultAbi } from "./exports/index.js";
       type Name = Extract<(typeof vaultAbi)[number], { type: "function" }>["name"];
       export const known: Name = "deposit";
       // @ts-expect-error -- there is no such function
       export const unknown: Name = "steal";
       export const vault: "${ADDRESS}" = deployments[${CHAIN}].contracts.Vault;
       export const kind: "error" = errorsAbi[0].type;\n`,
    );
    const program = ts.createProgram([consumer], {
      strict: true,
      noEmit: true,
      module: ts.ModuleKind.Node20,
      target: ts.ScriptTarget.ES2023,
      types: [],
    });
    const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
    expect(problems).to.deep.equal([]);
  });
});
