import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isAddress, parseUnits, ZeroAddress } from "ethers";
import type { DelayedRole } from "./roles.js";

/** The parameters of a deployment: the shape of `ignition/parameters/<network>.json`. */
export interface DeploymentParameters {
  /** The only chain that they are meant for; absent where any will do, as on local networks. */
  chainId?: number;
  governance: GovernanceParameters;
  settlementToken: SettlementTokenParameters;
  /** Chainlink feeds by name. */
  feeds: Record<string, FeedParameters>;
  /** The rollup's uptime feed; absent on a chain without a sequencer. */
  sequencer?: { uptimeFeed: string; gracePeriodSeconds: number };
  underlyings: UnderlyingParameters[];
  /** In the order of listing, which gives each token its bit in an account's set. */
  collaterals: CollateralParameters[];
  liquidation: Record<LiquidationField, number>;
  /** What cash costs and how much of it may be borrowed: Solidity's CashParameters. */
  cash: Record<CashField, number>;
  fees: FeeParameters;
}

/** Decimal numbers. */
interface FeeParameters {
  /** By tier, as ratios of notional. The first is everybody's; none of the others is dearer. */
  tiers: [FeeRates, ...FeeRates[]];
  /** The insurance fund's share of fees. */
  fundShare: string;
}

interface FeeRates {
  taker: string;
  maker: string;
}

/**
 * Who governs: addresses, or in the file the names of configuration variables (`PLIMSOLL_...`) that give them when a
 * network is deployed to.
 */
interface GovernanceParameters {
  /** Holds RISK, LISTING, MODULES and ADMIN: a multisig or a governor. */
  admin: string;
  /** Holds GUARDIAN. */
  guardian: string;
  /** Receives the fees that the insurance fund does not. */
  treasury: string;
  /** How long each role's acts wait between announcement and execution. */
  delaySeconds: Record<DelayedRole | "ADMIN", number>;
}

/** Either the address of a contract that exists, or what a local network needs to make one. */
type Existing<Mock> = { address: string; mock?: never } | { address?: never; mock: Mock };

type TokenParameters = {
  symbol: string;
  decimals: number;
  limits: TokenLimits;
} & Existing<{ name: string }>;

/** How much of a token the vault takes, and lets go in a day net of what comes in. */
interface TokenLimits {
  /** In whole tokens: a decimal number. */
  depositCap: string;
  /** In whole tokens, whatever the share: a decimal number. */
  outflowAmount: string;
  /** Share of what the vault has. */
  outflowBps: number;
}

/** With its own price: the symbol of the underlying, and how far it may be from one dollar before new risk stops. */
type SettlementTokenParameters = TokenParameters & {
  peg: { underlying: string; allowedBps: number };
};

type FeedParameters = {
  maximumAgeSeconds: number;
  /** Of the feed at the address: checked before anything is sent. */
  decimals?: number;
  /** The answer is refused at these values and beyond: decimal numbers. */
  minimum: string;
  maximum: string;
} & Existing<{ decimals: number; answer: string }>;

interface UnderlyingParameters {
  symbol: string;
  number: number;
  /** Names of feeds whose product is the price. */
  primary: string[];
  secondary: string[];
  allowedDeviationBps: number;
  /** Only for underlyings that something is traded on. */
  market?: {
    kinds: "perpetual"[];
    funding: Record<FundingField, number>;
    brackets: Record<BracketField, number>;
  } & Record<RateField, number>;
}

type CollateralParameters = TokenParameters & {
  /** Symbol of the underlying whose price values the token. */
  underlying: string;
  maintenanceHaircutBps: number;
  initialHaircutBps: number;
};

/** The fields of Solidity's UnderlyingParameters but `kinds`. */
export const RATE_FIELDS = [
  "maintenanceBaseBps",
  "maintenanceSlopeBps",
  "maintenanceFloorBps",
  "maintenanceCapBps",
  "initialFloorBps",
  "maintenanceToInitialBps",
  "priorSigmaPercent",
  "tradeBandBps",
  "leastTradeBandBps",
  "openInterestCap",
] as const;
type RateField = (typeof RATE_FIELDS)[number];

type FundingField = "interestMillionths" | "deadBandMillionths" | "capMillionths" | "depthShareBps";

type BracketField =
  "firstEnd" | "secondEnd" | "thirdEnd" | "secondFactorBps" | "thirdFactorBps" | "lastFactorBps";

type LiquidationField =
  | "leastIncentiveBps"
  | "mostIncentiveBps"
  | "insuranceFeeBps"
  | "bufferBps"
  | "gainsHaircutCapBps"
  | "minimumMargin"
  | "minimumMarginOfItem"
  | "mostInstruments"
  | "fundDrawCapBps"
  | "openInterestBase"
  | "deleverageDelay"
  | "lendersCapBps"
  | "fundFloorBps";

