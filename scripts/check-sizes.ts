/** Checks that every contract we deploy stays clear of the protocol's limit of 24,576 bytes. Needs a production build. */
import { existsSync } from "node:fs";
import Table from "cli-table3";
import { isProductionBuild, readSources, report } from "./sources.js";

/** The largest deployed bytecode [bytes]: the protocol's limit less room for a repair. */
const LIMIT = 23_000;

/** A library without external functions leaves a stub of this size at most [bytes]; nobody deploys it. */
const STUB = 100;

interface Artifact {
  buildInfoId: string;
  contractName: string;
  /** Hexadecimal; the placeholder of a linked library is as long as its address. */
  deployedBytecode: string;
  sourceName: string;
}

const contracts = readSources("artifacts/contracts/**/*.json")
  .map(({ text }) => JSON.parse(text) as Artifact)
  .filter(({ sourceName }) => !/^contracts\/(mocks|testing)\/|\.t\.sol$/.test(sourceName))
  .filter(({ sourceName }) => existsSync(sourceName))
  .map((artifact) => ({ ...artifact, bytes: (artifact.deployedBytecode.length - 2) / 2 }))
  .filter(({ bytes }) => bytes > STUB)
  .sort((a, b) => b.bytes - a.bytes);

const table = new Table({
  head: ["Contract", "Bytes", "Left"],
  colAligns: ["left", "right", "right"],
  style: { head: [], border: [] },
});
for (const { contractName, bytes } of contracts) {
  table.push([contractName, bytes.toLocaleString("en"), (LIMIT - bytes).toLocaleString("en")]);
}

const isStale = [...new Set(contracts.map(({ buildInfoId }) => buildInfoId))].some(
  (id) => !isProductionBuild(id),
);
if (contracts.length === 0 || isStale) {
  report(["No production build in artifacts/; run `npm run build:production` first."], "");
} else {
  console.log(table.toString());
  report(
    contracts
      .filter(({ bytes }) => bytes > LIMIT)
      .map(
        ({ sourceName, contractName, bytes }) =>
          `${sourceName}: ${contractName} is ${bytes - LIMIT} bytes over the limit of ${LIMIT}; ` +
          "move code into an external library.",
      ),
    `No contract is above ${LIMIT.toLocaleString("en")} bytes.`,
  );
}
