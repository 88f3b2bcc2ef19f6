import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { getAddress, Wallet } from "ethers";
import hre from "hardhat";
import {
  type DeploymentParameters,
  namedVariables,
  readParameters,
} from "../ignition/parameters.js";
import { preflight } from "../scripts/deploy/preflight.js";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const HOLDERS = {
  PLIMSOLL_ADMIN: Wallet.createRandom().address,
  PLIMSOLL_GUARDIAN: Wallet.createRandom().address,
  PLIMSOLL_TREASURY: Wallet.createRandom().address,
};

/** The command as npm runs it, on a machine that has no keystore and only the given variables. */
async function deploySepolia(variables: Record<string, string> = {}) {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: "1", CI: "true" };
  for (const name of ["SEPOLIA_RPC_URL", "SEPOLIA_PRIVATE_KEY", ...Object.keys(HOLDERS)]) {
    Reflect.deleteProperty(env, name);
  }
  Reflect.deleteProperty(env, "HH_TEST");
  const args = ["--import", "tsx", "scripts/deploy.ts", "--network", "sepolia"];
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...env, ...variables } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  await once(child, "close");
  expect(output, "a stack").not.to.match(/^\s+at /m);
  return { code: child.exitCode, output };
}

describe("npm run deploy -- --network sepolia", () => {
  it("names every variable that is missing and how to set it", async () => {
    const { code, output } = await deploySepolia();
    expect(code).to.equal(1);
    const names = ["SEPOLIA_RPC_URL", "SEPOLIA_PRIVATE_KEY", ...Object.keys(HOLDERS)];
    expect(output).to.include(`${names.join(", ")} are not set: store each in Hardhat's keystore`);
    for (const name of names) expect(output).to.include(`npx hardhat keystore set ${name}\n`);
  });

  it("does not ask for what is there", async () => {
    const url = { SEPOLIA_RPC_URL: "http://127.0.0.1:9" };
    const { output } = await deploySepolia({ ...HOLDERS, ...url });
    expect(output).to.match(/^SEPOLIA_PRIVATE_KEY is not set/);
  });

  it("refuses a malformed private key without repeating it", async () => {
    const { code, output } = await deploySepolia({
      ...HOLDERS,
      SEPOLIA_RPC_URL: "http://127.0.0.1:9",
      SEPOLIA_PRIVATE_KEY: "0x5ec4e7",
    });
    expect(code).to.equal(1);
    expect(output).to.match(/^SEPOLIA_PRIVATE_KEY is no private key/);
    expect(output).not.to.include("5ec4e7");
  });

  it("says which node does not answer without showing the key in its URL", async () => {
    const { code, output } = await deploySepolia({
      ...HOLDERS,
      SEPOLIA_RPC_URL: "http://127.0.0.1:9/v3/hush",
      SEPOLIA_PRIVATE_KEY: Wallet.createRandom().privateKey,
    });
    expect(code).to.equal(1);
    expect(output).to.match(
      /^No node answers at 127\.0\.0\.1:9: check its URL, then run this again/,
    );
    expect(output).not.to.include("hush");
  });

  it("says which holder is no address", async () => {
    const { code, output } = await deploySepolia({
      ...HOLDERS,
      PLIMSOLL_GUARDIAN: "0x12",
      SEPOLIA_RPC_URL: "http://127.0.0.1:9",
      SEPOLIA_PRIVATE_KEY: Wallet.createRandom().privateKey,
    });
    expect(code).to.equal(1);
    expect(output).to.match(/^Parameters: governance\.guardian is no address/);
  });
});

describe("Sepolia's parameters", () => {
  it("leave governance to variables", () => {
    expect(namedVariables("sepolia")).to.deep.equal(Object.keys(HOLDERS));
    expect(namedVariables("local")).to.deep.equal([]);
    expect(() => readParameters("sepolia")).to.throw(
      "governance.admin is no address: set the configuration variable PLIMSOLL_ADMIN",
    );
    const { admin, guardian, treasury } = readParameters("sepolia", HOLDERS).governance;
    expect([admin, guardian, treasury]).to.deep.equal(Object.values(HOLDERS));
  });

  it("refuse the zero address as a holder", () => {
    const variables = { ...HOLDERS, PLIMSOLL_ADMIN: `0x${"0".repeat(40)}` };
    expect(() => readParameters("sepolia", variables)).to.throw("governance.admin is no address");
  });

  it("give every address with its checksum and every feed with its decimals", () => {
    const { settlementToken, collaterals, feeds } = readParameters("sepolia", HOLDERS);
    const entries = [settlementToken, ...collaterals, ...Object.values(feeds)];
    for (const { address } of entries) expect(getAddress(address!)).to.equal(address);
    for (const feed of Object.values(feeds)) expect(feed.decimals).to.equal(8);
    expect(new Set(entries.map(({ address }) => address)).size).to.equal(entries.length);
  });
});

