/**
 * Envelopes between wire and vocabulary. What arrives is untrusted: a rule of
 * proto/skein/raft/v1/raft.proto that it breaks is a {@link WireRefusal}, so that the core may
 * assert what it was promised.
 */

import { unreachable } from "../lib/assert.ts";
import type {
  AppendEntries,
  AppendEntriesReply,
  Envelope,
  Heartbeat,
  InstallSnapshot,
  InstallSnapshotReply,
  Message,
} from "../raft/message.ts";
import { type LogPosition, originPosition, type ReadId, type Term } from "../raft/types.ts";
import type { Wire } from "./codec.ts";
import {
  checkChunk,
  count,
  fromEntry,
  fromSnapshotMeta,
  nodeId,
  present,
  toEntry,
  toPosition,
  toSnapshotMeta,
} from "./convert_parts.ts";
import { WireRefusal } from "./refusal.ts";

type WireEnvelope = Wire["skein.raft.v1.Envelope"];
type WireRefused = InstallSnapshotReply["refused"];

/** How far a peer's term may be above the own. */
export const termLead = 2 ** 32;
const refusals: readonly WireRefused[] = [undefined, "corrupt", "busy", "notNeeded"];

/** The wire shape of an envelope; byte fields are shared, not copied. */
export function fromEnvelope(envelope: Envelope): WireEnvelope {
  const { from, to, fromEpoch, toEpoch, term, message } = envelope;
  return { from, to, fromEpoch, toEpoch, term, ...fromMessage(message) };
}

function fromMessage(message: Message): Partial<WireEnvelope> {
  switch (message.kind) {
    case "appendEntries":
      return { appendEntries: { ...message, entries: message.entries.map(fromEntry) } };
    case "appendEntriesReply":
      return { appendEntriesReply: fromAppendEntriesReply(message) };
    case "heartbeat":
      return { heartbeat: fromHeartbeat(message) };
    case "heartbeatReply":
      return { heartbeatReply: message };
    case "readIndexRequest":
      return { readIndexRequest: message };
    case "readIndexReply":
      return { readIndexReply: message };
    case "requestVote":
      return { requestVote: message };
    case "requestVoteReply":
      return { requestVoteReply: message };
    case "preVote":
      return { preVote: message };
    case "preVoteReply":
      return { preVoteReply: message };
    case "timeoutNow":
      return { timeoutNow: {} };
    case "installSnapshot":
      return { installSnapshot: { ...message, meta: fromSnapshotMeta(message.meta) } };
    case "installSnapshotReply": {
      const refused = refusals.indexOf(message.refused);
      return { installSnapshotReply: { ...message, refused } };
    }
    default:
      return unreachable(message);
  }
}

function fromHeartbeat({ round, leaderCommit, match }: Heartbeat): WireEnvelope["heartbeat"] {
  return { round, leaderCommit, ...(match.index > 0 && { match }) };
}

function fromAppendEntriesReply(
  reply: AppendEntriesReply,
): Wire["skein.raft.v1.AppendEntriesReply"] {
  const { result, needsSnapshot, attempt } = reply;
  if (result.kind === "matched") return { matched: result.position, needsSnapshot, attempt };
  return { conflict: { rejected: result.rejected, hint: result.hint }, needsSnapshot, attempt };
}

/** `ownTerm`: the receiver's currentTerm. Throws WireRefusal. */
export function toEnvelope(wire: WireEnvelope, ownTerm: Term): Envelope {
  const term = count(wire.term, "term");
  checkTerm(term, ownTerm, "term");
  const envelope: Envelope = {
    from: nodeId(wire.from, "from"),
    to: nodeId(wire.to, "to"),
    fromEpoch: count(wire.fromEpoch, "from_epoch"),
    toEpoch: count(wire.toEpoch, "to_epoch"),
    term,
    message: toMessage(wire),
  };
  for (const claimed of termsIn(envelope.message)) checkTerm(claimed, ownTerm, "term inside");
  return envelope;
}

