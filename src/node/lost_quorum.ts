/**
 * The way out when a majority of the voters is gone for good: a person names one node that is left,
 * and it goes on alone, with all that it holds, under a new incarnation. To the members that are
 * gone it is another node from then on: should some of them come back, they turn it away, and it
 * does not listen to them, so that the cluster cannot be led by two. Its ids stay used up: every
 * other node comes back by joining with an empty directory.
 *
 * What was acknowledged and is not on this node is lost; what was not acknowledged and is here may
 * come true. Nothing else can be done without the majority.
 */

import { assertDefined } from "../lib/assert.ts";
import { allMembers } from "../raft/configuration.ts";
import { encodeConfiguration, makeEntry } from "../raft/encoding.ts";
import type { LogReader } from "../raft/ports.ts";
import type { Configuration, LogPosition, NodeId, Term } from "../raft/types.ts";
import { goOnWithTheRest, type LossParts } from "./accept_loss.ts";
import type { Identity, StoredLog } from "./ports.ts";
import { type Found, gapOf, lossOf } from "./recovery.ts";

/** What is left on a node that is not running: what a person chooses by. */
export interface Remains {
  readonly nodeId: NodeId;
  readonly incarnation: string;
  readonly currentTerm: Term;
  /** Of several nodes that are left, the one with the highest term here holds most, then index. */
  readonly lastLog: LogPosition;
  readonly commitIndex: number;
  readonly applied: LogPosition;
  readonly members: readonly { readonly id: NodeId; readonly suffrage: string }[];
  /** What its log lost, in words. */
  readonly lost: string | undefined;
  /** Why it cannot go on alone. */
  readonly refusal: string | undefined;
}

/** What came of it. */
export type Loneliness =
  | { readonly kind: "alone"; readonly position: LogPosition; readonly incarnation: string }
  | { readonly kind: "refused"; readonly reason: string };

/** Looks, and changes nothing. */
export function remainsOf({ keeper, storage, machine }: LossParts): Remains {
  const { identity } = keeper;
  const stored = storage.stored();
  const applied = machine.applied();
  const found = { identity, stored, log: storage.log, applied, staged: machine.staged() };
  const newest = newestOf(stored, applied.configuration.configuration);
  return {
    nodeId: identity.nodeId,
    incarnation: identity.incarnation,
    currentTerm: Math.max(stored.hardState.currentTerm, stored.mark?.currentTerm ?? 0),
    lastLog: lastOf(stored, storage.log),
    commitIndex: stored.hardState.commitIndex,
    applied: applied.position,
    members: allMembers(newest).map(({ id, suffrage }) => ({ id, suffrage })),
    lost: lossOf(found),
    refusal: refusalOf(found),
  };
}

/** Calls `done` once everything is durable. The node must not be running. */
export function goOnAlone(
  parts: LossParts & { readonly drawIncarnation: () => string },
  done: (loneliness: Loneliness) => void,
): void {
  const { keeper, drawIncarnation } = parts;
  const remains = remainsOf(parts);
  if (remains.refusal !== undefined) return done({ kind: "refused", reason: remains.refusal });
  const incarnation = drawIncarnation();
  // Nobody may take what it says under the new configuration for the word of the old member. A
  // crash in between leaves a node that does not start, and this can be repeated: so what tells of
  // ids that were given (peerStarts, joining) stays.
  const { refused: _, ...identity } = keeper.identity;
  const renewed = { ...identity, incarnation, logEpoch: identity.logEpoch + 1, recovering: false };
  const idsSeen = idsSeenBy(keeper.identity);
  keeper.replace(renewed, () => {
    if (remains.lost === undefined) return appendLonely(parts, idsSeen, done);
    const birth = assertDefined(identity.birth, "It was born");
    goOnWithTheRest(parts, { birth, lost: remains.lost }, (acceptance) => {
      if (acceptance.kind === "accepted") return appendLonely(parts, idsSeen, done);
      done({ kind: "refused", reason: acceptance.kind === "refused" ? acceptance.reason : "" });
    });
  });
}

/** What is left of the log may be from before these ids were given, the own one among them. */
function idsSeenBy({ nodeId, peerStarts = [], joining = [] }: Identity): readonly NodeId[] {
  return [nodeId, ...[...peerStarts, ...joining].map(({ id }) => id)];
}

/** C_new, by nobody's vote: this node alone. */
function appendLonely(
  { keeper, storage, machine, clusterTimeMs }: LossParts,
  idsSeen: readonly NodeId[],
  done: (loneliness: Loneliness) => void,
): void {
  const { nodeId, incarnation } = keeper.identity;
  const stored = storage.stored();
  const before = newestOf(stored, machine.applied().configuration.configuration);
  const last = lastOf(stored, storage.log);
  const index = last.index + 1;
  const markedTerm = stored.mark?.currentTerm ?? 0;
  const term = Math.max(stored.hardState.currentTerm, markedTerm, last.term) + 1;
  const configuration: Configuration = {
    members: [{ id: nodeId, incarnation, suffrage: "voter" }],
    nodeIdMax: Math.max(before.nodeIdMax, ...idsSeen),
  };
  const timeMs = Math.max(clusterTimeMs, timeOf(stored, storage.log, last));
  const data = encodeConfiguration(configuration);
  storage.persist({
    number: stored.batchNumber + 1,
    hardState: { currentTerm: term, votedFor: nodeId, commitIndex: index },
    entries: [makeEntry({ index, term, kind: "configuration", timeMs, data })],
  }, () => done({ kind: "alone", position: { index, term }, incarnation }));
}

function refusalOf(found: Omit<Found, "log">): string | undefined {
  const { identity: { birth, nodeId }, stored } = found;
  if (birth === undefined || stored.configurations.length === 0) {
    return `node ${nodeId} has never belonged to a cluster that was formed`;
  }
  return gapOf(found);
}

/** What is left of the log may end before a configuration that the store knows. */
function newestOf({ configurations }: StoredLog, applied: Configuration): Configuration {
  const inLog = configurations.at(-1)?.configuration;
  if (inLog === undefined) return applied;
  return applied.nodeIdMax > inLog.nodeIdMax ? applied : inLog;
}

function lastOf({ boundary, firstBad }: StoredLog, log: LogReader): LogPosition {
  const index = Math.min(log.lastIndex(), (firstBad ?? Infinity) - 1);
  if (index <= boundary.position.index) return boundary.position;
  return { index, term: log.term(index) ?? 0 };
}

function timeOf({ boundary }: StoredLog, log: LogReader, { index }: LogPosition): number {
  const [last] = log.entries({ from: index, to: index, bytesMax: 1 }) ?? [];
  return last?.timeMs ?? boundary.timeMs;
}
