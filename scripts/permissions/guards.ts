import type { GovernedContract, OPEN, RESTRICTED } from "../../ignition/roles.js";

/** What one function is bound by, whatever the role does: by contract and function name. */
type Notes<Contract extends string> = Record<Contract, Record<string, string>>;

/** What a restricted function changes, and what it cannot. */
export const BOUNDS: Notes<keyof typeof RESTRICTED> = {
  PriceOracle: {
    setSources:
      "the feeds of an underlying. Sources that replace others agree with their price, or with their last price, within 2 %; with nothing when there is none",
    replaceSources:
      "the same without agreement, for a source that goes on telling a wrong price inside its band",
    setSequencer: "the rollup's uptime feed and its grace period: 60 seconds to a day",
  },
  Rules: {
    setUnderlying:
      "an underlying's margin rates, prior volatility, trade band and open-interest cap. Maintenance at most 50 %, band at most 20 %; a listed kind stays listed, a freeze stays as it is; rates and prior move to their new values over three days",
    setBrackets:
      "an underlying's size brackets, which move to their new values over three days. Factors never fall with size, at most 20",
    setFundingRules:
      "an underlying's funding: interest, dead band, cap, and what must be traded to set the premium. Cap at most 2 % in 8 hours; so much must be traded that a false premium costs more than it earns. Takes effect from the next trade or `accrueFunding` on, never for the past",
    setCollateral:
      "a token's haircuts, which move to their new values over three days, and whether deposits are taken. Never its price source, never off the list",
    setLiquidationRules:
      "incentives, fee, buffer, gains haircut cap, minimum margins (which move to their new values over three days), fund draw cap, open-interest base, delay before deleveraging (10 minutes to 12 hours), lenders' cap (at most 10 % a day), floor of the insurance fund; the number of instruments is never lowered",
    setVolatilityOracle:
      "who says how much prices move. What it says of an underlying is approached over three days from what the former one said",
    listCollateral: "one more token, of at most 16 in all and of 0 to 24 decimals",
    freezeUnderlying:
      "no new risk in an underlying for three days; not again until three days after. Reductions, liquidation, deposits and withdrawals go on",
    freezeCollateral:
      "no deposits of a token for three days, and no initial margin from it; not again until three days after. Maintenance stays; never the settlement token",
  },
  Vault: {
    setTokenLimits:
      "a token's deposit cap and net outflow limit. At least 10 % of the vault may leave in a day; the settlement token's cap is never lowered",
    setCashRules:
      "the borrow rate by utilisation, the fund's share of interest and the most that may be borrowed. At most 300 % a year; interest until then is counted by the old rules",
    wire: "the vault's margin engine. The clearinghouse only once",
  },
  Clearinghouse: {
    setFeeShares: "who receives the treasury's share of fees, and the insurance fund's share",
    setVenue: "which contracts may bring trades",
    setPeg: "the settlement token's own price, and how far it may be from 1: 0.1 to 20 %",
    setMarginEngine:
      "the clearinghouse's margin engine: the successor of the one in charge. Requirements move to those of its model over three days",
    takeFromFund:
      "cash from the insurance fund to any account. Never below `fundFloorBps` of all open interest, nor while there is a recorded deficit",
  },
  Exchange: {
    setFeeRates:
      "fees of taker and maker in one of 8 tiers, each at most 1 % of notional. No tier is charged more than tier 0, no order more than its `maxFee`",
    setFeeTier: "the fee tier of up to 256 accounts. All begin in tier 0, which is the dearest",
  },
};

const OWNER_OR = (right: string) => `the owner, or an operator with ${right}`;
const ROUTED = (right: string) => `the caller and the router both need ${right} (or ownership)`;
const AUTOMATION_OWNER = "its owner, at first `governance.admin`";
const AUTHORITY = "the AccessManager only, in `updateAuthority`, which is ADMIN's";

