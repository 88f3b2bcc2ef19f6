export * from "./ids.js";
export * from "./orders.js";
export * from "./wad.js";
