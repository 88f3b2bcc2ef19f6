import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { Provider } from "ethers";

/** Code may differ in the hash of the metadata alone: it covers settings, such as remappings, that make no code. */
type Match = "exact" | "all but metadata" | "different";

/** What the explorer found out about one submission. */
export interface Verdict {
  address: string;
  /** `contracts/Vault.sol:Vault`, as the compiler's input calls it. */
  contract: string;
  sources: number;
  /** How the source's code compares with the code at the address, immutables aside. */
  runtime: Match;
  /** How the source's code with the constructor's arguments compares with the transaction that made the contract. */
  creation: Match;
}

/** A block explorer on loopback that answers Hardhat's verification as Blockscout does. */
export interface Explorer {
  readonly url: string;
  readonly verdicts: readonly Verdict[];
  stop(): Promise<void>;
}

interface Submission {
  address: string;
  /** The path of the source, then the name of the contract. */
  contract: string;
  input: CompilerInput;
  constructorArguments: string;
}

interface CompilerInput {
  sources: Record<string, unknown>;
  settings: Record<string, unknown>;
}

type ByteRange = { start: number; length: number };

interface Compiled {
  bytecode: { object: string };
  deployedBytecode: { object: string; immutableReferences?: Record<string, ByteRange[]> };
}

const HOST = "127.0.0.1";
const SOLC = createRequire(import.meta.url).resolve("solc");
/** The compiler keeps a processor busy for seconds: not this one, which has signals to hear. */
const COMPILER =
  'const { parentPort, workerData } = require("node:worker_threads"); const solc = require(workerData);' +
  'parentPort.on("message", (input) => parentPort.postMessage(solc.compile(input)));';
const LIBRARY_GUARD = /^73(0{40})30/;

/** Starts an explorer of the chain behind the provider. It compiles every source that is submitted. */
export async function startExplorer(provider: Provider): Promise<Explorer> {
  const verdicts: Verdict[] = [];
  const compiler = new Worker(COMPILER, { eval: true, workerData: SOLC });

  const answer = async (request: IncomingMessage): Promise<unknown> => {
    const { searchParams } = new URL(request.url ?? "/", `http://${HOST}`);
    switch (searchParams.get("action") ?? "") {
      case "getsourcecode": {
        const address = searchParams.get("address")?.toLowerCase();
        const known = verdicts.some((verdict) => passed(verdict) && verdict.address === address);
        return { status: "1", result: known ? [{ SourceCode: "known" }] : [] };
      }
      case "verifysourcecode": {
        const verdict = await judge(await readSubmission(request), { provider, compiler });
        return { status: "1", result: `${verdicts.push(verdict) - 1}` };
      }
      case "checkverifystatus": {
        const verdict = verdicts[Number(searchParams.get("guid"))];
        const pass = verdict !== undefined && passed(verdict);
        return { status: "1", result: pass ? "Pass - Verified" : "Fail - Unable to verify" };
      }
      default:
        return { status: "0", result: "Unknown action" };
    }
  };
  const server = createServer((request, response) => {
    answer(request).then(
      (body) => response.setHeader("content-type", "application/json").end(JSON.stringify(body)),
      (error: unknown) => {
        response.statusCode = 500;
        response.end(JSON.stringify({ status: "0", result: String(error) }));
      },
    );
  }).listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  const stop = async () => {
    await compiler.terminate();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://${HOST}:${port}`, verdicts, stop };
}

/** Whether a submission proves the contract to be what its source says. */
export function passed({ runtime, creation }: Verdict): boolean {
  return runtime !== "different" && creation !== "different";
}

async function readSubmission(request: IncomingMessage): Promise<Submission> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const form = new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
  const field = (name: string) => form.get(name) ?? "";
  return {
    address: field("contractaddress").toLowerCase(),
    contract: field("contractname"),
    input: JSON.parse(field("sourceCode")) as CompilerInput,
    constructorArguments: field("constructorArguments"),
  };
}

async function judge(
  { address, contract, input, constructorArguments }: Submission,
  { provider, compiler }: { provider: Provider; compiler: Worker },
): Promise<Verdict> {
  const sources = Object.keys(input.sources).length;
  const compiled = await compile(compiler, input, contract);
  const about = { address, contract, sources };
  if (compiled === undefined) return { ...about, runtime: "different", creation: "different" };

  const { object, immutableReferences = {} } = compiled.deployedBytecode;
  const gaps = Object.values(immutableReferences).flat();
  // A library's first instruction pushes its own address, which only its deployment knows.
  if (LIBRARY_GUARD.test(object)) gaps.push({ start: 1, length: 20 });
  const code = (await provider.getCode(address)).slice(2);
  const metadata = { theirs: metadataOf(object), ours: metadataOf(code) };
  const runtime = compare(masked(object, gaps), masked(code, gaps), metadata);

  const expected = compiled.bytecode.object + constructorArguments.replace(/^0x/, "");
  const creation = compare(expected, await creationInput(provider, address), metadata);
  return { ...about, runtime, creation };
}

function compare(theirs: string, ours: string, metadata: { theirs: string; ours: string }): Match {
  if (theirs === ours) return "exact";
  return theirs.replaceAll(metadata.theirs, metadata.ours) === ours
    ? "all but metadata"
    : "different";
}

/** The CBOR at the end of runtime code, whose last two bytes are the length of the rest. */
function metadataOf(code: string): string {
  return code.slice(-2 * (Number.parseInt(code.slice(-4), 16) + 2));
}

/** What one contract of the input compiles to; undefined when it does not compile. */
async function compile(
  compiler: Worker,
  input: CompilerInput,
  contract: string,
): Promise<Compiled | undefined> {
  const separator = contract.lastIndexOf(":");
  const [source, name] = [contract.slice(0, separator), contract.slice(separator + 1)];
  // Only what is compared: the compiler makes no code for the rest.
  const outputSelection = { [source]: { [name]: ["evm.bytecode", "evm.deployedBytecode"] } };
  compiler.postMessage(
    JSON.stringify({ ...input, settings: { ...input.settings, outputSelection } }),
  );
  const [output] = (await once(compiler, "message")) as [string];
  const { contracts } = JSON.parse(output) as {
    contracts?: Record<string, Record<string, { evm: Compiled }>>;
  };
  return contracts?.[source]?.[name]?.evm;
}

/** The code with zeros in the gaps. */
function masked(code: string, gaps: readonly ByteRange[]): string {
  const bytes = Buffer.from(code, "hex");
  for (const { start, length } of gaps) bytes.fill(0, start, start + length);
  return bytes.toString("hex");
}

/** The input of the transaction that made a contract; empty when there is none. */
async function creationInput(provider: Provider, address: string): Promise<string> {
  for (let number = await provider.getBlockNumber(); number > 0; number--) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      if (transaction.to !== null) continue;
      const receipt = await provider.getTransactionReceipt(transaction.hash);
      if (receipt?.contractAddress?.toLowerCase() === address) return transaction.data.slice(2);
    }
  }
  return "";
}
