import { expect } from "chai";
import hre from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";
import { parseWad } from "../sdk/index.js";
import { deployFundingMarket, type FundingTrade } from "./fixtures/funding.js";
import { randomFrom } from "./fixtures/random.js";
import { sum } from "./reference/margin.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;
const { time } = networkHelpers;

/** How long every attack lasts [seconds]. */
const LONG = 3_600;
/** How often the feed repeats itself: at seconds at which nobody trades. */
const REFRESH = 3_001;
/** What the victims hold, in dollars. */
const OPEN = 3_000_000;

type Scene = Awaited<ReturnType<typeof deployAttack>>;
type Side = "short" | "long";

/** Who trades, at which second. The attacker's trades go from hand to hand between two owners of its own. */
interface Move extends Pick<FundingTrade, "dollars" | "premium" | "fee"> {
  at: number;
  by?: "attacker" | "victims" | "opening";
}

/** Three owners are the attacker: one will hold the whole side that receives, two print. Nothing is open yet. */
async function deployAttack(network: NetworkConnection) {
  const market = await deployFundingMarket(network);
  const signers = (await ethers.getSigners()).slice(-3);
  const [holder, first, second] = await Promise.all(signers.map((one) => market.newTrader(one)));
  return { ...market, holder: holder!, first: first!, second: second! };
}

/** The same when alice has traded with the holder already. */
async function deployOpenAttack(network: NetworkConnection, side: Side) {
  const scene = await deployAttack(network);
  await scene.clear(openingOf(scene, side));
  return scene;
}
const deployShortAttack = (network: NetworkConnection) => deployOpenAttack(network, "short");
const deployLongAttack = (network: NetworkConnection) => deployOpenAttack(network, "long");

/** The victims' opening trade, at the mark and its fees theirs. */
function openingOf({ alice, holder }: Scene, side: Side, dollars = OPEN): FundingTrade {
  return side === "short"
    ? { buyer: alice, seller: holder, dollars }
    : { buyer: holder, seller: alice, dollars, fee: 0 };
}

/** Plays the moves and waits for the end; returns the attacker's wealth and the fees of all trades [wad]. */
async function play(scene: Scene, side: Side, moves: Move[]) {
  const { clearinghouse, clearAt, goTo, equityOf, holder, first, second, bob, carol } = scene;
  const [from, sign] = [await time.latest(), side === "short" ? 1 : -1];
  const reserve = await clearinghouse.reserve();
  const turns = { attacker: 0, victims: 0 };
  let refreshed = 0;
  for (const { at, by = "attacker", dollars, fee = 700, premium = 0 } of moves) {
    for (; at - refreshed > REFRESH; refreshed += REFRESH) await goTo(from, refreshed + REFRESH);
    if (by === "opening") {
      await clearAt(from, at, { ...openingOf(scene, side, dollars), fee });
      continue;
    }
    const hands = by === "victims" ? [bob, carol] : [first, second];
    const [buyer, seller] = ++turns[by] % 2 === 0 ? hands : hands.reverse();
    const parties = { buyer: buyer!, seller: seller! };
    await clearAt(from, at, { ...parties, dollars: dollars!, fee, premium: sign * premium });
  }
  await goTo(from, LONG + 600);
  const wealth = sum(await Promise.all([holder, first, second].map(equityOf)));
  return { wealth, fees: (await clearinghouse.reserve()) - reserve };
}

/**
 * What the attack brought in funding, against the same time without the attacker's trades, what it cost, and what the
 * victims' own trades paid [wad].
 */
async function compare(scene: Scene, side: Side, moves: Move[]) {
  const honest = moves.filter(({ by }) => by !== undefined && by !== "attacker");
  const [attack, peace] = await scene.fromHere(
    () => play(scene, side, moves),
    () => play(scene, side, honest),
  );
  const paid = attack!.fees - peace!.fees;
  return { earned: attack!.wealth - peace!.wealth + paid, paid, others: peace!.fees };
}

/** A move every so many seconds. */
function every(seconds: number, move: Omit<Move, "at">, from = 10): Move[] {
  const count = Math.floor((LONG - from) / seconds);
  return Array.from({ length: count }, (_, place) => ({ at: from + place * seconds, ...move }));
}

/** In the order of time; no two at the same second. */
function inOrder(...lists: Move[][]): Move[] {
  const sorted = lists.flat().sort((one, other) => one.at - other.at);
  return sorted.filter(({ at }, place) => place === 0 || at > sorted[place - 1]!.at);
}

const PRINT = { dollars: 1_200_000, premium: 10_000 };
const DUST = { dollars: 1, premium: 10_000 };

