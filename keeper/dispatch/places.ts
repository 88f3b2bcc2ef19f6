import type { RoleName } from "../roles/role.js";

/** One place in so many is for liquidations alone: nothing else that waits for a block may keep them out. */
const PLACES_OF_LIQUIDATIONS = 4;

/** How many may wait for a block when one of a role is added. */
export function placesOf(role: RoleName, most: number): number {
  return role === "liquidate" ? most : most - Math.floor(most / PLACES_OF_LIQUIDATIONS);
}
