// Made by `npm run abi`; changes are lost.
export * from "./AccessManager.js";
export * from "./Clearinghouse.js";
export * from "./DefaultProcess.js";
export * from "./Exchange.js";
export * from "./Lens.js";
export * from "./MarginEngine.js";
export * from "./PriceOracle.js";
export * from "./Router.js";
export * from "./Rules.js";
export * from "./Vault.js";
export * from "./VolatilityOracle.js";
export * from "./errors.js";
