import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ACTS, type ActName } from "./acts.js";
import { type Figures, figuresMarkdown } from "./figures.js";
import type { Market } from "./market.js";
import { profile } from "./profile.js";

const FILE = "docs/gas.md";
const ABSOLUTE_FILE = fileURLToPath(new URL(`../../${FILE}`, import.meta.url));

/** A part that is written by this command: `<!-- bench: figures -->` or `<!-- bench: <act> -->` up to `<!-- end -->`. */
const PART = /(<!-- bench: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g;

/** Renews the tables of docs/gas.md, so that they are those of bench/gas.json; returns where that is. */
export async function rewriteDocument(market: Market, figures: Figures): Promise<string> {
  let text = readFileSync(ABSOLUTE_FILE, "utf8");
  for (const [part, begin = "", subject = "", end = ""] of text.matchAll(PART)) {
    const content = await contentOf(subject);
    text = text.replace(part, () => `${begin}${content}\n${end}`);
  }
  writeFileSync(ABSOLUTE_FILE, text);
  return FILE;

  async function contentOf(subject: string): Promise<string> {
    if (subject === "figures") return figuresMarkdown(figures);
    if (!(subject in ACTS)) throw new Error(`${FILE} asks for ${subject}, which is no act`);
    return profile(market, subject as ActName);
  }
}
