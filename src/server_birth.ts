/** Who founded the cluster of a data directory that nobody has to have open. */

import { join } from "node:path";
import type { NodeId } from "./raft/types.ts";
import { nodeFiles } from "./storage/directory/files.ts";
import { IdentityFile } from "./storage/directory/identity_file.ts";
import { DataDirectoryError } from "./storage/directory/kept_file.ts";

/** Undefined where no cluster was formed yet, or the directory does not tell. */
export function foundersIn(dataDir: string): readonly NodeId[] | undefined {
  try {
    const identity = new IdentityFile(nodeFiles, join(dataDir, "identity.json")).load();
    return identity?.birth?.members.map(({ id }) => id);
  } catch (error) {
    // The node itself says what is wrong with it.
    if (error instanceof DataDirectoryError) return undefined;
    throw error;
  }
}
