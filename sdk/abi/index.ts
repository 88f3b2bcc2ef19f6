// Made by `npm run abi`; changes are lost.
import { accessManagerAbi } from "./AccessManager.js";
import { priceOracleAbi } from "./PriceOracle.js";
import { rulesAbi } from "./Rules.js";
import { volatilityOracleAbi } from "./VolatilityOracle.js";
import { vaultAbi } from "./Vault.js";
import { defaultProcessAbi } from "./DefaultProcess.js";
import { clearinghouseAbi } from "./Clearinghouse.js";
import { marginEngineAbi } from "./MarginEngine.js";
import { exchangeAbi } from "./Exchange.js";
import { lensAbi } from "./Lens.js";
import { routerAbi } from "./Router.js";
import { standingTopUpAbi } from "./StandingTopUp.js";
import { liquidationAutomationAbi } from "./LiquidationAutomation.js";

export * from "./errors.js";
export * from "./AccessManager.js";
export * from "./PriceOracle.js";
export * from "./Rules.js";
export * from "./VolatilityOracle.js";
export * from "./Vault.js";
export * from "./DefaultProcess.js";
export * from "./Clearinghouse.js";
export * from "./MarginEngine.js";
export * from "./Exchange.js";
export * from "./Lens.js";
export * from "./Router.js";
export * from "./StandingTopUp.js";
export * from "./LiquidationAutomation.js";

/** All ABIs by the contract's name. */
export const ABIS = {
  AccessManager: accessManagerAbi,
  PriceOracle: priceOracleAbi,
  Rules: rulesAbi,
  VolatilityOracle: volatilityOracleAbi,
  Vault: vaultAbi,
  DefaultProcess: defaultProcessAbi,
  Clearinghouse: clearinghouseAbi,
  MarginEngine: marginEngineAbi,
  Exchange: exchangeAbi,
  Lens: lensAbi,
  Router: routerAbi,
  StandingTopUp: standingTopUpAbi,
  LiquidationAutomation: liquidationAutomationAbi,
} as const;
