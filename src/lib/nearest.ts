/** Finds the word that somebody probably meant. */

/**
 * The member of `known` that `word` most likely misspells; undefined when none is close. Letters
 * dropped, added, changed or swapped count one each; a third of the word may be wrong.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const bare = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(bare.length / 3)) + 1;
  for (const candidate of known) {
    // Their distance is no less, and would take long where a word is.
    if (Math.abs(bare.length - candidate.length) >= bestDistance) continue;
    const distance = editDistance(bare, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Damerau–Levenshtein distance in its "optimal string alignment" form: a swap of two neighbours
 * counts one. It takes the product of both lengths.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const changed = last[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      let cost = Math.min(changed, last[column]! + 1, current[column - 1]! + 1);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] &&
        a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
