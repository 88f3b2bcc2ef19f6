import type { ErrorEntries } from "../entry.js";

const SCHEDULE =
  "Schedule the call with AccessManager.schedule, wait the role's delay, then execute it within a week.";

/** Errors of OpenZeppelin's AccessManager and AccessManaged. */
export const GOVERNANCE_ERRORS: ErrorEntries = {
  "AccessManagedUnauthorized(address)": {
    sentence: "{caller} has not the role that this function takes.",
    cure: "Send from the role's holder; docs/permissions.md says who that is.",
    remedy: "fatal",
  },
  "AccessManagedRequiredDelay(address,uint32)": {
    sentence: "{caller} may do this only {delay:seconds} after announcing it.",
    cure: SCHEDULE,
    remedy: "fatal",
  },
  "AccessManagedInvalidAuthority(address)": {
    sentence: "{authority} cannot be the authority: there is no contract.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
  "AccessManagerAlreadyScheduled(bytes32)": {
    sentence: "Operation {operationId:hex} is scheduled already.",
    cure: "Wait for it, or cancel it first.",
    remedy: "retry",
  },
  "AccessManagerNotScheduled(bytes32)": {
    sentence:
      "Operation {operationId:hex} is not scheduled: it never was, was done, or was cancelled.",
    cure: SCHEDULE,
    remedy: "fatal",
  },
  "AccessManagerNotReady(bytes32)": {
    sentence: "Operation {operationId:hex} is scheduled and its delay is not over.",
    cure: "Wait until AccessManager.getSchedule's time.",
    remedy: "wait",
  },
  "AccessManagerExpired(bytes32)": {
    sentence: "Operation {operationId:hex} was not executed in its week.",
    cure: "Schedule it again.",
    remedy: "fatal",
  },
  "AccessManagerLockedRole(uint64)": {
    sentence: "Role {roleId} cannot be changed: it is the admin's or everybody's.",
    cure: "Use a role of your own.",
    remedy: "fatal",
  },
  "AccessManagerLockedFunction(bytes4)": {
    sentence: "The function {selector:hex} cannot be given to a role.",
    cure: "Leave it out.",
    remedy: "fatal",
  },
  "AccessManagerInvalidInitialAdmin(address)": {
    sentence: "{initialAdmin} cannot be the first admin.",
    cure: "Name another address.",
    remedy: "fatal",
  },
  "AccessManagerBadConfirmation()": {
    sentence: "A role is renounced only by its holder, who must name itself.",
    cure: "Name the sender's own address.",
    remedy: "fatal",
  },
  "AccessManagerUnauthorizedAccount(address,uint64)": {
    sentence: "{msgsender} has not role {roleId}.",
    cure: "Send from the role's holder; docs/permissions.md says who that is.",
    remedy: "fatal",
  },
  "AccessManagerUnauthorizedCall(address,address,bytes4)": {
    sentence: "{caller} may not call {selector:hex} of {target}.",
    cure: "Send from the role's holder; docs/permissions.md says who that is.",
    remedy: "fatal",
  },
  "AccessManagerUnauthorizedConsume(address)": {
    sentence: "{target} is not consuming a scheduled operation.",
    cure: "Let the target itself consume it: call it through AccessManager.execute.",
    remedy: "fatal",
  },
  "AccessManagerUnauthorizedCancel(address,address,address,bytes4)": {
    sentence:
      "{msgsender} may not cancel the call of {selector:hex} of {target} that {caller} scheduled.",
    cure: "Cancel from the address that scheduled it, the admin's or the guardian's.",
    remedy: "fatal",
  },
};
