/**
 * Restoring a backup, as commands: what it holds is carried by the log like any write, so that
 * every member takes it over and any leader can go on with it. First its blocks are staged, which
 * nobody sees. With the commit the store is closed, and steps of bounded work clear away what it
 * held and load what was staged; with the last one it is open again.
 */

import { backupCountMax } from "./backup/format.ts";
import type { Revision } from "./record.ts";

/** Sixteen hexadecimal digits, drawn by whoever restores. */
export type RestoreId = string;

/** In the order in which they come; a restore that is given up is dropped instead. */
export const restorePhases = [
  /** Blocks come in. The store is as before. */
  "staging",
  /** From here to the end the store is closed: what it held is deleted. */
  "clearing",
  /** Blocks are loaded. */
  "loading",
  /** All is there but the deadlines of leases. */
  "starting",
  /** It has ended, and is remembered for who asks for its commit again. */
  "done",
  /** It was given up, and its blocks are removed. */
  "dropping",
] as const;

export type RestorePhase = typeof restorePhases[number];

/** Over what a backup may be restored. */
export const restoreConditions = [
  /** A store in which nothing was ever written, nor restored. */
  "unwritten",
  /** One that holds no key and no lease. */
  "empty",
  /** Any: what it holds is gone. */
  "any",
] as const;

export type RestoreCondition = typeof restoreConditions[number];

/** Begins to stage a backup. */
export interface BeginRestore {
  readonly kind: "beginRestore";
  readonly id: RestoreId;
  readonly over: RestoreCondition;
  /** As the header says. */
  readonly revision: Revision;
  readonly oldest: Revision;
  readonly clusterTimeMs: number;
  readonly leasesNumbered: number;
  /** How many blocks of records there are, and the CRC-32C of all of them in their order. */
  readonly blocks: number;
  readonly crc32c: number;
  /** The store's revision will be above this one, too. */
  readonly above: Revision;
}

/** Stages blocks of records; those that are there already are passed over. */
export interface StageRestore {
  readonly kind: "stageRestore";
  readonly id: RestoreId;
  /** The place of the first of them among all, from 0. */
  readonly first: number;
  readonly blocks: readonly Uint8Array[];
}

/** All blocks are staged: from now on the store is being restored. */
export interface CommitRestore {
  readonly kind: "commitRestore";
  readonly id: RestoreId;
}

/** Does a part of the work, where there is some. */
export interface StepRestore {
  readonly kind: "stepRestore";
  readonly id: RestoreId;
  /** About so many records are cleared away or loaded. */
  readonly recordsMax: number;
}

/** Gives up what is being staged. After the commit it does nothing. */
export interface AbortRestore {
  readonly kind: "abortRestore";
  readonly id: RestoreId;
}

export type RestoreOperation =
  | BeginRestore
  | StageRestore
  | CommitRestore
  | StepRestore
  | AbortRestore;

/** Blocks that one command stages have at most so many bytes together, or there is one of them. */
export const stagedBytesMax = 1024 * 1024;
/** A step of more records would hold up what waits behind it. */
export const restoreStepRecordsMax = 512;

/** True for the operations of this file. */
export function isRestoreOperation(
  operation: { readonly kind: string },
): operation is RestoreOperation {
  return operation.kind.endsWith("Restore");
}

/** What is wrong with `operation` whatever the store holds. */
export function restoreRefusal(operation: RestoreOperation): string | undefined {
  if (!/^[0-9a-f]{16}$/.test(operation.id)) {
    return `id is ${JSON.stringify(operation.id.slice(0, 40))}, not sixteen hexadecimal digits`;
  }
  switch (operation.kind) {
    case "beginRestore": {
      const { oldest, revision, above, leasesNumbered, clusterTimeMs } = operation;
      const counts = Object.entries({ revision, above, leasesNumbered, clusterTimeMs });
      const large = counts.find(([, count]) => count > backupCountMax);
      if (large !== undefined) {
        return `${large[0]} is ${large[1]}; allowed is 0 to ${backupCountMax}`;
      }
      if (oldest >= 1 && oldest <= revision) return undefined;
      return `oldest is ${oldest}, not from 1 to the revision ${revision}`;
    }
    case "stageRestore":
      return operation.blocks.length > 0 ? undefined : "no block is to be staged";
    case "stepRestore":
      return operation.recordsMax >= 1 && operation.recordsMax <= restoreStepRecordsMax
        ? undefined
        : `recordsMax is ${operation.recordsMax}, not 1 to ${restoreStepRecordsMax}`;
    case "commitRestore":
    case "abortRestore":
      return undefined;
  }
}
