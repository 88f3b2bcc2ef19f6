export type { ErrorEntry, ErrorValues, Remedy } from "./entry.js";
export { errorName } from "./fragments.js";
export { explainError, type Explanation, formatExplanation } from "./explain.js";
export type { ErrorContext, TokenInfo } from "./formats.js";
export { type Hex, refusalOf, revertDataOf } from "./revertData.js";
export { ExplainedError, sendExplained } from "./send.js";
