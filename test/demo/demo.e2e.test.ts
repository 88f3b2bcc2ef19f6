import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import hre from "hardhat";
import type { DemoReport } from "../../scripts/demo/report.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TSX = join(ROOT, "node_modules", "tsx", "dist", "cli.mjs");
/** Shared price files lie beside the repository; a worktree is one folder deeper. */
const PRICES = ["../shared/data/prices", "../../shared/data/prices"]
  .map((folder) => join(ROOT, folder))
  .find((folder) => existsSync(folder));
const PLAY_TIMEOUT_MILLISECONDS = 240_000;

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the command as npm does; `direct` leaves tsx's own process out, so that a signal hits the demo itself. */
function start(args: readonly string[], { direct = false } = {}) {
  const loader = direct ? ["--import", "tsx"] : [TSX];
  const child = spawn(process.execPath, [...loader, "scripts/demo.ts", ...args], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const outcome: Outcome = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (outcome.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (outcome.stderr += text));
  return { child, outcome, ended: once(child, "close") };
}

async function demo(...args: string[]): Promise<Outcome> {
  const { child, outcome, ended } = start(args);
  await ended;
  return { ...outcome, code: child.exitCode };
}

async function play(...args: string[]): Promise<DemoReport> {
  const { code, stdout, stderr } = await demo("--json", ...args);
  expect(stderr).to.equal("");
  expect(code).to.equal(0);
  return JSON.parse(stdout) as DemoReport;
}

function countOf(report: DemoReport, kind: string): number {
  return report.events.filter((event) => event.kind === kind).length;
}

/** Funding and interest are owed by the second, so every run has some of both, and interest is all somebody's. */
function expectFundingAndInterest({ funding, interest }: DemoReport): void {
  expect(funding.map(({ instrument }) => instrument)).to.have.members(["ETH-PERP", "BTC-PERP"]);
  for (const { instrument, interest: paid, above, below, net } of funding) {
    expect(Number(paid), instrument).to.be.above(0);
    expect(Number(above), instrument).to.be.above(0);
    expect(Number(below), instrument).to.be.at.least(0);
    const parts = Number(paid) + Number(above) - Number(below);
    // Not closeTo: Hardhat's takes integers only.
    expect(Math.abs(Number(net) - parts), instrument).to.be.at.most(1e-9);
  }
  expect(Number(interest.paid)).to.be.above(0);
  expect(Number(interest.earned)).to.be.above(0);
  expect(Number(interest.fund)).to.be.above(0);
  const received = Number(interest.earned) + Number(interest.fund);
  expect(Math.abs(Number(interest.paid) - received)).to.be.at.most(Number(interest.paid) / 1_000);
  const [loan] = interest.loans;
  expect(loan?.account).to.equal("Rae");
  expect(Number(loan?.paid)).to.be.within(1e-9, Number(interest.paid));
}

/** What must be true of every crash, whatever the prices. */
function expectSoundCrash(report: DemoReport): void {
  expect(report.exitStatus).to.equal(0);
  expect(report.invariants.map(({ id }) => id)).to.deep.equal(["I1", "I2", "I3", "I5"]);
  for (const { id, holds } of report.invariants) expect(holds, id).to.equal(true);
  expectFundingAndInterest(report);
  expect(countOf(report, "marginCall")).to.be.above(0);
  expect(countOf(report, "liquidation")).to.be.above(0);

  const traders = report.accounts.filter(({ name }) => !["Fund", "Treasury"].includes(name));
  expect(traders.length).to.be.at.least(12);
  expect(traders.filter(({ status }) => status === "healthy").length).to.be.above(3);
  expect(traders.filter(({ status }) => status === "wiped out" || status === "closed")).not.to.be
    .empty;
}

describe("npm run demo", function () {
  this.timeout(PLAY_TIMEOUT_MILLISECONDS);

  before(function () {
    // The command builds the contracts by itself and would overwrite those that coverage has prepared.
    if (hre.globalOptions.coverage) this.skip();
  });

  describe("the synthetic crash", () => {
    let report: DemoReport;

    before(async () => {
      report = await play();
    });

    it("calls margins, liquidates, and balances the books to the wei", () => {
      expectSoundCrash(report);
    });

    it("shows every step of the waterfall: the account, the insurance fund, the winners", () => {
      const liquidations = report.events.filter(({ kind }) => kind === "liquidation");
      expect(liquidations.some(({ toInsurance }) => Number(toInsurance) > 0)).to.equal(true);
      expect(liquidations.some(({ toInsurance }) => Number(toInsurance) < 0)).to.equal(true);
      expect(countOf(report, "gainsHaircut")).to.be.above(0);
    });

    it("empties the insurance fund by a bankruptcy that then reaches the gains haircut", () => {
      const emptied = report.events.findIndex(
        ({ kind, equity, toInsurance, fundLeft }) =>
          kind === "liquidation" &&
          Number(equity) < 0 &&
          Number(toInsurance) < 0 &&
          Number(fundLeft) < 0.01,
      );
      expect(emptied).to.be.at.least(0);
      expect(report.events[emptied + 1]?.kind).to.equal("gainsHaircut");
    });

    it("lets those who have cash bear what the haircut's cap leaves", () => {
      expect(countOf(report, "lendersCharged")).to.be.above(0);
      expect(Number(report.interest.borne)).to.be.above(0);
    });

    it("closes an account that no liquidator takes against the other side, an hour after its flag", () => {
      const flags = report.events.filter(({ kind }) => kind === "flag");
      expect(flags).not.to.be.empty;
      for (const { account, time } of flags) {
        const closings = report.events.filter(
          (event) => event.kind === "deleverage" && event.account === account,
        );
        expect(closings, account).not.to.be.empty;
        for (const closing of closings) {
          expect(Number(closing.time)).to.be.at.least(Number(time) + 3_600);
        }
        const left = report.accounts.find(({ name }) => name === account);
        expect(left?.positions, account).to.deep.equal([]);
      }
    });

    it("has sellers trade below the index, so that shorts pay longs for the premium", () => {
      for (const { below } of report.funding) expect(Number(below)).to.be.above(0);
    });

    it("turns losses into debts when their owners are called", () => {
      const settlements = report.events.filter(({ kind }) => kind === "settlement");
      expect(settlements).not.to.be.empty;
      for (const { cash, variation } of settlements) {
        expect(Number(cash)).to.be.below(0);
        expect(Number(variation)).to.be.below(0);
      }
    });

    it("lets owners answer their calls", () => {
      expect(countOf(report, "topUp")).to.be.above(0);
      expect(countOf(report, "reduction")).to.be.above(0);
    });

    it("drives the price down by about 45 % in a bounded number of steps", () => {
      expect(Number(report.scenario.drop)).to.be.within(0.4, 0.5);
      expect(Number(report.scenario.steps)).to.be.within(80, 200);
    });

    it("keeps the hedged and the careful out of trouble", () => {
      for (const name of ["Ivo", "Finn", "Hana", "Nia"]) {
        expect(report.accounts.find((account) => account.name === name)?.status).to.equal(
          "healthy",
        );
      }
    });

    it("leaves no journal of the deployment behind", async () => {
      const journals = join(ROOT, "ignition", "deployments");
      const left = existsSync(journals) ? await readdir(journals) : [];
      expect(left.filter((name) => name.startsWith("demo-"))).to.deep.equal([]);
    });
  });

  describe("real crashes", () => {
    function fileOf(this_: Mocha.Context, name: string): string {
      const file = join(PRICES ?? "", name);
      // The files may not be redistributed: elsewhere these tests are skipped.
      if (PRICES === undefined || !existsSync(file)) this_.skip();
      return file;
    }

    it("replays March 2020", async function () {
      const report = await play(
        "--prices",
        fileOf(this, "eth_spot_binance_5m_2020-02_2020-03.csv.gz"),
      );
      expectSoundCrash(report);
      expect(Number(report.scenario.drop)).to.be.above(0.5);
    });

    it("replays an hour of May 2021 with BTC driving", async function () {
      const file = fileOf(this, "btc_spot_binance_1m_2021-04-20_2021-05-20.csv.gz");
      const report = await play("--prices", file, "--from", "2021-05-19T12:00Z", "--hours", "1");
      expect(report.exitStatus).to.equal(0);
      expect(report.scenario.driver).to.equal("btc");
      expect(countOf(report, "liquidation")).to.be.above(0);
    });
  });

  describe("what people read", () => {
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "plimsoll-demo-"));
    });

    after(async () => {
      await rm(folder, { recursive: true });
    });

    async function fileOf(...lines: string[]): Promise<string> {
      const path = join(folder, "prices.csv");
      await writeFile(path, ["ts,open,high,low,close,volume", ...lines].join("\n"));
      return path;
    }

    it("is plain text where there is no terminal, with a heading for each phase", async () => {
      const lines = [
        "1583884800,200,201,199,200,1",
        "1583888400,200,200,150,160,1",
        "1583892000,160,170,155,165,1",
      ];
      const { code, stdout, stderr } = await demo("--prices", await fileOf(...lines));
      expect([code, stderr]).to.deep.equal([0, ""]);
      expect(stdout).not.to.match(/\u001b/);
      for (const phase of [
        "The chain",
        "The prices",
        "The accounts",
        "The crash",
        "What if nobody comes",
        "What happened",
        "Do the books balance?",
      ]) {
        expect(stdout).to.match(new RegExp(`── \\d {2}${phase.replace("?", "\\?")} ─`));
      }
      expect(stdout).to.contain("✖ liquidation").and.to.contain("Every invariant holds");
      expect(stdout).to.match(/ETH-PERP .*(longs paid shorts|shorts paid longs) \$/);
      expect(stdout).to.match(/Borrowers paid \$[\d.,]+ of interest/);
    });

    it("explains its options", async () => {
      const { code, stdout } = await demo("--help");
      expect(code).to.equal(0);
      expect(stdout)
        .to.contain("--prices <file>")
        .and.to.contain("Examples:")
        .and.to.contain("Exit codes:");
    });

    for (const [why, args, sentence] of [
      [
        "a missing file",
        ["--prices", "nowhere.csv"],
        /^There is no file nowhere\.csv\. Check the path/,
      ],
      ["an unknown option", ["--price", "x"], /^Unknown option '--price'/],
      ["no hours", ["--hours", "0"], /above 0/],
      ["half a seed", ["--seed", "1.5"], /whole number/],
    ] as const) {
      it(`is one sentence and exit code 2 for ${why}`, async () => {
        const { code, stdout, stderr } = await demo(...args);
        expect([code, stdout]).to.deep.equal([2, ""]);
        expect(stderr)
          .to.match(sentence)
          .and.not.to.match(/\bat .*:\d+:\d+/);
      });
    }

    it("says when --from is outside of the file", async () => {
      const path = await fileOf("1583884800,200,201,199,200,1", "1583888400,200,200,150,160,1");
      const { code, stderr } = await demo("--prices", path, "--from", "2019-01-01");
      expect(code).to.equal(2);
      expect(stderr).to.match(
        /--from 2019-01-01T00:00Z is outside of the file, which covers 2020-03-11T00:00Z/,
      );
    });

    it("says when the oracle would refuse the prices", async () => {
      const path = await fileOf("1583884800,1,1,1,1,1", "1583888400,1,1,1,1,1");
      const { code, stderr } = await demo("--prices", path);
      expect(code).to.equal(2);
      expect(stderr).to.match(
        /ETH\/USD would be 1\.00: the oracle takes only what is between 30 and 300000/,
      );
    });
  });

  /** Whether anybody listens at an address within a few seconds' grace for a process to end. */
  async function isSilent(url: string): Promise<boolean> {
    for (let attempt = 0; attempt < 30; attempt++) {
      try {
        await fetch(url);
      } catch {
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return false;
  }

  for (const [signal, code, direct] of [
    ["SIGINT", 130, false],
    ["SIGTERM", 143, true],
    ["SIGKILL", null, true],
  ] as const) {
    it(`ends its node when it gets ${signal}`, async () => {
      const { child, outcome, ended } = start([], { direct });
      let url: string | undefined;
      child.stdout.on("data", () => {
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(outcome.stdout)?.[0];
        if (found === undefined || url !== undefined) return;
        url = found;
        child.kill(signal);
      });
      await ended;
      expect(child.exitCode).to.equal(code);
      expect(url === undefined ? false : await isSilent(url)).to.equal(true);
    });
  }
});
