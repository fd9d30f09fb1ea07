/**
 * The cheap check that comes first: revisions count the writes of the whole store, so they must run
 * with time across all keys. O(n log n), and it catches most broken stores at once.
 */

import type { Call, Operation, Outcome, SeenRecord } from "./history.ts";

export interface Disorder {
  readonly reason: string;
  readonly calls: readonly Call[];
}

/** The first pair of answers that cannot both be true; undefined when there is none. */
export function checkRevisionOrder(calls: readonly Call[]): Disorder | undefined {
  return checkTime(calls) ?? checkWrites(calls) ?? checkTraces(calls);
}

/** The store's revision behind the answer; undefined when it does not say. */
export function revisionTold(outcome: Outcome): number | undefined {
  switch (outcome.kind) {
    case "written":
      return outcome.mod;
    case "found":
    case "absent":
    case "conditionFailed":
    case "deleted":
      return outcome.revision;
    case "notApplied":
    case "unknown":
      return undefined;
  }
}

/** The revision that the store had reached at least: a record's own where it tells no other. */
function revisionOf(outcome: Outcome): number | undefined {
  const told = revisionTold(outcome);
  if (told !== undefined) return told;
  if (outcome.kind === "found") return outcome.record.mod;
  return outcome.kind === "conditionFailed" ? outcome.current?.mod : undefined;
}

/** The revision that the call itself took; undefined when it changed nothing that we know of. */
function writtenRevision(outcome: Outcome): number | undefined {
  if (outcome.kind === "written") return outcome.mod;
  return outcome.kind === "deleted" && outcome.count === 1 ? outcome.revision : undefined;
}

/** What was answered before a call began is not above its revision, and below that of a write. */
function checkTime(calls: readonly Call[]): Disorder | undefined {
  // A record's own revision may be old; only an answer with the store's is as new as can be.
  const begins = calls.filter(({ outcome }) => revisionTold(outcome) !== undefined)
    .sort((a, b) => a.startedAt - b.startedAt);
  const ends = calls.filter(({ endedAt, outcome }) =>
    endedAt !== Infinity && revisionOf(outcome) !== undefined
  ).sort((a, b) => a.endedAt - b.endedAt);
  let newest: Call | undefined;
  let at = 0;
  for (const call of begins) {
    for (; at < ends.length && ends[at]!.endedAt < call.startedAt; at++) {
      const ended = ends[at]!;
      if (newest === undefined || revisionOf(ended.outcome)! > revisionOf(newest.outcome)!) {
        newest = ended;
      }
    }
    if (newest === undefined) continue;
    const [before, now] = [revisionOf(newest.outcome)!, revisionOf(call.outcome)!];
    const isWrite = writtenRevision(call.outcome) !== undefined;
    if (now > before || (now === before && !isWrite)) continue;
    const reason = `call ${call.id} is at revision ${now}, although call ${newest.id} had been ` +
      `answered at revision ${before} before it began`;
    return { reason, calls: [newest, call] };
  }
  return undefined;
}

/** No two writes have one revision. */
function checkWrites(calls: readonly Call[]): Disorder | undefined {
  const writers = new Map<number, Call>();
  for (const call of calls) {
    const revision = writtenRevision(call.outcome);
    if (revision === undefined) continue;
    const other = writers.get(revision);
    if (other !== undefined) {
      const reason = `calls ${other.id} and ${call.id} were both given revision ${revision}`;
      return { reason, calls: [other, call] };
    }
    writers.set(revision, call);
  }
  return undefined;
}

/** One revision wrote one record or deleted one key, whoever tells of it. */
function checkTraces(calls: readonly Call[]): Disorder | undefined {
  const traces = new Map<number, Trace>();
  for (const call of calls) {
    const trace = traceOf(call);
    if (trace === undefined) continue;
    const other = traces.get(trace.mod);
    if (other === undefined) {
      traces.set(trace.mod, trace);
      continue;
    }
    const sameKey = other.call.operation.key === call.operation.key;
    const sameVersion = other.version === undefined || trace.version === undefined ||
      other.version === trace.version;
    if (sameKey && other.value === trace.value && sameVersion) continue;
    const reason = `calls ${other.call.id} and ${call.id} tell of different writes at revision ` +
      `${trace.mod}`;
    return { reason, calls: [other.call, call] };
  }
  return undefined;
}

/** What an answer tells of the write that took revision `mod`. */
interface Trace {
  readonly call: Call;
  readonly mod: number;
  /** Undefined of a deletion. */
  readonly value: string | undefined;
  readonly version: number | undefined;
}

function traceOf(call: Call): Trace | undefined {
  const { operation, outcome } = call;
  if (outcome.kind === "deleted") {
    const mod = writtenRevision(outcome);
    return mod === undefined ? undefined : { call, mod, value: undefined, version: undefined };
  }
  const record = recordOf(operation, outcome);
  return record && { call, mod: record.mod, value: record.value, version: record.version };
}

/** What the call wrote or was shown. */
function recordOf(operation: Operation, outcome: Outcome): SeenRecord | undefined {
  if (outcome.kind === "found") return outcome.record;
  if (outcome.kind === "conditionFailed") return outcome.current;
  if (outcome.kind !== "written") return undefined;
  if (operation.kind !== "put" && operation.kind !== "cas") return undefined;
  const { mod, version } = outcome;
  return { value: operation.value, mod, ...(version === undefined ? {} : { version }) };
}
