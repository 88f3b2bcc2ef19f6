import type { Measurement } from "./figures.js";

/** What is measured, each in a process of its own. */
export const MEASUREMENTS = ["remark", "intake", "memory", "latency"] as const;

/** One of {@link MEASUREMENTS}. */
export type MeasurementName = (typeof MEASUREMENTS)[number];

const MILLION = 1_000_000;
const CROWD = 100_000;
/** So many accounts have a history of a million events: a deposit or two, and three trades of seven events for each pair. */
const ACCOUNTS_OF_MILLION_EVENTS = 85_200;

/** Measures in this process; what a measurement needs is only loaded by it, for it counts as memory. */
export async function measure(name: MeasurementName): Promise<Measurement> {
  if (name === "remark") return remark();
  if (name === "intake") return intake();
  return name === "memory" ? memory() : latency();
}

async function remark(): Promise<Measurement> {
  const { measureMarks } = await import("./marks.js");
  const sizes = { accounts: MILLION, positionsOfAccount: 3, underlyings: 8 };
  const marks = measureMarks(sizes);
  return {
    figures: { remarkMillionAccountsMs: marks.markAll.median },
    details: { ...sizes, ...marks },
  };
}

async function intake(): Promise<Measurement> {
  const { measureIntake } = await import("./intake.js");
  const details = measureIntake(ACCOUNTS_OF_MILLION_EVENTS);
  return { figures: { eventsPerSecond: details.median }, details: { ...details } };
}

async function memory(): Promise<Measurement> {
  const { measureMemory } = await import("./memory.js");
  const details = measureMemory(MILLION);
  return {
    figures: { residentMillionAccountsMB: details.resident / 1e6 },
    details: { ...details },
  };
}

async function latency(): Promise<Measurement> {
  const { measureLatency } = await import("./latency.js");
  const details = await measureLatency({ accounts: CROWD, samples: 120 });
  return { figures: { priceToLiquidationP95Ms: details.p95 }, details: { ...details } };
}
