/**
 * Makes backups of a store that is being written to: of an image, which stands still, and beside
 * everything else, a few milliseconds at a time.
 */

import type { BackupOrigin } from "../../kv/backup/export.ts";
import type { KvTables } from "../../kv/ports.ts";
import type { SnapshotImage } from "../../node/ports.ts";
import { writeBackup, type WrittenBackup } from "./backup_file.ts";
import type { HeldFile, HeldFiles } from "./held_files.ts";

/** After so long others get their turn, ms. */
const sliceMs = 4;

/** A backup in a file that whoever made it removes. */
export interface MadeBackup extends WrittenBackup {
  readonly file: HeldFile;
}

/** What it is made with. */
export interface BackupMakerParts {
  /** As StateMachine.image. */
  readonly image: (done: (image: SnapshotImage | undefined) => void) => void;
  readonly openImage: (
    image: SnapshotImage,
  ) => Promise<{ readonly tables: KvTables; readonly close: () => void }>;
  readonly files: HeldFiles;
  readonly origin: () => BackupOrigin;
  readonly monotonicMs: () => number;
  /** Resolves after the events that wait now. */
  readonly rest: () => Promise<void>;
}

/**
 * A backup of what was applied when this was called, or later. Undefined where no image could be
 * made now; rejects with what the disk throws.
 */
export async function makeBackup(parts: BackupMakerParts): Promise<MadeBackup | undefined> {
  const image = await new Promise<SnapshotImage | undefined>((resolve) => parts.image(resolve));
  if (image === undefined) return undefined;
  const source = await parts.openImage(image).finally(() => image.release());
  try {
    const file = parts.files.create();
    try {
      const { tables } = source;
      const steps = writeBackup({ tables, origin: parts.origin(), file });
      return { ...await inSlices(steps, parts), file };
    } catch (error) {
      file.remove();
      throw error;
    }
  } finally {
    source.close();
  }
}

/** Runs `steps` to their end, and lets others go first every few milliseconds. */
export async function inSlices<T>(
  steps: Generator<void, T>,
  { monotonicMs, rest }: Pick<BackupMakerParts, "monotonicMs" | "rest">,
): Promise<T> {
  let endMs = monotonicMs() + sliceMs;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (monotonicMs() < endMs) continue;
    await rest();
    endMs = monotonicMs() + sliceMs;
  }
}
