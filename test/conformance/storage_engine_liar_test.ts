/**
 * The suite is worth what it catches: engines that report done before it is so, each in another
 * way, and the cases that must find them out.
 */

import { assert, describe, it } from "../harness/test.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { Files, OpenFile } from "../../src/storage/directory/files.ts";
import {
  directoryPlace,
  openFileEngine,
  openSqliteEngine,
  simulatedPlace,
} from "./storage_engine_places.ts";
import { storageEngineCases } from "./storage_engine_suite.ts";
import type { StoragePlace } from "./storage_place.ts";

/** What any lie about durability breaks. */
const caughtBy = [
  "persist_entries_durability",
  "hard_state_crash_recovery",
  "truncate_durability",
  "purge_durability",
];

/** The names of those cases that fail on this place. */
async function failures(makePlace: () => StoragePlace): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, run } of storageEngineCases) {
    if (!caughtBy.some((prefix) => name.startsWith(prefix))) continue;
    const place = makePlace();
    try {
      await run(place);
    } catch {
      failed.push(name.replace(/:.*/, ""));
    } finally {
      place.remove();
    }
  }
  return failed;
}

/** Reports done at once and writes one write late. */
function lateEngine(engine: StorageEngine): StorageEngine {
  let late: LogWrite | undefined;
  const flush = (): void => {
    if (late !== undefined) engine.persist(late, () => {});
    late = undefined;
  };
  return {
    writesAreDurable: true,
    log: engine.log,
    stored: () => engine.stored(),
    discard: (from, hardState) => engine.discard(from, hardState),
    persist: (write, done) => {
      flush();
      late = write;
      done();
    },
    space: () => engine.space(),
    close: () => {
      flush();
      engine.close();
    },
  };
}

function withoutSync(files: Files): Files {
  const open = (path: string, mode: "existing" | "create"): OpenFile => {
    const file = files.open(path, mode);
    return {
      size: () => file.size(),
      read: (position, length) => file.read(position, length),
      write: (bytes, position) => file.write(bytes, position),
      truncate: (length) => file.truncate(length),
      sync: () => {},
      close: () => file.close(),
    };
  };
  return { ...portOf(files), open };
}

function withoutDirectorySync(files: Files): Files {
  return { ...portOf(files), syncDirectory: () => {} };
}

function portOf(files: Files): Files {
  return {
    open: (path, mode) => files.open(path, mode),
    read: (path) => files.read(path),
    list: (directory) => files.list(directory),
    makeDirectory: (path) => files.makeDirectory(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    syncDirectory: (directory) => files.syncDirectory(directory),
  };
}

describe("the storage engine suite", () => {
  it("catches an engine that keeps the last write in memory, on SQLite", async () => {
    const open = (directory: string): StorageEngine => lateEngine(openSqliteEngine(directory));
    assert.deepEqual(
      await failures(() => directoryPlace({ open, damage: () => {} })),
      caughtBy,
    );
  });

  it("catches an engine that writes and does not sync", async () => {
    assert.deepEqual(
      await failures(() =>
        simulatedPlace((directory, clock, files) =>
          openFileEngine(directory, clock, files && withoutSync(files))
        )
      ),
      caughtBy,
    );
  });

  it("catches an engine that does not sync its directory", async () => {
    assert.deepEqual(
      await failures(() =>
        simulatedPlace((directory, clock, files) =>
          openFileEngine(directory, clock, files && withoutDirectorySync(files))
        )
      ),
      caughtBy,
    );
  });

  it("finds nothing wrong with an honest engine on the same disk", async () => {
    assert.deepEqual(await failures(() => simulatedPlace()), []);
  });
});
