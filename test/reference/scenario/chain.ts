import {
  AbiCoder,
  type BaseContract,
  HDNodeWallet,
  type InterfaceAbi,
  Interface,
  Mnemonic,
} from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import { type AccountId, accountId, orderDomain, WAD, wadOfAmount } from "../../../sdk/index.js";
import type { DeploymentParameters } from "../../../ignition/parameters.js";
import { wadOf } from "../../../ignition/parameters.js";
import { deployPlimsollWith, type Plimsoll } from "../../fixtures/plimsoll.js";
import { emptyWorld, type World, type WorldRules } from "../model/world.js";
