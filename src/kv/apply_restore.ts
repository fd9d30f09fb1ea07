/**
 * Restores begin, take in what is to be restored, and go on in steps of bounded work (see
 * restore_command.ts). What the store held is deleted by ordinary changes and what the backup holds
 * is added by ordinary changes, so that readers of the past, compaction and the sums that members
 * are compared by need not know of it.
 */

import { assert, assertDefined } from "../lib/assert.ts";
import { MalformedBytesError } from "../lib/bytes.ts";
import { crc32c } from "../lib/crc32c.ts";
import {
  type BackupBlock,
  type BackupChange,
  type BackupRecord,
  decodeBlock,
} from "./backup/format.ts";
import { progressBehind, type RecordsBlock } from "./backup/rules.ts";
import type { ChangeTimes } from "./change.ts";
import { LaterVersionError } from "./data_version.ts";
import { leaseAt, orderedLease } from "./ledger.ts";
import { emptyRevision } from "./record.ts";
import { rejected } from "./rejected.ts";
import {
  type BeginRestore,
  type RestoreOperation,
  stagedBytesMax,
  type StageRestore,
} from "./restore_command.ts";
import { newRestore, type Restore } from "./restores.ts";
import type { Outcome, Rejected, RestoreDone } from "./result.ts";
import { nextRevision } from "./revisions.ts";
import type { Store } from "./store.ts";

/** Applies what restoreRefusal does not refuse. */
export function applyRestore(
  store: Store,
  operation: RestoreOperation,
  times: ChangeTimes,
): Outcome {
  if (operation.kind === "beginRestore") return begin(store, operation, times);
  const { current } = store.restores;
  if (current?.id !== operation.id) return unknownRestore(store, operation, current);
  switch (operation.kind) {
    case "stageRestore":
      return stage(store, current, operation, times);
    case "commitRestore":
      return commit(store, current, times);
    case "stepRestore":
      step(store, current, operation.recordsMax, times);
      return done(store);
    case "abortRestore":
      if (current.phase === "staging") drop(store, current);
      return done(store);
  }
}

/** How the last restore stands now. */
function done(store: Store): RestoreDone {
  const { current } = store.restores;
  return {
    kind: "restore",
    revision: store.revision,
    ...(current === undefined ? {} : {
      restore: { id: current.id, phase: current.phase, next: current.next },
    }),
  };
}

/** What is to be done again and again until it is done may come too late. */
function unknownRestore(
  store: Store,
  operation: RestoreOperation,
  current: Restore | undefined,
): Outcome {
  if (operation.kind === "stepRestore" || operation.kind === "abortRestore") return done(store);
  const other = current === undefined ? "" : `, but ${current.id}, which is ${current.phase}`;
  return rejected(store, "conflict", `there is no restore ${operation.id}${other}`);
}

function begin(store: Store, operation: BeginRestore, { timeMs }: ChangeTimes): Outcome {
  const { current } = store.restores;
  if (current?.id === operation.id) return done(store);
  if (current !== undefined && current.phase !== "done") {
    const reason = `restore ${current.id} is under way, which is ${current.phase}`;
    return rejected(store, "not_ready", reason);
  }
  const refusal = coverRefusal(store, operation);
  if (refusal !== undefined) return refusal;
  const { replacedThrough } = store.restores;
  store.restores.set(newRestore(operation, { nowMs: timeMs, replacedThrough }));
  return done(store);
}

/** Nobody shall lose what they have not given up. */
function coverRefusal(store: Store, { over }: Pick<BeginRestore, "over">): Rejected | undefined {
  if (over === "any") return undefined;
  const { liveKeys, leases } = store.meta;
  if (liveKeys > 0 || leases > 0) {
    const held = `the store holds ${liveKeys} keys and ${leases} leases`;
    return rejected(store, "conflict", `${held}, which only replace=true gives up`);
  }
  const isAllowed = over === "empty" || isUnwritten(store);
  return isAllowed ? undefined : rejected(store, "conflict", "the store was written to before");
}

