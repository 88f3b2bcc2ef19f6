import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import hre from "hardhat";
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  custom,
  decodeErrorResult,
  encodeErrorResult,
  type Hex,
  parseEventLogs,
} from "viem";
import { CONTRACTS } from "../ignition/deploy.js";
import { abiSources, readAbis } from "../scripts/abi/abis.js";
import {
  ABIS,
  accountId,
  type AccountId,
  errorsAbi,
  exchangeAbi,
  explainError,
  lensAbi,
  marginEngineAbi,
  ORDER_TYPES,
  orderTypedData,
  perpetual,
  typedOrder,
  vaultAbi,
} from "../sdk/index.js";
import { deployWithTraders } from "./fixtures/exchange.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

describe("sdk/abi", () => {
  it("has what the contracts have (else run `npm run abi`)", async () => {
    const folder = path.join(hre.config.paths.root, "sdk", "abi");
    const sources = abiSources(await readAbis());
    expect(readdirSync(folder).sort()).to.deep.equal([...sources.keys()].sort());
    for (const [file, source] of sources) {
      const isCurrent = readFileSync(path.join(folder, file), "utf8") === source;
      expect(isCurrent, `sdk/abi/${file} is not what \`npm run abi\` makes`).to.equal(true);
    }
  });

  it("has every contract of a deployment", () => {
    expect(Object.keys(ABIS)).to.deep.equal(CONTRACTS);
  });
});

describe("viem with nothing but the SDK's constants", () => {
  async function stage() {
    const trading = await networkHelpers.loadFixture(deployWithTraders);
    const { addresses, alice } = trading;
    const transport = custom({
      request: ({ method, params }: { method: string; params?: unknown[] }) =>
        connection.provider.request({ method, ...(params === undefined ? {} : { params }) }),
    });
    const client = createPublicClient({ transport });
    const wallet = createWalletClient({ account: alice.address as Hex, transport });
    const at = (name: keyof typeof ABIS) => addresses.contracts[name] as Hex;
    return { ...trading, client, wallet, at };
  }

  it("reads with the types of arguments and results", async () => {
    const { client, at, accountOf, alice, marginEngine } = await stage();
    const account = accountOf(alice) as AccountId;
    const margin = await client.readContract({
      address: at("MarginEngine"),
      abi: marginEngineAbi,
      functionName: "marginOf",
      args: [account],
    });
    // The compiler knows the struct's fields.
    const equity: bigint = margin.equity;
    expect(equity).to.equal((await marginEngine.marginOf(account)).equity);

    const packed: Hex = await client.readContract({
      address: at("Lens"),
      abi: lensAbi,
      functionName: "marginsOf",
      args: [[account]],
    });
    expect(packed).to.have.lengthOf(2 + 2 * 49);
  });

  it("does not compile for what there is not", () => {
    const never = (): unknown => [
      // @ts-expect-error -- there is no such function
      encode({ abi: vaultAbi, functionName: "steal" }),
      // @ts-expect-error -- the argument is an account
      encode({ abi: marginEngineAbi, functionName: "marginOf", args: [1n] }),
      // @ts-expect-error -- a message has the fields of an order
      sign({ types: ORDER_TYPES, primaryType: "Order", message: { account: "0x" } }),
    ];
    const encode: ReturnType<typeof createPublicClient>["readContract"] = undefined as never;
    const sign: ReturnType<typeof createWalletClient>["signTypedData"] = undefined as never;
    expect(never).to.be.a("function");
  });

  it("signs an order that the exchange takes", async () => {
    const { client, wallet, at, exchange, alice, bob, orderOf, sell, hashOf } = await stage();
    const order = await orderOf(alice, {
      instrument: perpetual(1),
      size: 10n ** 18n,
      limitPrice: 3_000n * 10n ** 18n,
    });
    const chainId = await client.getChainId();
    const typed = orderTypedData({ chainId, exchange: at("Exchange") }, order);
    const signature = await wallet.signTypedData(typed);
    const maker = await sell(bob, 1);
    expect(
      await client.readContract({
        address: at("Exchange"),
        abi: exchangeAbi,
        functionName: "hashOrder",
        args: [typedOrder(order)],
      }),
    ).to.equal(hashOf({ order, signature }));

    const hash = await wallet.writeContract({
      address: at("Exchange"),
      abi: exchangeAbi,
      functionName: "matchOrders",
      args: [
        { order: typed.message, signature },
        [{ order: typedOrder(maker.order), signature: maker.signature as Hex }],
        [10n ** 18n],
      ],
      chain: null,
    });
    const { logs } = await client.waitForTransactionReceipt({ hash, pollingInterval: 20 });
    const fills = parseEventLogs({ abi: exchangeAbi, eventName: "OrderFilled", logs });
    // The compiler knows the event's arguments.
    const filled: bigint[] = fills.map(({ args }) => args.filled);
    expect(filled).to.deep.equal([10n ** 18n, 10n ** 18n]);
    expect(await exchange.isNonceUsed(order.account, order.nonce)).to.equal(true);
  });

  it("has the events of linked libraries at the contract that uses them", async () => {
    const { client, at } = await stage();
    const logs = await client.getContractEvents({
      address: at("Clearinghouse"),
      abi: ABIS.Clearinghouse,
      eventName: "Liquidated",
      fromBlock: 0n,
    });
    expect(logs).to.deep.equal([]);
  });

  it("decodes errors that come from deeper contracts, and explains them", async () => {
    const { client, at, alice, usdc } = await stage();
    const token = (await usdc.getAddress()) as Hex;
    const args = [accountId(alice.address), token, 10n ** 18n, alice.address as Hex] as const;
    const error = await client
      .simulateContract({
        account: alice.address as Hex,
        address: at("Vault"),
        abi: vaultAbi,
        functionName: "withdraw",
        args,
      })
      .catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(BaseError);
    const reverted = (error as BaseError).walk(
      (cause) => cause instanceof ContractFunctionRevertedError,
    ) as ContractFunctionRevertedError;
    const { name, sentence } = explainError(error);
    expect(reverted.data?.errorName).to.equal(name).and.to.equal("InsufficientBalance");
    expect(sentence).to.match(/has 100000000000 smallest units of the token 0x/);
  });

  it("knows every error by its arguments", () => {
    const data = encodeErrorResult({
      abi: errorsAbi,
      errorName: "NotVenue",
      args: [`0x${"1".repeat(40)}`],
    });
    const decoded = decodeErrorResult({ abi: errorsAbi, data });
    // The compiler narrows the arguments by the name.
    if (decoded.errorName !== "NotVenue") throw new Error(decoded.errorName);
    const [caller] = decoded.args;
    expect(caller).to.equal(`0x${"1".repeat(40)}`);
    expect(ETH_PERP).to.equal(perpetual(1));
  });
});
