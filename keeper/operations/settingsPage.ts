import { ALARM_CURES } from "./alarmCures.js";
import { type AlarmName, ALARMS } from "./alarms.js";
import { SETTINGS_TABLES } from "./settingsHelp.js";
import { table } from "./markdown.js";

/** The pages with tables. */
export const KEEPER_PAGES: readonly string[] = ["docs/keeper.md", "docs/keeper-settings.md"];

/** Parts of a page that are written by a command: `<!-- keeper: settings -->` up to `<!-- end -->`. */
const PART = /(<!-- keeper: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g;

const TABLES: Readonly<Record<string, () => string>> = { ...SETTINGS_TABLES, alarms };

/** A page with its tables as the code has them. */
export function renewedPage(page: string): string {
  return page.replace(PART, (_part, begin: string, name: string, end: string) => {
    const render = TABLES[name];
    if (render === undefined) throw new Error(`A page asks for ${name}, which is no table`);
    return `${begin}\n${render()}\n\n${end}`;
  });
}

function alarms(): string {
  const names = Object.keys(ALARMS) as AlarmName[];
  const rows = names.map((name) => [`\`${name}\``, ALARMS[name], ALARM_CURES[name]]);
  return table(["alarm", "what it means", "what to do"], rows);
}
