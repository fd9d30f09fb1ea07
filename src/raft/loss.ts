/**
 * What a message shows of the log of the node that gets it: that it lost something which this node
 * had told others. Where nothing on the own disk shows a loss (an older copy of raft.db was put
 * back, and the mark and the store are gone, too), the others are the only ones who know.
 *
 * A heartbeat names the last position that its leader counts as acknowledged by the receiver, in
 * the heartbeat's term and under `toEpoch`. A receiver whose epoch that is, and which is in this
 * term or a lower one, must hold it durably:
 *
 * - The acknowledgement left when the log was durable up to there, and the term with it; a leader
 *   counts those of its own term alone, and forgets them when it hears of a new epoch.
 * - Nothing that equals the log of a term's leader is truncated in that term, for the leader never
 *   changes its entries (paper §5.3). In a higher term it may be; but that term is durable no later
 *   than the truncation, and to a node in a higher term the heartbeat says nothing.
 * - So it holds before and after any restart. What still waits for the disk was never acknowledged,
 *   and whoever recovers has acknowledged nothing under its new epoch that it did not hold then.
 * - The claim only grows while term and epoch stay the same. Heartbeats that come late, twice or in
 *   another order claim less, and a leader that has heard nothing yet claims nothing.
 *
 * `toEpoch` above the own epoch is proof as well: only this node can have told it, and it had
 * written it down before. The directory is from before an earlier loss.
 */

import type { Envelope, Heartbeat } from "./message.ts";
import type { Loss } from "./ready.ts";
import type { RaftState } from "./state.ts";

/** Undefined when the message is no proof of anything. To be asked before it is acted upon. */
export function lossShownBy(state: RaftState, envelope: Envelope): Loss | undefined {
  const { from, toEpoch, message } = envelope;
  const { logEpoch } = state.identity;
  const shown = (reason: string): Loss => ({ reason, logEpoch: Math.max(logEpoch, toEpoch) + 1 });
  if (toEpoch > logEpoch) {
    return shown(
      `node ${from} has heard of epoch ${toEpoch} of this log, here it is at ${logEpoch}`,
    );
  }
  if (message.kind !== "heartbeat" || toEpoch < logEpoch) return undefined;
  const lack = lackOf(state, envelope, message);
  if (lack === undefined) return undefined;
  const { index, term } = message.match;
  return shown(`node ${from} counts entry ${index} of term ${term} as stored here, ${lack}`);
}

/** What is there instead of the claimed position, in words; undefined when all of it is there. */
function lackOf(
  { log, currentTerm, verifiedIndex }: RaftState,
  { term }: Envelope,
  { match }: Heartbeat,
): string | undefined {
  if (match.index === 0 || term < currentTerm) return undefined;
  if (match.index > log.stableIndex) return `the log ends at ${log.stableIndex}`;
  // Up to the verified index the log equals the leader's; only behind it has one to look.
  const held = match.index <= verifiedIndex ? match.term : log.term(match.index);
  if (held !== match.term) return `the log holds one of term ${held}`;
  // The log may hold it and still be from before that term, in which this node may have voted.
  return term > currentTerm ? `the last term on disk is ${currentTerm}, not ${term}` : undefined;
}
