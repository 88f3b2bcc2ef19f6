import { readFileSync } from "node:fs";
import path from "node:path";
import {
  Contract,
  type HDNodeWallet,
  type InterfaceAbi,
  type JsonRpcProvider,
  parseUnits,
  toBeHex,
  Wallet,
} from "ethers";
import type { DeploymentParameters } from "../../ignition/parameters.js";
import {
  accountId,
  buildOrder,
  formatWad,
  orderDomain,
  parseWad,
  perpetual,
  signOrder,
  WAD,
} from "../../sdk/index.js";
import type { DeploymentRecord } from "../deploy/record.js";
import { RehearsalError } from "./errors.js";
import type { StandIns } from "./standIns.js";

const ETHER = parseUnits("10", 18);
const PRICE = 3_000;
/** Below the line of a position of one unit with {@link SMALL_DEPOSIT} behind it. */
const FALLEN_PRICE = 2_850;
const DEPOSIT = 10_000;
const SMALL_DEPOSIT = 250;
const WITHDRAWAL = 1_000;
const ORDER_LIFE_SECONDS = 3_600n;

interface Rehearsed {
  /** The folder with `exports/` of the deployment. */
  out: string;
  parameters: DeploymentParameters;
  standIns: StandIns;
}

/** The deployed system as a frontend would meet it: by what was exported, over JSON-RPC. */
interface Stage {
  provider: JsonRpcProvider;
  chainId: bigint;
  vault: Contract;
  clearinghouse: Contract;
  marginEngine: Contract;
  exchange: Contract;
  standIns: StandIns;
  settlement: DeploymentParameters["settlementToken"];
}

/**
 * Uses a deployment once: deposit, trade, fall of the price, liquidation, withdrawal. Returns what happened, line by
 * line; throws when something else did.
 */
export async function smokeTest(
  provider: JsonRpcProvider,
  { out, parameters, standIns }: Rehearsed,
): Promise<string[]> {
  const stage = await openStage(provider, { out, parameters, standIns });
  const { vault, clearinghouse, marginEngine } = stage;
  const underlying = parameters.underlyings.find(({ symbol }) => symbol === "ETH")?.number;
  const feed = standIns.feeds["ETH/USD"];
  if (underlying === undefined || feed === undefined) {
    throw new RehearsalError("The parameters have no ETH to trade.");
  }
  const instrument = perpetual(underlying);
  const lines: string[] = [];

  const [taker, maker, keeper] = [
    await newcomer(stage),
    await newcomer(stage),
    await newcomer(stage),
  ];
  await deposit(stage, taker, SMALL_DEPOSIT);
  await deposit(stage, maker, DEPOSIT);
  await deposit(stage, keeper, DEPOSIT);
  lines.push(`deposited ${SMALL_DEPOSIT}, ${DEPOSIT} and ${DEPOSIT} USDC`);

  await trade(stage, { taker, maker, instrument });
  const account = accountId(taker.address);
  const { size } = (await clearinghouse.getFunction("positionOf")(account, instrument)) as {
    size: bigint;
  };
  expect(size === WAD, `the taker holds ${formatWad(size)} ETH after buying 1`);
  lines.push(`traded 1 ETH perpetual at ${PRICE}`);

  await send(feed.getFunction("updateAnswer")(parseUnits(String(FALLEN_PRICE), 8)));
  const status = (await marginEngine.getFunction("statusOf")(account)) as bigint;
  expect(status === 2n, `the taker has status ${status} after the fall, not Liquidatable`);
  lines.push(`ETH/USD fell to ${FALLEN_PRICE}: the taker is below maintenance`);

  const line = signedBy(keeper, clearinghouse);
  await send(
    line.getFunction("liquidate")(account, accountId(keeper.address), WAD, parseWad(DEPOSIT)),
  );
  const { size: left } = (await clearinghouse.getFunction("positionOf")(account, instrument)) as {
    size: bigint;
  };
  expect(left < size, "the liquidation took nothing");
  lines.push(`liquidated: ${formatWad(left)} ETH left to the taker`);

  const token = standIns.tokens[stage.settlement.symbol];
  const amount = parseUnits(String(WITHDRAWAL), stage.settlement.decimals);
  const own = signedBy(maker, vault);
  await send(own.getFunction("withdraw")(accountId(maker.address), token, amount, maker.address));
  const balance = (await token?.getFunction("balanceOf")(maker.address)) as bigint;
  expect(balance === amount, `the maker has ${balance} after withdrawing ${amount}`);
  lines.push(`withdrew ${WITHDRAWAL} USDC`);

  await expectDecoded(stage, maker);
  lines.push("a refusal of the vault, met through the exported ABI, has its name");
  return lines;
}

