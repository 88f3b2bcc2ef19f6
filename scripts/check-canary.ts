/** Checks that a failing Solidity test fails the run: without this, a green suite would prove nothing. */
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { report } from "./sources.js";

/** Lives only while this script runs; .gitignore names it in case the script is killed. */
const FILE = "test/Canary.t.sol";
const REASON = "the canary sang";

/** A test whose one assertion holds or fails. */
function canary(holds: boolean): string {
  return `// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract CanaryTest {
    function test_Canary() external pure {
        require(${holds}, "${REASON}");
    }
}
`;
}

/** Runs the canary alone and answers with the exit code and everything printed. */
function run(holds: boolean): { code: number | null; output: string } {
  writeFileSync(FILE, canary(holds));
  const { status, stdout, stderr } = spawnSync("hardhat", ["test", "solidity", FILE], {
    encoding: "utf8",
    env: { ...process.env, FORCE_COLOR: "0" },
  });
  return { code: status, output: stdout + stderr };
}

try {
  const failing = run(false);
  const passing = run(true);
  const problems = [
    failing.code === 0 &&
      "A failing Solidity test left the exit code at 0: do not trust the suite.",
    !(failing.output.includes(REASON) && /\b1 failing\b/.test(failing.output)) &&
      `The failing canary did not fail by its own assertion:\n${failing.output}`,
    (passing.code !== 0 || !/\b1 passing\b/.test(passing.output)) &&
      `The passing canary did not pass:\n${passing.output}`,
  ].filter((problem) => problem !== false);
  report(problems, "A failing Solidity test fails the run; a passing one passes.");
} finally {
  rmSync(FILE, { force: true });
}
