import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { Registry } from "prom-client";
import { parse } from "yaml";
import { SETTINGS } from "../keeper/config/settings.js";
import { ALARMS } from "../keeper/operations/alarms.js";
import { createRegistry, keeperMetrics } from "../keeper/operations/metrics.js";
import { settingsHelp } from "../keeper/operations/settingsHelp.js";
import { KEEPER_PAGES, renewedPage } from "../keeper/operations/settingsPage.js";
import { readSources } from "../scripts/sources.js";

const NAME = /plimsoll_keeper_[a-z0-9_]+/g;

function read(file: string): string {
  return readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), "utf8");
}

/** Names of all rooms' figures: those of the registries that this room makes, and those that the sources of all declare. */
async function knownMetrics(): Promise<Set<string>> {
  const registry = createRegistry({ keeper: "tester" });
  keeperMetrics(registry, { now: () => 0 });
  const made = (await registry.getMetricsAsJSON()).map(({ name }) => name);
  const declared = readSources("keeper/**/*.ts").flatMap(({ text }) => [
    ...(text.match(NAME) ?? []),
    // Some rooms put the prefix before each name.
    ...[...text.matchAll(/\b(?:gauge|counter|histogram)(?:<[^>]*>)?\(\s*"([a-z_]+)"/g)].map(
      (match) => `plimsoll_keeper_${match[1]!}`,
    ),
  ]);
  return new Set([...made, ...declared]);
}

/** The figure itself, of which histograms show three. */
function figureOf(name: string, known: ReadonlySet<string>): string {
  return known.has(name) ? name : name.replace(/_(bucket|count|sum)$/, "");
}

describe("The keeper's pages", () => {
  it("have every setting, secret and alarm as the code has them", () => {
    for (const page of KEEPER_PAGES) expect(renewedPage(read(page)), page).to.equal(read(page));
    const all = KEEPER_PAGES.map(read).join("\n");
    for (const { name } of SETTINGS) expect(all).to.include(`| \`${name}\` |`);
    for (const name of Object.keys(ALARMS)) expect(all).to.include(`| \`${name}\` |`);
  });

  it("are no longer than people read", () => {
    expect(read("docs/keeper.md").split(/\s+/).length).to.be.below(2_500);
  });

  it("name every setting in the help, with its flag and its variable", () => {
    const help = settingsHelp();
    for (const { flag, name, variable } of SETTINGS) {
      expect(help).to.include(`  ${flag} <`).and.include(`${variable}; ${name}\n`);
    }
  });

  for (const file of ["ops/grafana/plimsoll-keeper.json", "ops/prometheus/alerts.yml"]) {
    it(`ask only for figures that there are: ${file}`, async () => {
      const known = await knownMetrics();
      const asked = [...new Set(read(file).match(NAME) ?? [])];
      expect(asked.length).to.be.above(5);
      expect(asked.filter((name) => !known.has(figureOf(name, known)))).to.deep.equal([]);
    });
  }

  it("have a dashboard whose panels have numbers of their own and do not overlap", () => {
    const { panels } = JSON.parse(read("ops/grafana/plimsoll-keeper.json")) as {
      panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    const taken = new Set<string>();
    for (const { gridPos } of panels) {
      expect(gridPos.x + gridPos.w).to.be.at.most(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; ++x) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; ++y) {
          expect(taken.has(`${x} ${y}`)).to.equal(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  it("name only variables that there are in the examples of operation", () => {
    const known = new Set(SETTINGS.map(({ variable }) => variable));
    const help = settingsHelp();
    for (const file of ["ops/Dockerfile", "ops/compose.yml", "ops/plimsoll-keeper.service"]) {
      for (const variable of read(file).match(/PLIMSOLL_KEEPER_[A-Z_]+/g) ?? []) {
        expect(known.has(variable) || help.includes(variable), `${file}: ${variable}`).to.equal(
          true,
        );
      }
    }
    const { services } = parse(read("ops/compose.yml"), { merge: true }) as {
      services: Record<string, unknown>;
    };
    expect(Object.keys(services)).to.deep.equal(["first", "second", "database"]);
  });

  it("have no figure that two rooms would register", () => {
    const registry = new Registry();
    keeperMetrics(registry, { now: () => 0 });
    const own = registry.getMetricsAsArray().map(({ name }) => name);
    const others = readSources("keeper/**/*.ts")
      .filter(({ path }) => !path.startsWith("keeper/operations/metrics"))
      .map(({ text }) => text)
      .join("\n");
    expect(own.filter((name) => others.includes(`"${name}"`))).to.deep.equal([]);
  });
});
