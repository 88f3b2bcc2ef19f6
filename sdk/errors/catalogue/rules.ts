import { type ErrorEntries, timeIn } from "../entry.js";

const RAW_BOUNDS =
  "in the parameter's own unit, which its name says; docs/risk-parameters.md has them all";

/** Errors of IRules. */
export const RULES_ERRORS: ErrorEntries = {
  "UnknownInstrument(uint256)": {
    sentence: "The instrument {instrument:instrument} is not listed.",
    cure: "Use the id of a listed underlying's perpetual; perpetual() packs it.",
    remedy: "fatal",
  },
  "UnknownToken(address)": {
    sentence: "{token:token} is no collateral token.",
    cure: "Use the settlement token or a listed one; the deployment's record has their addresses.",
    remedy: "fatal",
  },
  "TokenAlreadyListed(address)": {
    sentence: "{token:token} is listed already.",
    cure: "Change its rules with Rules.setCollateral.",
    remedy: "fatal",
  },
  "TooManyTokens(uint256)": {
    sentence: "The list of collateral tokens is full: it has {most}.",
    cure: "There is no room for another token, ever: tokens are not taken off the list.",
    remedy: "fatal",
  },
  "RuleOutOfBounds(bytes32,uint256,uint256,uint256)": {
    sentence: `The parameter "{name:name}" is {value} and must be {least} to {most}, ${RAW_BOUNDS}.`,
    cure: "Propose a value within its bounds.",
    remedy: "fatal",
  },
  "RampNotOver(uint24,uint256)": {
    sentence: "Rates or brackets of {underlying:underlying} are on their way until {end:time}.",
    cure: "Wait until they have arrived.",
    remedy: "wait",
    until: timeIn("end"),
  },
  "EndsAndFactors(uint24)": {
    sentence: "Ends and factors of the brackets of {underlying:underlying} cannot move at once.",
    cure: "Set the ends first, and the factors when that ramp is over, or the other way round.",
    remedy: "fatal",
  },
  "NotVolatilityOracle(address)": {
    sentence: "Only the volatility oracle says how much prices move, and {caller} is not it.",
    cure: "Call VolatilityOracle.poke, which anyone may.",
    remedy: "fatal",
  },
  "NotAVolatilityOracle(address)": {
    sentence: "There is no contract at {oracle}.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
  "FreezeTooSoon(uint256)": {
    sentence:
      "The next freeze may begin after {earliest:time}, as long after the last one as that was.",
    cure: "Wait until then, or let RISK change the parameters.",
    remedy: "wait",
    until: timeIn("earliest"),
  },
};
