/**
 * The backup that a cluster begins with (`backup.restore_on_first_start`). Until it is restored
 * nobody is served: what is written before would take its place for ever, and who reads an empty
 * store is told that there is nothing. Restoring it is not done here (server_backup_schedule.ts).
 */

import type { RestoreCondition, RestorePhase } from "../kv/restore_command.ts";

/** The store, as this node has applied it. */
export interface BegunStore {
  /** Nothing was ever written to it. */
  readonly isUnwritten: boolean;
  readonly restore: { readonly phase: RestorePhase; readonly over: RestoreCondition } | undefined;
}

/** Whether it is too late for a first restore: something was written, or one was committed. */
export function isBegun({ isUnwritten, restore }: BegunStore): boolean {
  if (!isUnwritten) return true;
  switch (restore?.phase) {
    case undefined:
    case "staging":
    case "dropping":
      return false;
    case "clearing":
    case "loading":
    case "starting":
    case "done":
      return true;
  }
}

/**
 * Why nobody is served yet; undefined where the store has begun. `path`: the backup that this
 * node's configuration names; with an empty one it waits only for what another node restores.
 */
export function awaitedRestore(path: string, store: BegunStore): string | undefined {
  if (isBegun(store)) return undefined;
  const { restore } = store;
  if (restore?.phase === "staging" && restore.over === "unwritten") {
    return "Nothing is read or written yet: the backup that the cluster begins with is coming in";
  }
  if (path === "") return undefined;
  return "Nothing is read or written yet: whoever leads has to restore " +
    `backup.restore_on_first_start, ${path}; without that key the store begins empty`;
}
