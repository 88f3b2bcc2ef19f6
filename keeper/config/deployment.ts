import { readFileSync } from "node:fs";
import { z } from "zod";
import type { DeploymentRecord } from "../../sdk/index.js";

/** Why there are no addresses: a sentence with the cure. */
export class DeploymentError extends Error {
  override readonly name = "DeploymentError";
}

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const addresses = z.record(z.string(), address);
const recordSchema = z.object({
  network: z.string(),
  chainId: z.int().positive(),
  block: z.object({ number: z.int().nonnegative(), hash: z.string().regex(/^0x[0-9a-f]{64}$/i) }),
  contracts: addresses,
  tokens: addresses,
  feeds: addresses,
});

/**
 * What `npm run deploy` wrote.
 *
 * @throws DeploymentError when the file is not there or not such a record.
 */
export function readDeployment(file: string): DeploymentRecord {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "it is no JSON";
    throw new DeploymentError(
      `The deployment ${file} cannot be read (${code}): deploy by \`npm run deploy\`, or correct the setting "deployment".`,
      { cause: error },
    );
  }
  const parsed = recordSchema.safeParse(content);
  if (parsed.success) return parsed.data as DeploymentRecord;
  const places = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
  throw new DeploymentError(
    `The deployment ${file} is not what \`npm run deploy\` writes (${places}): give that command's file, ` +
      "not one of exports/.",
  );
}