function checkTerm(term: Term, ownTerm: Term, name: string): void {
  if (term > ownTerm + termLead) {
    throw new WireRefusal("term", `${name} is ${term}, more than 2^32 above the own ${ownTerm}`);
  }
}

/** Entries need no look: their terms are at most the envelope's. */
function termsIn(message: Message): readonly Term[] {
  switch (message.kind) {
    case "requestVote":
      return [message.lastLog.term];
    case "preVote":
      return [message.lastLog.term];
    case "requestVoteReply":
      return [message.notMember?.term ?? 0];
    case "preVoteReply":
      return [message.requestedTerm, message.notMember?.term ?? 0];
    case "appendEntriesReply": {
      const result = message.result;
      if (result.kind === "matched") return [result.position.term];
      return [result.rejected.term, result.hint.term];
    }
    case "installSnapshot":
      return [message.meta.position.term, message.meta.configuration.position.term];
    case "installSnapshotReply":
      return [message.position.term];
    case "appendEntries":
    case "heartbeat":
    case "heartbeatReply":
    case "readIndexRequest":
    case "readIndexReply":
    case "timeoutNow":
      return [];
    default:
      return unreachable(message);
  }
}

function toMessage(wire: WireEnvelope): Message {
  switch (wire.message) {
    case "appendEntries":
      return toAppendEntries(present(wire.appendEntries, "append_entries"), wire.term);
    case "appendEntriesReply":
      return toAppendEntriesReply(present(wire.appendEntriesReply, "append_entries_reply"));
    case "heartbeat":
      return toHeartbeat(present(wire.heartbeat, "heartbeat"), wire.term);
    case "heartbeatReply": {
      const { round, verifiedIndex, appliedIndex } = present(
        wire.heartbeatReply,
        "heartbeat_reply",
      );
      return {
        kind: "heartbeatReply",
        round: count(round, "round"),
        verifiedIndex: count(verifiedIndex, "verified_index"),
        appliedIndex: count(appliedIndex, "applied_index"),
      };
    }
    case "readIndexRequest":
      return { kind: "readIndexRequest", id: toReadId(wire.readIndexRequest?.id) };
    case "readIndexReply": {
      const { id, index } = present(wire.readIndexReply, "read_index_reply");
      return { kind: "readIndexReply", id: toReadId(id), index: count(index, "index") };
    }
    case "timeoutNow":
      return { kind: "timeoutNow" };
    case "installSnapshot":
      return toInstallSnapshot(present(wire.installSnapshot, "install_snapshot"));
    case "installSnapshotReply":
      return toInstallSnapshotReply(present(wire.installSnapshotReply, "install_snapshot_reply"));
    default:
      return toVoteMessage(wire);
  }
}

function toVoteMessage(wire: WireEnvelope): Message {
  switch (wire.message) {
    case "requestVote": {
      const { lastLog, transfer } = present(wire.requestVote, "request_vote");
      return { kind: "requestVote", lastLog: toPosition(lastLog, "last_log"), transfer };
    }
    case "requestVoteReply": {
      const { voteGranted, notMember } = present(wire.requestVoteReply, "request_vote_reply");
      return { kind: "requestVoteReply", voteGranted, ...maybeNotMember(notMember) };
    }
    case "preVote": {
      const { lastLog } = present(wire.preVote, "pre_vote");
      return { kind: "preVote", lastLog: toPosition(lastLog, "last_log") };
    }
    case "preVoteReply": {
      const reply = present(wire.preVoteReply, "pre_vote_reply");
      return {
        kind: "preVoteReply",
        requestedTerm: count(reply.requestedTerm, "requested_term"),
        voteGranted: reply.voteGranted,
        ...maybeNotMember(reply.notMember),
      };
    }
    default:
      throw new WireRefusal("malformed", "the envelope holds no message that is known here");
  }
}

