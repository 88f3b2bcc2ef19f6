import { Contract, type Provider } from "ethers";
import { ABIS, type ContractName, type DeploymentRecord } from "../../../sdk/index.js";
import { type Check, findingsOf, reasonOf } from "./check.js";

const { ok, warning, wrong } = findingsOf("address");

const ANOTHER_RELEASE = "Use the record and the release of one and the same deployment.";

/** Looks at every address of the record: that something is there, and that the contracts know one another. */
export async function checkAddresses(
  deployment: DeploymentRecord,
  provider: Provider,
): Promise<Check[]> {
  const contracts = (Object.keys(ABIS) as ContractName[]).map(
    (name) => [name, (deployment.contracts as Partial<typeof deployment.contracts>)[name]] as const,
  );
  const all = [...contracts, ...Object.entries(deployment.tokens)];
  const codes = await Promise.all(all.map(([name, address]) => checkCode(name, address, provider)));
  const missing = codes.flatMap((check) => check ?? []);
  if (missing.length > 0) return missing;
  return [
    ok("code", `there is code at all ${all.length}`),
    ...(await checkWiring(deployment, provider)),
  ];
}

async function checkCode(
  name: string,
  address: string | undefined,
  provider: Provider,
): Promise<Check | undefined> {
  if (address === undefined) return wrong(name, "the record does not have it", ANOTHER_RELEASE);
  if ((await provider.getCode(address)) !== "0x") return undefined;
  return wrong(name, `there is nothing at ${address}`, ANOTHER_RELEASE);
}

/** A getter of a contract and the address that it must give. */
interface Wire {
  readonly from: ContractName;
  readonly getter: string;
  readonly parameters?: readonly unknown[];
  readonly wanted: string | true;
  readonly cure: string;
  /** It can work without: a module that governance may exchange. */
  readonly isOptional?: boolean;
}

function wiresOf({ contracts, tokens }: DeploymentRecord): Wire[] {
  const governed: ContractName[] = ["PriceOracle", "Rules", "Vault", "Clearinghouse", "Exchange"];
  return [
    ...governed.map((from) => ({
      from,
      getter: "authority",
      wanted: contracts.AccessManager,
      cure: ANOTHER_RELEASE,
    })),
    {
      from: "Clearinghouse",
      getter: "marginEngine",
      wanted: contracts.MarginEngine,
      cure: "Governance has exchanged the engine: use a release that computes with it, and its record.",
    },
    {
      from: "Clearinghouse",
      getter: "isVenue",
      parameters: [contracts.Exchange],
      wanted: true,
      cure: "Leave the role triggers out: governance has taken the exchange off the venues.",
      isOptional: true,
    },
    {
      from: "Rules",
      getter: "volatilityOracle",
      wanted: contracts.VolatilityOracle,
      cure: "Governance has exchanged the volatility oracle: use the record that has the new one.",
      isOptional: true,
    },
    ...(tokens.USDC === undefined
      ? []
      : [
          {
            from: "Vault" as const,
            getter: "SETTLEMENT_TOKEN",
            wanted: tokens.USDC,
            cure: ANOTHER_RELEASE,
          },
        ]),
  ];
}

async function checkWiring(deployment: DeploymentRecord, provider: Provider): Promise<Check[]> {
  const wires = wiresOf(deployment);
  const found = await Promise.all(wires.map((wire) => checkWire(wire, deployment, provider)));
  const broken = found.flatMap((check) => check ?? []);
  return broken.length > 0
    ? broken
    : [ok("wiring", `the contracts know one another (${wires.length})`)];
}

async function checkWire(
  { cure, from, getter, isOptional = false, parameters = [], wanted }: Wire,
  { contracts }: DeploymentRecord,
  provider: Provider,
): Promise<Check | undefined> {
  const verdict = isOptional ? warning : wrong;
  const subject = `${from}.${getter}`;
  try {
    const contract = new Contract(contracts[from], ABIS[from], provider);
    const answer: unknown = await contract.getFunction(getter)(...parameters);
    const value: unknown = Array.isArray(answer) ? answer[0] : answer;
    if (wanted === true ? value === true : isSame(value, wanted)) return undefined;
    return verdict(subject, `it gives ${String(value)} instead of ${wanted}`, cure);
  } catch (error) {
    return wrong(subject, `it cannot be read: ${reasonOf(error)}`, ANOTHER_RELEASE);
  }
}

function isSame(value: unknown, address: string): boolean {
  return typeof value === "string" && value.toLowerCase() === address.toLowerCase();
}
