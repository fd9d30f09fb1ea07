/** An image of kv.db as tables of its own, to be read as a store that stands still. */

import { createHash } from "node:crypto";
import { equalBytes } from "../../lib/bytes.ts";
import type { KvTables } from "../../kv/ports.ts";
import type { SnapshotImage } from "../../node/ports.ts";
import type { LogPosition } from "../../raft/types.ts";
import type { SqliteDatabase } from "../../runtime/mod.ts";
import type { HeldFiles } from "../backup/held_files.ts";
import { setPragma } from "../sqlite_pragma.ts";
import type { KvDatabaseOptions } from "./kv_database.ts";
import { SqliteKvTables } from "./kv_tables.ts";

const chunkBytes = 1024 * 1024;
const cacheKib = 4 * 1024;

/**
 * Copies the image to a file of its own, because a database that is opened is written to. Rejects
 * where the image is not what its meta says, and with what the disk throws.
 */
export async function openSqliteImage(
  image: SnapshotImage,
  { files, images, ...database }:
    & Pick<
      KvDatabaseOptions,
      "openSqlite" | "clusterId" | "images"
    >
    & { readonly files: HeldFiles },
): Promise<{ readonly tables: KvTables; readonly close: () => void }> {
  const file = files.create();
  try {
    const hash = createHash("sha256");
    for (let offset = 0; offset < image.meta.bytes;) {
      const chunk = await new Promise<Uint8Array>((resolve) =>
        image.read({ offset, bytesMax: chunkBytes }, resolve)
      );
      if (chunk.length === 0) throw new Error("The image of the store ends before its end");
      hash.update(chunk);
      file.write(chunk, offset);
      offset += chunk.length;
    }
    if (!equalBytes(new Uint8Array(hash.digest()), image.meta.digest)) {
      throw new Error("The image of the store is damaged");
    }
    const path = file.path ?? "";
    let opened: SqliteDatabase | undefined;
    // Where somebody has deleted the file, an empty store is not what it was.
    const openSqlite: typeof database.openSqlite = (name) =>
      opened = database.openSqlite(name, { create: false });
    const tables = new SqliteKvTables({
      ...{ ...database, openSqlite, path, firstLogIndex: () => undefined },
      // None are made of it; those of the store that lie beside it are not its own.
      images: { ...images, directory: `${path}.images` },
    });
    requirePosition(tables, image.meta.position);
    // It is read once, from its front to its end: a large cache would be memory for nothing.
    opened?.exec(`PRAGMA cache_size = -${cacheKib}`);
    // And it goes then: else its close would sync all that was copied, while everything waits.
    if (opened !== undefined) setPragma(opened, { name: "synchronous", to: "OFF", reads: 0 });
    const close = (): void => {
      tables.close();
      file.remove();
    };
    return { tables, close };
  } catch (error) {
    file.remove();
    throw error;
  }
}

function requirePosition(tables: KvTables, { index, term }: LogPosition): void {
  const { applied } = tables.stored();
  if (applied.index === index && applied.term === term) return;
  tables.close();
  throw new Error(
    `The image of the store is damaged: it ends with entry ${applied.index} of term ` +
      `${applied.term}, it was announced with entry ${index} of term ${term}`,
  );
}
