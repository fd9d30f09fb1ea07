/** Backups of one node: what makes them, and where they lie. */

import type { Config } from "./config/schema.ts";
import type { BackupOrigin } from "./kv/backup/export.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import { hex } from "./lib/bytes.ts";
import { version } from "./lib/version.ts";
import type { Clock } from "./node/ports.ts";
import type { NodeId } from "./raft/types.ts";
import type { BackupStorage } from "./server_storage.ts";
import { anyQuery, NodeBackupService } from "./service/backup_service.ts";
import type { KvService } from "./service/contract.ts";
import { ServiceError } from "./service/errors.ts";
import { noRoom } from "./service/restoring.ts";
import type { RemovableBackup } from "./service/kept_backups.ts";
import { systemStreamClock } from "./service/stream_clock.ts";
import { outlineOf } from "./service/upload_reader.ts";
import { newSha256 } from "./storage/backup/backup_file.ts";
import type { HeldFiles } from "./storage/backup/held_files.ts";
import { type MadeBackup, makeBackup } from "./storage/backup/backup_maker.ts";
import { errorCode, isNoSpace } from "./storage/directory/files.ts";

/** What they stand on. */
export interface BackupParts {
  readonly machine: KvStateMachine;
  readonly storage: BackupStorage;
  readonly clusterId: string;
  readonly clock: Clock;
  /** Undefined, or why there is no room on the disk. */
  readonly outOfSpace: () => string | undefined;
}

/** A backup of what is applied now, or later; undefined where no image could be made now. */
export async function backUp(
  { machine, storage, clusterId, clock, outOfSpace }: BackupParts,
): Promise<MadeBackup | undefined> {
  const files = whileRoom(storage.files, outOfSpace);
  const origin = (): BackupOrigin => ({ program: version, createdMs: clock.wallMs(), clusterId });
  return await orOutOfSpace(() =>
    makeBackup({
      image: (done) => isWhole(machine) ? machine.image(done) : done(undefined),
      openImage: (image) => storage.openImage(image, clusterId, files),
      files,
      origin,
      monotonicMs: clock.monotonicMs,
      rest: () => restOf(clock),
    })
  );
}

/**
 * Whether the store shows what this node has shown before: not while it is restored, nor while it
 * is behind, on a full disk. Asked when the image is made: who asked for it may have waited long.
 */
function isWhole(machine: KvStateMachine): boolean {
  return machine.read(anyQuery).kind !== "future";
}

/** BackupService of a node. */
export function backupService(
  parts: BackupParts & {
    readonly kv: KvService;
    readonly self: NodeId;
    readonly limits: Config["limits"];
  },
): NodeBackupService {
  const { kv, self, machine, storage, clock, limits, outOfSpace } = parts;
  return new NodeBackupService({
    ...{ kv, self, limits, outOfSpace, newSha256, store: machine },
    isRestoring: () => machine.isRestoring,
    clock: systemStreamClock(clock.monotonicMs),
    rest: () => restOf(clock),
    holdFile: () => {
      const file = storage.files.create();
      return { ...file, write: (bytes, position) => sparing(() => file.write(bytes, position)) };
    },
    drawId: () => hex(crypto.getRandomValues(new Uint8Array(8))),
    makeBackup: async () => {
      const made = await backUp(parts);
      return made && removable(made);
    },
  });
}

/** Files that grow only while there is room: what is made takes as much as the store does. */
function whileRoom(files: HeldFiles, outOfSpace: () => string | undefined): HeldFiles {
  return {
    create: () => {
      const file = files.create();
      return {
        ...file,
        write: (bytes, position) => {
          const full = outOfSpace();
          if (full !== undefined) throw noRoom(full);
          file.write(bytes, position);
        },
      };
    },
  };
}

function removable(made: MadeBackup): RemovableBackup {
  const { file, digest } = made;
  return {
    ...outlineOf(made, digest),
    tag: `b${hex(digest.subarray(0, 12))}`,
    body: (part) => file.body(part),
    reader: () => file.reader(),
    remove: () => file.remove(),
  };
}

/** Others get their turn: what waits, and what has come meanwhile. */
function restOf(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve));
}

async function orOutOfSpace<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw spaceError(error);
  }
}

function sparing(run: () => void): void {
  try {
    run();
  } catch (error) {
    throw spaceError(error);
  }
}

/** A full disk is no failure of ours. */
function spaceError(error: unknown): unknown {
  if (!isNoSpace(errorCode(error))) return error;
  return new ServiceError("out_of_space", "The disk has no room for the backup", {
    retryable: true,
    retryAfterMs: 5_000,
  });
}
