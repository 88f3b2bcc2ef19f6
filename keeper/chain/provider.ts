import {
  JsonRpcApiProvider,
  type JsonRpcError,
  type JsonRpcPayload,
  type JsonRpcResult,
  Network,
} from "ethers";
import type { CouldNotLook } from "../../sdk/index.js";
import type { Outcome } from "./pool.js";
import type { Question, Reply } from "./replies.js";

/** What answers the questions of a provider. */
export interface Answerer {
  ask(questions: readonly Question[]): Promise<Outcome[]>;
  /** For a signed transaction. */
  send(question: Question): Promise<Reply | CouldNotLook>;
}

/** So many questions of one moment go together; more than many public nodes take would be cut in two. */
const MOST_TOGETHER = 20;

/**
 * Ethers' provider over several nodes. Contracts' refusals come as ethers gives them; that no node answered comes as
 * CouldNotLook, with a cause that the SDK explains. Nothing is asked but what somebody wants to know, and nothing is cached.
 */
export class PoolProvider extends JsonRpcApiProvider {
  /** Why there is no answer, by the error that stands for it on the way through ethers. */
  private readonly lost = new WeakMap<object, CouldNotLook>();

  constructor(
    chainId: number,
    private readonly answerer: Answerer,
  ) {
    const network = Network.from(chainId);
    super(network, {
      staticNetwork: network,
      cacheTimeout: -1,
      batchStallTime: 0,
      batchMaxCount: MOST_TOGETHER,
    });
    this._start();
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    const questions = Array.isArray(payload) ? payload : [payload];
    const isSent = ({ method }: Question): boolean => method === "eth_sendRawTransaction";
    const asked = questions.filter((question) => !isSent(question));
    const [outcomes, ...sent] = await Promise.all([
      asked.length === 0 ? [] : this.answerer.ask(asked),
      ...questions.filter(isSent).map(async (question) => this.answerer.send(question)),
    ]);
    const ids = [...asked, ...questions.filter(isSent)].map(({ id }) => id);
    const replies = [...outcomes, ...sent].map((outcome, i) => this.replyOf(ids[i] ?? 0, outcome));
    // Ethers takes errors here though its type names results alone.
    return replies as JsonRpcResult[];
  }

  override getRpcError(payload: JsonRpcPayload, reply: JsonRpcError): Error {
    return this.lost.get(reply.error) ?? super.getRpcError(payload, reply);
  }

  private replyOf(id: number, outcome: Outcome): Reply {
    if (!(outcome instanceof Error)) return outcome;
    const error = { code: 0, message: outcome.message };
    this.lost.set(error, outcome);
    return { id, error };
  }
}
