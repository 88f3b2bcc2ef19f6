import { KIND_BITS } from "../../../ignition/parameters.js";
import type { BracketName, RateName } from "../model/marginRates.js";
import { setBrackets, setHaircuts, setMinimumMargins, setRates } from "../model/parameters.js";
import type { World } from "../model/world.js";
import type { Act } from "./act.js";
import { callerOf } from "./drawGovernance.js";
import { chance, type Table } from "./table.js";

/** Parameters that move along ramps, mostly within what governance would choose, at times out of bounds. */

/** An act of governance on the Rules. */
function onRules(table: Table, act: Pick<Act, "kind" | "says" | "from" | "data" | "apply">): Act {
  const touched = [table.dice.pick(table.accounts)];
  return { ...act, to: table.stage.addresses.rules, after: 1n, touched };
}

/** Numbers in words and as arguments. */
function plain<Name extends string>(numbers: Record<Name, bigint>): string {
  return Object.values(numbers).join(", ");
}

/** A parameter of now, up to so much lower or higher, or a number of its own. */
function near({ dice }: Table, value: bigint, [least, most]: [bigint, bigint]): bigint {
  if (dice.next() < 0.3) return value;
  return dice.between(least, most);
}

export function drawRates(table: Table): Act {
  const { dice, world, stage } = table;
  const from = callerOf(table);
  const underlying = dice.pick([1, 2, 6]);
  const { to } = world.rates.get(underlying)!;
  const maintenanceFloorBps = near(table, to.maintenanceFloorBps, [150n, 600n]);
  const rates: Record<RateName, bigint> = {
    maintenanceBaseBps: near(table, to.maintenanceBaseBps, [50n, 400n]),
    maintenanceSlopeBps: near(table, to.maintenanceSlopeBps, [0n, 250n]),
    maintenanceFloorBps,
    maintenanceCapBps: maintenanceFloorBps + dice.pick([0n, 100n, 300n, 700n]),
    initialFloorBps: maintenanceFloorBps + dice.pick([0n, 100n, 300n, 1_200n]),
    maintenanceToInitialBps: near(table, to.maintenanceToInitialBps, [5_000n, 9_000n]),
    priorSigmaPercent: near(table, to.priorSigmaPercent, [20n, 120n]),
  };
  if (rates.maintenanceBaseBps > rates.maintenanceCapBps) rates.maintenanceBaseBps = 0n;
  // The same again changes nothing; one number that is out of bounds is refused.
  if (chance(table, 0.1)) for (const name of keysOf(rates)) rates[name] = to[name];
  else if (chance(table, 0.12)) Object.assign(rates, dice.pick(oddRates(rates)));
  const { kinds, tradeBandBps, leastTradeBandBps, openInterestCap } =
    world.rules.underlyings.get(underlying)!.market!;
  const bits = kinds.reduce((sum, kind) => sum | KIND_BITS[kind], 0);
  const others = { tradeBandBps, leastTradeBandBps, kinds: bits, openInterestCap };
  return onRules(table, {
    kind: "setUnderlying",
    says: `${from} sets rates of ${underlying}: ${plain(rates)}`,
    from,
    data: stage.plimsoll.rules.interface.encodeFunctionData("setUnderlying", [
      underlying,
      { ...rates, ...others },
    ]),
    apply: (state) =>
      withNews(state, () => {
        setRates(state, from, { underlying, rates });
      }),
  });
}

function oddRates(rates: Record<RateName, bigint>): Partial<Record<RateName, bigint>>[] {
  return [
    { maintenanceFloorBps: 0n },
    { maintenanceCapBps: rates.maintenanceFloorBps - 1n },
    { maintenanceBaseBps: rates.maintenanceCapBps + 1n },
    { initialFloorBps: rates.maintenanceFloorBps - 1n },
    { maintenanceToInitialBps: 999n },
    { priorSigmaPercent: 0n },
  ];
}

const ENDS: BracketName[] = ["firstEnd", "secondEnd", "thirdEnd"];
const FACTORS: BracketName[] = ["secondFactorBps", "thirdFactorBps", "lastFactorBps"];
/** Whether ends and factors stay what they are. */
const KEPT: [ends: boolean, factors: boolean][] = [
  [true, false],
  [true, false],
  [false, true],
  [false, true],
  [false, false],
  [true, true],
];

