import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { bindToProcess, LEASH } from "../../demo/node.js";
import type { Measurement } from "./figures.js";
import type { MeasurementName } from "./measurements.js";

const COMMAND = fileURLToPath(new URL("../../bench-keeper.ts", import.meta.url));

/** Measures in a fresh process, so that nothing that one measurement leaves behind counts in another. */
export async function measureInChild(name: MeasurementName): Promise<Measurement> {
  // As `npm run keeper` starts it: what is young is collected sooner, and a tenth less is resident.
  const flags = ["--max-semi-space-size=16", "--import", "tsx", "--import", LEASH];
  const args = [...flags, COMMAND, "--measure", name];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const release = bindToProcess(child);
  let measured: Measurement | undefined;
  child.on("message", (message) => {
    measured = message as Measurement;
  });
  const [code] = (await once(child, "close")) as [number | null];
  await release();
  if (code !== 0 || measured === undefined) {
    throw new Error(`Measuring ${name} ended with code ${code} and without a figure`);
  }
  return measured;
}

/** Gives a measurement to the process that asked for it; at the console it is printed. */
export async function report(measured: Measurement): Promise<void> {
  if (process.send === undefined) {
    console.log(JSON.stringify(measured, undefined, 2));
    return;
  }
  await new Promise<void>((resolve) => {
    process.send?.(measured, undefined, undefined, () => {
      resolve();
    });
  });
}
