import type { ContractTransactionResponse, JsonRpcSigner } from "ethers";
import { type AccountId, accountId } from "../../../sdk/index.js";
import {
  AccessManager__factory,
  MockCrowd__factory,
  MockV3Aggregator__factory,
  type MockCrowd,
} from "../../../typechain-types/index.js";
import { readParameters } from "../../../ignition/parameters.js";
import { toWad } from "../../demo/format.js";
import type { Market } from "../../demo/market.js";

/** Accounts of a crowd, and how near to their line some of them are. */
export interface CrowdSizes {
  readonly accounts: number;
  /** So many buyers fall below their line one after the other, each when the price has fallen by a further step. */
  readonly front: number;
  /** Of the first price (ratio). */
  readonly step: number;
}

/** Of ether when the crowd comes, and a dollar of the settlement token [dollars, token]. */
export const CROWD_PRICE = 3_000;
const DOLLAR = 10n ** 6n;
/** What those at the front hold and what the others hold, and what these bring [dollars]. */
const FRONT_NOTIONAL = 20_000;
const NOTIONAL = 100;
const BUYER = 60n;
const SELLER = 60n;
const FRONT_SELLER = 6_000n;
/** What the first at the front brings: a little more than its initial margin [dollars]. */
const LEAST_FRONT = 1_400;
/** They are a little nearer to each other than prices are: what they require falls with the price. */
const CLOSER = 0.95;
/** Pairs of one transaction: what fits into the gas that one may have. */
const PAIRS = 60;
/** Each is a block, a second later than the one before: feeds must not grow too old. */
const BLOCKS_OF_ANSWER = 500;
const GAS_LIMIT = 16_000_000n;
const LIQUIDATOR_DOLLARS = 40_000_000n;
const FUND_DOLLARS = 20_000_000n;

/**
 * Gives a market very many accounts with positions: pairs that trade with each other through a mock that governance has
 * made a venue. Returns what it took [seconds].
 */
export async function gather(market: Market, sizes: CrowdSizes): Promise<number> {
  const began = performance.now();
  const crowd = await openCrowd(market);
  const front = Array.from({ length: sizes.front }, (_, i) => depositOfFront(i, sizes.step));
  const others = Array.from({ length: sizes.accounts / 2 - sizes.front }, () => BUYER * DOLLAR);
  await join(market, crowd, {
    first: 0,
    buyers: front,
    seller: FRONT_SELLER,
    notional: FRONT_NOTIONAL,
  });
  await join(market, crowd, {
    first: 2 * sizes.front,
    buyers: others,
    seller: SELLER,
    notional: NOTIONAL,
  });
  return (performance.now() - began) / 1_000;
}

/** What the i-th at the front brings: it is below its line a step later than the one before [token]. */
function depositOfFront(i: number, step: number): bigint {
  return BigInt(Math.round((LEAST_FRONT + i * step * CLOSER * FRONT_NOTIONAL) * Number(DOLLAR)));
}

interface Joining {
  readonly first: number;
  /** What each buyer brings [token]. */
  readonly buyers: readonly bigint[];
  /** [dollars] */
  readonly seller: bigint;
  /** [dollars] */
  readonly notional: number;
}

async function join(market: Market, crowd: MockCrowd, joining: Joining): Promise<void> {
  const { buyers, first, notional, seller } = joining;
  const [size, price] = [toWad(notional / CROWD_PRICE), toWad(CROWD_PRICE)];
  const sent: ContractTransactionResponse[] = [];
  for (let from = 0; from < buyers.length; from += PAIRS) {
    const some = buyers.slice(from, from + PAIRS);
    sent.push(
      await crowd.join(
        first + 2 * from,
        some,
        seller * DOLLAR,
        market.instruments.eth,
        size,
        price,
        { gasLimit: GAS_LIMIT },
      ),
    );
    if (sent.length % BLOCKS_OF_ANSWER === 0) await repeatAnswers(market);
  }
  for (const one of sent) await one.wait();
}

/** Makes the mock a venue that has money: days pass on the chain. */
async function openCrowd(market: Market): Promise<MockCrowd> {
  const { chain, clearinghouse, deployment, operator, settlement, vault } = market;
  const { provider } = chain;
  const payer = await provider.getSigner(operator.address);
  const crowd = await new MockCrowd__factory(payer).deploy(
    clearinghouse.target,
    vault.target,
    settlement.address,
  );
  await crowd.waitForDeployment();
  await settlement.contract.connect(payer).mint(crowd.target, 10n ** 18n);
  const { admin, delaySeconds } = readParameters("local").governance;
  const governance: JsonRpcSigner = await provider.getSigner(admin);
  const manager = AccessManager__factory.connect(deployment.contracts.AccessManager, governance);
  const call = clearinghouse.interface.encodeFunctionData("setVenue", [crowd.target, true]);
  await manager.schedule(clearinghouse.target, call, 0);
  await provider.send("evm_increaseTime", [delaySeconds.LISTING]);
  await provider.send("evm_mine", []);
  await manager.execute(clearinghouse.target, call);
  await repeatAnswers(market);
  return crowd;
}

/** Every feed answers as before, so that none is too old. */
async function repeatAnswers({ chain, feeds, operator }: Market): Promise<void> {
  const payer = await chain.provider.getSigner(operator.address);
  for (const { address } of Object.values(feeds)) {
    const feed = MockV3Aggregator__factory.connect(address, payer);
    await feed.updateAnswer(await feed.latestAnswer());
  }
}

/** A keeper's wallet with ether and an account with plenty of cash; the insurance fund gets some too. */
export async function equip(market: Market, wallet: string): Promise<AccountId> {
  const { chain, fund, operator, settlement, vault } = market;
  const payer = await chain.provider.getSigner(operator.address);
  await chain.fund(wallet);
  await settlement.contract.connect(payer).mint(payer.address, 10n ** 18n);
  await settlement.contract.connect(payer).approve(vault.target, 10n ** 18n);
  const account = accountId(wallet);
  for (const [to, dollars] of [
    [account, LIQUIDATOR_DOLLARS],
    [fund, FUND_DOLLARS],
  ] as const) {
    await vault.connect(payer).deposit(to, settlement.address, dollars * DOLLAR);
  }
  return account;
}
