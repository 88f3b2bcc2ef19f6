import { FunctionFragment } from "ethers";

/**
 * Who may call what: the one table that the modules apply and the tests check. A function that is in neither part of
 * it fails the tests, so that nothing becomes callable, or stops being callable, without a review of this file.
 */

/** Roles of the AccessManager. Each has an execution delay in the parameters; ADMIN is OpenZeppelin's role 0. */
export const ROLES = {
  /** Numbers: margin rates, haircuts, liquidation rules, fees. */
  RISK: 1n,
  /** What is there to trade, to pledge and to price with: tokens, venues, feeds. */
  LISTING: 2n,
  /** Which contracts work together. */
  MODULES: 3n,
  /** May stop new risk in a market or against a token for a while, and cancel what the other three have scheduled. */
  GUARDIAN: 4n,
} as const;

export const ADMIN_ROLE = 0n;

export type GovernedRole = keyof typeof ROLES;

/** The roles whose acts are announced and wait. */
export type DelayedRole = Exclude<GovernedRole, "GUARDIAN">;

/** Contracts behind the AccessManager. */
export type GovernedContract = "PriceOracle" | "Rules" | "Vault" | "Clearinghouse" | "Exchange";

type Signatures = readonly string[];

const FEED = "(address,uint32,uint128,uint128)[]";
const UNDERLYING = "(uint16,uint16,uint16,uint16,uint16,uint16,uint8,uint16,uint16,uint8,uint40)";
const BRACKETS = "(uint40,uint40,uint40,uint24,uint24,uint24)";
const COLLATERAL = "(uint24,uint16,uint16,bool)";
const LIQUIDATION =
  "(uint16,uint16,uint16,uint16,uint16,uint16,uint16,uint8,uint16,uint40,uint16,uint16,uint16)";
const FUNDING = "(int16,uint16,uint16,uint16)";
const CASH = "(uint16,uint16,uint16,uint16,uint8,uint48)";

/** Functions that only a role may call, after its delay. */
export const RESTRICTED: Record<GovernedContract, Partial<Record<GovernedRole, Signatures>>> = {
  PriceOracle: {
    LISTING: [`setSources(uint24,${FEED},${FEED},uint16)`, "setSequencer(address,uint32)"],
    MODULES: [`replaceSources(uint24,${FEED},${FEED},uint16)`],
  },
  Rules: {
    RISK: [
      `setUnderlying(uint24,${UNDERLYING})`,
      `setBrackets(uint24,${BRACKETS})`,
      `setFundingRules(uint24,${FUNDING})`,
      `setCollateral(address,${COLLATERAL})`,
      `setLiquidationRules(${LIQUIDATION})`,
    ],
    LISTING: [`listCollateral(address,${COLLATERAL})`],
    MODULES: ["setVolatilityOracle(address)"],
    GUARDIAN: ["freezeUnderlying(uint24)", "freezeCollateral(address)"],
  },
  Vault: {
    RISK: ["setTokenLimits(address,(uint112,uint112,uint16))", `setCashRules(${CASH})`],
    MODULES: ["wire(address,address)"],
  },
  Clearinghouse: {
    RISK: ["setFeeShares(address,uint64)"],
    LISTING: ["setVenue(address,bool)", "setPeg(uint24,uint16)"],
    MODULES: ["setMarginEngine(address)", "takeFromFund(bytes32,uint256)"],
  },
  Exchange: { RISK: ["setFeeRates(uint8,uint64,uint64)", "setFeeTier(bytes32[],uint8)"] },
};

const ORDER = "(bytes32,uint256,int128,uint128,uint128,uint64,uint40,uint8,uint64,bytes32)";
const SIGNED_ORDER = `(${ORDER},bytes)`;
const LEG = "(bytes32,uint128,uint128,address,bool)";
const INSTRUCTION = "(uint8,uint40,uint80,uint80,uint48,bytes32,uint128,uint128,uint128)";
const TRADE = `(uint256,int128,uint128,${LEG},${LEG})`;

/** OpenZeppelin's AccessManaged: only the AccessManager itself, in `updateAuthority`, which is ADMIN's. */
const ACCESS_MANAGED: Signatures = ["setAuthority(address)"];

