import type { ErrorEntries } from "../entry.js";

/** Errors of IVault, and of those that share its rules. */
export const VAULT_ERRORS: ErrorEntries = {
  "NotAuthorized(bytes32,address,uint8)": {
    sentence:
      "{caller} is neither the owner of account {account} nor an operator with {permission:permissions} at this moment.",
    cure: "Send from the owner's address, or let the owner give the right with Vault.setOperator; rights end at their time.",
    remedy: "fatal",
  },
  "NotClearinghouse(address)": {
    sentence: "Only the clearinghouse may do this, and {caller} is not it.",
    cure: "Call the Clearinghouse's function for it, which calls this one itself.",
    remedy: "fatal",
  },
  "ClearinghouseAlreadySet(address)": {
    sentence: "The vault's clearinghouse is {clearinghouse} for ever.",
    cure: "Wire the margin engine with the clearinghouse that is set.",
    remedy: "fatal",
  },
  "ZeroAmount(address)": {
    sentence: "The amount of {token:token} is 0, or too small to be told from 0.",
    cure: "Ask for a larger amount.",
    remedy: "fatal",
  },
  "StrangerDepositRefused(bytes32,address,address)": {
    sentence:
      "{caller} is a stranger to account {account}, which does not hold {token:token}: each further token would raise its minimum margin.",
    cure: "Deposit the settlement token or one that the account holds, or let its owner deposit.",
    remedy: "fatal",
  },
  "DepositsStopped(address)": {
    sentence: "Deposits of {token:token} are stopped.",
    cure: "Deposit another token, or wait until governance accepts this one again.",
    remedy: "wait",
  },
  "DepositCapExceeded(address,uint256,uint256)": {
    sentence:
      "The vault would hold {total:amount(token)} of the token {token:token} and takes at most {cap:amount(token)}.",
    cure: "Deposit less, or wait until others have withdrawn.",
    remedy: "wait",
  },
  "OutflowLimitExceeded(address,uint256,uint256)": {
    sentence:
      "{requested:amount(token)} were asked for and {room:amount(token)} of the token {token:token} may leave the vault now, net of deposits.",
    cure: "Ask for what there is room for, or wait: room comes back over a day, and with every deposit.",
    remedy: "wait",
  },
  "PermitFailed(address,address,uint256,uint256)": {
    sentence:
      "The token {token:token} did not accept the permit, and {owner} allows {allowance:amount(token)} of the {amount:amount(token)} that are needed.",
    cure: "Sign a new permit with the token's current nonce and a later deadline, or approve the vault.",
    remedy: "fatal",
  },
  "InsufficientBalance(bytes32,address,uint256,uint256)": {
    sentence:
      "Account {account} has {available:amount(token)} of the token {token:token}, and {requested:amount(token)} were asked for.",
    cure: "Ask for at most what it has; variation settlement turns gains into cash.",
    remedy: "fatal",
  },
  "InsufficientTokens(address,uint256,uint256)": {
    sentence:
      "The vault holds {held:amount(token)} of the token {token:token}, and {requested:amount(token)} were asked for: the rest is lent out. Nothing is lost.",
    cure: "Ask for less, or wait until borrowers repay; the interest rate rises until they do.",
    remedy: "wait",
  },
  "BorrowCapExceeded(uint256,uint256)": {
    sentence: "All debts together would be {total:wad}, and at most {cap:wad} may be borrowed.",
    cure: "Withdraw no more than the account's own cash, or wait until others have repaid.",
    remedy: "wait",
  },
  "TokensMissing(address,uint256,uint256)": {
    sentence:
      "The vault should hold {tracked:amount(token)} of the token {token:token} and holds {held:amount(token)}: it takes no more of them.",
    cure: "Keep your tokens and tell the operators: the missing ones must come back first.",
    remedy: "wait",
  },
  "InvalidReceiver(address)": {
    sentence: "Tokens cannot be sent to {receiver}.",
    cure: "Name an address or account of your own.",
    remedy: "fatal",
  },
  "NotSameOwner(bytes32,bytes32)": {
    sentence: "Accounts {from} and {to} do not belong to one owner, or are the same.",
    cure: "Withdraw and deposit instead, or name another sub-account of the owner.",
    remedy: "fatal",
  },
  "SameAccount(bytes32)": {
    sentence: "Account {account} cannot be its own counterparty.",
    cure: "Name another account.",
    remedy: "fatal",
  },
  "UnknownPermissions(uint8)": {
    sentence: "The permissions {permissions:permissions} have bits that mean nothing.",
    cure: "Add up TRADE 1, TRANSFER 2, WITHDRAW 4 and LIQUIDATE 8.",
    remedy: "fatal",
  },
  "NotWired()": {
    sentence: "The contract does not know its partners yet: the deployment is not complete.",
    cure: "Use the addresses of a finished deployment, or finish this one with `npm run deploy`.",
    remedy: "fatal",
  },
  "NotAContract(address)": {
    sentence: "There is no contract at {given}.",
    cure: "Correct the address.",
    remedy: "fatal",
  },
};
