import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../src/lib/bytes.ts";
import {
  directoryPlace,
  memoryPlace,
  openFileEngine,
  openSqliteEngine,
  runtime,
  simulatedPlace,
} from "./storage_engine_places.ts";
import { storageEngineSuite } from "./storage_engine_suite.ts";

storageEngineSuite({
  name: `sqlite on ${runtime.name}`,
  makePlace: () => directoryPlace({ open: openSqliteEngine, damage: damageRow }),
});

storageEngineSuite({
  name: `file on ${runtime.name}`,
  makePlace: () => directoryPlace({ open: openFileEngine, damage: damageSegment }),
});

storageEngineSuite({
  name: "file on a disk that forgets what was not synced",
  makePlace: () => simulatedPlace(),
});

storageEngineSuite({ name: "memory", makePlace: memoryPlace });

/** The bit is turned in the value itself; SQLite has no checksum that would notice. */
function damageRow(directory: string, index: number): void {
  const database = runtime.openSqlite(join(directory, "raft.db"));
  const row = database.prepare("SELECT data FROM entries WHERE idx = ?").get(index);
  const data = row?.["data"];
  if (!(data instanceof Uint8Array)) throw new Error(`No entry ${index}`);
  const turned = Uint8Array.from(data);
  turned[3]! ^= 4;
  database.prepare("UPDATE entries SET data = ? WHERE idx = ?").run(turned, index);
  database.close();
}

function damageSegment(directory: string, index: number): void {
  const text = utf8(`entry ${index} entry ${index}`);
  for (const name of readdirSync(join(directory, "raft"))) {
    const path = join(directory, "raft", name);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(text);
    if (at < 0) continue;
    bytes[at]! ^= 4;
    writeFileSync(path, bytes);
    return;
  }
  throw new Error(`No entry ${index}`);
}
