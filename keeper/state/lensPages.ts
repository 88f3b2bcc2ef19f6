import type { Interface } from "ethers";
import {
  type AccountId,
  CouldNotLook,
  decodeBitmap,
  decodeMargins,
  type MarginReading,
  type Plimsoll,
  type Rpc,
} from "../../sdk/index.js";
import { callView } from "./call.js";

/** What is asked of the Lens. */
export interface LensOptions {
  readonly rpc: Rpc;
  readonly plimsoll: Pick<Plimsoll, "deployment" | "lens">;
}

/** So many accounts are asked for in one call. */
export const PAGE = 250;
/** So many calls are on their way at a time. */
const TOGETHER = 4;
/** How many accounts are asked for again by themselves: what gas left nothing for has the answer of the healthy. */
const SINGLES = 64;

/** The Lens, asked in pages as of a block that is named by its hash. */
export class LensPages {
  private readonly rpc: Rpc;
  private readonly address: string;
  private readonly lens: Interface;

  constructor({ rpc, plimsoll }: LensOptions) {
    this.rpc = rpc;
    this.address = plimsoll.deployment.contracts.Lens;
    this.lens = plimsoll.lens.interface;
  }

  /**
   * The margins of accounts by the engine in charge.
   *
   * @throws CouldNotLook
   */
  async marginsOf(accounts: readonly AccountId[], blockHash: string): Promise<MarginReading[]> {
    const pages = await inPages(accounts, PAGE, async (page) =>
      decodeMargins(await this.ask("marginsOf", page, blockHash), page),
    );
    return pages.flat();
  }

  /**
   * Which of the accounts a liquidator may take a slice of. One of which the Lens says no in a page is asked for by itself,
   * for in a page the gas may have been spent before.
   *
   * @param expected Whether a no contradicts what is known; one that does not is believed at once.
   * @param size Accounts of a page: fewer where each uses much gas.
   * @throws CouldNotLook
   */
  async liquidatable(
    accounts: readonly AccountId[],
    blockHash: string,
    expected = true,
    size = PAGE,
  ): Promise<ReadonlySet<AccountId>> {
    const found = new Set<AccountId>();
    const ask = async (page: readonly AccountId[]): Promise<void> => {
      const bits = decodeBitmap(await this.ask("liquidatable", page, blockHash), page.length);
      page.forEach((account, place) => {
        if (bits[place] === true) found.add(account);
      });
    };
    await inPages(accounts, size, ask);
    if (!expected || accounts.length === 1) return found;
    const missing = accounts.filter((account) => !found.has(account)).slice(0, SINGLES);
    await inPages(missing, 1, ask);
    return found;
  }

  private async ask(
    name: "marginsOf" | "liquidatable",
    page: readonly AccountId[],
    blockHash: string,
  ): Promise<string> {
    const data = this.lens.encodeFunctionData(name, [page]);
    const { refusal, returned } = await callView(this.rpc, { to: this.address, data, blockHash });
    if (refusal !== undefined) throw new CouldNotLook(`The Lens refused to answer: ${refusal}`);
    return String(this.lens.decodeFunctionResult(name, returned)[0]);
  }
}

/** Does something with each page, some at a time. */
async function inPages<T, R>(
  items: readonly T[],
  size: number,
  act: (page: readonly T[]) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += size * TOGETHER) {
    const pages = Array.from({ length: TOGETHER }, (_, page) =>
      items.slice(i + page * size, i + (page + 1) * size),
    ).filter((page) => page.length > 0);
    results.push(...(await Promise.all(pages.map(act))));
  }
  return results;
}
