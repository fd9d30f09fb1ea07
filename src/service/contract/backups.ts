/** Backups of the whole store, and restoring them. */

import type { Revision } from "../../kv/record.ts";
import type { RestoreCondition } from "../../kv/restore_command.ts";
import type { Header, ReadOptions, RequestOptions } from "./requests.ts";

/** What a backup says of itself. */
export interface BackupOutline {
  readonly format: number;
  /** The version of the program that made it. */
  readonly program: string;
  /** By the wall clock of who made it, ms. */
  readonly createdMs: number;
  /** Whose it was. */
  readonly clusterId: string;
  readonly appliedIndex: number;
  readonly revision: Revision;
  readonly oldest: Revision;
  /** Those of locks and elections included. */
  readonly keys: number;
  readonly leases: number;
  readonly changes: number;
  readonly answers: number;
  /** Of the whole file. */
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/** One who reads a backup, for as long as it takes them: also where it is not kept any more. */
export interface BackupReading {
  /** A part as bytes, at most so many. */
  read(position: number, bytesMax: number): Uint8Array;
  /** Idempotent. */
  close(): void;
}

/** A backup that this node keeps for a while, whole. */
export interface KeptBackup extends BackupOutline {
  /** Names it: of no other one. */
  readonly tag: string;
  /** A part as the body of an answer. */
  body(part: {
    readonly start: number;
    readonly end: number;
  }): Blob | ReadableStream<Uint8Array<ArrayBuffer>>;
  /** To be closed by who reads. Throws where it is not kept any more. */
  reader(): BackupReading;
}

/** How a backup is to be restored. */
export interface RestoreRequest {
  /** The file, piece by piece. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** SHA-256 of all of it, where it is known. */
  readonly sha256: Uint8Array | undefined;
  /** Over what it may be restored: what is there is gone then. */
  readonly over: RestoreCondition;
  /** Only look whether it is whole. */
  readonly verifyOnly: boolean;
  /** The store's revision is to be above this one. */
  readonly above: Revision;
}

/** What has been restored, or only verified. */
export interface RestoreAnswer {
  readonly backup: BackupOutline;
  /** Of the store; undefined where it was only verified. */
  readonly revision: Revision | undefined;
}

/** Backups, asked through this node. */
export interface BackupService {
  /**
   * A backup of all that was committed when it was asked for, with the given freshness. `timeoutMs`
   * does not bound how long making it takes.
   */
  make(
    options: ReadOptions,
  ): Promise<{ readonly backup: KeptBackup; readonly header: Header }>;
  /** The one of that name; without a name the newest. Undefined where it is not kept any more. */
  kept(tag: string | undefined): KeptBackup | undefined;
  /**
   * Resolves when all of it is there. `timeoutMs` bounds each pause in which nothing comes or
   * nothing happens. `validation_failed` where the file is damaged, `conflict` where the store is
   * not empty.
   */
  restore(
    request: RestoreRequest,
    options: RequestOptions,
  ): Promise<{ readonly answer: RestoreAnswer; readonly header: Header }>;
}
