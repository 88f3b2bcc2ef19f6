export * from "./checkpoint.js";
export * from "./checkpointLines.js";
export type { Difference } from "./comparison.js";
export { compileDecoders, MalformedLog, type DecodedEvent, type EventDecoder } from "./decoder.js";
export { nonceKey, operatorKey, volatilityKey } from "./emptyState.js";
export * from "./errors.js";
export * from "./eventIndex.js";
export * from "./events.js";
export * from "./follow.js";
export { INDEXED_ABIS, indexOptionsOf } from "./indexed.js";
export type { ChangeListener, TableName } from "./journal.js";
export * from "./projection.js";
export {
  storedBracketsAt,
  storedHaircutsAt,
  storedLiquidationAt,
  storedRatesAt,
  underlyingAt,
} from "./ramps.js";
export type { IndexedDeployment } from "./reduction.js";
export * from "./source.js";
export type * from "./state.js";
export {
  verifyIndex,
  type VerifiedContracts,
  type VerifyOptions,
  type VerifyResult,
} from "./verify.js";
