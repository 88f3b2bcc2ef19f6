import type { DeploymentRecord } from "../../../sdk/index.js";
import type { KeeperConfig } from "../../config/schema.js";
import { publicUrl } from "../../config/publicUrl.js";
import type { Clock } from "../../clock.js";
import { NodeProbe } from "./ask.js";
import { type Check, findingsOf, reasonOf } from "./check.js";

/** From so many blocks on it is worth saying where events begin. */
const MANY_BLOCKS = 100_000;
const LATEST = ["latest", false];

const { ok, warning, wrong } = findingsOf("node");

/** What is known of the nodes after they were looked at. */
export interface NodeReport {
  readonly checks: readonly Check[];
  /** The first node that is right; undefined when none is. */
  readonly best: string | undefined;
}

/** What nodes are held against. */
export interface NodeSurroundings {
  readonly config: KeeperConfig["rpc"];
  readonly deployment: DeploymentRecord;
  readonly clock: Pick<Clock, "now">;
}

/** Looks at every node: that it answers, for the right chain, up to now, and as far back as is needed. */
export async function checkNodes(surroundings: NodeSurroundings): Promise<NodeReport> {
  const { urls } = surroundings.config;
  const found = await Promise.all(urls.map((url) => checkNode(url, surroundings)));
  const best = urls.find((_, i) => found[i]?.every(({ verdict }) => verdict !== "wrong"));
  const alone =
    urls.length > 1
      ? []
      : [
          warning(
            "all of them",
            "there is one node only",
            "Give a second address in rpc.urls, of another provider: when the one is down, the keeper is blind.",
          ),
        ];
  return { checks: [...found.flat(), ...alone], best };
}

async function checkNode(url: string, surroundings: NodeSurroundings): Promise<Check[]> {
  const name = publicUrl(url);
  const probe = new NodeProbe(url, surroundings.config.timeoutSeconds);
  try {
    const chain = await checkChain(name, probe, surroundings);
    if (chain.verdict === "wrong") return [chain];
    return [
      chain,
      await checkHead(name, probe, surroundings),
      await checkLogs(name, probe, surroundings),
      await checkBatches(name, probe),
    ];
  } catch (error) {
    const cure =
      "Correct rpc.urls, start the node, or ask its provider; see that no firewall is between.";
    return [wrong(name, `it does not answer: ${reasonOf(error)}`, cure)];
  }
}

async function checkChain(
  name: string,
  probe: NodeProbe,
  { deployment }: NodeSurroundings,
): Promise<Check> {
  const chainId = Number(await probe.ask("eth_chainId"));
  if (chainId !== deployment.chainId) {
    const found = `it is on chain ${chainId}, the deployment on chain ${deployment.chainId}`;
    return wrong(
      name,
      found,
      "Use a node of the deployment's chain, or the other deployment's file.",
    );
  }
  if ((await probe.hashAt(deployment)) === deployment.block.hash) {
    return ok(name, `chain ${chainId}, with the deployment's block ${deployment.block.number}`);
  }
  const found = `its block ${deployment.block.number} is not the deployment's`;
  const cure = "Wait until the node has caught up; if the chain was restarted, deploy again.";
  return wrong(name, found, cure);
}

async function checkHead(
  name: string,
  probe: NodeProbe,
  { clock, config }: NodeSurroundings,
): Promise<Check> {
  const head = (await probe.ask("eth_getBlockByNumber", LATEST)) as {
    number: string;
    timestamp: string;
  };
  const age = Math.round(clock.now() / 1_000 - Number(head.timestamp));
  const found = `its last block ${Number(head.number)} is ${age} seconds old`;
  if (age <= config.stalledSeconds) return ok(name, found);
  const cure =
    "Wait until it has caught up or use another node; on a chain that makes blocks on demand, " +
    "raise rpc.stalledSeconds.";
  return wrong(name, found, cure);
}

/** Logs of old blocks are all that the first index needs; the state of old blocks is never asked for. */
async function checkLogs(
  name: string,
  probe: NodeProbe,
  { config, deployment }: NodeSurroundings,
): Promise<Check> {
  const { firstBlock, mostBlocks } = config;
  const last = deployment.block.number;
  if (firstBlock > last) {
    const found = `rpc.firstBlock is ${firstBlock}, after the deployment's block ${last}`;
    return wrong(name, found, "Give the block of the deployment's first transaction.");
  }
  const to = Math.min(firstBlock + mostBlocks - 1, last);
  const filter = {
    address: Object.values(deployment.contracts),
    fromBlock: `0x${firstBlock.toString(16)}`,
    toBlock: `0x${to.toString(16)}`,
  };
  try {
    const logs = await probe.ask("eth_getLogs", [filter]);
    const number = Array.isArray(logs) ? logs.length : 0;
    const found = `it gives the logs of blocks ${firstBlock} to ${to} (${number})`;
    if (firstBlock > 0 || last < MANY_BLOCKS) return ok(name, found);
    const cure = "Give rpc.firstBlock, the block of the deployment's first transaction.";
    return warning(name, `${found}; the first index begins at block 0`, cure);
  } catch (error) {
    const found = `it does not give the logs of blocks ${firstBlock} to ${to}: ${reasonOf(error)}`;
    const cure =
      "Use a node that keeps old logs, or lower rpc.mostBlocks to what the provider allows.";
    return wrong(name, found, cure);
  }
}

async function checkBatches(name: string, probe: NodeProbe): Promise<Check> {
  if (await probe.takesBatches()) return ok(name, "it answers several questions at once");
  const cure = "Nothing must be done; the first index is faster with a node that answers batches.";
  return warning(name, "it does not answer several questions at once", cure);
}
