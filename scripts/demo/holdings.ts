import type { Market } from "./market.js";

/** What an account has, as the chain keeps it. */
export interface Holdings {
  readonly account: string;
  /** [wad] */
  readonly cash: bigint;
  /** One amount for each collateral token of the market, in its order [token]. */
  readonly collateral: readonly bigint[];
  readonly positions: readonly {
    readonly instrument: bigint;
    /** [wad] */
    readonly size: bigint;
    /** [wad] */
    readonly realQuote: bigint;
  }[];
}

/** Reads what accounts have, in one batch. */
export async function readHoldings(
  { vault, clearinghouse, collaterals }: Market,
  accounts: readonly string[],
): Promise<Holdings[]> {
  return Promise.all(
    accounts.map(async (account) => {
      const [cash, positions, ...collateral] = await Promise.all([
        vault.cashOf(account),
        clearinghouse.openPositionsOf(account),
        ...collaterals.map(({ address }) => vault.collateralOf(account, address)),
      ]);
      return {
        account,
        cash,
        collateral,
        positions: positions.map(({ instrument, size, realQuote }) => ({
          instrument,
          size,
          realQuote,
        })),
      };
    }),
  );
}
