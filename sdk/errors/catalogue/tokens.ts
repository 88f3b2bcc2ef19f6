import type { ErrorEntries } from "../entry.js";

const RAW = "smallest units";

/** Errors of standard tokens (ERC-6093), permits, and of those who call tokens. */
export const TOKEN_ERRORS: ErrorEntries = {
  "ERC20InsufficientBalance(address,uint256,uint256)": {
    sentence: `{sender} has {balance} ${RAW} of the token, and {needed} are needed.`,
    cure: "Send the tokens there first, or ask for less.",
    remedy: "fatal",
  },
  "ERC20InsufficientAllowance(address,uint256,uint256)": {
    sentence: `{spender} may take {allowance} ${RAW} of the token, and {needed} are needed.`,
    cure: "Approve {spender} first, or deposit with a permit.",
    remedy: "fatal",
  },
  "ERC20InvalidSender(address)": {
    sentence: "No tokens can come from {sender}.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
  "ERC20InvalidReceiver(address)": {
    sentence: "No tokens can go to {receiver}.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
  "ERC20InvalidApprover(address)": {
    sentence: "{approver} cannot approve anything.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
  "ERC20InvalidSpender(address)": {
    sentence: "{spender} cannot be approved.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
  "ERC2612ExpiredSignature(uint256)": {
    sentence: "The permit ended at {deadline:time}.",
    cure: "Sign a new one.",
    remedy: "fatal",
  },
  "ERC2612InvalidSigner(address,address)": {
    sentence: "The permit is signed by {signer} and not by {owner}, or says something else.",
    cure: "Sign it with the owner's key and the token's current nonce.",
    remedy: "fatal",
  },
  "InvalidAccountNonce(address,uint256)": {
    sentence: "The next nonce of {account:address} is {currentNonce}.",
    cure: "Sign with that nonce.",
    remedy: "retry",
  },
  "SafeERC20FailedOperation(address)": {
    sentence: "The token {token:token} refused a transfer or did not say that it was done.",
    cure: "See that balance and allowance suffice, and that the token is not paused for one of the two.",
    remedy: "fatal",
  },
  "ECDSAInvalidSignature()": {
    sentence: "The signature is by nobody.",
    cure: "Sign again.",
    remedy: "fatal",
  },
  "ECDSAInvalidSignatureLength(uint256)": {
    sentence: "A signature has 65 bytes, not {length}.",
    cure: "Sign again.",
    remedy: "fatal",
  },
  "ECDSAInvalidSignatureS(bytes32)": {
    sentence: "The signature is the second of two that say the same ({s:hex}), which is refused.",
    cure: "Sign with a library that makes canonical signatures, as all usual ones do.",
    remedy: "fatal",
  },
};
