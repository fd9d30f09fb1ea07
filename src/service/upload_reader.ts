/** A backup that is received: looked through piece by piece, then read again as commands. */

import { backupMagic, blockHeadBytes, blockLength, isRecordsBlock } from "../kv/backup/format.ts";
import { BackupReader, type Sha256, type WholeBackup } from "../kv/backup/reader.ts";
import {
  type BeginRestore,
  type RestoreId,
  stagedBytesMax,
  type StageRestore,
} from "../kv/restore_command.ts";
import { assertDefined } from "../lib/assert.ts";
import { crc32c } from "../lib/crc32c.ts";
import type { BackupOutline } from "./contract.ts";

/** So much is looked through without letting others go first: some milliseconds. */
const sliceBytes = 64 * 1024;

/** A backup that was found whole and right. */
export interface ReceivedBackup {
  readonly backup: BackupOutline;
  /** How it is announced, but for what the one who restores decides. */
  readonly begin: Omit<BeginRestore, "id" | "over" | "above">;
}

/** See the head of this file. Every method throws BackupFlawError. */
export class UploadReader {
  readonly #reader: BackupReader;
  readonly #digest: Sha256;
  #blocks = 0;
  #crc32c = 0;

  constructor(newSha256: () => Sha256) {
    this.#digest = newSha256();
    this.#reader = new BackupReader(newSha256(), (bytes) => {
      this.#blocks++;
      this.#crc32c = crc32c(bytes, this.#crc32c);
    });
  }

  /** `rest` lets others go first. */
  async read(piece: Uint8Array, rest: () => Promise<void>): Promise<void> {
    for (let at = 0; at < piece.length; at += sliceBytes) {
      const slice = piece.slice(at, at + sliceBytes);
      this.#digest.update(slice);
      this.#reader.push(slice);
      await rest();
    }
  }

  finish(): ReceivedBackup {
    const whole = this.#reader.finish();
    const { revision, oldest, clusterTimeMs, leasesNumbered } = whole.header;
    const begin = {
      ...{ kind: "beginRestore", revision, oldest, clusterTimeMs, leasesNumbered } as const,
      ...{ blocks: this.#blocks, crc32c: this.#crc32c },
    };
    return { backup: outlineOf(whole, this.#digest.digest()), begin };
  }
}

/** What a backup says of itself; `sha256` is of the whole file. */
export function outlineOf(
  { header, counts, bytes }: WholeBackup,
  sha256: Uint8Array,
): BackupOutline {
  const { clusterTimeMs: _time, leasesNumbered: _numbered, ...told } = header;
  return { ...told, ...counts, bytes, sha256 };
}

/** The blocks of the file, as many in a command as may go together. */
export function* stagedCommands(
  file: { read(position: number, length: number): Uint8Array },
  { begin }: ReceivedBackup,
  id: RestoreId,
): Generator<StageRestore> {
  let first = 0;
  let blocks: Uint8Array[] = [];
  let bytes = 0;
  for (const block of recordBlocks(file)) {
    if (blocks.length > 0 && bytes + block.length > stagedBytesMax) {
      yield { kind: "stageRestore", id, first, blocks };
      first += blocks.length;
      [blocks, bytes] = [[], 0];
    }
    blocks.push(block);
    bytes += block.length;
    if (first + blocks.length === begin.blocks) break;
  }
  if (blocks.length > 0) yield { kind: "stageRestore", id, first, blocks };
}

function* recordBlocks(
  file: { read(position: number, length: number): Uint8Array },
): Generator<Uint8Array> {
  for (let at = backupMagic.length;;) {
    const head = file.read(at, blockHeadBytes);
    if (head.length < blockHeadBytes) return;
    const length = assertDefined(blockLength(head), `A block begins at byte ${at}`);
    if (isRecordsBlock(head)) yield file.read(at, length);
    at += length;
  }
}
