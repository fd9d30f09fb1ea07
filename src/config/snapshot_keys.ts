/** Section `snapshot`: when the log is compacted, and how images of the store travel. */

import { integer } from "./key.ts";

const kibi = 1024;
const mebi = 1024 * kibi;
const gibi = 1024 * mebi;
const tebi = 1024 * gibi;

/** See the head of this file. */
export const snapshot = {
  log_entries_max: integer(
    { default: 100_000, min: 0, max: 1_000_000_000 },
    "The log is compacted when so many of its entries are not needed any more; 0: never for " +
      "their number.",
  ),
  log_bytes_max: integer(
    { default: 64 * mebi, min: 0, max: tebi },
    "The log is compacted when entries of so many bytes are not needed any more; 0: never for " +
      "their size.",
  ),
  interval_ms: integer(
    { default: 0, min: 0, max: 31_557_600_000 },
    "The log is compacted so long after the last time, where anything is not needed any more; " +
      "0: never for the time.",
  ),
  cool_down_ms: integer(
    { default: 10_000, min: 0, max: 86_400_000 },
    "The rest between two compactions of the log, whatever their reason.",
  ),
  retained_entries_max: integer(
    { default: 10_000, min: 0, max: 1_000_000_000 },
    "Entries that stay in the log for followers that are a little behind, by count.",
  ),
  retained_bytes_max: integer(
    { default: 16 * mebi, min: 0, max: tebi },
    "Entries that stay in the log for followers that are a little behind, by bytes.",
  ),
  held_bytes_max: integer(
    { default: 256 * mebi, min: 0, max: tebi },
    "What stays in the leader's log beyond that while a follower that answers still needs it; " +
      "above it the follower needs an image of the store.",
  ),
  chunk_bytes: integer(
    { default: 256 * kibi, min: 256 * kibi, max: 4 * mebi },
    "An image of the store is sent in chunks of this size.",
  ),
  inflight_bytes_max: integer(
    { default: 4 * mebi, min: 4 * mebi, max: 64 * mebi },
    "Chunks under way to one peer without an answer.",
  ),
  bytes_per_second_max: integer(
    { default: 16 * mebi, min: 256 * kibi, max: 16 * gibi },
    "How fast a node sends images of its store, to all peers together.",
  ),
};
