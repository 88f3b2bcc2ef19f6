import { fileURLToPath } from "node:url";
import hardhatToolboxMochaEthers from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig, overrideTask } from "hardhat/config";
import { definePlugin } from "hardhat/plugins";
import { testFilesIn } from "./test/support/testFiles.js";

/** The compiler comes from npm: nothing is downloaded at build time. */
const compiler = {
  version: "0.8.37",
  path: fileURLToPath(import.meta.resolve("solc/soljson.js")),
} as const;

/** Warnings of dependencies are not ours to mend; errors always pass. */
const quietDependencies = definePlugin({
  id: "quiet-dependencies",
  hookHandlers: {
    solidity: async () => ({
      default: async () => ({
        getCompilationJobErrors: async (context, job, output, next) =>
          (await next(context, job, output)).filter(
            (error) =>
              error.severity === "error" ||
              !/-->\s+\S*node_modules\//.test(error.formattedMessage ?? ""),
          ),
      }),
    }),
  },
});

/**
 * Fuzz and invariant tests repeat themselves unless `npm run test:deep` gives each round a seed of its own. What a call
 * stored must not be among the values that they try: EDR visits it in the order of a randomly seeded hash map.
 */
const seed = process.env.PLIMSOLL_FUZZ_SEED;
const repeatable = { includeStorage: false };
const fuzz = { ...repeatable, ...(seed === undefined ? {} : { seed }) };
const campaign = { ...repeatable, failOnRevert: true, shrinkRunLimit: 300 };

/** All files together take two cores; of a few, each is quicker in the process that is there. */
const parallel = !process.argv.some((argument) => argument.endsWith(".test.ts"));
const workers = fileURLToPath(new URL("./test/support/workers.ts", import.meta.url));

/** Without names mocha takes the test files, not all that lies beside them, and the longest ones first. */
const orderedTests = overrideTask(["test", "mocha"])
  .setInlineAction((given, hre, runSuper) => {
    const { testFiles } = given as { testFiles: string[] };
    const files = testFiles.length > 0 ? testFiles : testFilesIn(hre.config.paths.tests.mocha);
    return runSuper({ ...given, testFiles: files });
  })
  .build();

export default defineConfig({
  plugins: [hardhatToolboxMochaEthers, quietDependencies],
  tasks: [orderedTests],
  solidity: {
    profiles: {
      default: {
        ...compiler,
        settings: { evmVersion: "osaka", optimizer: { enabled: true, runs: 200 } },
      },
      production: {
        ...compiler,
        isolated: false,
        settings: { evmVersion: "osaka", viaIR: true, optimizer: { enabled: true, runs: 2_000 } },
      },
    },
    npmFilesToBuild: [
      "@openzeppelin/contracts/access/manager/AccessManager.sol",
      "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol",
    ],
  },
  test: {
    solidity: {
      profiles: {
        default: {
          fuzz: { ...fuzz, runs: 64 },
          invariant: { ...campaign, runs: 16, depth: 32 },
        },
        ci: {
          fuzz: { ...fuzz, runs: 256 },
          invariant: { ...campaign, runs: 256, depth: 100 },
        },
        deep: {
          fuzz: { ...fuzz, runs: 2_000 },
          invariant: { ...campaign, runs: 128, depth: 200 },
        },
        // For `npm run test:mutants`: that a test fails is all that it asks, so nothing is shrunk.
        mutants: {
          fuzz: { ...repeatable, runs: 64 },
          invariant: { ...campaign, runs: 24, depth: 48, shrinkRunLimit: 1 },
        },
      },
    },
    mocha: { timeout: 60_000, parallel, jobs: 2, require: [workers] },
  },
  coverage: { skipFiles: ["contracts/mocks/**", "contracts/testing/**"] },
  networks: {
    hardhatMainnet: { type: "edr-simulated", chainType: "l1" },
    localhost: { type: "http", chainType: "l1", url: "http://127.0.0.1:8545" },
    sepolia: {
      type: "http",
      chainType: "l1",
      url: configVariable("SEPOLIA_RPC_URL"),
      accounts: [configVariable("SEPOLIA_PRIVATE_KEY")],
    },
  },
  verify: { etherscan: { apiKey: configVariable("ETHERSCAN_API_KEY") } },
  typechain: { outDir: "typechain-types" },
});
