import { FetchRequest, JsonRpcProvider } from "ethers";
import { connect, type DeploymentRecord } from "../../../sdk/index.js";
import type { Clock } from "../../clock.js";
import { DeploymentError, readDeployment } from "../../config/deployment.js";
import type { LoadedConfig } from "../../config/load.js";
import { scrubOf } from "../../config/scrub.js";
import { checkAddresses } from "./addresses.js";
import { requestOf } from "./ask.js";
import { type Check, findingsOf, reasonOf } from "./check.js";
import { checkLiquidator } from "./liquidator.js";
import { checkNodes } from "./nodes.js";
import { checkPeople } from "./people.js";
import { checkPort } from "./port.js";
import { checkPrices } from "./prices.js";
import { checkSockets } from "./sockets.js";
import { checkStorage, type StorageOptions } from "./storage.js";
import { checkEther, checkWallet } from "./wallet.js";

/** What the doctor looks at. */
export interface DoctorOptions {
  readonly loaded: LoadedConfig;
  readonly storage: StorageOptions;
  readonly clock: Pick<Clock, "now">;
}

const { ok, warning, wrong } = findingsOf("configuration");

/** Looks at everything that a keeper needs; what cannot be looked at is said so. Nothing is sent or changed. */
export async function examine({ clock, loaded, storage }: DoctorOptions): Promise<Check[]> {
  const { config } = loaded;
  const given = [...loaded.origins.values()].filter((origin) => origin !== "default").length;
  const wallet = await checkWallet(loaded);
  const checks: Check[] = [
    ok("settings", `they are in order; ${given} are not at their defaults`),
    ...checkNothingSent(loaded),
    ...(await checkChain(loaded, clock, wallet.address)),
    ...wallet.checks,
    ...(await checkStorage(storage)),
    ...(await checkPeople(loaded)),
    await checkPort(config.server),
  ];
  // What libraries say may quote what they were given.
  const scrub = scrubOf(config, loaded.secrets);
  return checks.map((check) => ({ ...check, found: scrub(check.found) }));
}

function checkNothingSent({ config }: LoadedConfig): Check[] {
  if (!config.dryRun) return [];
  return [warning("dry run", "nothing is sent", "Leave dryRun out once all is well.")];
}

async function checkChain(
  loaded: LoadedConfig,
  clock: Pick<Clock, "now">,
  wallet: string | undefined,
): Promise<Check[]> {
  const { config } = loaded;
  let deployment: DeploymentRecord;
  try {
    deployment = readDeployment(config.deployment);
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    return [wrong("deployment", error.message, "Nothing on the chain was looked at.")];
  }
  const surroundings = { config: config.rpc, deployment, clock };
  const [nodes, sockets] = await Promise.all([
    checkNodes(surroundings),
    checkSockets(surroundings),
  ]);
  const contracts =
    nodes.best === undefined
      ? [
          warning(
            "contracts",
            "they were not looked at",
            "Mend the nodes first, then run this again.",
          ),
        ]
      : await checkContracts(loaded, { url: nodes.best, deployment, wallet });
  return [...nodes.checks, ...sockets, ...contracts];
}

async function checkContracts(
  loaded: LoadedConfig,
  from: { url: string; deployment: DeploymentRecord; wallet: string | undefined },
): Promise<Check[]> {
  const { config } = loaded;
  const { deployment, wallet } = from;
  const provider = providerOf(from.url, deployment.chainId, config.rpc.timeoutSeconds);
  try {
    const addresses = await checkAddresses(deployment, provider);
    const ether = wallet === undefined ? [] : [await checkEther(loaded, wallet, provider)];
    if (addresses.some(({ verdict }) => verdict === "wrong")) return [...addresses, ...ether];
    const plimsoll = await connect(deployment, provider);
    return [
      ...addresses,
      ...(await checkPrices(plimsoll, config)),
      ...ether,
      ...(await checkLiquidator({ plimsoll, config, wallet })),
    ];
  } catch (error) {
    const found = `they could not all be looked at: ${reasonOf(error)}`;
    return [wrong("contracts", found, "Run this again; if it stays so, use another node.")];
  } finally {
    provider.destroy();
  }
}

function providerOf(address: string, chainId: number, timeoutSeconds: number): JsonRpcProvider {
  const { headers, url } = requestOf(address);
  const request = new FetchRequest(url);
  for (const [name, value] of Object.entries(headers)) request.setHeader(name, value);
  request.timeout = timeoutSeconds * 1_000;
  // Some providers answer one question at a time.
  return new JsonRpcProvider(request, chainId, { staticNetwork: true, batchMaxCount: 1 });
}
