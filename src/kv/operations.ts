/**
 * What each operation of a command does to the store, and what it answers. Deterministic: the
 * outcome depends on the operation, the store and the times of the command alone. An operation
 * happens as a whole or not at all.
 */

import { applyBatch } from "./apply_batch.ts";
import { applyContend, applyLeave, applyProclaim } from "./apply_contest.ts";
import { applyDelete } from "./apply_delete.ts";
import { applyKeepLeases, endLease, expireLeases, grantLease } from "./apply_lease.ts";
import { applyPut } from "./apply_put.ts";
import { applyRestore } from "./apply_restore.ts";
import { applyTxn } from "./apply_txn.ts";
import { applyMerge, applyUpdate } from "./apply_value.ts";
import type { ChangeTimes } from "./change.ts";
import type { Operation } from "./command.ts";
import { rejected } from "./rejected.ts";
import { isRestoreOperation } from "./restore_command.ts";
import type { Outcome } from "./result.ts";
import type { Store } from "./store.ts";
import { stampAfter } from "./stamp.ts";

/** Applies what refusalOf (refusals.ts) does not refuse. `times` go into each change it makes. */
export function applyOperation(store: Store, operation: Operation, times: ChangeTimes): Outcome {
  if (store.restores.isClosed && !isRestoreOperation(operation)) {
    return rejected(store, "not_ready", "the store is being restored from a backup");
  }
  switch (operation.kind) {
    case "nothing":
      return { kind: "nothing", revision: store.revision };
    case "put":
      return applyPut(store, operation, stampAfter(store, times));
    case "delete":
      return applyDelete(store, operation, stampAfter(store, times));
    case "merge":
      return applyMerge(store, operation, stampAfter(store, times));
    case "update":
      return applyUpdate(store, operation, stampAfter(store, times));
    case "txn":
      return applyTxn(store, operation, stampAfter(store, times));
    case "batch":
      return applyBatch(store, operation, times);
    case "compact":
      return applyCompact(store, operation.revision);
    case "raiseDataVersion":
      store.versions.raise(operation.version);
      return { kind: "nothing", revision: store.revision };
    case "grantLease":
      return grantLease(store, operation, times);
    case "keepLeases":
      return applyKeepLeases(store, operation, times);
    case "revokeLease":
      return endLease(store, operation.id, times);
    case "expireLeases":
      return expireLeases(store, operation, times);
    case "contend":
      return applyContend(store, operation, times);
    case "leave":
      return applyLeave(store, operation, times);
    case "proclaim":
      return applyProclaim(store, operation, times);
    case "beginRestore":
    case "stageRestore":
    case "commitRestore":
    case "stepRestore":
    case "abortRestore":
      return applyRestore(store, operation, times);
  }
}

function applyCompact(store: Store, revision: number): Outcome {
  if (revision > store.revision) {
    const reason = `revision is ${revision}, the store is at ${store.revision}`;
    return rejected(store, "bad_request", reason);
  }
  if (revision > store.meta.oldest) store.giveUpBefore(revision);
  return { kind: "compacted", revision: store.revision, oldest: store.meta.oldest };
}