export function drawBrackets(table: Table): Act {
  const { dice, world, stage } = table;
  const from = callerOf(table);
  const underlying = dice.pick([1, 2, 6]);
  const { to } = world.rates.get(underlying)!;
  // Only ends or only factors may change; at times nothing does.
  const [keepsEnds, keepsFactors] = dice.pick(KEPT);
  const firstEnd = near(table, to.firstEnd, [5_000n, 40_000n]);
  const secondEnd = firstEnd + dice.between(1n, 60_000n);
  const secondFactorBps = near(table, to.secondFactorBps, [10_000n, 20_000n]);
  const thirdFactorBps = secondFactorBps + dice.between(0n, 15_000n);
  const brackets: Record<BracketName, bigint> = {
    firstEnd,
    secondEnd,
    thirdEnd: secondEnd + dice.between(1n, 200_000n),
    secondFactorBps,
    thirdFactorBps,
    lastFactorBps: thirdFactorBps + dice.between(0n, 30_000n),
  };
  const kept: BracketName[] = [...(keepsEnds ? ENDS : []), ...(keepsFactors ? FACTORS : [])];
  for (const name of kept) brackets[name] = to[name];
  if (chance(table, 0.12)) {
    const odd: Partial<Record<BracketName, bigint>>[] = [
      { firstEnd: 0n },
      { secondEnd: brackets.firstEnd },
      { thirdEnd: brackets.secondEnd },
      { secondFactorBps: 9_999n },
      { thirdFactorBps: brackets.secondFactorBps - 1n },
      { lastFactorBps: 200_001n },
    ];
    Object.assign(brackets, dice.pick(odd));
  }
  return onRules(table, {
    kind: "setBrackets",
    says: `${from} sets brackets of ${underlying}: ${plain(brackets)}`,
    from,
    data: stage.plimsoll.rules.interface.encodeFunctionData("setBrackets", [underlying, brackets]),
    apply: (state) =>
      withNews(state, () => {
        setBrackets(state, from, { underlying, brackets });
      }),
  });
}

export function drawHaircuts(table: Table): Act {
  const { dice, world, stage } = table;
  const from = callerOf(table);
  const place = dice.pick([...world.haircuts.keys()]);
  const { to } = world.haircuts.get(place)!;
  const maintenance = near(table, to.maintenance, [500n, 4_000n]);
  const haircuts = { maintenance, initial: maintenance + dice.between(0n, 1_500n) };
  if (chance(table, 0.12)) {
    Object.assign(
      haircuts,
      dice.pick([{ maintenance: haircuts.initial + 1n }, { initial: 10_000n }]),
    );
  }
  const { underlying } = world.rules.tokens[place]!.collateral!;
  return onRules(table, {
    kind: "setCollateral",
    says: `${from} sets haircuts of token ${place}: ${plain(haircuts)}`,
    from,
    data: stage.plimsoll.rules.interface.encodeFunctionData("setCollateral", [
      stage.addresses.tokens[place]!,
      {
        underlying,
        maintenanceHaircutBps: haircuts.maintenance,
        initialHaircutBps: haircuts.initial,
        accepted: true,
      },
    ]),
    apply: (state) =>
      withNews(state, () => {
        setHaircuts(state, from, { place, ...haircuts });
      }),
  });
}

export function drawMinimumMargins(table: Table): Act {
  const { dice, world, stage } = table;
  const from = callerOf(table);
  // At times so much that small accounts must go.
  const most = chance(table, 0.4) ? 20n : 1n;
  const margins = {
    ofAccount: dice.between(5n, 150n * most),
    ofItem: dice.between(0n, 30n * most),
  };
  if (chance(table, 0.12))
    Object.assign(margins, dice.pick([{ ofAccount: 0n }, { ofItem: 1_001n }]));
  return onRules(table, {
    kind: "setLiquidationRules",
    says: `${from} sets minimum margins: ${plain(margins)}`,
    from,
    data: stage.plimsoll.rules.interface.encodeFunctionData("setLiquidationRules", [
      {
        ...world.rules.liquidation,
        minimumMargin: margins.ofAccount,
        minimumMarginOfItem: margins.ofItem,
      },
    ]),
    apply: (state) =>
      withNews(state, () => {
        setMinimumMargins(state, from, margins);
      }),
  });
}

/** Does it, and says whether a ramp began, and whether one that was not over turned. */
function withNews(world: World, set: () => void): string[] {
  const before = rampsOf(world);
  set();
  const after = rampsOf(world);
  const changed = after.flatMap((ramp, place) => (ramp === before[place] ? [] : [before[place]!]));
  if (changed.length === 0) return ["what is set already is set again"];
  return changed.some(({ end }) => end > world.now) ? ["a ramp turns on its way"] : [];
}

function rampsOf({ rates, haircuts, minimumMargins }: World) {
  return [...rates.values(), ...haircuts.values(), minimumMargins];
}

function keysOf<Name extends string>(record: Record<Name, bigint>): Name[] {
  return Object.keys(record) as Name[];
}
