import { Contract, formatEther, formatUnits, type Provider } from "ethers";
import { type DeploymentParameters, wadOf } from "../../ignition/parameters.js";

/** One thing that was looked at before anything is sent. */
export interface PreflightCheck {
  what: string;
  found: string;
  /** A sentence that says what is wrong; absent when all is well. */
  problem?: string;
}

/** More than a whole deployment uses: `npm run rehearse` prints how much that is, and fails when it is above this. */
export const DEPLOYMENT_GAS = 45_000_000n;

const TOKEN = [
  "function symbol() view returns (string)",
  "function decimals() view returns (uint8)",
];
const FEED = [
  "function decimals() view returns (uint8)",
  "function description() view returns (string)",
  "function latestRoundData() view returns (uint80, int256 answer, uint256, uint256 updatedAt, uint80)",
];

/**
 * Compares a chain with what the parameters say of it: the chain itself, the deployer's balance, every token, every
 * feed. Sends nothing. A wrong chain ends it at once, since all else would be wrong as well.
 */
export async function preflight(
  provider: Provider,
  { deployer, parameters }: { deployer: string; parameters: DeploymentParameters },
): Promise<PreflightCheck[]> {
  const chain = await checkChain(provider, parameters.chainId);
  if (chain.problem !== undefined) return [chain];

  const { admin, guardian } = parameters.governance;
  const checks = [chain, await checkDeployer(provider, deployer, [admin, guardian])];
  for (const token of [parameters.settlementToken, ...parameters.collaterals]) {
    const { address, symbol, decimals } = token;
    if (address !== undefined)
      checks.push(await checkToken(provider, address, { symbol, decimals }));
  }
  for (const [name, feed] of Object.entries(parameters.feeds)) {
    if (feed.address !== undefined) checks.push(await checkFeed(provider, name, feed));
  }
  return checks;
}

async function checkChain(provider: Provider, expected?: number): Promise<PreflightCheck> {
  const { chainId } = await provider.getNetwork();
  const check = { what: "chain id", found: chainId.toString() };
  if (expected === undefined || chainId === BigInt(expected)) return check;
  const problem =
    `The node is on chain ${chainId}, the parameters are for chain ${expected}: ` +
    "give the URL of a node of that chain.";
  return { ...check, problem };
}

async function checkDeployer(
  provider: Provider,
  deployer: string,
  holders: readonly string[],
): Promise<PreflightCheck> {
  const balance = await provider.getBalance(deployer);
  const { maxFeePerGas, gasPrice } = await provider.getFeeData();
  const price = maxFeePerGas ?? gasPrice ?? 0n;
  const needed = DEPLOYMENT_GAS * price;
  const check = { what: `deployer ${deployer}`, found: `${formatEther(balance)} ETH` };
  if (holders.some((holder) => holder.toLowerCase() === deployer.toLowerCase())) {
    const problem =
      `The deployer ${deployer} is named as admin or guardian and could not keep the role: ` +
      "name another address, since the deployer gives up all its rights.";
    return { ...check, problem };
  }
  if (balance >= needed) return check;
  const problem =
    `The deployer ${deployer} has ${formatEther(balance)} ETH and may need ${formatEther(needed)} ` +
    `(${DEPLOYMENT_GAS} gas at ${formatUnits(price, "gwei")} gwei): send it more.`;
  return { ...check, problem };
}

async function checkToken(
  provider: Provider,
  address: string,
  expected: { symbol: string; decimals: number },
): Promise<PreflightCheck> {
  const what = `token ${expected.symbol}`;
  const at = `${what} at ${address}`;
  if (!(await hasCode(provider, address))) return { what, ...noCode(at) };
  const token = new Contract(address, TOKEN, provider);
  const read = await attempt(provider, async () => ({
    symbol: (await token.getFunction("symbol")()) as string,
    decimals: Number(await token.getFunction("decimals")()),
  }));
  if (read === undefined) return { what, found: "no answer", problem: `The ${at} is no ERC-20.` };

  const found = `${read.symbol}, ${read.decimals} decimals`;
  if (read.symbol !== expected.symbol || read.decimals !== expected.decimals) {
    const wanted = `${expected.symbol} with ${expected.decimals} decimals`;
    return {
      what,
      found,
      problem: `The ${at} says that it is ${found}, not ${wanted}: correct the address.`,
    };
  }
  return { what, found };
}

async function checkFeed(
  provider: Provider,
  name: string,
  feed: DeploymentParameters["feeds"][string] & { address: string },
): Promise<PreflightCheck> {
  const what = `feed ${name}`;
  const at = `${what} at ${feed.address}`;
  if (!(await hasCode(provider, feed.address))) return { what, ...noCode(at) };
  const contract = new Contract(feed.address, FEED, provider);
  const read = await attempt(provider, async () => {
    const { answer, updatedAt } = (await contract.getFunction("latestRoundData")()) as unknown as {
      answer: bigint;
      updatedAt: bigint;
    };
    const decimals = Number(await contract.getFunction("decimals")());
    const description = (await contract.getFunction("description")()) as string;
    return { answer, updatedAt, decimals, description: description.trim() };
  });
  if (read === undefined) {
    return {
      what,
      found: "no answer",
      problem: `The ${at} does not answer as a Chainlink feed does.`,
    };
  }

  const { answer, updatedAt, decimals, description } = read;
  const block = await provider.getBlock("latest");
  const age = BigInt(block?.timestamp ?? 0) - updatedAt;
  const price = formatUnits(answer, decimals);
  const found = `${description}, ${decimals} decimals, ${price}, ${age} s old`;
  const wad = answer * 10n ** BigInt(18 - decimals);
  // Chainlink writes "ETH / USD".
  const problem =
    description.replace(/\s/g, "") !== name
      ? `describes itself as "${description}": correct the address.`
      : feed.decimals !== undefined && decimals !== feed.decimals
        ? `has ${decimals} decimals, not ${feed.decimals}: correct the address or the parameters.`
        : age > BigInt(feed.maximumAgeSeconds)
          ? `last answered ${age} s ago and may be ${feed.maximumAgeSeconds} s old: wait, or choose another feed.`
          : wad <= wadOf(feed.minimum) || wad >= wadOf(feed.maximum)
            ? `answers ${price}, which is not between ${feed.minimum} and ${feed.maximum}: look at the feed.`
            : undefined;
  return problem === undefined ? { what, found } : { what, found, problem: `The ${at} ${problem}` };
}

function noCode(at: string): { found: string; problem: string } {
  return { found: "no code", problem: `The ${at} is no contract: correct the address.` };
}

async function hasCode(provider: Provider, address: string): Promise<boolean> {
  return (await provider.getCode(address)) !== "0x";
}

/** What a contract answers; undefined when it does not answer as asked. */
async function attempt<T>(provider: Provider, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    // Providers word a refused call in many ways; one that is not the contract's fault ends here.
    await provider.getBlockNumber();
    return undefined;
  }
}
