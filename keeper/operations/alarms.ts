/** Why a keeper may be blind or lame. Each is a metric, a line in the log and a failing health endpoint while it lasts. */
export const ALARMS = {
  blocksStalled: "No new block has come for too long.",
  nodeUnreachable: "A node does not answer.",
  nodeLagging: "A node is behind the others.",
  nodeContradicting: "Two nodes say different things about one block.",
  socketDead: "The socket that announces blocks is silent or closed.",
  feedDead: "The price of an underlying cannot be read.",
  walletEmpty: "The wallet has too little ether for gas.",
  liquidatorEmpty: "The liquidator's account has too little free margin.",
  indexBroken:
    "The events contradict each other, or a reorganisation is deeper than can be taken back.",
  memoryWrong: "The audit has found that memory differs from the chain.",
  modelUnknown: "The margin engine in charge is not the one that this keeper computes with.",
  storageFailing: "The database does not answer.",
  transactionStuck: "A transaction waits although its fee was raised as far as it is worth.",
  looksFailing: "A role could not look.",
  deliveryFailing: "Messages to people cannot be delivered.",
} as const;

/** One of {@link ALARMS}. */
export type AlarmName = keyof typeof ALARMS;

/** An alarm that is on. */
export interface Alarm {
  readonly name: AlarmName;
  /** Which node, underlying, wallet or role; empty when there is only one. */
  readonly subject: string;
  /** What was seen, in a sentence. */
  readonly detail: string;
  /** [unix milliseconds] */
  readonly since: number;
}

/** Where parts say that they could not look. */
export interface Alarms {
  /** Turns an alarm on; one that is on stays so, with the new detail. */
  raise(name: AlarmName, subject: string, detail: string): void;
  /** Turns it off. */
  clear(name: AlarmName, subject: string): void;
  /** Those that are on, oldest first. */
  readonly active: readonly Alarm[];
}
