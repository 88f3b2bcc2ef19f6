import { z } from "zod";
import { bps, count, dollars, noted, seconds } from "./setting.js";

const accountIdText = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, "an account id: 0x and 64 hexadecimal digits");

/** Settings of single roles, and of what sends their transactions. */
export const roleSettings = {
  liquidate: z
    .strictObject({
      account: noted(
        accountIdText.optional(),
        "The account that takes slices over; the wallet owns it or is its operator with LIQUIDATE.",
      ),
      leastProfit: noted(
        z.number().default(0),
        "What must be left of a slice's discount after gas; below 0 it may cost something.",
        { unit: "dollars" },
      ),
      reserve: dollars(0, "Initial margin that the liquidator's account keeps free."),
      slackBps: bps(50, "How much dearer than previewed a slice may be, of its value."),
      guardBps: bps(10, "Accounts up to so far above the line are computed exactly."),
    })
    .prefault({}),
  dispatch: z
    .strictObject({
      mostUnderWay: noted(
        z.int().positive().max(64).default(16),
        "How many of the wallet's transactions may wait for a block at a time.",
        { unit: "transactions" },
      ),
      bumpBlocks: count(2, "blocks", "A transaction that waits so long gets a higher fee."),
      bumpPercent: noted(
        z.int().min(10).max(200).default(20),
        "By how much the fee is raised; nodes want 10 at least.",
        { unit: "%" },
      ),
      confirmations: noted(
        z.int().nonnegative().default(3),
        "After so many blocks a transaction that is in one is settled.",
        { unit: "blocks" },
      ),
      leaseSeconds: seconds(5, "What another keeper waits before it takes over what this one had."),
      leastEther: noted(
        z.number().nonnegative().default(0.05),
        "A wallet with less raises an alarm.",
        { unit: "ether" },
      ),
      etherUnderlying: count(1, "underlying", "The number of the underlying that is ether."),
      mostCost: dollars(20, "For what earns nothing: the most that one transaction may cost."),
    })
    .prefault({}),
  pokes: z
    .strictObject({
      noteSeconds: seconds(3_600, "How often prices, the peg and fees are noted."),
      mostRounds: noted(
        z.int().positive().max(256).default(64),
        "How many rounds of a feed one volatility poke looks at, at most.",
        { unit: "rounds" },
      ),
    })
    .prefault({}),
  topUps: z
    .strictObject({
      leastProfit: dollars(0, "What must be left of a top-up's tip after gas."),
      mostSubsidy: dollars(0, "Gas that the keeper pays beyond a top-up's tip, at most."),
    })
    .prefault({}),
};
