/**
 * One line for each thing of the core, for transcripts, logs and messages of failed tests. The
 * words are the paper's; a position is `index@term`.
 */

import { strictText } from "../lib/bytes.ts";
import { votersOf } from "./configuration.ts";
import { decodeConfiguration } from "./encoding.ts";
import type { Envelope, Message } from "./message.ts";
import type { Leadership, LogWrite, Loss, Outcome, Ready } from "./ready.ts";
import type { PeerStatus, RaftStatus } from "./status.ts";
import type { Configuration, Entry, LogPosition, Member, ReadId, Suffrage } from "./types.ts";

/** `5@2`: index 5, term 2. */
export function formatPosition({ index, term }: LogPosition): string {
  return `${index}@${term}`;
}

/** `(1 2 3)`, joint `(1 2 4)&(1 2 3)` with C_new first; learners and readOnly members behind. */
export function formatConfiguration({ members, outgoing }: Configuration): string {
  const voters = outgoing === undefined
    ? formatIds(votersOf(members))
    : `${formatIds(votersOf(members))}&${formatIds(votersOf(outgoing))}`;
  return voters + suffix("learner", members) + suffix("readOnly", members);
}

function suffix(suffrage: Suffrage, members: readonly Member[]): string {
  const ids = members.filter((member) => member.suffrage === suffrage).map(({ id }) => id);
  return ids.length === 0 ? "" : ` ${suffrage}=${formatIds(ids)}`;
}

function formatIds(ids: readonly number[]): string {
  return `(${ids.join(" ")})`;
}

/** `5@2 "a=1"`, `4@2 noop`, `1@1 (1 2 3)`. */
export function formatEntry(entry: Entry): string {
  const position = formatPosition(entry);
  switch (entry.kind) {
    case "noop":
      return `${position} noop`;
    case "configuration":
      return `${position} ${formatConfiguration(decodeConfiguration(entry.data))}`;
    case "command":
      return `${position} ${formatData(entry.data)}`;
  }
}

/** Short printable text in quotes, everything else by its length. */
function formatData(data: Uint8Array): string {
  const text = data.length <= 24 ? strictText(data) : undefined;
  return text === undefined || /\p{C}/u.test(text) ? `${data.length} bytes` : JSON.stringify(text);
}

/** `[4@2 noop, 5@2 "a=1"]`; of a long list the ends only. */
export function formatEntries(entries: readonly Entry[]): string {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) return "[]";
  if (entries.length <= 4) return `[${entries.map(formatEntry).join(", ")}]`;
  return `[${formatPosition(first)} … ${formatPosition(last)}]`;
}

/** `2.7`: the seventh round that node 2 asked for since it started. */
export function formatReadId({ node, counter }: ReadId): string {
  return `${node}.${counter}`;
}

/** `n1 → n2 AppendEntries term=2 prevLog=3@1 …`; epochs only where a log has lost something. */
export function formatEnvelope(envelope: Envelope): string {
  const { from, to, term, fromEpoch, toEpoch, message } = envelope;
  const epochs = fromEpoch + toEpoch === 0 ? "" : ` epochs=${fromEpoch},${toEpoch}`;
  const name = message.kind.charAt(0).toUpperCase() + message.kind.slice(1);
  const details = messageDetails(message);
  return `n${from} → n${to} ${name} term=${term}${epochs}${details === "" ? "" : ` ${details}`}`;
}

function messageDetails(message: Message): string {
  switch (message.kind) {
    case "requestVote":
      return `lastLog=${formatPosition(message.lastLog)}${message.transfer ? " transfer" : ""}`;
    case "preVote":
      return `lastLog=${formatPosition(message.lastLog)}`;
    case "requestVoteReply":
      return formatVote(message.voteGranted, message.notMember);
    case "preVoteReply": {
      const vote = formatVote(message.voteGranted, message.notMember);
      return `requestedTerm=${message.requestedTerm} ${vote}`;
    }
    case "appendEntries": {
      const { prevLog, entries, leaderCommit } = message;
      const prev = `prevLog=${formatPosition(prevLog)}`;
      return `${prev} ${formatEntries(entries)} leaderCommit=${leaderCommit}`;
    }
    case "appendEntriesReply": {
      const { result, needsSnapshot } = message;
      const needs = needsSnapshot ? " needsSnapshot" : "";
      if (result.kind === "matched") return `matched=${formatPosition(result.position)}${needs}`;
      const { rejected, hint } = result;
      return `conflict=${formatPosition(rejected)} hint=${formatPosition(hint)}${needs}`;
    }
    case "heartbeat":
      return `round=${message.round} leaderCommit=${message.leaderCommit} ` +
        `match=${formatPosition(message.match)}`;
    case "heartbeatReply":
      return `round=${message.round} verified=${message.verifiedIndex}`;
    case "readIndexRequest":
      return `read=${formatReadId(message.id)}`;
    case "readIndexReply":
      return `read=${formatReadId(message.id)} index=${message.index}`;
    case "timeoutNow":
      return "";
    case "installSnapshot": {
      const { meta, offset, data, last } = message;
      const position = formatPosition(meta.position);
      return `image=${position} offset=${offset} ${data.length} bytes${last ? " last" : ""}`;
    }
    case "installSnapshotReply": {
      const { position, nextOffset, refused } = message;
      const why = refused === undefined ? "" : ` refused=${refused}`;
      return `image=${formatPosition(position)} nextOffset=${nextOffset}${why}`;
    }
  }
}

