/** Messages as tests write them: what matters, and the rest as a well-behaved peer says it. */

import { utf8 } from "../../src/lib/bytes.ts";
import { makeEntry } from "../../src/raft/encoding.ts";
import type {
  AppendEntries,
  AppendEntriesReply,
  Heartbeat,
  HeartbeatReply,
  PreVote,
  PreVoteReply,
  RequestVote,
  RequestVoteReply,
} from "../../src/raft/message.ts";
import type { Entry, EntryKind, Index, LogPosition, Term } from "../../src/raft/types.ts";

/** `position("5@2")` is index 5, term 2. */
export function position(text: string): LogPosition {
  const [index, term] = text.split("@").map(Number);
  if (index === undefined || term === undefined) throw new Error(`${text} is no position`);
  return { index, term };
}

export function entryAt(at: string, text = "x", kind: EntryKind = "command"): Entry {
  return makeEntry({ ...position(at), kind, timeMs: 0, data: utf8(kind === "noop" ? "" : text) });
}

/** `appendEntries("1@1", ["2@2", "3@2"])`. */
export function appendEntries(
  prevLog: string,
  entries: readonly (string | Entry)[] = [],
  leaderCommit: Index = 0,
): AppendEntries {
  return {
    kind: "appendEntries",
    prevLog: position(prevLog),
    entries: entries.map((entry) => typeof entry === "string" ? entryAt(entry) : entry),
    leaderCommit,
    attempt: 1,
  };
}

/** `attempt`: of the request that it answers. */
export function matched(at: string, attempt = 1): AppendEntriesReply {
  const result = { kind: "matched", position: position(at) } as const;
  return { kind: "appendEntriesReply", result, needsSnapshot: false, attempt };
}

export function conflict(rejected: string, hint: string, attempt = 1): AppendEntriesReply {
  const positions = { rejected: position(rejected), hint: position(hint) };
  const result = { kind: "conflict", ...positions } as const;
  return { kind: "appendEntriesReply", result, needsSnapshot: false, attempt };
}

export function heartbeat(round: number, leaderCommit: Index, match = "0@0"): Heartbeat {
  return { kind: "heartbeat", round, leaderCommit, match: position(match) };
}

export function heartbeatReply(round: number, verifiedIndex: Index): HeartbeatReply {
  return { kind: "heartbeatReply", round, verifiedIndex, appliedIndex: 0 };
}

export function requestVote(lastLog: string, transfer = false): RequestVote {
  return { kind: "requestVote", lastLog: position(lastLog), transfer };
}

export function requestVoteReply(voteGranted: boolean): RequestVoteReply {
  return { kind: "requestVoteReply", voteGranted };
}

export function preVote(lastLog: string): PreVote {
  return { kind: "preVote", lastLog: position(lastLog) };
}

export function preVoteReply(requestedTerm: Term, voteGranted = true): PreVoteReply {
  return { kind: "preVoteReply", requestedTerm, voteGranted };
}