const TACTICS: [words: string, moves: Move[]][] = [
  ["one whole print every five minutes", every(300, PRINT)],
  ["a whole print every hundred seconds", every(100, PRINT)],
  ["at the very edge of the trade band", every(300, { ...PRINT, premium: 50_000 })],
  ["many small prints", every(60, { dollars: 120_000, premium: 10_000 })],
  ["a print renewed by dust", inOrder(every(600, PRINT), every(40, DUST, 17))],
  ["dust alone", every(40, DUST)],
  ["at the fees of the lowest tier", every(300, { ...PRINT, fee: 300 })],
  [
    "at the lowest tier, renewed by dust",
    inOrder(every(600, { ...PRINT, fee: 300 }), every(40, DUST, 17)),
  ],
  ["at 5 bps and not one more", inOrder(every(600, { ...PRINT, fee: 500 }), every(40, DUST, 17))],
  [
    "half a print at 5 bps",
    inOrder(every(600, { dollars: 480_000, premium: 10_000, fee: 500 }), every(40, DUST, 17)),
  ],
  ["at a venue that charges almost nothing", every(60, { ...PRINT, fee: 5 })],
];

describe("Clearinghouse", () => {
  for (const side of ["short", "long"] as const) {
    const load = async () => {
      const deploy = side === "short" ? deployShortAttack : deployLongAttack;
      return networkHelpers.loadFixture(deploy);
    };

    describe(`wash trades of an attacker who holds the whole ${side} side`, () => {
      for (const [words, moves] of side === "short" ? TACTICS : TACTICS.slice(0, 4)) {
        it(`cost more than they earn: ${words}`, async () => {
          const { earned, paid } = await compare(await load(), side, moves);
          expect(earned).to.be.greaterThan(0n).and.at.most(paid);
        });
      }

      it("earn nothing at a venue without fees", async () => {
        const { earned, paid } = await compare(await load(), side, every(60, { ...PRINT, fee: 0 }));
        expect(paid).to.equal(0n);
        expect(earned).to.be.within(-1_000_000n, 1_000_000n);
      });

      it("cost more than they earn, where they turn an honest premium into its opposite", async () => {
        const against = { dollars: 1_200_000, premium: -10_000, by: "victims" } as const;
        const moves = inOrder(every(600, against), every(600, PRINT, 11), every(40, DUST, 20));
        const { earned, paid } = await compare(await load(), side, moves);
        expect(earned).to.be.greaterThan(0n).and.at.most(paid);
      });

      for (const seed of side === "short" ? [1, 2] : [3]) {
        it(`cost more than they earn, whatever they are (seed ${seed})`, async () => {
          const { earned, paid } = await compare(await load(), side, randomMoves(seed));
          expect(earned).to.be.at.most(paid);
        });
      }

      it("that renew an honest premium by dust earn a part of what its own trades paid", async () => {
        const honest = { ...PRINT, by: "victims" } as const;
        const moves = inOrder(every(600, honest), every(40, DUST, 13));
        const { earned, paid, others } = await compare(await load(), side, moves);
        expect(earned).to.be.greaterThan(paid, "dust is nearly free: a known limit");
        expect(earned).to.be.at.most((paid + others) / 4n);
      });
    });

    describe(`false premiums printed before the victims open, by who will hold the ${side} side`, () => {
      const loadEmpty = async () => networkHelpers.loadFixture(deployAttack);
      const print = { at: 10, dollars: 260_000, premium: 10_000 };

      for (const [fee, parts] of [
        [700, 1],
        [300, 10],
      ] as const) {
        it(`cost more than they earn when these pay ${fee} millionths in ${parts} parts`, async () => {
          const part = { dollars: OPEN / parts, by: "opening", fee } as const;
          const opening = Array.from({ length: parts }, (_, place) => ({
            at: 11 + place,
            ...part,
          }));
          const moves = inOrder([print], opening, every(40, DUST, 30));
          const { earned, paid } = await compare(await loadEmpty(), side, moves);
          expect(earned).to.be.at.most(paid);
        });
      }

      it("earn at most one fade of the cap where victims open without fees: a known limit", async () => {
        const opening: Move = { at: 11, dollars: OPEN, by: "opening", fee: 0 };
        const moves = inOrder([print, opening], every(40, { ...DUST, fee: 0 }, 13));
        const { earned, paid } = await compare(await loadEmpty(), side, moves);
        expect(earned).to.be.greaterThan(paid);
        expect(earned).to.be.at.most(parseWad((OPEN * 0.0076 * 300) / 28_800));
      });
    });
  }
});

/** Anything that the attacker may do for an hour. */
function randomMoves(seed: number): Move[] {
  const random = randomFrom(seed);
  const moves: Move[] = [];
  for (let at = 5; at < LONG; at += Number(random.between(1n, 120n))) {
    moves.push({
      at,
      dollars: random.pick([1, 1_000, 50_000, 300_000, 1_000_000, 2_000_000]),
      premium: Number(random.between(-5_000n, 50_000n)),
      fee: random.pick([0, 5, 100, 300, 499, 500, 501, 700]),
    });
  }
  return moves;
}