describe("The look at the chain before a deployment", () => {
  // The mock's own description without spaces stands for the name of a pair.
  const FEED = "v0.8/tests/MockV3Aggregator.sol";
  const MAXIMUM_AGE = 3_600;

  async function stage() {
    const connection = await hre.network.create();
    const { ethers } = connection;
    const [deployer] = await ethers.getSigners();
    const token = await ethers.deployContract("MockToken", ["USD Coin", "USDC", 6]);
    const feed = await ethers.deployContract("MockV3Aggregator", [8, 3_000n * 10n ** 8n]);
    const base = readParameters("sepolia", HOLDERS);
    const parameters: DeploymentParameters = {
      ...base,
      chainId: 31_337,
      settlementToken: { ...base.settlementToken, address: await token.getAddress() } as never,
      collaterals: [],
      feeds: {
        [FEED]: {
          address: await feed.getAddress(),
          decimals: 8,
          maximumAgeSeconds: MAXIMUM_AGE,
          minimum: "30",
          maximum: "300000",
        },
      },
    };
    const problems = async (change: Partial<DeploymentParameters> = {}) => {
      const checks = await preflight(ethers.provider, {
        deployer: deployer!.address,
        parameters: { ...parameters, ...change },
      });
      return checks.flatMap(({ problem }) => problem ?? []);
    };
    const withFeed = (change: object) => ({
      feeds: { [FEED]: { ...parameters.feeds[FEED]!, ...change } as never },
    });
    return { connection, deployer: deployer!, feed, parameters, problems, withFeed };
  }

  it("finds nothing wrong where all is as the parameters say", async () => {
    expect(await (await stage()).problems()).to.deep.equal([]);
  });

  it("stops at a wrong chain, whatever else is wrong", async () => {
    const { problems } = await stage();
    expect(await problems({ chainId: 11_155_111, feeds: {} })).to.deep.equal([
      "The node is on chain 31337, the parameters are for chain 11155111: give the URL of a node of that chain.",
    ]);
  });

  it("finds a deployer who cannot pay", async () => {
    const { connection, deployer, problems } = await stage();
    await connection.networkHelpers.setBalance(deployer.address, 1n);
    const [problem] = await problems();
    expect(problem).to.match(
      /has 0\.000000000000000001 ETH and may need .* gwei\): send it more\.$/,
    );
  });

  it("finds a deployer who is to hold a role", async () => {
    const { deployer, parameters, problems } = await stage();
    const governance = { ...parameters.governance, admin: deployer.address };
    expect((await problems({ governance }))[0]).to.include("gives up all its rights");
  });

  it("finds a token that is not there, and one that is another", async () => {
    const { parameters, problems } = await stage();
    const token = parameters.settlementToken;
    const address = Wallet.createRandom().address;
    expect(
      await problems({ settlementToken: { ...token, address } as typeof token }),
    ).to.deep.equal([`The token USDC at ${address} is no contract: correct the address.`]);
    expect((await problems({ settlementToken: { ...token, symbol: "DAI" } }))[0]).to.match(
      /says that it is USDC, 6 decimals, not DAI with 6 decimals: correct the address\.$/,
    );
    expect((await problems({ settlementToken: { ...token, decimals: 18 } }))[0]).to.match(
      /not USDC with 18 decimals: correct the address\.$/,
    );
  });

  it("finds a feed of another pair, of other decimals, and a contract that is no feed", async () => {
    const { parameters, problems, withFeed } = await stage();
    expect((await problems({ feeds: { "ETH/USD": parameters.feeds[FEED]! } }))[0]).to.match(
      /describes itself as "v0\.8\/tests\/MockV3Aggregator\.sol": correct the address\.$/,
    );
    expect((await problems(withFeed({ decimals: 18 })))[0]).to.include("has 8 decimals, not 18");
    const { address } = parameters.settlementToken;
    expect((await problems(withFeed({ address })))[0]).to.include(
      "does not answer as a Chainlink feed does",
    );
  });

  it("finds a feed that has stopped, and one whose answer is no price", async () => {
    const { connection, feed, problems } = await stage();
    await connection.networkHelpers.time.increase(MAXIMUM_AGE + 1);
    await connection.networkHelpers.mine();
    expect((await problems())[0]).to.match(
      /last answered 36\d\d s ago and may be 3600 s old: wait/,
    );
    await feed.getFunction("updateAnswer")(1n);
    expect((await problems())[0]).to.include("which is not between 30 and 300000");
  });
});
