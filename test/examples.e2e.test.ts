import { rmSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { JsonRpcProvider, type JsonRpcSigner, parseUnits } from "ethers";
import hre from "hardhat";
import type { Hex } from "viem";
import { withdrawTooMuch } from "../examples/explainAnError.js";
import { liquidate } from "../examples/liquidate.js";
import { openPosition } from "../examples/openPosition.js";
import { readMargins } from "../examples/readMargins.js";
import { executeTopUp, instructTopUp } from "../examples/standingTopUp.js";
import { fillBook, liquidatableIn } from "../examples/markAccounts.js";
import { placeStopLoss } from "../examples/stopLoss.js";
import { fillsOf, readWithViem, signWithViem, whyNoWithdrawal } from "../examples/viemClient.js";
import { wagmiContracts } from "../examples/wagmiContracts.js";
import { buildIndex, proveIndex, watchMargins } from "../examples/watchMargins.js";
import { deploy } from "../ignition/deploy.js";
import { readParameters } from "../ignition/parameters.js";
import { type LocalNode, startNode } from "../scripts/demo/node.js";
import {
  accountId,
  buildOrder,
  connect,
  type DeploymentRecord,
  hashOrder,
  orderDomain,
  orderStatuses,
  parseWad,
  perpetual,
  type Plimsoll,
  signOrder,
} from "../sdk/index.js";
import { MockToken__factory, MockV3Aggregator__factory } from "../typechain-types/index.js";

const ETH = 1;
const BTC = 2;
const ETH_PERP = perpetual(ETH);
const DOLLAR = 10n ** 6n;

/** One node and one deployment for all: what an example does, the next ones find. */
describe("The examples, against a node on loopback", () => {
  let node: LocalNode;
  let memory: string;
  let provider: JsonRpcProvider;
  let deployment: DeploymentRecord;
  let plimsoll: Plimsoll;
  let trader: JsonRpcSigner, maker: JsonRpcSigner, keeper: JsonRpcSigner;
  let accounts: { trader: Hex; maker: Hex; keeper: Hex };

  before(async () => {
    node = await startNode();
    const override = { url: node.url };
    const connection = await hre.network.create({ network: "localhost", override });
    // A name of its own: Ignition remembers deployments, and every node begins anew.
    const deploymentId = `plimsoll-examples-${process.pid}`;
    memory = path.join(hre.config.paths.ignition, "deployments", deploymentId);
    const addresses = await deploy(connection, readParameters("local"), { deploymentId });
    await connection.close();
    provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1, pollingInterval: 20 });
    const block = (await provider.getBlock("latest"))!;
    const at = { number: block.number, hash: block.hash! };
    deployment = { network: "localhost", chainId: 31_337, block: at, ...addresses };
    plimsoll = await connect(deployment, await provider.getSigner(0));
    [trader, maker, keeper] = (await Promise.all([5, 6, 7].map((i) => provider.getSigner(i)))) as [
      JsonRpcSigner,
      JsonRpcSigner,
      JsonRpcSigner,
    ];
    accounts = {
      trader: accountId(trader.address),
      maker: accountId(maker.address),
      keeper: accountId(keeper.address),
    };
    await giveDollars(trader, 10_000n);
    for (const [signer, account] of [
      [maker, accounts.maker],
      [keeper, accounts.keeper],
    ] as const) {
      await giveDollars(signer, 100_000n);
      const usdc = MockToken__factory.connect(deployment.tokens.USDC!, signer);
      await usdc.approve(plimsoll.vault, 100_000n * DOLLAR);
      await plimsoll.vault.connect(signer).deposit(account, usdc, 100_000n * DOLLAR);
    }
  });

  after(async () => {
    provider.destroy();
    await node.stop();
    rmSync(memory, { recursive: true, force: true });
  });

  async function giveDollars(to: JsonRpcSigner, dollars: bigint): Promise<void> {
    const usdc = MockToken__factory.connect(deployment.tokens.USDC!, to);
    await (await usdc.mint(to, dollars * DOLLAR)).wait();
  }

  async function setEther(dollars: string): Promise<void> {
    const feed = MockV3Aggregator__factory.connect(deployment.feeds["ETH/USD"]!, keeper);
    await (await feed.updateAnswer(parseUnits(dollars, 8))).wait();
  }

  const statusOf = async (account: Hex) => {
    const [reading] = await readMargins(deployment, provider, [account]);
    return reading?.priced === true ? reading.status : undefined;
  };

  it("openPosition deposits and trades, viem reads the fills", async () => {
    const [deposit, size, price] = [3_000n * DOLLAR, "10", "3000"];
    const { hash } = await openPosition({
      ...{ deployment, trader, maker, deposit, size, price },
      underlying: ETH,
    });
    const held = await plimsoll.clearinghouse.positionOf(accounts.trader, ETH_PERP);
    expect(held.size).to.equal(parseWad(10));
    const fills = await fillsOf(node.url, hash as Hex);
    expect(fills).to.have.deep.members([
      { account: accounts.trader, fill: parseWad(10) },
      { account: accounts.maker, fill: parseWad(10) },
    ]);
  });

  it("readMargins and viem read the same", async () => {
    const [reading] = await readMargins(deployment, provider, [accounts.trader]);
    const viem = await readWithViem(deployment, node.url, accounts.trader);
    expect(reading).to.deep.equal({
      ...{ account: accounts.trader, priced: true, status: "Healthy" },
      ...viem,
    });
  });

  it("withdrawTooMuch and viem say why not", async () => {
    const explained = await withdrawTooMuch(deployment, trader, 5_000n * DOLLAR);
    expect(explained?.sentence).to.match(/^Account 0x\w+…\w+ (would have equity|has) /);
    expect(explained?.remedy).to.equal("fatal");
    const [token, owner] = [deployment.tokens.USDC as Hex, trader.address as Hex];
    const request = { account: accounts.trader, owner, token, amount: 5_000n * DOLLAR };
    expect(await whyNoWithdrawal(deployment, node.url, request)).to.match(/^Account 0x\w+…\w+ /);
    expect(await whyNoWithdrawal(deployment, node.url, { ...request, amount: 1n })).to.equal(
      undefined,
    );
  });

  it("signWithViem signs what ethers signs", async () => {
    const expiry = 2n ** 40n - 1n;
    const request = {
      ...{ account: accounts.trader, instrument: ETH_PERP, expiry },
      ...{ size: 1n, limitPrice: 1n, nonce: 7n },
    };
    const { order, signature } = await signWithViem(
      deployment,
      node.url,
      trader.address as Hex,
      request,
    );
    const domain = orderDomain({ chainId: 31_337n, exchange: deployment.contracts.Exchange });
    expect(signature).to.equal((await signOrder(trader, domain, order)).signature);
    expect(hashOrder(domain, order)).to.equal(await plimsoll.exchange.hashOrder(order));
  });

  it("wagmiContracts has every contract with its address and ABI", () => {
    const contracts = wagmiContracts(deployment);
    expect(Object.keys(contracts).sort()).to.deep.equal(Object.keys(deployment.contracts).sort());
    expect(contracts.Vault).to.include({ chainId: 31_337, address: deployment.contracts.Vault });
  });

  it("placeStopLoss waits for its price, and anyone fills it then", async () => {
    const expiry = BigInt((await provider.getBlock("latest"))!.timestamp + 3_600);
    const { signed, status } = await placeStopLoss({
      ...{ deployment, owner: trader, account: accounts.trader },
      ...{ instrument: ETH_PERP, triggerPrice: "2950", expiry },
    });
    expect(status?.state).to.equal("waiting");

    await setEther("2945");
    const [due] = await orderStatuses(plimsoll, [signed.order]);
    expect(due?.state).to.equal("open");
    const [size, limitPrice] = [parseWad(1), parseWad(2_945)];
    const bid = { account: accounts.maker, instrument: ETH_PERP, size, limitPrice, expiry };
    const domain = orderDomain({ chainId: 31_337n, exchange: deployment.contracts.Exchange });
    const buy = await signOrder(maker, domain, buildOrder(bid));
    const filled = await plimsoll.exchange.connect(keeper).matchOrders(signed, [buy], [size]);
    await filled.wait();
    const [rest] = await orderStatuses(plimsoll, [signed.order]);
    expect(rest).to.deep.equal({ state: "partlyFilled", filled: size, left: parseWad(9) });
  });

  it("instructTopUp tops an account up from its owner's wallet once it is due", async () => {
    const [budget, tip] = [500n * DOLLAR, 2n * DOLLAR];
    const owner = { deployment, owner: trader, account: accounts.trader };
    const number = await instructTopUp({ ...owner, budget, tip });
    const execution = { deployment, keeper, account: accounts.trader, number };
    expect(await executeTopUp(execution)).to.equal(0n);

    await setEther("2800");
    const before = await plimsoll.vault.cashOf(accounts.trader);
    const amount = await executeTopUp(execution);
    expect(amount > 0n).to.equal(true);
    const after = await plimsoll.vault.cashOf(accounts.trader);
    // To the cent: between preview and block there is funding, and a second's interest.
    expect(Number((after - before) / 10n ** 12n - amount)).to.be.within(-10_000, 10_000);
  });

  it("watchMargins rebuilds every account from events and proves it", async () => {
    const { index, update } = await buildIndex(deployment, provider);
    const known = await watchMargins(plimsoll, index);
    expect(known.get(accounts.maker)).to.equal("Healthy");
    expect(known.get(accounts.trader)).to.equal(await statusOf(accounts.trader));

    await setEther("2700");
    await update();
    const statuses = await watchMargins(plimsoll, index);
    expect(statuses.get(accounts.trader)).to.be.oneOf(["Liquidatable", "Bankrupt"]);
    expect(await proveIndex(plimsoll, index)).to.be.above(100);
  });

  it("markAccounts finds in floats whom the exact arithmetic calls liquidatable", async () => {
    const { index } = await buildIndex(deployment, provider);
    const { number, time } = index.tip!;
    const prices = new Map<number, bigint>();
    for (const underlying of [ETH, BTC]) {
      prices.set(underlying, await plimsoll.oracle.price(underlying, { blockTag: number }));
    }
    const former = new Map(prices).set(ETH, parseWad("3000"));
    const book = fillBook(index, { prices: former, time });
    expect(liquidatableIn(book, index, { prices: former, time })).to.deep.equal([]);
    expect(liquidatableIn(book, index, { prices, time })).to.deep.equal([accounts.trader]);
  });

  it("liquidate previews and takes a slice, and leaves a healthy account alone", async () => {
    const request = {
      ...{ deployment, signer: keeper, liquidator: accounts.keeper },
      ...{ underlyings: [ETH, BTC], slack: parseWad(1) },
    };
    expect(await liquidate({ ...request, account: accounts.maker })).to.equal(undefined);
    const preview = await liquidate({ ...request, account: accounts.trader });
    expect(preview!.maxFraction > 0n).to.equal(true);
    const taken = await plimsoll.clearinghouse.positionOf(accounts.keeper, ETH_PERP);
    expect(taken.size > 0n).to.equal(true);
    expect(await statusOf(accounts.trader)).to.be.oneOf(["Healthy", "MarginCall"]);
  });
});
