import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { csvOfCandles, sampleCandles } from "../scripts/backtest/sample.js";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const TSX = join(ROOT, "node_modules", "tsx", "dist", "cli.mjs");

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command as npm does. */
async function command(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [TSX, "scripts/backtest.ts", ...args], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const outcome: Outcome = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (outcome.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (outcome.stderr += text));
  await once(child, "close");
  return { ...outcome, code: child.exitCode };
}

describe("npm run backtest", function () {
  this.timeout(60_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "plimsoll-backtest-cli-"));
  });

  after(async () => {
    await rm(folder, { recursive: true });
  });

  it("explains itself, with examples", async () => {
    const { code, stdout, stderr } = await command("--help");
    expect([code, stderr]).to.deep.equal([0, ""]);
    expect(stdout).to.match(/--coverage <share> .*\(default:\s+0.999\)/);
    expect(stdout).to.contain("npm run backtest -- --prices eth_1h.csv.gz btc_1h.csv.gz");
    expect(stdout).to.contain("Exit codes: 0");
  });

  it("refuses what is wrong with a sentence and a cure, and writes nothing", async () => {
    const prices = join(folder, "prices.csv");
    await writeFile(prices, "ts,open,high,low,close,volume\n1000,1,1,1,zero,1\n");
    const out = join(folder, "nothing");
    for (const [args, message] of [
      [["--prices", join(folder, "none.csv")], /^There is no file .*none\.csv\. Check the path\./],
      [["--prices", prices], /^prices\.csv, line 2: the close "zero" is not a number\. Every cell/],
    ] as const) {
      const { code, stdout, stderr } = await command(...args, "--out", out);
      expect([code, stdout], args.join(" ")).to.deep.equal([2, ""]);
      expect(stderr).to.match(message);
      expect(stderr).not.to.contain("    at ");
    }
    expect(await readdir(folder)).to.deep.equal(["prices.csv"]);
  });

  it("makes up prices, tests rules on them and writes a report", async () => {
    const [eth, btc] = [join(folder, "eth_sample.csv"), join(folder, "btc_sample.csv")];
    const made = await command("--sample", eth);
    expect(made.stdout).to.match(/eth_sample\.csv: 17,?\d{3} made-up candles/);
    await writeFile(btc, csvOfCandles(sampleCandles({ seed: 2, hours: 2_000, start: 40_000 })));

    const out = join(folder, "report", "of today");
    const { code, stdout, stderr } = await command("--prices", eth, btc, "--out", out);
    expect(code).to.equal(0);
    expect(stderr).to.equal(
      "Volatility of eth_sample.csv: 0 %\nVolatility of btc_sample.csv: 0 %\n",
    );
    expect(stdout).to.contain("ETH: eth_sample.csv").and.to.contain("BTC: btc_sample.csv");
    expect(stdout).to.contain("pure EWMA at equal coverage").and.to.contain("sigma 40 to 60 %");
    expect(stdout).to.contain("- At equal coverage of 99.9");
    expect(stdout).to.match(/Written: .*report\.html, .*results\.json, .*results\.csv\n$/);

    expect(await readdir(out)).to.have.members(["report.html", "results.json", "results.csv"]);
    const page = await readFile(join(out, "report.html"), "utf8");
    expect(page)
      .to.match(/^<!doctype html>/)
      .and.to.contain("BTC: btc_sample.csv");
    const results = JSON.parse(await readFile(join(out, "results.json"), "utf8")) as {
      files: { market: { name: string; rates: { maintenanceBaseBps: number } } }[];
    };
    expect(results.files.map(({ market }) => market.name)).to.deep.equal(["ETH", "BTC"]);
    expect(results.files[0]!.market.rates.maintenanceBaseBps).to.equal(200);
  });

  it("says so when the report cannot be written", async () => {
    const prices = join(folder, "short.csv");
    await writeFile(prices, csvOfCandles(sampleCandles({ seed: 3, hours: 300, start: 1_000 })));
    const { code, stderr } = await command("--prices", prices, "--out", join(prices, "below"));
    expect(code).to.equal(2);
    expect(stderr).to.match(/report\.html cannot be written \((ENOTDIR|EEXIST)\)\. Give --out/);
  });
});
