import { NO_POSTGRES } from "../../scripts/soak/postgres.js";

/** A `describe` that is reported as skipped, with the reason, where there is no Postgres. */
export function describeWithPostgres(title: string, body: () => void): void {
  if (NO_POSTGRES === undefined) describe(title, body);
  else describe.skip(`${title} (${NO_POSTGRES})`, body);
}
