import { readFileSync } from "node:fs";
import { getAddress } from "ethers";
import hre from "hardhat";
import type { ActName } from "./acts.js";
import { CLASS_MEANINGS, GAS_CLASSES, type GasClass, type Instruction } from "./gas-classes.js";
import { markdownTable } from "./markdown.js";
import type { Market } from "./market.js";
import { measure, type Measurement } from "./measure.js";
import { add, type Frame, framesOf, type Names, type Spending } from "./trace.js";

interface Trace {
  failed: boolean;
  structLogs: Instruction[];
}

interface BuildOutput {
  output: {
    contracts: Record<
      string,
      Record<string, { evm?: { methodIdentifiers?: Record<string, string> } }>
    >;
  };
}

/** Performs an act and returns two Markdown tables: its gas by class, and by contract frame. */
export async function profile(market: Market, name: ActName): Promise<string> {
  const names = await namesIn(market);
  return measure(market, name, async ({ receipt, intrinsic }) => {
    const trace = (await market.connection.provider.request({
      method: "debug_traceTransaction",
      params: [receipt.hash, { disableMemory: true, disableStorage: true }],
    })) as Trace;
    if (trace.failed || receipt.to === null) throw new Error(`${name} failed`);
    return describe(name, framesOf(trace.structLogs, receipt.to, names), { receipt, intrinsic });
  });
}

async function namesIn({ addresses }: Market): Promise<Names> {
  const { contracts, tokens, feeds } = addresses;
  const contractNames = new Map(
    Object.entries({ ...contracts, ...tokens, ...feeds }).map(
      ([name, address]) => [getAddress(address), name] as const,
    ),
  );
  const functionNames = await functionNamesBySelector();
  return {
    contractOf: (address) => contractNames.get(address) ?? address,
    functionOf: (selector) => functionNames.get(selector ?? "") ?? selector ?? "fallback",
  };
}

/** Of every contract in the build, libraries included. */
async function functionNamesBySelector(): Promise<Map<string, string>> {
  const buildInfoId = await hre.artifacts.getBuildInfoId("Clearinghouse");
  const file = buildInfoId && (await hre.artifacts.getBuildInfoOutputPath(buildInfoId));
  if (!file) throw new Error("The build has left no output");
  const { output } = JSON.parse(readFileSync(file, "utf8")) as BuildOutput;
  const signatures = Object.values(output.contracts)
    .flatMap((contracts) => Object.values(contracts))
    .flatMap(({ evm }) => Object.entries(evm?.methodIdentifiers ?? {}));
  return new Map(
    signatures.map(([signature, selector]) => [
      `0x${selector}`,
      signature.slice(0, signature.indexOf("(")),
    ]),
  );
}

function describe(name: string, root: Frame, { receipt, intrinsic }: Measurement): string {
  const gasUsed = Number(receipt.gasUsed);
  const spent = new Map<GasClass, Spending>();
  addAll(spent, root);
  const refund = intrinsic + gasOf(spent) - gasUsed;
  if (refund < 0) throw new Error(`${name}: ${-refund} gas are missing from the profile`);

  const classes = GAS_CLASSES.filter((on) => spent.has(on));
  return [
    `#### ${name}: ${gasUsed.toLocaleString("en")} gas`,
    "",
    markdownTable(["paid for", "times", "gas", "share", "which is"], classRows()),
    "",
    markdownTable(["frame", "times", "with callees", "own", ...classes], frameRows(root, classes)),
  ].join("\n");

  function classRows(): string[][] {
    const share = (gas: number) => `${((100 * gas) / gasUsed).toFixed(1)} %`;
    const row = (what: string, { times, gas }: Spending, meaning: string) => [
      what,
      times.toLocaleString("en"),
      gas.toLocaleString("en"),
      share(gas),
      meaning,
    ];
    const paid = GAS_CLASSES.flatMap((on) => {
      const spending = spent.get(on);
      return spending === undefined ? [] : [row(on, spending, CLASS_MEANINGS[on])];
    });
    const calldata = { times: 1, gas: intrinsic };
    return [
      row("being sent", calldata, "21,000 for the transaction, the rest for its calldata"),
      ...paid,
      ...(refund === 0
        ? []
        : [
            row(
              "refund",
              { times: 1, gas: -refund },
              "for words that became 0, or again what they were",
            ),
          ]),
    ];
  }
}

/** A frame and, indented below it, what it called. */
function frameRows(frame: Frame, classes: GasClass[], depth = 0): string[][] {
  const all = new Map<GasClass, Spending>();
  addAll(all, frame);
  const cells = classes.map((on) => frame.own.get(on)?.gas.toLocaleString("en") ?? "");
  return [
    [
      `${"· ".repeat(depth)}${frame.label}`,
      frame.times.toLocaleString("en"),
      gasOf(all).toLocaleString("en"),
      gasOf(frame.own).toLocaleString("en"),
      ...cells,
    ],
    ...[...frame.callees.values()].flatMap((callee) => frameRows(callee, classes, depth + 1)),
  ];
}

function addAll(spent: Map<GasClass, Spending>, frame: Frame): void {
  for (const [on, spending] of frame.own) add(spent, on, spending);
  for (const callee of frame.callees.values()) addAll(spent, callee);
}

function gasOf(spent: Map<GasClass, Spending>): number {
  return [...spent.values()].reduce((total, { gas }) => total + gas, 0);
}