/** State-changing functions that no role guards: users' and keepers', and those that ask for a partner contract. */
export const OPEN: Record<
  | GovernedContract
  | "VolatilityOracle"
  | "MarginEngine"
  | "Lens"
  | "Router"
  | "StandingTopUp"
  | "LiquidationAutomation",
  Signatures
> = {
  PriceOracle: [...ACCESS_MANAGED, "notePrice(uint24)"],
  Rules: [
    ...ACCESS_MANAGED,
    // The volatility oracle only.
    "noteVolatility(uint24,uint16,uint16,uint32)",
  ],
  Vault: [
    ...ACCESS_MANAGED,
    "deposit(bytes32,address,uint256)",
    "depositWithPermit(bytes32,address,uint256,uint256,uint8,bytes32,bytes32)",
    "withdraw(bytes32,address,uint256,address)",
    "transfer(bytes32,bytes32,address,uint256)",
    "setOperator(address,uint8,uint40)",
    // The clearinghouse only.
    "post((bytes32,int256)[])",
    "moveSlice(uint256,(bytes32,int256)[])",
    "collectInterest()",
    "chargeLenders(uint256,uint256)",
    "accrueInterest()",
  ],
  Clearinghouse: [
    ...ACCESS_MANAGED,
    // Registered venues only.
    `clear(${TRADE}[])`,
    "settleVariation(bytes32)",
    "accrueFunding(uint256)",
    "distributeFees()",
    "repayDeficit()",
    "notePeg()",
    "liquidate(bytes32,bytes32,uint256,int256)",
    "callMargin(bytes32)",
    "flag(bytes32)",
    "deleverage(bytes32,bytes32,uint256,uint128)",
    "writeOff(bytes32)",
  ],
  Exchange: [
    ...ACCESS_MANAGED,
    `matchOrders(${SIGNED_ORDER},${SIGNED_ORDER}[],uint128[])`,
    "cancel(bytes32,uint64[])",
    "cancelUpTo(bytes32,uint64)",
  ],
  VolatilityOracle: ["follow(uint24)", "poke(uint24,uint256)"],
  // The clearinghouse only.
  MarginEngine: ["begin()"],
  Lens: [],
  // Each asks the vault whether its caller may do what the router is about to do for it.
  Router: [
    "multicall(bytes[])",
    "deposit(bytes32,address,uint256)",
    "depositWithPermit(bytes32,address,uint256,uint256,uint8,bytes32,bytes32)",
    "withdraw(bytes32,address,uint256,address)",
    "transfer(bytes32,bytes32,address,uint256)",
    "settleVariation(bytes32)",
    "cancel(bytes32,uint64[])",
    "cancelUpTo(bytes32,uint64)",
    `matchOrders(${SIGNED_ORDER},${SIGNED_ORDER}[],uint128[])`,
    "liquidate(bytes32,bytes32,uint256,int256)",
  ],
  StandingTopUp: [
    `instruct(bytes32,uint8,${INSTRUCTION})`,
    "cancel(bytes32,uint8)",
    "topUp(bytes32,uint8,uint256)",
  ],
  LiquidationAutomation: [
    "performUpkeep(bytes)",
    "onReport(bytes,bytes)",
    "watch(bytes32[])",
    "forget(bytes32[])",
    // The contract itself only.
    "take(bytes32,uint256)",
    // Its owner only.
    "setTaking(bool)",
    "setLeastFreeMargin(uint88)",
    "transferOwnership(address)",
    // The next owner only.
    "acceptOwnership()",
  ],
};

/** The 4-byte selector of a signature of the table. */
export function selectorOf(signature: string): string {
  return FunctionFragment.from(`function ${signature}`).selector;
}

/** The table row by row. */
export function restrictedFunctions(): {
  contract: GovernedContract;
  role: GovernedRole;
  signatures: Signatures;
}[] {
  return Object.entries(RESTRICTED).flatMap(([contract, roles]) =>
    Object.entries(roles).map(([role, signatures]) => ({
      contract: contract as GovernedContract,
      role: role as GovernedRole,
      signatures,
    })),
  );
}
