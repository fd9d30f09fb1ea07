/**
 * The store checks itself in two ways. Each row carries a CRC over its columns, checked whenever
 * its value is read: a wrong bit is found before anybody is told it. And the store keeps a
 * {@link StateHash}, the sum of the hashes of all changes ever made: members that have applied the
 * same entries have the same sum, whatever each of them has compacted in the meantime. What
 * compaction removes is added to a second sum, so that the rows still there plus the removed ones
 * must give the first.
 *
 * Both find accidents, not attackers.
 */

import { utf8 } from "../lib/bytes.ts";
import { crc32c } from "../lib/crc32c.ts";
import type { Change, ChangeNumber } from "./change.ts";

/** Two unsigned 32-bit lanes, each a sum modulo 2^32: the order of adding does not matter. */
export interface StateHash {
  readonly a: number;
  readonly b: number;
}

export const emptyStateHash: StateHash = { a: 0, b: 0 };

/** `sum` without `less`, which was added before. */
export function subtractHash(sum: StateHash, less: StateHash): StateHash {
  return { a: (sum.a - less.a) >>> 0, b: (sum.b - less.b) >>> 0 };
}

/** The sum of two sums. */
export function addHash(sum: StateHash, more: StateHash): StateHash {
  return { a: (sum.a + more.a) >>> 0, b: (sum.b + more.b) >>> 0 };
}

/** Both checksums of one change. */
export interface ChangeChecksums {
  /** Of the row: everything that {@link hash} covers, and the chain, which is local. */
  readonly crc32c: number;
  /** Of what is the same on every member. */
  readonly hash: StateHash;
}

const factWords = new DataView(new ArrayBuffer(56));
const factBytes = new Uint8Array(factWords.buffer);
const linkWords = new DataView(new ArrayBuffer(32));
const linkBytes = new Uint8Array(linkWords.buffer);
const headWords = new DataView(new ArrayBuffer(8));
const headBytes = new Uint8Array(headWords.buffer);

/** What a new row needs: its CRC, and what it adds to the state hash. */
export function changeChecksums(change: Omit<Change, "crc32c">): ChangeChecksums {
  const mediaType = change.mediaType === undefined ? undefined : utf8(change.mediaType);
  const lease = change.lease === undefined ? undefined : utf8(change.lease);
  const crc = factsCrc32c(change, mediaType, lease);
  // The facts stand in factBytes since the line before. The lanes share no arithmetic: what
  // collides in one does not collide in the other.
  let b = murmur32(change.value, murmur32(change.key, murmur32(factBytes, 0)));
  if (mediaType !== undefined) b = murmur32(mediaType, b);
  if (lease !== undefined) b = murmur32(lease, b);
  return { crc32c: linkCrc32c(change, crc), hash: { a: scramble(crc), b } };
}

/** The CRC-32C that the row of `change` must carry. */
export function changeCrc32c(change: Omit<Change, "crc32c">): number {
  const mediaType = change.mediaType === undefined ? undefined : utf8(change.mediaType);
  const lease = change.lease === undefined ? undefined : utf8(change.lease);
  return linkCrc32c(change, factsCrc32c(change, mediaType, lease));
}

/** What a key whose newest change is `number` adds to a sum over keys. Kept nowhere. */
export function headHash(key: Uint8Array, number: ChangeNumber): StateHash {
  setCount64(headWords, 0, number);
  return { a: scramble(crc32c(key, crc32c(headBytes))), b: murmur32(key, murmur32(headBytes, 2)) };
}

/** The CRC-32C that a row of the ledger must carry. */
export function ledgerCrc32c(key: Uint8Array, value: Uint8Array): number {
  return crc32c(value, crc32c(key));
}

/** What a row of the ledger, which carries its CRC, adds to the ledger's hash. */
export function ledgerRowHash(
  { key, value, crc32c: crc }: {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
    readonly crc32c: number;
  },
): StateHash {
  // The lengths of keys follow from their first bytes (ledger.ts), so nothing keeps the two apart.
  return { a: scramble(crc), b: murmur32(value, murmur32(key, 1)) };
}

function factsCrc32c(
  change: Omit<Change, "crc32c">,
  mediaType: Uint8Array | undefined,
  lease: Uint8Array | undefined,
): number {
  setCount64(factWords, 0, change.revision);
  setCount64(factWords, 8, change.create);
  setCount64(factWords, 16, change.version);
  setCount64(factWords, 24, change.timeMs);
  setCount64(factWords, 32, change.wallMs);
  // The lengths keep neighbouring columns apart; absent and empty are told apart by the + 1.
  factWords.setUint32(40, change.key.length, true);
  factWords.setUint32(44, change.value.length, true);
  factWords.setUint32(48, mediaType === undefined ? 0 : mediaType.length + 1, true);
  factWords.setUint32(52, lease === undefined ? 0 : lease.length + 1, true);
  let crc = crc32c(change.value, crc32c(change.key, crc32c(factBytes)));
  if (mediaType !== undefined) crc = crc32c(mediaType, crc);
  if (lease !== undefined) crc = crc32c(lease, crc);
  return crc;
}

function linkCrc32c(change: Omit<Change, "crc32c">, previous: number): number {
  setCount64(linkWords, 0, change.number);
  setCount64(linkWords, 8, change.previous);
  setCount64(linkWords, 16, change.skip);
  setCount64(linkWords, 24, change.depth);
  return crc32c(linkBytes, previous);
}

function setCount64(words: DataView, at: number, value: number): void {
  words.setUint32(at, value % 0x1_0000_0000, true);
  words.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** MurmurHash3 x86 32-bit (Appleby); little-endian, so the same everywhere. */
export function murmur32(bytes: Uint8Array, seed: number): number {
  let hash = seed;
  const wholeEnd = bytes.length - (bytes.length % 4);
  for (let at = 0; at < wholeEnd; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) |
      (bytes[at + 3]! << 24);
    hash ^= murmurWord(word);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= wholeEnd; at--) tail = (tail << 8) | bytes[at]!;
  if (wholeEnd < bytes.length) hash ^= murmurWord(tail);
  return scramble(hash ^ bytes.length);
}

function murmurWord(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

/** Murmur's finalizer: every bit of the input reaches every bit of the output. */
function scramble(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
