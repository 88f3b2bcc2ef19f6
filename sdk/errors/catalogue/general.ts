import type { ErrorEntries } from "../entry.js";

const OVERFLOW = "Use smaller numbers.";

/** Errors of the language and of libraries that every contract uses. */
export const GENERAL_ERRORS: ErrorEntries = {
  "Error(string)": {
    sentence: 'The contract says: "{message}".',
    cure: "Do as it says; it is no contract of Plimsoll, whose errors have names.",
    remedy: "fatal",
  },
  "Panic(uint256)": {
    sentence: "A contract stopped itself: {code:panic}.",
    cure: "Use smaller numbers; if that is not it, report a bug: this must not happen.",
    remedy: "fatal",
  },
  "FailedCall()": {
    sentence: "A call from one contract to another failed without a reason.",
    cure: "Send more gas; if that is not it, look at the trace of the call.",
    remedy: "fatal",
  },
  "AddressEmptyCode(address)": {
    sentence: "There is no contract at {target}.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
  "InsufficientBalance(uint256,uint256)": {
    sentence: "A contract has {balance} wei and {needed} are needed.",
    cure: "Send the ether along with the call.",
    remedy: "fatal",
  },
  "ReentrancyGuardReentrantCall()": {
    sentence: "A contract was called while it was at work for the same transaction.",
    cure: "Do one thing after the other: a token or wallet that calls back is refused.",
    remedy: "fatal",
  },
  "SafeCastOverflowedIntDowncast(uint8,int256)": {
    sentence: "The number {value} does not fit in {bits} bits.",
    cure: OVERFLOW,
    remedy: "fatal",
  },
  "SafeCastOverflowedUintDowncast(uint8,uint256)": {
    sentence: "The number {value} does not fit in {bits} bits.",
    cure: OVERFLOW,
    remedy: "fatal",
  },
  "SafeCastOverflowedIntToUint(int256)": {
    sentence: "The number {value} is negative where it cannot be.",
    cure: "Use a number that is not negative.",
    remedy: "fatal",
  },
  "SafeCastOverflowedUintToInt(uint256)": {
    sentence: "The number {value} is too large to have a sign.",
    cure: OVERFLOW,
    remedy: "fatal",
  },
  "InvalidShortString()": {
    sentence: "A short string is malformed.",
    cure: "Report a bug: this must not happen.",
    remedy: "fatal",
  },
  "StringTooLong(string)": {
    sentence: 'The string "{str}" is too long to be stored in a word.',
    cure: "Use at most 31 bytes.",
    remedy: "fatal",
  },
};
