/** `tsx scripts/bench-fast.ts [accounts] [positions] [underlyings]`: what a keeper's book of accounts takes. */
import { measureMarks, type Spread } from "./bench/marks.js";

const [accounts = 1_000_000, positionsOfAccount = 3, underlyings = 8] = process.argv
  .slice(2)
  .map(Number);

const figures = measureMarks({ accounts, positionsOfAccount, underlyings });
const shown = ({ processor, best, median, worst }: Spread) => {
  const [least, middle, most] = [best, median, worst].map((time) => time.toFixed(1));
  return `${processor.toFixed(1)} ms of a processor; ${least} to ${most} ms, mostly ${middle} ms`;
};
console.log(
  [
    `${accounts} accounts x ${positionsOfAccount} positions, ${underlyings} underlyings`,
    `mark all      ${shown(figures.markAll)}`,
    `mark one      ${shown(figures.markOne)}`,
    `below         ${shown(figures.below)}: ${figures.listed} accounts`,
    `put           ${figures.put.toFixed(2)} us an account`,
    `resident      ${(figures.resident / 1e6).toFixed(0)} MB`,
  ].join("\n"),
);
