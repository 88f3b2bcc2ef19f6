import { formatUnits } from "ethers";
import { explainError, type Plimsoll } from "../../../sdk/index.js";
import type { KeeperConfig } from "../../config/schema.js";
import { type Check, findingsOf } from "./check.js";

/** Governance counts underlyings from 1: so many are tried at a time, until none of them has a source. */
const TOGETHER = 8;
const MOST_UNDERLYINGS = 256;

const { ok, warning, wrong } = findingsOf("price");

/** Looks at the price of every underlying that has a source. */
export async function checkPrices(
  { oracle }: Pick<Plimsoll, "oracle">,
  { dispatch, roles }: KeeperConfig,
): Promise<Check[]> {
  const priced = await pricedUnderlyings(oracle);
  if (priced.length === 0) {
    return [
      wrong(
        "all of them",
        "no underlying has a source",
        "Let governance set PriceOracle's sources.",
      ),
    ];
  }
  const checks = await Promise.all(priced.map((number) => checkPrice(number, oracle)));
  if (priced.includes(dispatch.etherUnderlying) || roles.length === 0) return checks;
  const found = `underlying ${dispatch.etherUnderlying}, which should be ether, has no source`;
  const cure =
    "Give dispatch.etherUnderlying ether's number: gas is compared with profit by its price.";
  return [...checks, wrong("ether", found, cure)];
}

async function checkPrice(number: number, oracle: Plimsoll["oracle"]): Promise<Check> {
  const subject = `underlying ${number}`;
  try {
    return ok(subject, `${formatUnits(await oracle.price(number), 18)} dollars`);
  } catch (error) {
    const { cure, sentence } = explainError(error);
    return warning(subject, `its price cannot be read: ${sentence}`, cure);
  }
}

async function pricedUnderlyings(oracle: Plimsoll["oracle"]): Promise<number[]> {
  const priced: number[] = [];
  for (let first = 1; first < MOST_UNDERLYINGS; first += TOGETHER) {
    const numbers = Array.from({ length: TOGETHER }, (_, i) => first + i);
    const sources = await Promise.all(numbers.map((number) => oracle.sourcesOf(number)));
    const found = numbers.filter((_, i) => (sources[i]?.primary.length ?? 0) > 0);
    if (found.length === 0) break;
    priced.push(...found);
  }
  return priced;
}
