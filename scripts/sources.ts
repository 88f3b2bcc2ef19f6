import { globSync, readFileSync } from "node:fs";

/** One file of the project, as the check scripts read it. */
export interface SourceFile {
  /** From the project's root, with forward slashes. */
  path: string;
  text: string;
}

interface BuildInfo {
  input: { settings: { viaIR?: boolean } };
}

/** Every file that the glob patterns name, in the order of their paths. */
export function readSources(...patterns: string[]): SourceFile[] {
  return globSync(patterns)
    .map((path) => path.replaceAll("\\", "/"))
    .sort()
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

/** The same Solidity text with its comments blanked out; lines and columns stay where they are. */
export function withoutComments(solidity: string): string {
  return solidity.replace(
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (token) => (token.startsWith("/") ? token.replace(/[^\n]/g, " ") : token),
  );
}

/** The line, counted from 1, of a character of a text. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Ends a check: exit 1 with one line for each problem, or one sentence that says what holds. */
export function report(problems: readonly string[], success: string): void {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(success);
}

/** Whether a build used the production profile: only that one compiles by way of the IR. */
export function isProductionBuild(buildInfoId: string): boolean {
  const text = readFileSync(`artifacts/build-info/${buildInfoId}.json`, "utf8");
  return (JSON.parse(text) as BuildInfo).input.settings.viaIR === true;
}
