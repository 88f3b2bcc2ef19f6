export * from "./ids.js";
export * from "./lens.js";
export * from "./orders.js";
export * from "./triggers.js";
export * from "./volatility.js";
export * from "./wad.js";
export * from "./margin/snapshot.js";
