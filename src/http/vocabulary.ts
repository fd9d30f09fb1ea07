/**
 * Every word that names an option somewhere in this interface, and what users of neighbouring
 * systems write instead. A word that is not understood is an error that names the nearest one: a
 * typo must never turn a conditional write into an unconditional one.
 */

import { editDistance } from "../lib/nearest.ts";

/** Words of other systems, and the option here that does their work. */
const foreignWords: ReadonlyMap<string, string> = new Map([
  // Consul
  ["cas", "if_match"],
  ["recurse", "prefix"],
  ["keys", "keys_only"],
  ["separator", "delimiter"],
  ["stale", "consistency"],
  ["consistent", "consistency"],
  ["default", "consistency"],
  ["raw", "format"],
  ["index", "min_revision"],
  ["acquire", "lease"],
  ["release", "lease"],
  // etcd
  ["recursive", "prefix"],
  ["prevexist", "if_match"],
  ["prevvalue", "if_match"],
  ["previndex", "if_match"],
  ["mod_revision", "if_match"],
  ["quorum", "consistency"],
  ["serializable", "consistency"],
  ["rev", "revision"],
  ["range_end", "end"],
  ["count", "count_only"],
  ["prev_kv", "prev"],
  ["lease_id", "lease"],
  // rqlite and the rest
  ["level", "consistency"],
  ["freshness", "max_staleness"],
  ["pretty", "format"],
  ["etag", "if_match"],
  ["version", "if_match"],
  ["nx", "if_none_match"],
  ["if_absent", "if_none_match"],
  ["create_only", "if_none_match"],
  ["xx", "if_match"],
  ["ex", "ttl"],
  ["px", "ttl"],
  ["expire", "ttl"],
  ["page", "cursor"],
  ["page_token", "cursor"],
  ["continue", "cursor"],
  ["offset", "cursor"],
  ["page_size", "limit"],
  ["max", "limit"],
  ["max_keys", "limit"],
  ["from", "start"],
  ["start_after", "start"],
  ["to", "end"],
  ["order", "reverse"],
  ["desc", "reverse"],
  ["type", "content_type"],
  // Members of transactions
  ["compare", "if"],
  ["success", "then"],
  ["failure", "else"],
  ["otherwise", "else"],
  ["operator", "op"],
  ["result", "op"],
  ["set", "put"],
  ["request_put", "put"],
  ["request_range", "range"],
  ["request_delete_range", "delete"],
]);

/** The word of `known` that `word` most likely stands for, if any is near. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const plain = word.toLowerCase().replaceAll("-", "_");
  const translated = foreignWords.get(plain);
  if (translated !== undefined && known.includes(translated)) return translated;
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    // Nobody waits for the distance of a word that is too long or too short to be near.
    if (Math.abs(plain.length - candidate.length) * 2 > candidate.length) continue;
    const distance = editDistance(plain, candidate);
    if (best === undefined || distance < best.distance) best = { word: candidate, distance };
  }
  // Beyond half of the word a resemblance is chance.
  return best !== undefined && best.distance * 2 <= best.word.length ? best.word : undefined;
}

/** "a, b and c". */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