function formatVote(granted: boolean, notMember: LogPosition | undefined): string {
  if (notMember !== undefined) return `notMember=${formatPosition(notMember)}`;
  return granted ? "granted" : "refused";
}

/** `#3: term=2 votedFor=1 truncateFrom=5 [5@2 noop]`: the parts in the order of the transaction. */
export function formatWrite(write: LogWrite): string {
  const { number, hardState, snapshot, truncateFrom, entries, compactTo } = write;
  const parts = [`#${number}:`];
  if (hardState !== undefined) {
    parts.push(`term=${hardState.currentTerm}`);
    if (hardState.votedFor !== undefined) parts.push(`votedFor=${hardState.votedFor}`);
  }
  if (snapshot !== undefined) parts.push(`snapshot=${formatPosition(snapshot.position)}`);
  if (truncateFrom !== undefined) parts.push(`truncateFrom=${truncateFrom}`);
  if (entries.length > 0) parts.push(formatEntries(entries));
  if (compactTo !== undefined) parts.push(`compactTo=${formatPosition(compactTo.position)}`);
  return parts.join(" ");
}

/** `proposal 3 accepted at 5@2`, `read 1.2 readable at 5`, … */
export function formatOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "accepted":
      return `proposal ${outcome.id} accepted at ${formatPosition(outcome.position)}`;
    case "dropped": {
      const { id, reason, leader } = outcome;
      return `proposal ${id} dropped: ${reason}${formatLeader(leader)}`;
    }
    case "readable":
      return `read ${formatReadId(outcome.id)} readable at ${outcome.index}`;
    case "readDropped":
      return `read ${formatReadId(outcome.id)} dropped: ${outcome.reason}`;
    case "transferred":
      return `transfer ${outcome.id} done: n${outcome.to} leads`;
    case "transferFailed": {
      const { id, reason, leader } = outcome;
      return `transfer ${id} failed: ${reason}${formatLeader(leader)}`;
    }
  }
}

function formatLeader(leader: number | undefined): string {
  return leader === undefined ? "" : `, leader n${leader}`;
}

/** `candidate in term 2 (electionTimeout)`, `follower of n1 in term 2 (leaderFound)`. */
export function formatLeadership({ role, term, leader, reason }: Leadership): string {
  const of = role === "follower" && leader !== undefined ? ` of n${leader}` : "";
  return `${role}${of} in term ${term} (${reason})`;
}

/** `lost something: node 1 counts entry 9 of term 2 as stored here, …; next epoch 1`. */
export function formatLoss({ reason, logEpoch }: Loss): string {
  return `lost something: ${reason}; next epoch ${logEpoch}`;
}

/** Everything that must be done, duties separated by semicolons. */
export function formatReady(ready: Ready): string {
  const parts = ready.send.map(formatEnvelope);
  if (ready.write !== undefined) parts.push(`write ${formatWrite(ready.write)}`);
  if (ready.committed.length > 0) parts.push(`apply ${formatEntries(ready.committed)}`);
  parts.push(...ready.outcomes.map(formatOutcome));
  if (ready.leadership !== undefined) parts.push(formatLeadership(ready.leadership));
  if (ready.heard !== undefined) parts.push(`heard leaderCommit=${ready.heard.leaderCommit}`);
  if (ready.loss !== undefined) parts.push(formatLoss(ready.loss));
  for (const peer of ready.snapshotsWanted) parts.push(`n${peer} wants a snapshot`);
  if (ready.adopt !== undefined) parts.push(`adopt ${formatPosition(ready.adopt)}`);
  return parts.join("; ");
}

/** `leader term=2 votedFor=1 commit=3 applied=3 stable=3 last=4 configuration=1@1 (1 2 3)`. */
export function formatStatus(status: RaftStatus): string {
  const { role, term, votedFor, leader, commitIndex, applied, stableIndex, lastIndex } = status;
  const { position, configuration } = status.configuration;
  const parts = [role, `term=${term}`];
  if (votedFor !== undefined) parts.push(`votedFor=${votedFor}`);
  if (leader !== undefined && role !== "leader") parts.push(`leader=${leader}`);
  parts.push(`commit=${commitIndex} applied=${applied} stable=${stableIndex} last=${lastIndex}`);
  if (status.boundary > 0) parts.push(`boundary=${status.boundary}`);
  const uncommitted = status.configurationCommitted ? "" : " uncommitted";
  parts.push(
    `configuration=${formatPosition(position)} ${formatConfiguration(configuration)}${uncommitted}`,
  );
  if (status.recovering) parts.push("recovering");
  if (status.needsSnapshot) parts.push("needsSnapshot");
  return parts.join(" ");
}

/** `n2 replicating match=4 next=6`. */
export function formatPeer({ id, mode, match, next, wantsSnapshot }: PeerStatus): string {
  const wants = wantsSnapshot ? " wantsSnapshot" : "";
  return `n${id} ${mode} match=${match} next=${next}${wants}`;
}
