import { readFileSync } from "node:fs";
import { getAddress } from "ethers";
import hre from "hardhat";
import type { ActName } from "./bench/acts.js";
import { measure } from "./bench/measure.js";
import { openMarket } from "./bench/market.js";

const act = process.argv[2] as ActName;
const only = process.argv[3];
const market = await openMarket();
const info = async (name: string) => {
  const id = await hre.artifacts.getBuildInfoId(name);
  const f = await hre.artifacts.getBuildInfoOutputPath(id!);
  const { output } = JSON.parse(readFileSync(f!, "utf8"));
  const sources: Record<number, string> = {};
  for (const [p, s] of Object.entries(output.sources as any)) sources[(s as any).id] = p;
  for (const [p, cs] of Object.entries(output.contracts as any))
    if ((cs as any)[name]) return { evm: (cs as any)[name].evm.deployedBytecode, sources, path: p };
  throw new Error(name);
};
const names = new Map<string, string>();
for (const [n, a] of Object.entries(market.addresses.contracts)) names.set(getAddress(a as string), n);
const maps = new Map<string, any>();
const load = async (n: string) => {
  if (maps.has(n)) return maps.get(n);
  const { evm, sources } = await info(n);
  const code = Buffer.from(evm.object.replace(/__\$.{34}\$__/g, "0".repeat(40)), "hex");
  const pcs: number[] = [];
  let i = 0, idx = 0;
  const pcToIdx = new Map<number, number>();
  while (i < code.length) { pcToIdx.set(i, idx++); const op = code[i]!; i += op >= 0x60 && op <= 0x7f ? op - 0x5f + 1 : 1; }
  const entries: [number, number, number][] = []; let s = 0, l = 0, f = 0;
  for (const part of evm.sourceMap.split(";")) { const [a, b, c] = part.split(":"); if (a) s = +a; if (b) l = +b; if (c) f = +c; entries.push([s, l, f]); }
  const m = { pcToIdx, entries, sources }; maps.set(n, m); return m;
};
const texts = new Map<string, string>();
const lineOf = (p: string, off: number) => {
  if (!texts.has(p)) { let t = ""; for (const q of [p.replace(/^project\//, ""), "node_modules/" + p.replace(/^npm\/(.*?)@[^/]+\//, "$1/")]) { try { t = readFileSync(q, "utf8"); break; } catch {} } texts.set(p, t); }
  const t = texts.get(p)!; const line = t.slice(0, off).split("\n").length; return [line, t.split("\n")[line - 1]?.trim().slice(0, 90)] as const;
};
await measure(market, act, async ({ receipt }: any) => {
  const trace: any = await market.connection.provider.request({ method: "debug_traceTransaction", params: [receipt.hash, { disableMemory: true, disableStorage: true }] });
  const stack: string[] = [getAddress(receipt.to)];
  const byLine = new Map<string, number>(); const byPc = new Map<string, number>();
  for (let k = 0; k < trace.structLogs.length; ++k) {
    const log = trace.structLogs[k]; const next = trace.structLogs[k + 1];
    while (stack.length > log.depth) stack.pop();
    const n = names.get(stack[stack.length - 1]!) ?? "?";
    if (n !== "?" && (!only || n === only)) {
      const m = await load(n); const e = m.entries[m.pcToIdx.get(log.pc)] ?? [0, 0, -1];
      const p = m.sources[e[2]] ?? "generated";
      const [line, text] = p === "generated" ? [0, ""] : lineOf(p, e[0]);
      const key = `${n} ${p.split("/").pop()}:${line} ${text}`;
      const isCall = ["CALL", "STATICCALL", "DELEGATECALL"].includes(log.op);
      const cost = isCall ? 100 : ["SLOAD","SSTORE"].includes(log.op) || log.op.startsWith("LOG") ? 0 : log.gasCost;
      byLine.set(key, (byLine.get(key) ?? 0) + cost);
    }
    if (["CALL", "STATICCALL", "DELEGATECALL"].includes(log.op) && next && next.depth > log.depth) {
      const addr = getAddress("0x" + log.stack[log.stack.length - 2].replace(/^0x/, "").padStart(64, "0").slice(24));
      stack.push(addr);
    }
  }
  const rows = [...byLine].sort((a, b) => b[1] - a[1]).slice(0, +(process.argv[4] ?? 60));
  for (const [k, v] of rows) console.log(String(v).padStart(7), k);
  return undefined as any;
});
process.exit(0);