/** Nothing was ever written to it that is still known. */
export function isUnwritten(store: Pick<Store, "meta">): boolean {
  const { revision, changes, remembered } = store.meta;
  return revision === emptyRevision && changes === 0 && remembered === 0;
}

function stage(
  store: Store,
  restore: Restore,
  { first, blocks }: StageRestore,
  { timeMs }: ChangeTimes,
): Outcome {
  // What comes again after the commit is all there.
  if (restore.phase !== "staging") return done(store);
  if (first > restore.next) {
    const reason = `block ${first} comes before block ${restore.next}`;
    return rejected(store, "conflict", reason);
  }
  const fresh = blocks.slice(restore.next - first);
  const bytes = fresh.reduce((sum, block) => sum + block.length, 0);
  const next = restore.next + fresh.length;
  if (next > restore.blocks || (fresh.length > 1 && bytes > stagedBytesMax)) {
    const reason = `${fresh.length} blocks of ${bytes} bytes behind block ${restore.next} of ` +
      `${restore.blocks}`;
    return rejected(store, "bad_request", reason);
  }
  let { progress, stagedCrc32c } = restore;
  try {
    for (const block of fresh) {
      progress = progressBehind(requireRecords(decodeBlock(block)), progress, restore);
      stagedCrc32c = crc32c(block, stagedCrc32c);
    }
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    // Who knows that version takes it over, and so has to every member.
    if (error.isLater) throw new LaterVersionError(`What is to be restored: ${error.message}`);
    return rejected(store, "bad_request", `what is to be restored is damaged: ${error.message}`);
  }
  fresh.forEach((block, at) => store.restores.stage(restore.next + at, block));
  store.restores.set({ ...restore, next, progress, stagedCrc32c, touchedMs: timeMs });
  return done(store);
}

function requireRecords(block: BackupBlock): RecordsBlock {
  if ("records" in block) return block;
  throw new MalformedBytesError(`a block of kind ${block.kind}`);
}

function commit(store: Store, restore: Restore, { timeMs }: ChangeTimes): Outcome {
  if (restore.phase === "dropping") {
    return rejected(store, "conflict", `restore ${restore.id} was given up`);
  }
  if (restore.phase !== "staging") return done(store);
  if (restore.next !== restore.blocks || restore.stagedCrc32c !== restore.crc32c) {
    const reason = `${restore.next} of ${restore.blocks} blocks are there, or not those announced`;
    return rejected(store, "conflict", reason);
  }
  const refusal = coverRefusal(store, restore);
  if (refusal !== undefined) return refusal;
  const { revision, above } = restore;
  const replaces = !isUnwritten(store);
  const target = nextRevision(Math.max(revision, store.revision, above));
  // Every change of what follows is of that revision; else those of the backup lead up to it.
  if (replaces) store.skipTo(target);
  const phase = replaces ? "clearing" : "loading";
  store.restores.set({ ...restore, phase, next: 0, replaces, target, committedMs: timeMs });
  return done(store);
}

function drop(store: Store, restore: Restore): void {
  store.restores.set({ ...restore, phase: "dropping" });
}

function step(store: Store, restore: Restore, recordsMax: number, times: ChangeTimes): void {
  switch (restore.phase) {
    case "staging":
    case "done":
      return;
    case "clearing":
      if (clear(store, restore, recordsMax, times)) return;
      return store.restores.set({ ...restore, phase: "loading", next: 0 });
    case "loading":
      return load(store, restore, recordsMax, times);
    case "starting":
      return start(store, restore, recordsMax, times);
    case "dropping":
      return removeStaged(store, restore, recordsMax);
  }
}

