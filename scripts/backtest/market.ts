import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { readParameters, wadOf } from "../../ignition/parameters.js";
import type { RateParameters, VolatilityListing } from "../../sdk/index.js";
import { UsageError } from "../prices/errors.js";

/** What the rule is told of a market: the parameters of its underlying and the band of its feed. */
export interface Market {
  /** "ETH", or the name of the file that the parameters are from. */
  readonly name: string;
  readonly rates: RateParameters;
  readonly listing: VolatilityListing;
}

/** The parameters that the rule needs, as they are called in `ignition/parameters/<network>.json`. */
const FIELDS = [
  "maintenanceBaseBps",
  "maintenanceSlopeBps",
  "maintenanceFloorBps",
  "maintenanceCapBps",
  "initialFloorBps",
  "maintenanceToInitialBps",
  "priorSigmaPercent",
] as const;

type Field = (typeof FIELDS)[number];

/** Of every dollar feed that the project lists; candles are turned into answers with as many. */
export const FEED_DECIMALS = 8;
/** What a file of parameters may leave out: then no answer above 0 is passed over. */
const NO_BAND = { minimum: "0", maximum: "1000000000000" };

/**
 * The market that a name or a file means.
 *
 * @param asset `eth` or `btc`, whose parameters are those of the local deployment; otherwise the path of a JSON file
 * with the same fields, and `minimum` and `maximum` if answers are to be bounded.
 * @throws UsageError for a file that is none of the kind.
 */
export function marketOf(asset: string): Market {
  const symbol = asset.toUpperCase();
  if (symbol !== "ETH" && symbol !== "BTC") return marketOfFile(asset);
  const deployed = readParameters("local");
  const market = deployed.underlyings.find((underlying) => underlying.symbol === symbol)?.market;
  const feed = deployed.feeds[`${symbol}/USD`];
  return toMarket(
    { name: symbol, source: `${symbol} of the local parameters` },
    { ...feed, ...market },
  );
}

function marketOfFile(path: string): Market {
  const source = basename(path);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(
      missing ? `There is no file ${path} and no asset of that name.` : `${source} is not JSON.`,
      `Give --asset eth, btc or a JSON file with the fields ${FIELDS.join(", ")}.`,
    );
  }
  if (typeof content !== "object" || content === null) content = {};
  return toMarket({ name: source, source }, content as Record<string, unknown>);
}

function toMarket(
  { name, source }: { name: string; source: string },
  fields: Readonly<Record<string, unknown>>,
): Market {
  const whole = (field: Field): bigint => {
    const value = fields[field];
    if (typeof value === "number" && Number.isInteger(value) && value >= 0) return BigInt(value);
    throw new UsageError(
      `${source}: ${field} is ${value === undefined ? "missing" : `${JSON.stringify(value)}, which is no whole number`}.`,
      `It needs the fields ${FIELDS.join(", ")}, as in ignition/parameters/local.json.`,
    );
  };
  const rates: RateParameters = {
    maintenanceBaseBps: whole("maintenanceBaseBps"),
    maintenanceSlopeBps: whole("maintenanceSlopeBps"),
    maintenanceFloorBps: whole("maintenanceFloorBps"),
    maintenanceCapBps: whole("maintenanceCapBps"),
    initialFloorBps: whole("initialFloorBps"),
    maintenanceToInitialBps: whole("maintenanceToInitialBps"),
  };
  const order = rates.maintenanceFloorBps <= rates.maintenanceCapBps;
  if (!order || rates.maintenanceCapBps === 0n || rates.maintenanceToInitialBps === 0n) {
    throw new UsageError(
      `${source}: the floor is above the cap, or the cap or maintenanceToInitialBps is 0.`,
      "Correct the parameters: a requirement of nothing covers nothing.",
    );
  }
  const listing: VolatilityListing = {
    priorSigmaPercent: whole("priorSigmaPercent"),
    decimals: BigInt(FEED_DECIMALS),
    minimum: bandOf(fields.minimum, { field: "minimum", source, otherwise: NO_BAND.minimum }),
    maximum: bandOf(fields.maximum, { field: "maximum", source, otherwise: NO_BAND.maximum }),
  };
  if (listing.priorSigmaPercent === 0n) {
    throw new UsageError(`${source}: priorSigmaPercent is 0.`, "Give 60 for 60 % a year.");
  }
  return { name, rates, listing };
}

/** [wad] */
function bandOf(
  value: unknown,
  { field, source, otherwise }: { field: string; source: string; otherwise: string },
): bigint {
  const text = value === undefined ? otherwise : `${value as string | number}`;
  if (/^\d{1,30}(\.\d{1,18})?$/.test(text)) return wadOf(text);
  throw new UsageError(
    `${source}: the ${field} "${text}" is not a price.`,
    `Give it as a decimal number in dollars, such as "30", or leave it out.`,
  );
}
