/** Backups as bytes in memory, and random stores to make them of. */

import { exportBlocks } from "../../src/kv/backup/export.ts";
import { BackupReader, type WholeBackup } from "../../src/kv/backup/reader.ts";
import { backupMagic, type BackupRecord, encodeBlock } from "../../src/kv/backup/format.ts";
import { encodeHeader } from "../../src/kv/backup/header.ts";
import type { KvTables } from "../../src/kv/ports.ts";
import { concatBytes } from "../../src/lib/bytes.ts";
import { atOnce, newSha256, writeBackup } from "../../src/storage/backup/backup_file.ts";
import type { BackupStorage } from "../../src/server_storage.ts";
import { HeldFilesInMemory } from "../../src/storage/backup/held_files.ts";
import type { OpenFile } from "../../src/storage/directory/files.ts";
import { wallMs } from "./kv_commands.ts";
import { MemoryStore } from "./kv_store.ts";
import { RandomKv } from "./random_kv.ts";

export const origin = { program: "0.0.0-test", createdMs: wallMs, clusterId: "origin" };

/** A file in memory, of which what is written is kept in order. */
export class MemoryFile implements OpenFile {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  size(): number {
    return this.#bytes;
  }

  contents(): Uint8Array {
    return concatBytes(this.#pieces);
  }

  read(position: number, length: number): Uint8Array {
    return this.contents().slice(position, position + length);
  }

  write(bytes: Uint8Array, position: number): void {
    if (position !== this.#bytes) throw new Error(`Written at ${position} of ${this.#bytes}`);
    this.#pieces.push(bytes.slice());
    this.#bytes += bytes.length;
  }

  truncate(): void {
    throw new Error("Nothing truncates it");
  }

  sync(): void {}
  close(): void {}
}

/** For nodes of which none is asked for. */
export const noBackups: BackupStorage = {
  files: new HeldFilesInMemory(),
  openImage: () => Promise.reject(new Error("No backups are made here")),
};

/** The backup of what was committed to `tables`. */
export function backupOf(tables: KvTables): Uint8Array {
  const file = new MemoryFile();
  atOnce(writeBackup({ tables, origin, file }));
  return file.contents();
}

/** The backup without the records that `isKept` leaves out, as a file that is right in itself. */
export function rewritten(
  bytes: Uint8Array,
  isKept: (record: BackupRecord) => boolean,
): Uint8Array {
  const counts = { leases: 0, changes: 0, answers: 0 };
  const { header } = readBackup(bytes);
  const blocks = [encodeBlock({ kind: "header", json: encodeHeader(header) })];
  const reader = new BackupReader(newSha256(), (_bytes, { kind, records }) => {
    const kept = records.filter(isKept);
    counts[kind] += kept.length;
    if (kept.length > 0) blocks.push(encodeBlock({ kind, records: kept }));
  });
  reader.push(bytes);
  const whole = concatBytes([backupMagic, ...blocks]);
  const sha256 = newSha256();
  sha256.update(whole);
  return concatBytes([whole, encodeBlock({ kind: "end", counts, sha256: sha256.digest() })]);
}

/** The records of a backup; throws BackupFlawError. */
export function readBackup(
  bytes: Uint8Array,
  pieceBytes = bytes.length,
): WholeBackup & { readonly records: readonly BackupRecord[] } {
  const records: BackupRecord[] = [];
  const reader = new BackupReader(newSha256(), (_bytes, block) => records.push(...block.records));
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.push(bytes.slice(at, at + pieceBytes));
  }
  return { ...reader.finish(), records };
}

/** The same backup without its end: the blocks alone. */
export function blocksOf(tables: KvTables): readonly Uint8Array[] {
  return [...exportBlocks(tables, origin)].flatMap((block) => block ?? []);
}

/** A store in which random operations were done, leases, answers and locks among them. */
export function randomStore(
  seed: number,
  { operations, purge }: { readonly operations: number; readonly purge: boolean },
): MemoryStore {
  const store = new MemoryStore();
  const random = new RandomKv(seed);
  const leases = new Map<string, number>();
  for (let done = 0; done < operations; done++) {
    const near = {
      revision: store.machine.revision,
      leases: [...leases].map(([id, deadlineMs]) => ({ id, deadlineMs })),
      contestants: [],
    };
    const result = store.do(random.operation(near), random.idempotency());
    if (result.kind === "granted") leases.set(result.lease.id, 0);
    if (random.chance(1, 20)) store.maker.skip(random.pick([2_000, 20_000, 60_000]));
    const isTime = random.chance(1, 3);
    if (purge && isTime) { while (store.machine.purge()); }
  }
  if (purge) { while (store.machine.purge()); }
  store.machine.commit();
  return store;
}
