/** `snapshot inspect`: reads the file of a backup to its end. */

import { BackupFlawError, type WholeBackup } from "./kv/backup/reader.ts";
import { checkBackup } from "./storage/backup/backup_file.ts";
import { openToRead } from "./storage/directory/files.ts";

/** A backup that is whole, or why the file is none. */
export type InspectedBackup =
  | { readonly kind: "whole"; readonly backup: WholeBackup & { readonly digest: Uint8Array } }
  | { readonly kind: "damaged"; readonly reason: string };

/** Throws where the file cannot be read. */
export async function inspectBackup(path: string): Promise<InspectedBackup> {
  const file = openToRead(path);
  try {
    const steps = checkBackup(file);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return { kind: "whole", backup: step.value };
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    if (!(error instanceof BackupFlawError)) throw error;
    return { kind: "damaged", reason: `${path} ${error.message}` };
  } finally {
    file.close();
  }
}
