/** Checks that imports point one way, so that each room can be read without those above it. */
import { posix } from "node:path";
import ts from "typescript";
import { readSources, report, withoutComments } from "./sources.js";

/** The floors of contracts/, lowest first. A room imports from itself and from the floors below. */
const FLOORS = [
  ["libraries"],
  ["types"],
  ["interfaces"],
  ["clearing", "instruments"],
  ["margin", "oracle"],
  ["root"],
  ["lens", "router", "pool", "automation"],
];

/** Rooms that stand beside the protocol: they may import everything, the protocol imports nothing of theirs. */
const STAGES = ["mocks", "testing"];

/** What each TypeScript room may import besides itself and packages; test/ may import everything. */
const TYPESCRIPT_ROOMS: Record<string, readonly string[]> = {
  sdk: ["typechain-types"],
  ignition: ["sdk"],
  examples: ["sdk"],
  keeper: ["sdk", "typechain-types"],
  app: ["sdk", "typechain-types"],
  scripts: ["sdk", "keeper", "ignition", "typechain-types"],
};

/** The room of a file under contracts/: its folder, or `root`. */
function contractRoom(path: string): string {
  const [, folder, rest] = path.split("/");
  return rest === undefined || folder === undefined ? "root" : folder;
}

/** What is wrong with one contract importing another, if anything is. */
function contractProblem(from: string, to: string): string | undefined {
  if (!to.startsWith("contracts/")) return "leaves contracts/; keep what contracts share inside it";
  const [room, target] = [contractRoom(from), contractRoom(to)];
  if (STAGES.includes(room)) return undefined;
  if (STAGES.includes(target)) {
    return `is in ${target}/, which no contract of the protocol may need; move what it needs to another room`;
  }

  const floorOf = (name: string) => FLOORS.findIndex((floor) => floor.includes(name));
  const unknown = [room, target].find((name) => floorOf(name) < 0);
  if (unknown !== undefined) {
    return `involves the unknown room ${unknown}/; give it a floor in scripts/check-imports.ts`;
  }
  if (room === "root" && target === "root") {
    return "is a sibling at the root of contracts/; import its interface instead";
  }
  if (room !== target && floorOf(target) >= floorOf(room)) {
    return `is in ${target}, which is not below ${room}; import an interface, or move the shared part down`;
  }
  return undefined;
}

/** Problems of every Solidity import. */
function checkContracts(): string[] {
  return readSources("contracts/**/*.sol").flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(/\bimport\b[^"';]*["']([^"']+)["']/g)].flatMap((match) => {
      const target = match[1] ?? "";
      const isLocal = target.startsWith(".") || target.startsWith("contracts/");
      if (!isLocal) return [];
      const resolved = target.startsWith(".") ? posix.join(posix.dirname(path), target) : target;
      const problem = contractProblem(path, resolved);
      return problem === undefined ? [] : [`${path}: imports ${resolved}, which ${problem}.`];
    }),
  );
}

/** Problems of every TypeScript import. */
function checkTypeScript(): string[] {
  const folders = `{${Object.keys(TYPESCRIPT_ROOMS).join(",")}}`;
  const files = readSources(`${folders}/**/*.{ts,tsx,mts}`).filter(
    ({ path }) => !/(^|\/)node_modules\//.test(path),
  );
  return files.flatMap(({ path, text }) => {
    const room = path.split("/", 1)[0] ?? "";
    const allowed = [room, ...(TYPESCRIPT_ROOMS[room] ?? [])];
    return ts.preProcessFile(text).importedFiles.flatMap(({ fileName }) => {
      if (!fileName.startsWith(".")) return [];
      const target = posix.join(posix.dirname(path), fileName);
      if (!target.includes("/") || allowed.includes(target.split("/", 1)[0] ?? "")) return [];
      return [
        `${path}: imports ${target}, but ${room}/ may import only ${allowed.join("/, ")}/; ` +
          "move the shared part into sdk/.",
      ];
    });
  });
}

report([...checkContracts(), ...checkTypeScript()], "Imports point one way.");