function maybeNotMember(
  wire: Wire["skein.raft.v1.LogPosition"] | null | undefined,
): { readonly notMember?: LogPosition } {
  if (wire === null || wire === undefined) return {};
  return { notMember: toPosition(wire, "not_member") };
}

function toAppendEntries(
  wire: Wire["skein.raft.v1.AppendEntries"],
  senderTerm: Term,
): AppendEntries {
  const prevLog = toPosition(wire.prevLog, "prev_log");
  const entries = wire.entries.map(toEntry);
  let { index, term } = prevLog;
  for (const entry of entries) {
    if (entry.index !== index + 1) {
      throw new WireRefusal("order", `entry ${entry.index} follows ${index}`);
    }
    if (entry.term < term) {
      throw new WireRefusal("order", `entry ${entry.index} of term ${entry.term} follows ${term}`);
    }
    ({ index, term } = entry);
  }
  if (term > senderTerm) {
    throw new WireRefusal("term", `entry of term ${term} from a leader of term ${senderTerm}`);
  }
  const leaderCommit = count(wire.leaderCommit, "leader_commit");
  const attempt = count(wire.attempt, "attempt");
  return { kind: "appendEntries", prevLog, entries, leaderCommit, attempt };
}

function toHeartbeat(wire: Wire["skein.raft.v1.Heartbeat"], senderTerm: Term): Heartbeat {
  const match = toPosition(wire.match ?? originPosition, "match");
  if (match.term > senderTerm) {
    throw new WireRefusal("term", `match of term ${match.term} from a leader of ${senderTerm}`);
  }
  return {
    kind: "heartbeat",
    round: count(wire.round, "round"),
    leaderCommit: count(wire.leaderCommit, "leader_commit"),
    match,
  };
}

function toAppendEntriesReply(
  wire: Wire["skein.raft.v1.AppendEntriesReply"],
): AppendEntriesReply {
  const { matched, conflict, needsSnapshot } = wire;
  const attempt = count(wire.attempt, "attempt");
  if (matched !== null && matched !== undefined) {
    const result = { kind: "matched", position: toPosition(matched, "matched") } as const;
    return { kind: "appendEntriesReply", result, needsSnapshot, attempt };
  }
  const { rejected, hint } = present(conflict, "append_entries_reply.result");
  const result = {
    kind: "conflict",
    rejected: toPosition(rejected, "rejected"),
    hint: toPosition(hint, "hint"),
  } as const;
  return { kind: "appendEntriesReply", result, needsSnapshot, attempt };
}

function toReadId(wire: Wire["skein.raft.v1.ReadId"] | null | undefined): ReadId {
  const { node, nonce, counter } = present(wire, "id");
  return {
    node: nodeId(node, "id.node"),
    nonce: count(nonce, "id.nonce"),
    counter: count(counter, "id.counter"),
  };
}

function toInstallSnapshot(wire: Wire["skein.raft.v1.InstallSnapshot"]): InstallSnapshot {
  checkChunk(wire.data, wire.crc32c);
  return {
    kind: "installSnapshot",
    meta: toSnapshotMeta(present(wire.meta, "meta")),
    offset: count(wire.offset, "offset"),
    data: wire.data,
    crc32c: wire.crc32c,
    last: wire.last,
  };
}

function toInstallSnapshotReply(
  wire: Wire["skein.raft.v1.InstallSnapshotReply"],
): InstallSnapshotReply {
  const refused = refusals[wire.refused];
  if (refused === undefined && wire.refused !== 0) {
    throw new WireRefusal("malformed", `refused is ${wire.refused}`);
  }
  const reply = {
    kind: "installSnapshotReply",
    position: toPosition(wire.position, "position"),
    nextOffset: count(wire.nextOffset, "next_offset"),
  } as const;
  return refused === undefined ? reply : { ...reply, refused };
}
