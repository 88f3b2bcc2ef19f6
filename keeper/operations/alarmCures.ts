import type { AlarmName } from "./alarms.js";

/** What a person does about each alarm. */
export const ALARM_CURES: Readonly<Record<AlarmName, string>> = {
  blocksStalled:
    "See whether the chain itself stands still. If not, the nodes do: give others in `rpc.urls`.",
  nodeUnreachable:
    "The others are asked meanwhile. Ask its provider, or take it out of `rpc.urls`.",
  nodeLagging: "It is not asked until it has caught up. One that lags often should be replaced.",
  nodeContradicting:
    "One of them is on a branch of its own, or lies. Compare the block's hash with an explorer and take the wrong one out.",
  socketDead:
    "Blocks are asked for meanwhile, which is slower. Ask the provider; it is opened again by itself.",
  feedDead:
    "Look at the feed's page. Until it answers, its last accepted price counts for liquidations, and new risk is refused.",
  walletEmpty: "Send ether to the wallet.",
  liquidatorEmpty:
    "Deposit settlement tokens to the liquidator's account, or close what it has taken over.",
  indexBroken:
    "The index is built again by itself. If the alarm comes back, a node leaves logs out: use another.",
  memoryWrong:
    "What differed was repaired from the chain. Once may be a node's fault; if it comes back, report it with the log.",
  modelUnknown:
    "Governance has exchanged the margin engine: install the release that computes with it. Until then the Lens is asked for everything, which is slower.",
  storageFailing: "See that the database runs, and that its disk is not full.",
  transactionStuck:
    "Gas costs more than the act is worth. Raise `dispatch.mostCost` for what earns nothing, or wait.",
  looksFailing: "The detail says which role and why; it looks again at the next block.",
  deliveryFailing:
    "The detail says which way. Correct the mail server's or Telegram's settings; messages wait in the outbox.",
};
