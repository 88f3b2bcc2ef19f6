import { expect } from "chai";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import type { Outcome } from "../keeper/dispatch/dispatcher.js";
import type { Proposal } from "../keeper/roles/role.js";
import { createTriggers } from "../keeper/roles/triggers.js";
import { Subsidies } from "../keeper/roles/triggers/subsidies.js";
import { accountId, parseWad, WAD } from "../sdk/index.js";
import { deployWithOrders } from "./fixtures/orderBook.js";
import { ETH } from "./fixtures/plimsoll.js";

/** `isValidSignature` in bytecode: answers yes after having burnt all gas but 8,192. */
const BURNS = "0x5b5a61200010600057631626ba7e60e01b5f5260205ff3";
/** Answers yes where gas is free, as in calls, and reverts in transactions. */
const LIES = "0x3a601257631626ba7e60e01b5f5260205ff35b5f5ffd";
const BEST = { limitPrice: parseWad(2_940) };
const NEXT = { limitPrice: parseWad(2_930) };

describe("Keeper: what strangers' contracts do to roles", () => {
  let connection: NetworkConnection;
  before(async () => (connection = await network.create()));
  after(() => connection.close());

  /** A stop-loss of Alice's, a bid of a wallet with this code at the best price, and one of Dave's behind it. */
  async function load(code: string, { bids = 1 } = {}) {
    const scene = await connection.networkHelpers.loadFixture(deployWithOrders);
    const { alice, buy, carol, dave, keeper, setPrice, stop, usdc, vault } = scene;
    const book = await scene.bookOf();
    const wallet = `0x${"77".repeat(20)}`;
    await connection.networkHelpers.setCode(wallet, code);
    const account = accountId(wallet);
    await usdc.mint(carol, 10n ** 11n);
    await usdc.connect(carol).approve(vault, 10n ** 11n);
    await vault.connect(carol).deposit(account, usdc, 10n ** 11n);
    const role = createTriggers({ ...keeper.tools, book });
    await role.look(await keeper.view());
    await book.submit(await stop(alice, 3));
    for (let i = 0; i < bids; ++i) {
      const { order } = await buy(carol, 3, BEST);
      await book.submit({ order: { ...order, account }, signature: "0x" });
    }
    await book.submit(await buy(dave, 3, NEXT));
    await setPrice(ETH, 2_950);
    const look = async () => role.look(await keeper.view());
    return { ...scene, account, look, role };
  }

  it("a wallet that burns all gas at the match is set aside, and the next maker fills", async () => {
    const { dave, keeper, look, sizeOf } = await load(BURNS);
    const proposals = await look();
    expect(proposals).to.have.length(1);
    const [receipt] = await keeper.execute(proposals);
    expect(receipt!.gasUsed < 1_000_000n).to.equal(true);
    expect(await sizeOf(dave)).to.equal(3n * WAD);
    expect(keeper.failures).to.deep.equal([]);
  });

  it("a wallet that lies to calls costs one transaction of bounded gas, whatever it has in the book", async () => {
    const {
      connection: chain,
      dave,
      keeper,
      look,
      role,
      sizeOf,
      stranger,
    } = await load(LIES, {
      bids: 5,
    });
    const [lied] = await look();
    expect(lied!.gasLimit! < 2_000_000n).to.equal(true);
    const { data, gasLimit, to } = lied!;
    // A node that mines at once says of a transaction that reverted that it was not sent.
    await stranger.sendTransaction({ to, data, gasLimit: gasLimit! }).catch(() => undefined);
    const block = (await chain.ethers.provider.getBlock("latest"))!;
    const receipt = (await chain.ethers.provider.getTransactionReceipt(block.transactions[0]!))!;
    expect(receipt.status).to.equal(0);
    role.ended!(lied!, { kind: "reverted", receipt, explanation: undefined });

    for (let i = 0; i < 21; ++i) await connection.networkHelpers.mine();
    await keeper.execute(await look());
    expect(await sizeOf(dave)).to.equal(3n * WAD);
  });

  it("asks for twice as much with each match of an owner, and not for what cost nothing", () => {
    const subsidies = new Subsidies();
    const given = (kind: Outcome["kind"]) => {
      const proposal = {} as Proposal;
      subsidies.given(proposal, "owner", 100);
      subsidies.ended(proposal, { kind } as Outcome);
    };
    expect(subsidies.timesOf("owner", 10n, 100)).to.equal(10n);
    for (const kind of ["mined", "left", "refused", "reverted", "abandoned"] as const) given(kind);
    expect(subsidies.timesOf("owner", 10n, 100)).to.equal(40n);
    for (let i = 0; i < 20; ++i) given("mined");
    expect(subsidies.timesOf("owner", 10n, 100)).to.equal(5_120n);
    subsidies.sweep(8_000);
    expect(subsidies.timesOf("owner", 10n, 8_000)).to.equal(10n);
  });
});
