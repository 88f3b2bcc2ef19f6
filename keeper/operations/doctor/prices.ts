import { formatUnits } from "ethers";
import { explainError, type Plimsoll } from "../../../sdk/index.js";
import type { KeeperConfig } from "../../config/schema.js";
import { type Check, findingsOf, reasonOf } from "./check.js";

/** Governance counts underlyings from 1: so many are tried. */
const MOST_UNDERLYINGS = 64;

const { ok, warning, wrong } = findingsOf("price");

/** Looks at the price of every underlying that has a source. */
export async function checkPrices(
  { oracle }: Pick<Plimsoll, "oracle">,
  { dispatch, roles }: KeeperConfig,
): Promise<Check[]> {
  const numbers = Array.from({ length: MOST_UNDERLYINGS }, (_, i) => i + 1);
  const sources = await Promise.all(numbers.map((number) => oracle.sourcesOf(number)));
  const priced = numbers.filter((_, i) => (sources[i]?.primary.length ?? 0) > 0);
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
    const { cure, sentence } = explainedOf(error);
    return warning(subject, `its price cannot be read: ${sentence}`, cure);
  }
}

function explainedOf(error: unknown): { sentence: string; cure: string } {
  const explained = explainError(error);
  const { message, cure } = explained as { message?: string; cure?: string };
  return {
    sentence: message ?? reasonOf(error),
    cure: cure ?? "Wait for the feed; meanwhile its last accepted price counts for liquidations.",
  };
}