/** Yearly rates and utilisation in basis points, the cap in whole settlement currency. */
type CashField =
  "baseBps" | "slopeBps" | "kinkBps" | "slopeAboveBps" | "reservePercent" | "borrowCap";

/** Bits of `kinds` in an underlying's rules. */
export const KIND_BITS = { perpetual: 1 << 1 } as const;

const DIRECTORY = new URL("./parameters/", import.meta.url);

/** The addresses of governance. */
const GOVERNANCE_HOLDERS = ["admin", "guardian", "treasury"] as const;

const VARIABLE = /^PLIMSOLL_[A-Z]+$/;

/** There is no parameters file for a network: its message is for people. */
export class MissingParametersError extends Error {
  override readonly name = "MissingParametersError";
}

/** The parameters contradict themselves or lack something: its message is for people. */
export class InconsistentParametersError extends Error {
  override readonly name = "InconsistentParametersError";
}

/**
 * The parameters of `ignition/parameters/<name>.json`, checked for what the contracts cannot see; everything else is
 * bounded on chain.
 *
 * @param variables Values of the variables that the file names, see {@link namedVariables}.
 */
export function readParameters(
  name: string,
  variables: Readonly<Record<string, string>> = {},
): DeploymentParameters {
  const parameters = parse(name);
  for (const key of GOVERNANCE_HOLDERS) {
    parameters.governance[key] =
      variables[parameters.governance[key]] ?? parameters.governance[key];
  }
  requireConsistent(parameters);
  return parameters;
}

/** The configuration variables that `ignition/parameters/<name>.json` leaves its governance to. */
export function namedVariables(name: string): string[] {
  const { governance } = parse(name);
  return GOVERNANCE_HOLDERS.map((key) => governance[key]).filter((value) => VARIABLE.test(value));
}

function parse(name: string): DeploymentParameters {
  const file = new URL(`${name}.json`, DIRECTORY);
  if (!existsSync(file)) {
    const known = readdirSync(DIRECTORY).map((entry) => entry.replace(/\.json$/, ""));
    throw new MissingParametersError(
      `There are no parameters for "${name}" yet: ignition/parameters/${name}.json comes with a later release ` +
        `(there now: ${known.join(", ")}).`,
    );
  }
  return JSON.parse(readFileSync(file, "utf8")) as DeploymentParameters;
}

/** Whether the tokens and feeds are made by the deployment, as on local networks. */
export function isLocal(parameters: DeploymentParameters): boolean {
  return parameters.settlementToken.mock !== undefined;
}

/** A decimal number of the parameters as a WAD. */
export function wadOf(value: string): bigint {
  return parseUnits(value, 18);
}

/** Throws an InconsistentParametersError that names what is wrong. */
export function requireConsistent(parameters: DeploymentParameters): void {
  const { governance, feeds, underlyings, collaterals } = parameters;
  const check = (holds: boolean, message: string) => {
    if (!holds) throw new InconsistentParametersError(`Parameters: ${message}`);
  };

  const { ADMIN, ...delays } = governance.delaySeconds;
  for (const [role, delay] of Object.entries(delays)) {
    check(
      delay > 0 && delay <= ADMIN,
      `${role}'s delay must be above 0 and at most ADMIN's, which could lift it`,
    );
  }
  for (const key of GOVERNANCE_HOLDERS) {
    const holder = governance[key];
    const cure = VARIABLE.test(holder) ? `: set the configuration variable ${holder}` : "";
    check(isAddress(holder) && holder !== ZeroAddress, `governance.${key} is no address${cure}`);
  }

  check(parameters.fees.tiers.length > 0, "fees.tiers is empty, and its first is everybody's");

  const contracts: Existing<unknown>[] = [
    parameters.settlementToken,
    ...collaterals,
    ...Object.values(feeds),
  ];
  check(
    contracts.every(({ mock }) => (mock !== undefined) === isLocal(parameters)),
    "tokens and feeds are either all given by address or all mocks",
  );
  for (const { address } of contracts) {
    check(address === undefined || isAddress(address), `${String(address)} is no address`);
  }

  check(
    new Set(underlyings.map(({ number }) => number)).size === underlyings.length,
    "two underlyings have one number",
  );
  for (const { symbol, primary, secondary } of underlyings) {
    for (const feed of [...primary, ...secondary]) {
      check(feeds[feed] !== undefined, `${symbol} needs the unknown feed ${feed}`);
    }
  }
  const { symbol: settlement, peg } = parameters.settlementToken;
  for (const { symbol, underlying } of [
    ...collaterals,
    { symbol: settlement, underlying: peg.underlying },
  ]) {
    check(
      underlyings.some((known) => known.symbol === underlying),
      `${symbol} is valued by the unknown underlying ${underlying}`,
    );
  }
}