/** Whether there was something to clear away. */
function clear(
  store: Store,
  { target }: Restore,
  rowsMax: number,
  { timeMs, wallMs }: ChangeTimes,
): boolean {
  const all = { start: new Uint8Array(0), rowsMax, reverse: false, values: false };
  const live = store.tables.liveSlice(all);
  const stamp = { revision: target, timeMs, wallMs };
  for (const change of live) store.delete(stamp, change.key, change);
  if (live.length > 0) return true;
  const leases = store.leases.list({ countMax: rowsMax });
  for (const lease of leases) store.leases.end(lease);
  return leases.length > 0 || store.answers.forgetSome(rowsMax);
}

function load(store: Store, restore: Restore, recordsMax: number, times: ChangeTimes): void {
  let { next } = restore;
  let [records, bytes] = [0, 0];
  while (next < restore.blocks && records < recordsMax && bytes < stagedBytesMax) {
    const staged = assertDefined(store.restores.staged(next), `Staged block ${next} is there`);
    const block = decodeBlock(staged);
    assert("records" in block, `Staged block ${next} holds records`);
    for (const record of block.records) loadRecord(store, restore, record, times);
    store.restores.unstage(next);
    records += block.records.length;
    bytes += staged.length;
    next++;
  }
  const phase = next === restore.blocks ? "starting" : "loading";
  store.restores.set({ ...restore, phase, next });
}

function loadRecord(
  store: Store,
  restore: Restore,
  record: BackupRecord,
  times: ChangeTimes,
): void {
  switch (record.kind) {
    case "lease":
      return store.leases.load(record);
    case "change":
      return loadChange(store, restore, record, times);
    default:
      return store.answers.load(record, times.timeMs);
  }
}

/**
 * Into a store that was never written to the past comes as well. Elsewhere, what is there in the
 * end is put in one revision, so that no tag that somebody holds from before is of it.
 */
function loadChange(
  store: Store,
  restore: Restore,
  change: BackupChange,
  times: ChangeTimes,
): void {
  const { key, wallMs, isNewest, written } = change;
  if (restore.replaces) {
    if (!isNewest || written === undefined) return;
    return store.load({ revision: restore.target, timeMs: times.timeMs, wallMs }, key, written);
  }
  // The cluster time of the backup ends where this cluster's was at the commit.
  const timeMs = Math.max(0, change.timeMs - restore.clusterTimeMs + restore.committedMs);
  store.skipTo(change.revision);
  store.load({ revision: change.revision, timeMs, wallMs }, key, written);
}

/** What remained of the leases runs from here on: nobody could keep them alive before. */
function start(
  store: Store,
  restore: Restore,
  countMax: number,
  { timeMs }: ChangeTimes,
): void {
  const { startedLease } = restore;
  const behind = startedLease.length === 0 ? {} : { after: leaseAt(startedLease, 0) };
  const leases = store.leases.list({ countMax, ...behind });
  for (const lease of leases) store.leases.start(lease, timeMs);
  const last = leases.at(-1);
  if (last !== undefined && leases.length === countMax) {
    return store.restores.set({ ...restore, startedLease: orderedLease(last.id) });
  }
  finish(store, restore);
}

function finish(store: Store, restore: Restore): void {
  const { target, oldest, replaces, leasesNumbered } = restore;
  store.skipTo(target);
  store.giveUpBefore(replaces ? target : Math.max(oldest, store.meta.oldest));
  store.leases.numberAbove(leasesNumbered);
  store.restores.set({ ...restore, phase: "done", lastChange: store.meta.changes });
}

function removeStaged(store: Store, restore: Restore, rowsMax: number): void {
  // The rows are as long as those that a step loads, and so are all of them together.
  const end = Math.max(0, restore.next - Math.max(1, Math.floor(rowsMax / 32)));
  let first = restore.next;
  for (let bytes = 0; first > end && bytes < stagedBytesMax;) {
    bytes += store.restores.staged(--first)?.length ?? 0;
    store.restores.unstage(first);
  }
  if (first === 0) store.restores.giveUp();
  else store.restores.set({ ...restore, next: first });
}
