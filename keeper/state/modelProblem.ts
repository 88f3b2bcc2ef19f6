import type { DeploymentRecord, IndexState } from "../../sdk/index.js";

/** Why margins that are computed here are not those of the engine in charge; nothing when they are. */
export function modelProblem(
  { singles }: IndexState,
  { contracts }: Pick<DeploymentRecord, "contracts">,
  time: bigint,
): string | undefined {
  const { endOfBlend, marginEngine } = singles.wiring;
  if (marginEngine.toLowerCase() !== contracts.MarginEngine.toLowerCase()) {
    return (
      `The margin engine ${marginEngine} is in charge, not ${contracts.MarginEngine}: ` +
      "start the keeper of the release that knows it, with its deployment file"
    );
  }
  if (time >= endOfBlend) return undefined;
  return (
    `Requirements are on their way from another margin engine's until ${endOfBlend}: ` +
    "nothing need be done, the Lens is asked meanwhile"
  );
}