/** What guards a function that no role guards. */
export const GUARDS: Notes<keyof typeof OPEN> = {
  PriceOracle: {
    setAuthority: AUTHORITY,
    notePrice: "anyone; stores only what `price` says now, and reverts when that does",
  },
  Rules: { setAuthority: AUTHORITY, noteVolatility: "the volatility oracle only" },
  VolatilityOracle: {
    follow: "anyone; follows the feed that the price oracle reads, after all rounds of the former",
    poke: "anyone; looks at the feed's next rounds, in their order, each once",
  },
  Vault: {
    setAuthority: AUTHORITY,
    deposit:
      "anyone, with the caller's own tokens; a stranger only the settlement token or a token that the account holds; the deposit cap",
    depositWithPermit:
      "as `deposit`; the permit is the caller's, and only listed tokens are called",
    withdraw: `${OWNER_OR("WITHDRAW")}; initial margin afterwards; the net outflow limit; for loans the borrow cap`,
    transfer: `${OWNER_OR("TRANSFER")}; between accounts of one owner; initial margin afterwards`,
    setOperator: "anyone, for the accounts of the caller",
    post: "the clearinghouse only",
    moveSlice: "the clearinghouse only",
    collectInterest: "the clearinghouse only",
    chargeLenders:
      "the clearinghouse only; at most a share of all positive cash at once and in each day",
    accrueInterest: "anyone; counts the interest until now, as every act on cash does",
  },
  Clearinghouse: {
    setAuthority: AUTHORITY,
    clear:
      "registered venues only; the trade band, open-interest cap, freezes and peg; the gate for every account at the end",
    settleVariation: `${OWNER_OR("TRADE")}; anyone when it is a loss, or the account is below initial margin. Equity stays as it is`,
    accrueFunding:
      "anyone; lets the funding rules of governance take effect, and takes in what funding came to until now",
    distributeFees: "anyone; the receivers and their shares are governance's",
    repayDeficit:
      "anyone; from the insurance fund, at most what an account without instruments may draw of it in a day",
    notePeg: "anyone; notes what the price says now, and reverts when it cannot be read",
    liquidate: `of the liquidator's account ${OWNER_OR("LIQUIDATE")}; the other account must be below maintenance; the liquidator's initial margin afterwards`,
    callMargin:
      "anyone; the account must be below initial margin, and was not called in the last hour. Says so, and changes nothing",
    flag: "anyone; the account must be bankrupt, or flagged and not bankrupt any more",
    deleverage:
      "anyone, within a day after the delay of a flag; the account must be bankrupt still, at today's price; the counterparty, on the other side, is closed at the mark without fees and passes the gate",
    writeOff: "anyone; the account must have a debt, and neither position nor collateral",
  },
  Exchange: {
    setAuthority: AUTHORITY,
    matchOrders:
      "anyone; each order is signed by the account's owner or an operator with TRADE, and bounds size, price, fees, time and, with a trigger, the index price",
    cancel: OWNER_OR("TRADE"),
    cancelUpTo: OWNER_OR("TRADE"),
  },
  MarginEngine: { begin: "the clearinghouse only, in `setMarginEngine`" },
  Lens: {},
  Router: {
    multicall: "anyone; the caller of each act is the caller of the whole",
    deposit:
      "anyone, with the caller's own tokens; a token that the account does not hold takes TRANSFER of both",
    depositWithPermit:
      "as `deposit`; the permit is the caller's, and only listed tokens are called",
    withdraw: ROUTED("WITHDRAW"),
    transfer: ROUTED("TRANSFER"),
    settleVariation: ROUTED("TRADE"),
    cancel: ROUTED("TRADE"),
    cancelUpTo: ROUTED("TRADE"),
    matchOrders: "anyone; the orders carry their signatures",
    liquidate: ROUTED("LIQUIDATE, on the liquidator's account"),
  },
  StandingTopUp: {
    instruct: "the account's owner",
    cancel: "the account's owner",
    topUp:
      "anyone; the account's health must be below its owner's trigger; at most what brings it to the target, within the owner's budget, source and tip limit",
  },
  LiquidationAutomation: {
    performUpkeep:
      "anyone; takes over slices into its own account, with the whole incentive; initial margin and what its owner wants free afterwards; not while its owner has stopped it",
    onReport: "anyone, as `performUpkeep`: a report of a forwarder is trusted no more",
    watch: "anyone; accounts that have a position or a debt",
    forget: "anyone; accounts that have neither",
    take: "the contract itself only, in `performUpkeep`",
    setTaking: AUTOMATION_OWNER,
    setLeastFreeMargin: AUTOMATION_OWNER,
    transferOwnership: `${AUTOMATION_OWNER}; the next owner accepts`,
    acceptOwnership:
      "whom its owner named; the rights over its account go along, the former owner's end",
  },
};

/** The contracts behind the AccessManager, which the vault and the others name as their authority. */
export const GOVERNED = Object.keys(BOUNDS) as GovernedContract[];
