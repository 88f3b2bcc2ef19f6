import type { Mutant } from "./mutant.js";

const VOLATILITY = ["test/solidity/Volatility.t.sol", "test/VolatilityOracle.poke.test.ts"];
const RAMPS = ["test/solidity/RampPaths.t.sol", "test/solidity/Ramps.t.sol"];

/** How much prices move, ramps of parameters, and margin calls. */
export const MARGIN_OVER_TIME: readonly Mutant[] = [
  {
    id: "round-skipped",
    file: "contracts/oracle/VolatilityOracle.sol",
    find: "(followed.phaseOf(), followed.roundOf() + 1)",
    replace: "(followed.phaseOf(), followed.roundOf() + 1 + (followed.roundOf() % 7 == 6 ? 1 : 0))",
    why: "every seventh round is passed over",
    tests: VOLATILITY,
  },
  {
    id: "older-round-accepted",
    file: "contracts/oracle/VolatilityOracle.sol",
    find: "updatedAt >= followed.acceptedAt() && ",
    replace: "",
    why: "a round older than the last one stops volatility for good",
    tests: ["test/VolatilityOracle.passed.test.ts", ...VOLATILITY],
  },
  {
    id: "gap-is-calm",
    file: "contracts/oracle/RealisedVolatility.sol",
    find: "if (elapsed > HONEST_GAP) moved",
    replace: "if (elapsed > type(uint64).max) moved",
    why: "a feed that was silent for a week comes back as the calmest market",
    tests: ["test/VolatilityOracle.passed.test.ts", ...VOLATILITY],
  },
  {
    id: "halves-swapped",
    file: "contracts/margin/StandardRates.sol",
    find: "maintenance = _rate(rules, slow);",
    replace: "maintenance = _rate(rules, fast);",
    why: "holders are called by the fast volatility",
    tests: ["test/VolatilityOracle.accounts.test.ts", "test/VolatilityOracle.rules.test.ts"],
  },
  {
    id: "rates-step",
    file: "contracts/Rules.sol",
    find: "if (_isOpen(current) && !given.hasRatesOf(current)) {",
    replace: "if (false && !given.hasRatesOf(current)) {",
    why: "a change of rates liquidates in the block in which it is made",
    tests: ["test/solidity/Ramps.t.sol"],
  },
  {
    id: "two-ramps",
    file: "contracts/Rules.sol",
    find: "if (block.timestamp < end) revert RampNotOver(underlying, end);",
    replace: "end;",
    why: "a second change begins where the first one was going, in one step",
    tests: RAMPS,
  },
  {
    id: "haircut-steps",
    file: "contracts/types/CollateralRules.sol",
    find: "if (block.timestamp < end) {",
    replace: "if (end == 0) {",
    why: "a change of a haircut liquidates in the block in which it is made",
    tests: ["test/solidity/Ramps.t.sol"],
  },
  {
    id: "oracle-steps",
    file: "contracts/Rules.sol",
    find: "if (!isFresh || slowBps != priorBps || fastBps != priorBps) rates = _beginBlend(stored, rates);",
    replace: "isFresh;",
    why: "a new volatility oracle liquidates with its first word",
    tests: ["test/solidity/Ramps.t.sol", "test/solidity/FoundInVolatility.t.sol"],
  },
  {
    id: "call-healthy",
    file: "contracts/Clearinghouse.sol",
    find: "if (shortfall <= 0) revert NoMarginCall",
    replace: "if (shortfall < 0) revert NoMarginCall",
    why: "who has exactly its initial margin is called for nothing",
    tests: ["test/Clearinghouse.callMargin.test.ts"],
  },
  {
    id: "call-forgets",
    file: "contracts/clearing/InstrumentSet.sol",
    find: "return uint232(first) | ",
    replace: "return uint216(first) | ",
    why: "a margin call makes an account forget how many instruments it holds",
    tests: ["test/Clearinghouse.callMargin.test.ts"],
  },
];
