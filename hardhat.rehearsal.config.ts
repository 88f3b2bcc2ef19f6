/**
 * What `npm run rehearse` runs under: the project's own configuration with one more network, which is a node on loopback
 * that passes for another chain, and with an explorer on loopback. It has variables, artifacts and memory of its own, so
 * that no rehearsal can find a real key, a real node or the records of a real deployment.
 */
import { configVariable, defineConfig } from "hardhat/config";
import project from "./hardhat.config.js";

const explorer = process.env.REHEARSAL_EXPLORER_URL ?? "http://127.0.0.1:0";
const chainId = process.env.REHEARSAL_CHAIN_ID ?? "11155111";

export default defineConfig({
  ...project,
  paths: {
    artifacts: "./cache/rehearsal/artifacts",
    cache: "./cache/rehearsal/cache",
    ignition: "./cache/rehearsal/ignition",
  },
  networks: {
    rehearsal: {
      type: "http",
      chainType: "l1",
      url: configVariable("REHEARSAL_RPC_URL"),
      accounts: [configVariable("REHEARSAL_PRIVATE_KEY")],
    },
  },
  chainDescriptors: {
    [chainId]: {
      name: "Rehearsal",
      blockExplorers: { blockscout: { url: explorer, apiUrl: `${explorer}/api` } },
    },
  },
  verify: { etherscan: { enabled: false }, sourcify: { enabled: false } },
  typechain: { outDir: "cache/rehearsal/typechain-types" },
});
