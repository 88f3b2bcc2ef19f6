import { expect } from "chai";
import { MaxInt256, MaxUint256 } from "ethers";
import hre from "hardhat";
import { accountId, mulUp, parseWad, WAD, wadOfAmount } from "../sdk/index.js";
import { ETH, ETH_PERP } from "./fixtures/plimsoll.js";
import { callTo } from "./fixtures/reentrancy.js";
import { deployWithTokens } from "./fixtures/tokens.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

/** Decimals of the settlement token and of the collateral. */
interface Decimals {
  cash: number;
  collateral: number;
}

const REFERENCE: Decimals = { cash: 18, collateral: 18 };
const OTHERS: Decimals[] = [
  ...[0, 2, 6, 8, 24].map((collateral) => ({ cash: 6, collateral })),
  ...[0, 2, 6, 24].map((cash) => ({ cash, collateral: 18 })),
  { cash: 0, collateral: 0 },
  { cash: 0, collateral: 24 },
  { cash: 24, collateral: 0 },
  { cash: 24, collateral: 24 },
];
const PRICE_THEN = parseWad(3000);
const PRICE_NOW = parseWad(2500);

describe("Decimals of tokens", () => {
  for (const decimals of OTHERS) {
    const { cash, collateral } = decimals;
    it(`TK3: ${cash} of cash and ${collateral} of collateral change no value`, async () => {
      const reference = await networkHelpers.loadFixture(playReference);
      const played = await play(decimals);
      expect(played.exact).to.deep.equal(reference.exact);

      // What is left over when tokens are divided: one unit of the coarser token, at most.
      const unit = (places: number, price: bigint) => mulUp(wadOfUnit(places), price);
      const coarsest = unit(collateral, PRICE_THEN) + wadOfUnit(cash);
      for (const [name, value] of Object.entries(reference.rounded)) {
        expect(played.rounded[name], name).to.be.closeTo(value, coarsest);
      }
    });
  }

  for (const decimals of [0, 6, 8, 18, 24]) {
    it(`RD2: 1,000 deposits and withdrawals of a token with ${decimals} gain nothing`, async () => {
      const plimsoll = await deployWithTokens(connection, {
        USDC: { decimals },
        WETH: { decimals },
      });
      const { vault, usdc, weth } = plimsoll;
      const owner = await ethers.deployContract("ReentrantOwner");
      const account = accountId(await owner.getAddress());
      // Cash is counted in wei: what is smaller stays in the vault.
      const least = decimals > 18 ? 10n ** BigInt(decimals - 18) : 1n;
      for (const [token, smallest] of [
        [usdc, least],
        [weth, 1n],
      ] as const) {
        const address = await token.getAddress();
        const rounds = async (amount: bigint, times: number) => {
          const wallet = await token.balanceOf(owner);
          const tracked = await vault.trackedOf(token);
          const back = amount - (amount % smallest);
          const lost = BigInt(times) * (amount - back);
          await token.mint(owner, amount + lost);
          const calls = await Promise.all([
            callTo(token, "approve", [await vault.getAddress(), MaxUint256]),
            callTo(vault, "deposit", [account, address, amount]),
            callTo(vault, "withdraw", [account, address, back, await owner.getAddress()]),
          ]);
          for (let done = 0; done < times; done += 50) {
            await owner.execute(calls, Math.min(50, times - done), { gasLimit: 16_000_000n });
          }
          expect(await token.balanceOf(owner)).to.equal(wallet + amount);
          expect(await vault.trackedOf(token)).to.equal(tracked + lost);
          expect(await token.balanceOf(vault)).to.equal(tracked + lost);
          expect(await vault.balancesOf(account)).to.deep.equal([0n, 0n, []]);
        };
        await rounds(smallest, 1);
        await rounds(7_919n * smallest, 1);
        await rounds(3n * smallest + smallest / 2n, 1_000);
      }
    });
  }
});

function wadOfUnit(decimals: number): bigint {
  const unit = wadOfAmount(1n, decimals);
  return unit === 0n ? 1n : unit;
}

async function playReference() {
  return play(REFERENCE);
}

/**
 * Alice has 1,000 dollars and 10 WETH, buys 40 ETH at 3,000 dollars and is liquidated at 2,500. Returns all values of that
 * [wad]: those that depend on no division of tokens, and those that do.
 */
async function play({ cash, collateral }: Decimals) {
  const plimsoll = await deployWithTokens(connection, {
    USDC: { decimals: cash },
    WETH: { decimals: collateral },
  });
  const { alice, bob, liquidator, fund, deposit, trade, setPrice } = plimsoll;
  const { vault, marginEngine, clearinghouse, usdc, weth } = plimsoll;
  const account = await fund(alice, 0n, 1_000);
  await deposit(alice, { token: weth, amount: 10 });
  await fund(bob, 0n, 1_000_000);
  const rescuer = await fund(liquidator, 0n, 1_000_000);
  const size = parseWad(40);
  await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price: PRICE_THEN });

  const before = [...(await marginEngine.marginOf(account))];
  const spareCash = wadOfAmount(await marginEngine.withdrawable(account, usdc), cash);
  const spare = wadOfAmount(await marginEngine.withdrawable(account, weth), collateral);
  await setPrice(ETH, 2500);
  const below = [...(await marginEngine.marginOf(account))];
  const preview = [...(await marginEngine.previewLiquidation(account))];
  const asLiquidator = clearinghouse.connect(liquidator);
  const terms = [
    ...(await asLiquidator.liquidate.staticCall(account, rescuer, parseWad(1), MaxInt256)),
  ];
  await asLiquidator.liquidate(account, rescuer, parseWad(1), MaxInt256);
  const cashes = await Promise.all([account, rescuer].map(async (id) => vault.cashOf(id)));
  const position = [...(await clearinghouse.positionOf(account, ETH_PERP))];

  const rounded: Record<string, bigint> = { spareCash, spareCollateral: (spare * PRICE_NOW) / WAD };
  for (const [name, id] of Object.entries({ account, rescuer })) {
    const { equity, initial, maintenance } = await marginEngine.marginOf(id);
    const held = await vault.collateralOf(id, weth);
    rounded[`${name}'s equity`] = equity;
    rounded[`${name}'s initial`] = initial;
    rounded[`${name}'s maintenance`] = maintenance;
    rounded[`${name}'s collateral`] = wadOfAmount(held, collateral) * 2_500n;
  }
  return { exact: { before, below, preview, terms, cashes, position }, rounded };
}
