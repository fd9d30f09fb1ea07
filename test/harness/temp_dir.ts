/** A directory of a test's own, gone afterwards. */

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempDir extends Disposable {
  readonly path: string;
  /** Deletes the directory and everything in it; twice is as good as once. */
  remove(): void;
}

/**
 * Makes an empty directory under the system's place for temporary files. Either call `remove` in
 * `after`, or declare it with `using`, which removes it at the end of the block.
 */
export function makeTempDir(name = "test"): TempDir {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `skein-${name}-`)));
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  return { path, remove, [Symbol.dispose]: remove };
}
