import { bookOf, type World } from "../model/world.js";

/** What of the waterfall a loss met. */
export function newsOfLoss(before: World, after: World, fundPays: bigint): string[] {
  const moved = [...after.books].some(([instrument, { haircut }]) => {
    const { long, short } = bookOf(before, instrument).haircut;
    return haircut.long > long || haircut.short > short;
  });
  return namesOf({
    "the fund pays": fundPays > 0n,
    "gains are haircut": moved,
    "lenders bear a loss": after.pool.lostShare > 0n && after.pool.lostAt === after.now,
    "a deficit is recorded": after.deficit > before.deficit,
  });
}

/** The names of what is so. */
export function namesOf(news: Record<string, boolean>): string[] {
  return Object.keys(news).filter((name) => news[name]);
}
