import type { JsonRpcProvider } from "ethers";
import {
  type AccountId,
  accountSnapshotAt,
  catchUp,
  connect,
  type DeploymentRecord,
  EventIndex,
  indexOptionsOf,
  marginOf,
  marketSnapshotAt,
  type Plimsoll,
  rpcSource,
  type Status,
  statusOf,
  verifyIndex,
} from "../sdk/index.js";

/** An index of a deployment that has read all events so far. */
export async function buildIndex(
  deployment: DeploymentRecord,
  provider: JsonRpcProvider,
): Promise<{ index: EventIndex; update: () => Promise<void> }> {
  const plimsoll = await connect(deployment, provider);
  // On a public chain: the block of the deployment's first transaction.
  const index = new EventIndex(await indexOptionsOf(plimsoll, { firstBlock: 0 }));
  const { addresses, topics } = index;
  const rpc = (method: string, params: unknown[]) => provider.send(method, params);
  const source = rpcSource({ rpc, addresses, topics });
  const update = async () => {
    // Takes blocks back that a reorganisation replaced, then reads on. Throws CouldNotLook when the node does not answer.
    await catchUp(index, { source });
  };
  await update();
  return { index, update };
}

/**
 * The status of every account there is, without a call for each: balances and positions are rebuilt from events, margins are
 * computed by the same formulas as on the chain. Only prices are read.
 */
export async function watchMargins(
  plimsoll: Plimsoll,
  index: EventIndex,
): Promise<ReadonlyMap<AccountId, Status>> {
  const { tip, state } = index;
  if (tip === undefined) throw new Error("The index has read nothing yet");
  const prices = new Map<number, bigint>();
  for (const number of state.underlyings.keys()) {
    prices.set(number, await plimsoll.oracle.price(number, { blockTag: tip.number }));
  }
  const market = marketSnapshotAt(index, tip.time, { prices });
  const statuses = new Map<AccountId, Status>();
  for (const account of state.accounts.keys()) {
    const snapshot = accountSnapshotAt(state, account, tip.time);
    statuses.set(account, statusOf(marginOf(snapshot, market)));
  }
  return statuses;
}

/** Compares everything that the index says with the chain: do it now and then, for no index should be believed blindly. */
export async function proveIndex(plimsoll: Plimsoll, index: EventIndex): Promise<number> {
  const { compared, differences } = await verifyIndex(index, { contracts: plimsoll });
  if (differences.length > 0) throw new Error(`${differences.length} values differ: index again`);
  return compared;
}
