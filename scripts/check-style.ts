/**
 * Checks the few rules of style that solhint and ESLint cannot express: where underscores stand, that assembly stays in
 * libraries/, and that whoever switches a lint rule off names the rule and says why.
 */
import { lineAt, readSources, report, withoutComments, type SourceFile } from "./sources.js";

/** Declarations that take parameters, up to their closing parenthesis. */
const DECLARATION =
  /\b(?:function|modifier|event|error)\s+(?<name>\w+)\s*\((?<parameters>[^)]*)\)|\bconstructor\s*\((?<arguments>[^)]*)\)/g;

/** What stands between a function's parameters and its body, with its visibility if it is not for outsiders. */
const HIDDEN_FUNCTION = /\bfunction\s+(\w+)\s*\([^)]*\)[^{};]*?\b(?:internal|private)\b/g;

/** State that is neither constant nor immutable and not for outsiders. */
const HIDDEN_STATE =
  /^ {4}(?![\s})]|function\b)[^;{}]*?\s(?:internal|private)\s+(?:transient\s+)?(\w+)\s*[;=]/gm;

/** The body of each contract of a file, with where it begins: libraries, interfaces and free functions go without underscores. */
function contractBodies(text: string): { body: string; start: number }[] {
  return [...text.matchAll(/^(?:abstract )?contract [\s\S]*?^}/gm)].map((match) => ({
    body: match[0],
    start: match.index,
  }));
}

function underscoreProblems({ path, text }: SourceFile): string[] {
  const code = withoutComments(text);
  const at = (index: number) => `${path}:${lineAt(code, index)}:`;

  const parameters = [...code.matchAll(DECLARATION)].flatMap((match) => {
    const names = (match.groups?.parameters ?? match.groups?.arguments ?? "").matchAll(
      /\s(_\w*)\s*(?:,|$)/g,
    );
    return [...names].map(
      (name) => `${at(match.index)} the parameter ${name[1]} begins with an underscore; rename it.`,
    );
  });

  const hidden = contractBodies(code).flatMap(({ body, start }) =>
    [...body.matchAll(HIDDEN_FUNCTION), ...body.matchAll(HIDDEN_STATE)]
      .filter((match) => match[1]?.startsWith("_") === false && match[1] !== "constant")
      .map(
        (match) =>
          `${at(start + match.index)} ${match[1]} is not for outsiders; call it _${match[1]}.`,
      ),
  );
  return [...parameters, ...hidden];
}

function assemblyProblems({ path, text }: SourceFile): string[] {
  if (/^contracts\/(libraries|mocks|testing)\//.test(path)) return [];
  const code = withoutComments(text);
  return [...code.matchAll(/\bassembly\s*(?:\("[^"]*"\)\s*)?\{/g)].map(
    (match) =>
      `${path}:${lineAt(code, match.index)}: assembly outside contracts/libraries/; give it a named function there.`,
  );
}

/** A directive carries its reason after two dashes; solhint's would be read as part of the rule, so it follows a comma. */
function directiveProblems({ path, text }: SourceFile): string[] {
  return text.split("\n").flatMap((line, index) => {
    const directive = /(?:\/\/|\/\*)\s*(solhint|eslint)-disable(?:-[a-z]+)*(.*)$/.exec(line);
    const pattern =
      directive?.[1] === "solhint" ? /^ [\w-]+(, [\w-]+)*, -- \S/ : /^ [\w@/-]+(, [\w@/-]+)* -- \S/;
    if (directive === null || pattern.test(directive[2] ?? "")) return [];
    const comma = directive[1] === "solhint" ? "," : "";
    return [
      `${path}:${index + 1}: a rule is switched off without its name or a reason; write "rule${comma} -- why".`,
    ];
  });
}

const contracts = readSources("contracts/**/*.sol");
const typescript = readSources(
  "*.{ts,mjs}",
  "{sdk,keeper,app,scripts,ignition,test}/**/*.{ts,tsx,mjs}",
);

report(
  [
    ...contracts
      .filter(({ path }) => !path.startsWith("contracts/testing/"))
      .flatMap((file) => [...underscoreProblems(file), ...assemblyProblems(file)]),
    ...[...contracts, ...readSources("test/**/*.sol"), ...typescript].flatMap(directiveProblems),
  ],
  "Style holds.",
);
