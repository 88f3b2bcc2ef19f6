import type { ErrorEntries } from "../entry.js";

const INSTRUCTION = "instruction {number} of account {account}";

/** Errors of IStandingTopUp and ILiquidationAutomation. */
export const AUTOMATION_ERRORS: ErrorEntries = {
  "NotAccountOwner(bytes32,address)": {
    sentence: "{caller} does not own account {account}, and only its owner instructs or cancels.",
    cure: "Send from the owner's address.",
    remedy: "fatal",
  },
  "InstructionOutOfBounds(bytes32,uint256,uint256,uint256)": {
    sentence:
      'The instruction\'s field "{field:name}" is {value} and must be {least} to {most}, in its own unit.',
    cure: "Choose a value within the bounds.",
    remedy: "fatal",
  },
  "InvalidSource(uint8,bytes32)": {
    sentence: "{source:hex} is no {kind:source} that the account's owner could use for it.",
    cure: "Name 0 for the wallet, another account of the owner, or an ERC-4626 vault of the settlement token.",
    remedy: "fatal",
  },
  "NoSuchInstruction(bytes32,uint8)": {
    sentence: `There is no ${INSTRUCTION}: it was cancelled, or there never was one.`,
    cure: "Leave it.",
    remedy: "retry",
  },
  "InstructionExpired(bytes32,uint8,uint256)": {
    sentence: `The ${INSTRUCTION} ended at {until:time}.`,
    cure: "Leave it; its owner may leave a new one.",
    remedy: "fatal",
  },
  "TopUpNotDue(bytes32,uint8,int256,uint256)": {
    sentence: `The ${INSTRUCTION} is not due: equity {equity:wad} over maintenance {maintenance:wad} is not below the trigger.`,
    cure: "Leave it, and look again when prices have moved.",
    remedy: "retry",
  },
  "TooLittleToMove(bytes32,uint8,uint256,uint256)": {
    sentence: `Source, budget and deposit cap leave ${INSTRUCTION} {available:amount}, and at least {least:amount} are needed.`,
    cure: "Wait for the source, the window or room under the cap; the owner may raise allowance and budget.",
    remedy: "wait",
  },
  "TipTooHigh(bytes32,uint8,uint256,uint256)": {
    sentence: `A tip of {tip:amount} was asked of ${INSTRUCTION}, which gives at most {most:amount} now.`,
    cure: "Ask for what previewTopUp says.",
    remedy: "retry",
  },
  "SourceFailed(bytes32,uint8,bytes32)": {
    sentence: `The share vault {source:hex} of ${INSTRUCTION} refused to pay.`,
    cure: "Wait until it pays again; its owner may choose another source.",
    remedy: "wait",
  },
  "SourceFellShort(bytes32,uint8,uint256,uint256)": {
    sentence: `{asked:amount} were asked of the source of ${INSTRUCTION}, and {arrived:amount} arrived.`,
    cure: "Leave it: its owner should choose another source.",
    remedy: "fatal",
  },
  "SharesTooCheap(bytes32,uint8,uint256,uint256)": {
    sentence: `{burnt} smallest units of shares were burnt for {arrived:amount}, cheaper than ${INSTRUCTION} allows.`,
    cure: "Wait until shares are worth more again; the owner may lower the least price.",
    remedy: "wait",
  },
  "CheckpointUnorderedInsertion()": {
    sentence: "A history of movements would not be in the order of time.",
    cure: "Report a bug: this must not happen.",
    remedy: "fatal",
  },
  "RateLimitExceeded()": {
    sentence: "More would be moved than the budget of the window allows.",
    cure: "Wait until the window has passed.",
    remedy: "wait",
  },
  "InvalidPerformData(uint256)": {
    sentence: "{length} bytes are no batch, which has 1 to 16 entries of 34 bytes.",
    cure: "Pass on what checkUpkeep returned.",
    remedy: "fatal",
  },
  "NothingTaken(uint256,bytes4)": {
    sentence:
      "Not one slice of the {named} accounts was taken; the last failed for the reason {reason:reason}.",
    cure: "Check again: they may be healthy by now, or the liquidator needs margin.",
    remedy: "retry",
  },
  "NotTaking()": {
    sentence: "The owner of this liquidator has stopped it.",
    cure: "Liquidate with another account, which anyone may.",
    remedy: "wait",
  },
  "NotAutomation(address)": {
    sentence: "Only the automation itself may call this, and {caller} is not it.",
    cure: "Call performUpkeep.",
    remedy: "fatal",
  },
  "FreeMarginTooSmall(int256,uint256)": {
    sentence: "{free:wad} of margin would stay free, and the owner wants {least:wad}.",
    cure: "Deposit to the liquidator's account, or take a smaller share.",
    remedy: "fatal",
  },
  "TooManyNamed(uint256,uint256)": {
    sentence: "{given} accounts cannot be named at once, at most {most} can.",
    cure: "Split the list.",
    remedy: "fatal",
  },
  "OwnerRequired()": {
    sentence: "Without an owner nobody could reach what the liquidator's account has.",
    cure: "Name an owner.",
    remedy: "fatal",
  },
  "OwnableUnauthorizedAccount(address)": {
    sentence: "{account:address} is not the owner.",
    cure: "Send from the owner's address.",
    remedy: "fatal",
  },
  "OwnableInvalidOwner(address)": {
    sentence: "{owner} cannot be the owner.",
    cure: "Name another address.",
    remedy: "fatal",
  },
};
