import type { Interface } from "ethers";
import {
  type BlockReference,
  CouldNotLook,
  explainError,
  type IndexState,
  type Plimsoll,
  type PriceReading,
  type Rpc,
} from "../../sdk/index.js";
import { callView, type ViewAnswer } from "./call.js";

/** What a block says beside its logs. */
export interface FeedReadings {
  readonly blockHash: string;
  /** By underlying; without a price where the oracle refuses to name one [wad]. */
  readonly prices: ReadonlyMap<number, PriceReading>;
  /** Why it refuses, in a sentence, by underlying. */
  readonly refusals: ReadonlyMap<number, string>;
  /** What a unit of gas costs, base fee and tip [wei]. */
  readonly gasPrice: bigint;
}

/** What is asked for. */
export interface FeedOptions {
  readonly rpc: Rpc;
  readonly plimsoll: Pick<Plimsoll, "deployment" | "oracle">;
}

/**
 * Prices and what gas costs as of a block. All questions go out in one tick, so that they travel together; the last accepted
 * price is asked for together with today's where that failed last time.
 */
export class Feeds {
  private readonly rpc: Rpc;
  private readonly address: string;
  private readonly oracle: Interface;
  /** Of which there was no price last time. */
  private failing: ReadonlySet<number> = new Set();
  private begun: { readonly hash: string; readonly readings: Promise<FeedReadings> } | undefined;

  constructor({ rpc, plimsoll }: FeedOptions) {
    this.rpc = rpc;
    this.address = plimsoll.deployment.contracts.PriceOracle;
    this.oracle = plimsoll.oracle.interface;
  }

  /** Asks ahead for what will be wanted as soon as the block's logs are there. */
  begin({ hash }: BlockReference, underlyings: ReadonlySet<number>): void {
    if (this.begun?.hash === hash) return;
    const readings = this.ask(hash, underlyings);
    // Whoever wants it meets the failure; nobody may want it.
    readings.catch(() => undefined);
    this.begun = { hash, readings };
  }

  /**
   * The readings of a block.
   *
   * @throws CouldNotLook when a node did not answer.
   */
  async read(block: BlockReference, underlyings: ReadonlySet<number>): Promise<FeedReadings> {
    const { begun } = this;
    this.begun = undefined;
    let known = await (begun?.hash === block.hash
      ? begun.readings
      : this.ask(block.hash, underlyings));
    const asked = known.prices;
    // One that the block itself has listed.
    const missing = [...underlyings].filter((number) => !asked.has(number));
    if (missing.length > 0) {
      const more = await this.ask(block.hash, new Set(missing));
      known = {
        ...known,
        prices: new Map([...known.prices, ...more.prices]),
        refusals: new Map([...known.refusals, ...more.refusals]),
      };
    }
    this.failing = new Set(known.refusals.keys());
    return known;
  }

  private async ask(blockHash: string, underlyings: ReadonlySet<number>): Promise<FeedReadings> {
    const numbers = [...underlyings];
    const [gasPrice, answers, lastOfFailing] = await Promise.all([
      this.gasPrice(),
      Promise.all(numbers.map((number) => this.ofOracle("price", number, blockHash))),
      Promise.all(
        numbers.map((number) =>
          this.failing.has(number) ? this.lastPrice(number, blockHash) : Promise.resolve(undefined),
        ),
      ),
    ]);
    const prices = new Map<number, PriceReading>();
    const refusals = new Map<number, string>();
    await Promise.all(
      numbers.map(async (number, place) => {
        const answer = answers[place];
        if (answer?.returned !== undefined) {
          prices.set(number, { price: BigInt(answer.returned) });
          return;
        }
        refusals.set(number, explainError(answer?.refusal).sentence);
        const isKnown = this.failing.has(number);
        const lastPrice = isKnown ? lastOfFailing[place] : await this.lastPrice(number, blockHash);
        prices.set(number, lastPrice === undefined ? {} : { lastPrice });
      }),
    );
    return { blockHash, prices, refusals, gasPrice };
  }

  private async lastPrice(underlying: number, blockHash: string): Promise<bigint | undefined> {
    const { returned } = await this.ofOracle("lastPrice", underlying, blockHash);
    return returned === undefined ? undefined : BigInt(returned);
  }

  private ofOracle(name: string, underlying: number, blockHash: string): Promise<ViewAnswer> {
    const data = this.oracle.encodeFunctionData(name, [underlying]);
    return callView(this.rpc, { to: this.address, data, blockHash });
  }

  private async gasPrice(): Promise<bigint> {
    let answer: unknown;
    try {
      answer = await this.rpc("eth_gasPrice", []);
    } catch (cause) {
      throw new CouldNotLook("The node did not say what gas costs", { cause });
    }
    if (typeof answer !== "string" || !/^0x[0-9a-f]+$/i.test(answer)) {
      throw new CouldNotLook("The node said no price of gas");
    }
    return BigInt(answer);
  }
}

/** Of which underlyings margins need prices. */
export function pricedUnderlyings({ collateral, underlyings }: IndexState): Set<number> {
  const numbers = new Set(underlyings.keys());
  for (const { parameters } of collateral.values()) numbers.add(Number(parameters.underlying));
  return numbers;
}
