import type { IPriceOracle } from "../../typechain-types/contracts/oracle/PriceOracle.js";

export const WAD = 10n ** 18n;
export const HOUR = 3_600;

/** A feed's heartbeat with the slack that the design gives it [seconds]. */
export const MAXIMUM_AGE = 3_900n;

interface Addressable {
  getAddress(): Promise<string>;
}

/** A feed as governance sets it: any price between one dollar and a million unless told otherwise. */
export async function feedOf(
  aggregator: Addressable,
  overrides: Partial<IPriceOracle.FeedStruct> = {},
): Promise<IPriceOracle.FeedStruct> {
  return {
    aggregator: await aggregator.getAddress(),
    maximumAge: MAXIMUM_AGE,
    minimum: WAD,
    maximum: 1_000_000n * WAD,
    ...overrides,
  };
}
