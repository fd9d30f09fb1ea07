/** An image of tables in memory as tables of its own, to be read as a store that stands still. */

import type { KvTables } from "../../kv/ports.ts";
import type { SnapshotImage } from "../../node/ports.ts";
import { MemoryKvTables } from "./kv_tables.ts";

const chunkBytes = 1024 * 1024;

/** Rejects where the image is not what its meta says. */
export async function openMemoryImage(
  image: SnapshotImage,
  options: { readonly clusterId: string; readonly soon: (run: () => void) => void },
): Promise<{ readonly tables: KvTables; readonly close: () => void }> {
  const tables = new MemoryKvTables(options);
  const stage = tables.stage(image.meta);
  for (let offset = 0; offset < image.meta.bytes; offset = stage.offset) {
    const chunk = await new Promise<Uint8Array>((resolve) =>
      image.read({ offset, bytesMax: chunkBytes }, resolve)
    );
    stage.write(chunk);
  }
  const outcome = await new Promise((resolve) => stage.finish(resolve));
  if (outcome !== "staged") throw new Error("The image of the store is damaged");
  tables.adopt();
  return { tables, close: () => tables.close() };
}
