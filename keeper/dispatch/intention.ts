import { ROLE_NAMES, type Proposal } from "../roles/role.js";

/** A proposal as text, for the database. */
export function intentionOf(proposal: Proposal): string {
  // What is sent has its limit: how it was found is not asked again.
  const { mostCost, gasLimit, ...rest } = { ...proposal, roomyGas: undefined };
  return JSON.stringify({ ...rest, mostCost: `${mostCost}`, gasLimit: gasLimit?.toString() });
}

/** The proposal again; undefined for what was never one. */
export function proposalOf(intention: string): Proposal | undefined {
  if (intention === "") return undefined;
  const { mostCost, gasLimit, role, ...rest } = JSON.parse(intention) as Omit<
    Proposal,
    "mostCost" | "gasLimit"
  > & { readonly mostCost: string; readonly gasLimit?: string };
  if (!ROLE_NAMES.includes(role))
    throw new Error(`The database names an unknown role: ${intention}`);
  return {
    ...rest,
    role,
    mostCost: BigInt(mostCost),
    ...(gasLimit === undefined ? {} : { gasLimit: BigInt(gasLimit) }),
  };
}
