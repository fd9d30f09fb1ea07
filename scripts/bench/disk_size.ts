/** What a node occupies on the disk. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Bytes, the write-ahead logs included. */
export interface DiskSize {
  /** Everything but the reserve, which has the same size always. */
  readonly totalBytes: number;
  /** The Raft log. */
  readonly logBytes: number;
  /** The store. */
  readonly storeBytes: number;
}

const blockBytes = 512;

export function diskSize(folder: string): DiskSize {
  const files = readdirSync(folder).filter((name) => name !== "reserve");
  const sum = (prefix: string): number =>
    files.filter((name) => name.startsWith(prefix))
      .reduce((bytes, name) => bytes + statSync(join(folder, name)).blocks * blockBytes, 0);
  return { totalBytes: sum(""), logBytes: sum("raft."), storeBytes: sum("kv.") };
}
