import { expect } from "chai";
import { Wallet, ZeroAddress } from "ethers";
import hre from "hardhat";
import type { DeploymentRecord } from "../scripts/deploy/record.js";
import {
  accountId,
  connect,
  connectAs,
  ConnectError,
  type Deployment,
  readErrorContext,
} from "../sdk/index.js";
import { deployPlimsoll, ETH } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

describe("connect", () => {
  async function stage() {
    const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
    const block = (await ethers.provider.getBlock("latest"))!;
    const record: DeploymentRecord = {
      network: "test",
      chainId: 31_337,
      block: { number: block.number, hash: block.hash! },
      ...plimsoll.addresses,
    };
    const deployment: Deployment = record;
    const refusal = async (change: Partial<Deployment>) => {
      const error = await connect({ ...deployment, ...change }, ethers.provider).catch(
        (reason: unknown) => reason,
      );
      expect(error).to.be.instanceOf(ConnectError);
      return (error as ConnectError).message;
    };
    return { ...plimsoll, deployment, refusal };
  }

  it("gives typed contracts that read and send", async () => {
    const { deployment, alice, bob, usdc } = await stage();
    const sdk = await connect(deployment, alice);
    const account = accountId(alice.address);
    await usdc.mint(alice, 5n);
    await usdc.connect(alice).approve(sdk.vault, 5n);
    await sdk.vault.deposit(account, await usdc.getAddress(), 5n);
    const { equity } = await sdk.marginEngine.marginOf(account);
    expect(equity).to.equal(5n * 10n ** 12n);
    const asBob = connectAs(sdk, bob);
    expect(asBob.deployment).to.equal(deployment);
    await expect(
      asBob.vault.withdraw(account, await usdc.getAddress(), 5n, bob.address),
    ).to.be.revertedWithCustomError(sdk.vault, "NotAuthorized");
  });

  it("refuses a node of another chain", async () => {
    const { refusal } = await stage();
    expect(await refusal({ chainId: 1 })).to.match(/on chain 31337, .* on chain 1: use a node/);
  });

  it("refuses a chain of the same id that was restarted, or has not caught up", async () => {
    const { refusal, deployment } = await stage();
    const hash = `0x${"1".repeat(64)}`;
    for (const block of [
      { ...deployment.block, hash },
      { ...deployment.block, number: 10 ** 6 },
    ]) {
      expect(await refusal({ block })).to.match(/wait until it has caught up, or/);
    }
  });

  it("refuses a record without a contract, or with an address without code", async () => {
    const { refusal, deployment } = await stage();
    const { contracts } = deployment;
    const Vault = Wallet.createRandom().address;
    expect(await refusal({ contracts: { ...contracts, Vault } })).to.include(
      `no Vault at ${Vault}: correct`,
    );
    const { Lens, ...without } = contracts;
    expect(Lens).not.to.equal(ZeroAddress);
    expect(await refusal({ contracts: without as never })).to.include("has no Lens");
  });

  it("needs a provider", async () => {
    const { deployment } = await stage();
    const lonely = Wallet.createRandom();
    const error = await connect(deployment, lonely).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ConnectError);
    expect((error as ConnectError).message).to.include("has no provider");
  });

  it("reads what makes explanations readable", async () => {
    const { deployment } = await stage();
    const sdk = await connect(deployment, ethers.provider);
    const context = await readErrorContext(sdk, new Map([[ETH, "ETH"]]));
    expect(context.tokens?.get(deployment.tokens.USDC!)).to.deep.equal({
      symbol: "USDC",
      decimals: 6,
    });
    expect(context.settlement?.symbol).to.equal("USDC");
    expect(context.names?.get(deployment.contracts.Vault)).to.equal("Vault");
    expect(context.symbols?.get(ETH)).to.equal("ETH");
  });
});
