import type { ErrorEntries } from "../entry.js";
import { AUTOMATION_ERRORS } from "./automation.js";
import { CLEARINGHOUSE_ERRORS } from "./clearinghouse.js";
import { EXCHANGE_ERRORS } from "./exchange.js";
import { GENERAL_ERRORS } from "./general.js";
import { GOVERNANCE_ERRORS } from "./governance.js";
import { MARGIN_ERRORS } from "./marginEngine.js";
import { ORACLE_ERRORS } from "./oracle.js";
import { RULES_ERRORS } from "./rules.js";
import { TOKEN_ERRORS } from "./tokens.js";
import { VAULT_ERRORS } from "./vault.js";

/** What the catalogue is made of; no signature stands in two of them. */
export const CATALOGUES: readonly ErrorEntries[] = [
  VAULT_ERRORS,
  CLEARINGHOUSE_ERRORS,
  EXCHANGE_ERRORS,
  MARGIN_ERRORS,
  RULES_ERRORS,
  ORACLE_ERRORS,
  AUTOMATION_ERRORS,
  GOVERNANCE_ERRORS,
  TOKEN_ERRORS,
  GENERAL_ERRORS,
];

/** An entry for every error that a call to Plimsoll may meet, by signature. */
export const ERROR_CATALOGUE: ErrorEntries = Object.assign({}, ...CATALOGUES) as ErrorEntries;
