import type { Rpc, SignedOrder } from "../../../sdk/index.js";
import type { KeeperView } from "../../state/view.js";
import { OrderRefused } from "./refusal.js";
import { isSigned, isSignedByKey } from "./signature.js";

const MOST_WALLETS = 8;

/** Checks signatures that strangers send, without letting them keep the node busy. */
export class SignatureCheck {
  /** How many wallets are being asked. */
  #wallets = 0;

  /** @param mostWallets That are asked at the same time. */
  constructor(
    private readonly rpc: Rpc,
    private readonly mostWallets = MOST_WALLETS,
  ) {}

  /**
   * Whether an order is signed: see {@link isSigned}. For a key's signature nobody is asked.
   *
   * @throws OrderRefused while as many wallets are asked as may be.
   * @throws CouldNotLook when a wallet could not be asked.
   */
  async isSigned(
    signed: SignedOrder,
    hash: string,
    { block, index }: Pick<KeeperView, "block" | "index">,
  ): Promise<boolean> {
    const facts = { state: index.state, rpc: this.rpc, block };
    if (isSignedByKey(signed, hash, facts)) return true;
    if (this.#wallets >= this.mostWallets) {
      throw new OrderRefused(
        "Busy",
        "This keeper asks as many wallets for their signatures as it may at a time.",
        "Send the order again in a moment; one that a key has signed does not wait.",
      );
    }
    ++this.#wallets;
    try {
      return await isSigned(signed, hash, facts);
    } finally {
      --this.#wallets;
    }
  }
}
