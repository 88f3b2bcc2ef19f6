import { measureMemory } from "./scripts/bench/keeper/memory.js";
const f = measureMemory(Number(process.argv[2]));
console.log(f);
