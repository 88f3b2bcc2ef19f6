/**
 * `npm run docs:api`: writes docs/api/, the SDK's reference, from the comments of what sdk/index.ts exports. With --check it
 * writes nothing and says whether docs/api/ is what it would write.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { Application, TSConfigReader, TypeDocReader } from "typedoc";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const REFERENCE = path.join(ROOT, "docs", "api");

/** The modules of the index, one page each. ABIs are for compilers: as pages they would be longer than all the rest. */
function publicModules(): string[] {
  const index = readFileSync(path.join(ROOT, "sdk", "index.ts"), "utf8");
  return [...index.matchAll(/^export .* from "\.\/(.+)\.js";$/gm)]
    .map((match) => match[1] ?? "")
    .filter((module) => module !== "abi/index")
    .map((module) => path.join(ROOT, "sdk", `${module}.ts`));
}

async function writeReference(folder: string): Promise<void> {
  const options = {
    options: path.join(ROOT, "typedoc.json"),
    entryPoints: publicModules(),
    out: folder,
    logLevel: "Warn",
  } as const;
  const readers = [new TypeDocReader(), new TSConfigReader()];
  const application = await Application.bootstrapWithPlugins(options, readers);
  const project = await application.convert();
  if (project === undefined) throw new Error("The SDK does not compile: run `npm run types`.");
  application.validate(project);
  await application.generateOutputs(project);
  if (application.logger.hasErrors() || application.logger.hasWarnings()) {
    throw new Error("The SDK's comments are not complete; see above.");
  }
}

function pagesOf(folder: string): Map<string, string> {
  const files = readdirSync(folder).sort();
  return new Map(files.map((file) => [file, readFileSync(path.join(folder, file), "utf8")]));
}

const { check } = new Command()
  .name("npm run docs:api --")
  .description("Writes docs/api/ from the comments of the SDK")
  .option("--check", "only say whether docs/api/ is current", false)
  .parse()
  .opts<{ check: boolean }>();

if (check) {
  const folder = mkdtempSync(path.join(tmpdir(), "plimsoll-api-"));
  try {
    await writeReference(folder);
    const [wanted, found] = [pagesOf(folder), pagesOf(REFERENCE)];
    const files = new Set([...wanted.keys(), ...found.keys()]);
    const stale = [...files].filter((file) => wanted.get(file) !== found.get(file));
    if (stale.length > 0) {
      throw new Error(`docs/api/ is stale (${stale.join(", ")}): run \`npm run docs:api\`.`);
    }
    console.log(`The ${found.size} pages of docs/api/ are current.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  rmSync(REFERENCE, { recursive: true, force: true });
  await writeReference(REFERENCE);
  console.log(`${pagesOf(REFERENCE).size} pages are written to docs/api/.`);
}
