/**
 * The restore that is under way, if any: rows of the ledger, replicated like all of it, so that any
 * member can go on with it after any crash.
 *
 * ```text
 * restore          → the state below, version first
 * staged block     → a block of records (backup/format.ts)
 * ```
 */

import { assert } from "../lib/assert.ts";
import { ByteReader, ByteWriter, emptyBytes } from "../lib/bytes.ts";
import { backupSections } from "./backup/format.ts";
import { type BackupProgress, noProgress } from "./backup/progress.ts";
import type { ChangeNumber } from "./change.ts";
import { type Ledger, ledgerKey, ledgerKind, orderedCount } from "./ledger.ts";
import type { Revision } from "./record.ts";
import {
  type BeginRestore,
  type RestoreCondition,
  restoreConditions,
  type RestoreId,
  type RestorePhase,
  restorePhases,
} from "./restore_command.ts";

/** What is known of a restore. */
export interface Restore extends Omit<BeginRestore, "kind"> {
  readonly phase: RestorePhase;
  /** The next block to come in, to be loaded or to be removed. */
  readonly next: number;
  /** Of what came in: how far its records are, and the CRC-32C of its blocks. */
  readonly progress: BackupProgress;
  readonly stagedCrc32c: number;
  /** When something came in last, in cluster time. */
  readonly touchedMs: number;
  /** When it was committed. */
  readonly committedMs: number;
  /** There was something before: its past goes, and everything is put anew. */
  readonly replaces: boolean;
  /** The store's revision when it ends. */
  readonly target: Revision;
  /** The lease up to which deadlines are set, as ordered bytes; empty before the first. */
  readonly startedLease: Uint8Array;
  /** The last change that it made, once it is done; before, {@link RestoreBook.replacedThrough}. */
  readonly lastChange: ChangeNumber;
}

/** A restore that begins. */
export function newRestore(
  { kind: _kind, ...begun }: BeginRestore,
  { nowMs, replacedThrough }: { readonly nowMs: number; readonly replacedThrough: ChangeNumber },
): Restore {
  return {
    ...{ ...begun, phase: "staging", next: 0, progress: noProgress, stagedCrc32c: 0 },
    ...{ touchedMs: nowMs, committedMs: 0, replaces: false, target: 0 },
    ...{ startedLease: emptyBytes, lastChange: replacedThrough },
  };
}

/** The one restore of a store, in its ledger. */
export class RestoreBook {
  readonly #ledger: Ledger;
  /** As it stands in the ledger, once that was looked at: each command asks for it. */
  #known: { readonly restore: Restore | undefined } | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /**
   * The last one; undefined where there was none. Where it was given up and one before it had
   * changed something, it stands as done, under nobody's id.
   */
  get current(): Restore | undefined {
    this.#known ??= { restore: this.#read() };
    return this.#known.restore;
  }

  /** Nothing but the restore itself may change or be read. */
  get isClosed(): boolean {
    const phase = this.current?.phase;
    return phase === "clearing" || phase === "loading" || phase === "starting";
  }

  /** Up to here changes were made to put what was restored in the place of everything before. */
  get replacedThrough(): ChangeNumber {
    const { current } = this;
    if (current === undefined) return 0;
    return current.phase !== "done" || current.replaces ? current.lastChange : 0;
  }

  /** The ledger is another one now. */
  forget(): void {
    this.#known = undefined;
  }

  set(restore: Restore): void {
    this.#ledger.set(stateKey, encodeRestore(restore));
    this.#known = { restore };
  }

  /** The current one was given up. What one before it has put in the place of all stays known. */
  giveUp(): void {
    const { current } = this;
    if (current !== undefined && current.lastChange > 0) {
      return this.set({ ...current, id: nobodysId, phase: "done", replaces: true, next: 0 });
    }
    this.#ledger.delete(stateKey);
    this.#known = { restore: undefined };
  }

  stage(index: number, block: Uint8Array): void {
    this.#ledger.set(blockKey(index), block);
  }

  staged(index: number): Uint8Array | undefined {
    return this.#ledger.get(blockKey(index));
  }

  unstage(index: number): void {
    this.#ledger.delete(blockKey(index));
  }

  #read(): Restore | undefined {
    const row = this.#ledger.get(stateKey);
    return row && decodeRestore(row);
  }
}

/** No command is of it. */
const nobodysId = "";

const stateKey = ledgerKey(ledgerKind.restore);

function blockKey(index: number): Uint8Array {
  return ledgerKey(ledgerKind.stagedBlock, orderedCount(index));
}

const rowVersion = 1;

function encodeRestore(restore: Restore): Uint8Array {
  const { progress } = restore;
  const writer = new ByteWriter(128).u8(rowVersion).text(restore.id);
  writer.u8(restorePhases.indexOf(restore.phase)).u8(restoreConditions.indexOf(restore.over));
  writer.varint(restore.revision).varint(restore.oldest).varint(restore.clusterTimeMs);
  writer.varint(restore.leasesNumbered).varint(restore.blocks).u32(restore.crc32c);
  writer.varint(restore.above).varint(restore.next);
  writer.u8(backupSections.indexOf(progress.section)).varint(progress.revision);
  writer.varint(progress.timeMs).bytes(progress.last);
  writer.u8(progress.newest === undefined ? 0 : 1).varint(progress.newest ?? 0);
  writer.u32(restore.stagedCrc32c).varint(restore.touchedMs).varint(restore.committedMs);
  writer.u8(restore.replaces ? 1 : 0).varint(restore.target).bytes(restore.startedLease);
  writer.varint(restore.lastChange);
  return writer.finish();
}

function decodeRestore(row: Uint8Array): Restore {
  const reader = new ByteReader(row);
  const version = reader.u8();
  assert(version === rowVersion, `A restore of version ${version}, known is ${rowVersion}`);
  const id: RestoreId = reader.text();
  const phase: RestorePhase = memberAt(restorePhases, reader.u8());
  const over: RestoreCondition = memberAt(restoreConditions, reader.u8());
  return {
    ...{ id, phase, over },
    revision: reader.varint(),
    oldest: reader.varint(),
    clusterTimeMs: reader.varint(),
    leasesNumbered: reader.varint(),
    blocks: reader.varint(),
    crc32c: reader.u32(),
    above: reader.varint(),
    next: reader.varint(),
    progress: readProgress(reader),
    stagedCrc32c: reader.u32(),
    touchedMs: reader.varint(),
    committedMs: reader.varint(),
    replaces: reader.u8() === 1,
    target: reader.varint(),
    startedLease: reader.bytes().slice(),
    lastChange: reader.varint(),
  };
}

function readProgress(reader: ByteReader): BackupProgress {
  const section = memberAt(backupSections, reader.u8());
  const progress = { section, revision: reader.varint(), timeMs: reader.varint() };
  const last = reader.bytes().slice();
  const isStream = reader.u8() === 1;
  const newest = reader.varint();
  return { ...progress, last, newest: isStream ? newest : undefined };
}

function memberAt<T>(members: readonly T[], at: number): T {
  const member = members[at];
  assert(member !== undefined, `A restore names member ${at} of ${members.length}`);
  return member;
}
