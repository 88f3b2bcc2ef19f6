import { ZeroAddress } from "ethers";
import { ownerOf } from "../../sdk/index.js";
import type { SigningWallet } from "../dispatch/options.js";
import type { KeeperConfig } from "./schema.js";

/** For a keeper without a key, which sends nothing: the owner of the liquidator's account, in whose name calls are tried. */
export function watchOnly({ liquidate }: Pick<KeeperConfig, "liquidate">): SigningWallet {
  const { account } = liquidate;
  return {
    address: account === undefined ? ZeroAddress : ownerOf(account),
    signingKey: {
      sign: () => {
        throw new Error("A keeper without a key signs nothing.");
      },
    },
  };
}