async function openStage(
  provider: JsonRpcProvider,
  { out, parameters, standIns }: Rehearsed,
): Promise<Stage> {
  const { chainId } = await provider.getNetwork();
  const read = (file: string): unknown =>
    JSON.parse(readFileSync(path.join(out, "exports", file), "utf8"));
  const record = (read("deployments.json") as Partial<Record<string, DeploymentRecord>>)[
    `${chainId}`
  ];
  if (record === undefined)
    throw new RehearsalError(`No deployment on chain ${chainId} was exported.`);
  const contract = (name: keyof DeploymentRecord["contracts"]) =>
    new Contract(record.contracts[name], read(`abi/${name}.json`) as InterfaceAbi, provider);
  return {
    provider,
    chainId,
    vault: contract("Vault"),
    clearinghouse: contract("Clearinghouse"),
    marginEngine: contract("MarginEngine"),
    exchange: contract("Exchange"),
    standIns,
    settlement: parameters.settlementToken,
  };
}

/** The same contract, called by somebody. */
function signedBy(signer: HDNodeWallet, { target, interface: abi }: Contract): Contract {
  return new Contract(target, abi, signer);
}

/** Somebody new, with ether for gas. */
async function newcomer({ provider }: Stage): Promise<HDNodeWallet> {
  const wallet = Wallet.createRandom(provider);
  await provider.send("hardhat_setBalance", [
    wallet.address,
    toBeHex(ETHER).replace(/^0x0+/, "0x"),
  ]);
  return wallet;
}

async function deposit(stage: Stage, owner: HDNodeWallet, dollars: number): Promise<void> {
  const { vault, settlement, standIns } = stage;
  const token = standIns.tokens[settlement.symbol];
  if (token === undefined) throw new RehearsalError(`Nothing stands in for ${settlement.symbol}.`);
  const amount = parseUnits(String(dollars), settlement.decimals);
  await send(token.getFunction("mint")(owner.address, amount));
  await send(signedBy(owner, token).getFunction("approve")(vault, amount));
  const own = signedBy(owner, vault);
  await send(own.getFunction("deposit")(accountId(owner.address), token, amount));
}

/** The taker buys one unit of the maker; anyone may bring the two orders together. */
async function trade(
  { provider, chainId, exchange }: Stage,
  { taker, maker, instrument }: { taker: HDNodeWallet; maker: HDNodeWallet; instrument: bigint },
): Promise<void> {
  const domain = orderDomain({ chainId, exchange: await exchange.getAddress() });
  const block = await provider.getBlock("latest");
  const expiry = BigInt(block?.timestamp ?? 0) + ORDER_LIFE_SECONDS;
  const limitPrice = parseWad(PRICE);
  const signed = async (wallet: HDNodeWallet, size: bigint) => {
    const account = accountId(wallet.address);
    return signOrder(wallet, domain, buildOrder({ account, instrument, size, limitPrice, expiry }));
  };
  const [buy, sell] = [await signed(taker, WAD), await signed(maker, -WAD)];
  const venue = signedBy(maker, exchange);
  await send(venue.getFunction("matchOrders")(buy, [sell], [WAD]));
}

/** A refusal arrives with a name, though the contract that is called does not declare it. */
async function expectDecoded({ vault, standIns, settlement }: Stage, owner: HDNodeWallet) {
  const token = standIns.tokens[settlement.symbol];
  const own = signedBy(owner, vault);
  const refusal = await own
    .getFunction("deposit")
    .staticCall(accountId(owner.address), token, parseUnits("1000000000", settlement.decimals))
    .then(
      () => undefined,
      (error: unknown) => error as { revert?: { name?: string } },
    );
  const name = refusal?.revert?.name;
  expect(
    name === "ERC20InsufficientAllowance",
    `a deposit without allowance ended with ${name ?? "no named error"}`,
  );
}

async function send(transaction: Promise<unknown>): Promise<void> {
  await ((await transaction) as { wait(): Promise<unknown> }).wait();
}

function expect(holds: boolean, message: string): void {
  if (!holds) throw new RehearsalError(`Smoke test: ${message}.`);
}
