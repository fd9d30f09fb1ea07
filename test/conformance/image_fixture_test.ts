/**
 * Images that an earlier version of the program has made, as they are sent and stored, of stores of
 * both kinds: every later version opens and installs them, and goes on from there like a store that
 * has applied all of it. To make one of the present version: remove its two files from
 * testdata/image and run this with SKEIN_REWRITE=1.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { KvTables } from "../../src/kv/ports.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import type { SnapshotImage } from "../../src/node/ports.ts";
import type { Entry } from "../../src/raft/types.ts";
import { HeldFilesInDirectory } from "../../src/storage/backup/held_files.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { decodeSnapshotMeta, encodeSnapshotMeta } from "../../src/storage/snapshot_meta.ts";
import { openSqliteImage } from "../../src/storage/sqlite/open_image.ts";
import { del, EntryMaker, put } from "../harness/kv_commands.ts";
import { imagesIn } from "../harness/kv_images.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { scrubAll } from "../harness/scrubbing.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { bytesOf, finished, type Received, writeRest } from "./image_place.ts";
import { describeStore } from "./image_places.ts";
import { clusterId, openSqliteTables, runtime } from "./state_machine_places.ts";

const folder = fileURLToPath(new URL("./testdata/image", import.meta.url));

let temp: TempDir;
beforeEach(() => {
  temp = makeTempDir("image-fixture");
});
afterEach(() => temp.remove());

const kinds: Readonly<Record<string, (name: string) => KvTables>> = {
  sqlite: (name) => {
    const directory = join(temp.path, name);
    mkdirSync(directory);
    return openSqliteTables(directory);
  },
  memory: () => new MemoryKvTables({ clusterId }),
};

const requestHash = new Uint8Array(32).fill(7);

/** Some of everything that a store can hold. */
function written(): readonly Entry[] {
  const maker = new EntryMaker(0, 3);
  const members = [
    { id: 1, incarnation: "00000000000000aa", suffrage: "voter" } as const,
    { id: 2, incarnation: "00000000000000bb", suffrage: "learner" } as const,
  ];
  return [
    maker.configuration({ members, nodeIdMax: 4 }),
    ...maker.commands([
      put("a", "one"),
      put("a", "two", { mediaType: "text/plain" }),
      put(Uint8Array.of(0, 255), ""),
      put("gone", "soon"),
      del("gone"),
      { kind: "grantLease", id: "7", ttlMs: 60_000 },
      put("leased", "v", { lease: "7" }),
      put("for a while", "v", { ttlMs: 5_000 }),
      put("long", "a long value ".repeat(1_000)),
    ]),
    maker.command(put("once", "v"), { identity: "", key: "single", requestHash }),
    maker.command({ kind: "compact", revision: 4 }),
  ];
}

/** What comes next in the log: a request that was made before, and ends of leases among it. */
function next(): readonly Entry[] {
  const maker = new EntryMaker(written().length, 3);
  return [
    maker.command(put("once", "v"), { identity: "", key: "single", requestHash }),
    ...maker.commands([
      put("a", "three", { prev: true }),
      { kind: "keepLeases", ids: ["7"] },
      { kind: "revokeLease", id: "7" },
      del("a", { prev: true }),
    ]),
  ];
}

function filled(tables: KvTables): KvStateMachine {
  const machine = new KvStateMachine({ tables });
  machine.apply(written());
  while (machine.purge());
  return machine;
}

/** Of the present version. */
async function made(machine: KvStateMachine): Promise<Received> {
  const image = await new Promise<SnapshotImage | undefined>((done) => machine.image(done));
  assert.ok(image);
  const received = { meta: image.meta, bytes: await bytesOf(image) };
  image.release();
  return received;
}

/** As the folder has it. */
function kept(kind: string): Received {
  const meta = decodeSnapshotMeta(readFileSync(join(folder, `${kind}.meta`)));
  return { meta, bytes: new Uint8Array(readFileSync(join(folder, `${kind}.image`))) };
}

async function keep(kind: string, machine: KvStateMachine): Promise<void> {
  const { meta, bytes } = await made(machine);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${kind}.meta`), encodeSnapshotMeta(meta));
  writeFileSync(join(folder, `${kind}.image`), bytes);
}

for (const [kind, open] of Object.entries(kinds)) {
  describe(`an image of an earlier version, of a store of kind ${kind}, on ${runtime.name}`, () => {
    it("is installed, and goes on like a store that applied all of it", async () => {
      const applied = filled(open("applied"));
      if (process.env["SKEIN_REWRITE"] === "1" && !existsSync(join(folder, `${kind}.image`))) {
        await keep(kind, applied);
      }
      const image = kept(kind);
      const tables = open("installed");
      const installed = new KvStateMachine({ tables });
      const stage = installed.stage(image.meta);
      writeRest(stage, image);
      assert.equal(await finished(stage), "staged");
      installed.adopt();
      assert.deepEqual(describeStore(installed), describeStore(applied));
      assert.deepEqual(installed.applied(), applied.applied());
      assert.deepEqual(installed.apply(next()), applied.apply(next()));
      assert.deepEqual(describeStore(installed), describeStore(applied));
      installed.commit();
      assertIntact(tables);
      scrubAll(installed);
      installed.close();
      applied.close();
    });
  });
}

describe(`an image of an earlier version, on ${runtime.name}`, () => {
  it("is opened as a store that stands still, from which a backup is made", async () => {
    const { meta, bytes } = kept("sqlite");
    const opened = await openSqliteImage(
      {
        meta,
        read: ({ offset, bytesMax }, done) => done(bytes.slice(offset, offset + bytesMax)),
        release: () => {},
      },
      {
        files: new HeldFilesInDirectory({ directory: temp.path, bodyOf: runtime.fileBody }),
        ...{ openSqlite: runtime.openSqlite, clusterId, images: imagesIn(temp.path) },
      },
    );
    const applied = filled(new MemoryKvTables({ clusterId }));
    assert.deepEqual(
      describeStore(new KvStateMachine({ tables: opened.tables })),
      describeStore(applied),
    );
    opened.close();
  });
});
