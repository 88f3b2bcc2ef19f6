import type { Mutant } from "./mutant.js";

const TOP_UP = "contracts/automation/StandingTopUp.sol";
const TOP_UP_TESTS = [
  "test/solidity/StandingTopUp.t.sol",
  "test/StandingTopUp.topUp.test.ts",
  "test/StandingTopUp.threats.test.ts",
];
const LIQUIDATOR = "contracts/automation/LiquidationAutomation.sol";
const LIQUIDATOR_TESTS = [
  "test/LiquidationAutomation.test.ts",
  "test/LiquidationAutomation.check.test.ts",
  "test/LiquidationAutomation.threats.test.ts",
];
const TRIGGER_TESTS = ["test/Exchange.trigger.test.ts", "test/Exchange.trigger.threats.test.ts"];

/** What strangers do for an owner: triggers, standing top-ups, the liquidator for all. */
export const AUTOMATION: readonly Mutant[] = [
  {
    id: "trigger-upside-down",
    file: "contracts/Exchange.sol",
    find: "if (isAbove ? indexPrice < order.triggerPrice : indexPrice > order.triggerPrice) {",
    replace: "if (isAbove ? indexPrice > order.triggerPrice : indexPrice < order.triggerPrice) {",
    why: "a stop-loss is filled while the price is fine, and not when it falls",
    tests: TRIGGER_TESTS,
  },
  {
    id: "makers-trigger-ignored",
    file: "contracts/Exchange.sol",
    find: "if (checked.flags >= TRIGGER_ABOVE) _requireTriggered(maker, checked, taking);",
    replace: "",
    why: "a resting order with a trigger is filled before its price has come",
    tests: TRIGGER_TESTS,
  },
  {
    id: "tip-beside-the-budget",
    file: TOP_UP,
    find: "standing.moved.consume(ENTRY, amount + tip);",
    replace: "standing.moved.consume(ENTRY, amount);",
    why: "tips leave the source beyond the budget",
    tests: TOP_UP_TESTS,
  },
  {
    id: "tip-not-in-proportion",
    file: TOP_UP,
    find: "plan.mostTip = Math.min(Math.min(limit, share), plan.bound - plan.least);",
    replace: "plan.mostTip = Math.min(limit, plan.bound - plan.least);",
    why: "crumbs earn whole tips",
    tests: TOP_UP_TESTS,
  },
  {
    id: "surplus-to-the-caller",
    file: TOP_UP,
    find: "if (tip != 0) SETTLEMENT_TOKEN.safeTransfer(msg.sender, tip);",
    replace:
      "if (tip != 0) SETTLEMENT_TOKEN.safeTransfer(msg.sender, SETTLEMENT_TOKEN.balanceOf(address(this)));",
    why: "whoever executes takes what was sent here by mistake",
    tests: TOP_UP_TESTS,
  },
  {
    id: "shares-at-any-price",
    file: TOP_UP,
    find: "revert SharesTooCheap(account, number, burnt, arrived);",
    replace: "",
    why: "the price of shares is pushed down for one transaction, and the owner's are sold at it",
    tests: TOP_UP_TESTS,
  },
  {
    id: "top-up-that-cannot-save",
    file: TOP_UP,
    find: "plan.least = Math.max(1, _amountTo(margin, LEAST_HEALTH));",
    replace: "plan.least = 1;",
    why: "money is thrown after an account that is liquidated all the same",
    tests: TOP_UP_TESTS,
  },
  {
    id: "any-incentive",
    file: LIQUIDATOR,
    find: "CLEARINGHOUSE.liquidate(sinking, ACCOUNT, fraction, payment);",
    replace: "CLEARINGHOUSE.liquidate(sinking, ACCOUNT, fraction, type(int256).max);",
    why: "slices are taken whose incentive the insurance fund cannot pay",
    tests: LIQUIDATOR_TESTS,
  },
  {
    id: "former-owner-keeps-rights",
    file: LIQUIDATOR,
    find: "VAULT.setOperator(former, 0, 0);",
    replace: "",
    why: "who sold the automation empties its account",
    tests: LIQUIDATOR_TESTS,
  },
  {
    id: "batch-runs-dry",
    file: LIQUIDATOR,
    find: "gasleft() - kept,",
    replace: "gasleft(),",
    why: "one account's liquidation uses up the gas of the others",
    tests: LIQUIDATOR_TESTS,
  },
];
