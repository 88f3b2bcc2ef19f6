/** The known word that an unknown one was probably meant to be; undefined when none is near. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3));
  const distances = known.map((other) => ({ other, distance: distanceOf(word, other) }));
  distances.sort((a, b) => a.distance - b.distance);
  const [first] = distances;
  return first !== undefined && first.distance <= most ? first.other : undefined;
}

/** How many letters must be put in, left out or exchanged. */
function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of Array.from(from.toLowerCase()).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(to.toLowerCase()).entries()) {
      const exchanged = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(exchanged, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
