export * from "./abi/index.js";
export * from "./ids.js";
export * from "./lens.js";
export * from "./orders.js";
export * from "./typedOrder.js";
export * from "./volatility.js";
export * from "./wad.js";
export * from "./margin/snapshot.js";
export { type ErrorEntry, type ErrorValues, type Remedy } from "./errors/entry.js";
export { errorName, explainError, type Explanation, formatExplanation } from "./errors/explain.js";
export { type ErrorContext, type TokenInfo } from "./errors/formats.js";
export { revertDataOf } from "./errors/revertData.js";
export { ExplainedError, sendExplained } from "./errors/send.js";
export {
  connect,
  connectAs,
  ConnectError,
  type ContractName,
  type Deployment,
  type Plimsoll,
  readErrorContext,
} from "./connect.js";
