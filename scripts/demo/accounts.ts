import type { BaseWallet } from "ethers";
import { type AccountId, accountId, divDown, WAD } from "../../sdk/index.js";
import type { Role } from "./cast.js";
import { toWad } from "./format.js";
import { type Market, ownerWallet, tokenFor } from "./market.js";
import type { Prices } from "./parameters.js";

/** A member of the cast with the key and the account. */
export interface Participant {
  readonly role: Role;
  readonly wallet: BaseWallet;
  readonly account: AccountId;
  /** The next order's number. */
  nextNonce: bigint;
}

/** Rights that last longer than any demo [unix seconds]. */
const INFINITE = 2n ** 256n - 1n;

/** Gives every member of the cast a key, gas and an account. */
export async function createParticipants(
  market: Market,
  cast: readonly Role[],
): Promise<Participant[]> {
  const owners = [...new Set(cast.map(({ owner }) => owner))];
  const wallets = new Map(owners.map((owner, i) => [owner, ownerWallet(i)]));
  for (const wallet of wallets.values()) await market.chain.fund(wallet.address);
  return cast.map((role) => {
    const wallet = wallets.get(role.owner) ?? ownerWallet(owners.length);
    return { role, wallet, account: accountId(wallet.address, role.subAccount), nextNonce: 1n };
  });
}

/**
 * Mints and deposits what a role brings. A sub-account is funded by a transfer from the owner's main account, as people do:
 * what is not transferred is out of its reach.
 *
 * @returns What was deposited [token].
 */
export async function fundParticipant(
  market: Market,
  participant: Participant,
  prices: Prices,
): Promise<bigint> {
  const { role, wallet, account } = participant;
  const token = tokenFor(market, role.asset);
  const price = { USDC: 1, WETH: prices.eth, wstETH: 1.2 * prices.eth, WBTC: prices.btc }[
    role.asset
  ];
  const quantity = divDown(toWad(role.dollars), toWad(price));
  const amount = (quantity * 10n ** BigInt(token.decimals)) / WAD;
  const spare = BigInt(role.spare) * 10n ** BigInt(market.settlement.decimals);

  const { chain, vault, operator } = market;
  await chain.send(
    operator,
    await token.contract.mint.populateTransaction(wallet.address, amount + spare),
  );
  await chain.send(
    wallet,
    await token.contract.approve.populateTransaction(vault.target, INFINITE),
  );
  if (role.subAccount === 0) {
    await chain.send(
      wallet,
      await vault.deposit.populateTransaction(account, token.address, amount),
    );
    return amount;
  }
  const main = accountId(wallet.address);
  await chain.send(wallet, await vault.deposit.populateTransaction(main, token.address, amount));
  await chain.send(
    wallet,
    await vault.transfer.populateTransaction(main, account, token.address, amount),
  );
  return amount;
}

/** Adds dollars from the owner's wallet to an account. */
export async function depositDollars(
  market: Market,
  participant: Participant,
  wad: bigint,
): Promise<void> {
  const { chain, vault, settlement } = market;
  const amount = toAmount(wad, settlement.decimals);
  const request = await vault.deposit.populateTransaction(
    participant.account,
    settlement.address,
    amount,
  );
  await chain.send(participant.wallet, request);
}

/** Gives the insurance fund its first money: anyone may deposit the settlement token for anyone. */
export async function seedFund(market: Market, dollars: number): Promise<void> {
  const { chain, vault, settlement, operator, fund } = market;
  const amount = BigInt(dollars) * 10n ** BigInt(settlement.decimals);
  await chain.send(
    operator,
    await settlement.contract.mint.populateTransaction(operator.address, amount),
  );
  await chain.send(
    operator,
    await settlement.contract.approve.populateTransaction(vault.target, amount),
  );
  await chain.send(
    operator,
    await vault.deposit.populateTransaction(fund, settlement.address, amount),
  );
}

/** A WAD in a token's own units, rounded up. */
function toAmount(wad: bigint, decimals: number): bigint {
  return (wad * 10n ** BigInt(decimals) + WAD - 1n) / WAD;
}
