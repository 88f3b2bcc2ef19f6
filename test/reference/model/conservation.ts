import { wadOfAmount } from "../../../sdk/index.js";
import { sum } from "../margin.js";
import { cashOf, poolNow } from "./cash.js";
import { realQuoteOf } from "./ledger.js";
import type { World } from "./world.js";

/** More than rounding can make in a scenario: a ten-billionth of a dollar would be 1e8 [wad]. */
const MOST_ROUNDING = 10n ** 10n;

/**
 * I2: tokens = sum of cash + sum of real quotes + reserve + interest reserve - deficit, off by rounding only, which never makes
 * claims exceed the tokens. The contracts agree with the model to the wei, so what holds here holds there.
 *
 * @returns What is wrong; nothing when it holds.
 */
export function conservationProblem(world: World): string {
  const tokens = wadOfAmount(world.custody[0]!.tracked, world.rules.tokens[0]!.decimals);
  const accounts = [...world.accounts].map(
    ([id, { positions }]) =>
      cashOf(world, id) + sum(positions.map((position) => realQuoteOf(world, position))),
  );
  const claims = sum(accounts) + world.reserve + poolNow(world).reserved - world.deficit;
  const left = tokens - claims;
  return left >= 0n && left <= MOST_ROUNDING ? "" : `  I2: tokens less claims are ${left} wei`;
}
