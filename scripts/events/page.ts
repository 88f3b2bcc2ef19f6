import { readSources } from "../sources.js";
import { STATES } from "./states.js";

export const FILE = "docs/events.md";

/** An event as a contract of the project declares it. */
export interface DeclaredEvent {
  /** Name of the file without its ending, which is that of the interface. */
  readonly contract: string;
  readonly name: string;
  readonly parameters: readonly string[];
  readonly notice: string;
}

/** The part of the page that is written by the command. */
const PART = /(<!-- events -->\n)[\s\S]*?(<!-- end -->)/;
const DECLARATION = /((?:^[ \t]*\/\/\/[^\n]*\n)+)\s*event (\w+)\(([^;]*)\);/gm;

/** What OpenZeppelin's base of every governed contract declares. */
const INHERITED: DeclaredEvent = {
  contract: "AccessManaged",
  name: "AuthorityUpdated",
  parameters: ["address authority"],
  notice: "The contract obeys this access manager from now on.",
};

/** Every event that a contract of the project declares, with its NatSpec. */
export function declaredEvents(): DeclaredEvent[] {
  const sources = readSources("contracts/**/*.sol").filter(
    ({ path }) => !/^contracts\/(mocks|testing)\//.test(path),
  );
  const declared = sources.flatMap(({ path, text }) =>
    [...text.matchAll(DECLARATION)].map(([, notes = "", name = "", parameters = ""]) => ({
      contract: path.replace(/^.*\/|\.sol$/g, ""),
      name,
      parameters: parameters.split(",").map((one) => one.trim().replace(/\s+/g, " ")),
      notice: noticeOf(notes),
    })),
  );
  return [...declared, INHERITED];
}

function noticeOf(notes: string): string {
  const text = notes.replace(/^[ \t]*\/\/\/ ?/gm, "").replace(/\s+/g, " ");
  return text
    .replace(/^@notice /, "")
    .replace(/ ?@(dev|param).*$/, "")
    .trim();
}

/** Events of which nobody has said what they leave behind. */
export function unexplainedEvents(): string[] {
  return declaredEvents()
    .filter(({ contract, name }) => STATES[contract]?.[name] === undefined)
    .map(({ contract, name }) => `${contract}.${name}`);
}

/** The page with its tables as the contracts declare their events. */
export function renewed(page: string): string {
  const events = declaredEvents();
  const contracts = [...new Set(events.map(({ contract }) => contract))].sort();
  const tables = contracts.map((contract) =>
    tableOf(
      contract,
      events.filter((event) => event.contract === contract),
    ),
  );
  return page.replace(PART, (_part, begin: string, end: string) => {
    return `${begin}\n${tables.join("\n\n")}\n\n${end}`;
  });
}

function tableOf(contract: string, events: readonly DeclaredEvent[]): string {
  const rows = events.map(({ name, notice, parameters }) => {
    const state = STATES[contract]?.[name] ?? "**not explained**";
    const given = parameters.map((one) => `\`${one}\``).join(", ");
    return `| \`${name}\` | ${given} | ${notice.replaceAll("|", "\\|")} | ${state} |`;
  });
  return [
    `### ${contract.replace(/^I(?=[A-Z])/, "")}`,
    "",
    "| event | arguments | says | what it leaves, in the index |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
