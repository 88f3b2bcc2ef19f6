import { readFileSync } from "node:fs";
import {
  ADMIN_ROLE,
  type DelayedRole,
  type GovernedRole,
  OPEN,
  restrictedFunctions,
  ROLES,
  selectorOf,
} from "../../ignition/roles.js";
import { BOUNDS, GOVERNED, GUARDS } from "./guards.js";

export const FILE = "docs/permissions.md";

type DelaySeconds = Record<DelayedRole | "ADMIN", number>;

const NETWORKS = ["local", "sepolia"] as const;
const DAY = 86_400;

/** Parts of the page that are written by the command: `<!-- permissions: roles -->` up to `<!-- end -->`. */
const PART = /(<!-- permissions: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g;

const TABLES: Record<string, () => string> = { roles, restricted, open };

/** The page with its tables as `ignition/roles.ts` and the parameters say. */
export function renewed(page: string): string {
  return page.replace(PART, (_part, begin: string, table: string, end: string) => {
    const render = TABLES[table];
    if (render === undefined) throw new Error(`${FILE} asks for ${table}, which is no table`);
    return `${begin}\n${render()}\n\n${end}`;
  });
}

function roles(): string {
  const rows = (Object.keys(ROLES) as GovernedRole[]).map((role) => {
    const isGuardian = role === "GUARDIAN";
    return [
      `${role} (${ROLES[role]})`,
      isGuardian ? "`governance.guardian`" : "`governance.admin`",
      waitOf(role),
      waitOf(role),
      isGuardian ? "-" : "GUARDIAN, ADMIN",
    ];
  });
  rows.push([
    `ADMIN (${ADMIN_ROLE})`,
    "`governance.admin`",
    waitOf("ADMIN"),
    "none",
    "other holders of ADMIN",
  ]);
  return table(["role", "holder", "wait", "wait of a new holder", "who else may cancel"], rows);
}

function restricted(): string {
  const rows = restrictedFunctions().flatMap(({ contract, role, signatures }) =>
    signatures.map((signature) => [
      contract,
      `\`${nameOf(signature)}\``,
      `\`${selectorOf(signature)}\``,
      role,
      waitOf(role),
      note(BOUNDS[contract], contract, signature),
    ]),
  );
  requireNoMore(
    "BOUNDS",
    GOVERNED.flatMap((contract) => Object.keys(BOUNDS[contract])),
    rows,
  );
  return table(["contract", "function", "selector", "role", "wait", "what it changes"], rows);
}

function open(): string {
  const rows = Object.entries(OPEN).flatMap(([contract, signatures]) =>
    signatures.map((signature) => [
      contract,
      `\`${nameOf(signature)}\``,
      `\`${selectorOf(signature)}\``,
      note(GUARDS[contract as keyof typeof OPEN], contract, signature),
    ]),
  );
  requireNoMore("GUARDS", Object.values(GUARDS).flatMap(Object.keys), rows);
  return table(["contract", "function", "selector", "who, and what guards it"], rows);
}

/** Every function has its sentence, so that none is added without thinking of one. */
function note(notes: Record<string, string>, contract: string, signature: string): string {
  const text = notes[nameOf(signature)];
  if (text === undefined) {
    throw new Error(`scripts/permissions/guards.ts says nothing of ${contract}.${signature}`);
  }
  return text;
}

function requireNoMore(name: string, noted: string[], rows: string[][]): void {
  if (noted.length !== rows.length) {
    throw new Error(`${name} of scripts/permissions/guards.ts has a function that is not there`);
  }
}

function nameOf(signature: string): string {
  return signature.slice(0, signature.indexOf("("));
}

function delaysOf(network: (typeof NETWORKS)[number]): DelaySeconds {
  const file = new URL(`../../ignition/parameters/${network}.json`, import.meta.url);
  const { governance } = JSON.parse(readFileSync(file, "utf8")) as {
    governance: { delaySeconds: DelaySeconds };
  };
  return governance.delaySeconds;
}

/** In days; one figure for each network where they differ. */
function waitOf(role: GovernedRole | "ADMIN"): string {
  if (role === "GUARDIAN") return "none";
  const waits = NETWORKS.map((network) => `${delaysOf(network)[role] / DAY} days`);
  if (new Set(waits).size === 1) return waits[0] ?? "";
  return NETWORKS.map((network, place) => `${network} ${waits[place]}`).join(", ");
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
