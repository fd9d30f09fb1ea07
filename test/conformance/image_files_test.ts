/** What images leave on the disk, and what is left of them. */

import { mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import type { KvTables } from "../../src/kv/ports.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import type { SnapshotImage, SnapshotStage } from "../../src/node/ports.ts";
import { type Files, nodeFiles } from "../../src/storage/directory/files.ts";
import type { KvImageOptions } from "../../src/storage/sqlite/kv_image_folder.ts";
import { EntryMaker, put } from "../harness/kv_commands.ts";
import { imagesIn } from "../harness/kv_images.ts";
import { openFiles } from "../harness/open_files.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";
import { bytesOf, finished, type Received, writeRest } from "./image_place.ts";
import { openSqliteTables, runtime } from "./state_machine_places.ts";

let temp: TempDir;
beforeEach(() => {
  temp = makeTempDir("image-files");
});
afterEach(() => temp.remove());

function opened(name: string, more: Partial<KvImageOptions> = {}): KvTables {
  const directory = join(temp.path, name);
  mkdirSync(directory);
  return openSqliteTables(directory, 1, { images: imagesIn(directory, more) });
}

/** A store of some entries on `tables`. */
function filled(tables: KvTables, count = 40): KvStateMachine {
  const machine = new KvStateMachine({ tables });
  const puts = Array.from({ length: count }, (_, at) => put(`key ${at}`, new Uint8Array(1_000)));
  machine.apply(new EntryMaker().commands(puts));
  machine.commit();
  return machine;
}

async function imageOf(machine: KvStateMachine): Promise<Received> {
  const image = await new Promise<SnapshotImage | undefined>((resolve) => machine.image(resolve));
  assert.ok(image);
  const received = { meta: image.meta, bytes: await bytesOf(image) };
  image.release();
  return received;
}

function written(machine: KvStateMachine, image: Received): SnapshotStage {
  const stage = machine.stage(image.meta);
  writeRest(stage, image);
  return stage;
}

describe(`what the next process finds of an image, on ${runtime.name}`, () => {
  const cases = [
    { what: "part", when: "meanwhile" },
    { what: "part", when: "before" },
    { what: "whole", when: "meanwhile" },
    { what: "whole", when: "before" },
  ] as const;
  for (const { what, when } of cases) {
    it(`goes where the store has come further by itself: a ${what}, ${when}`, async () => {
      const directory = join(temp.path, `${what} ${when}`);
      mkdirSync(directory);
      const source = filled(opened(`source of ${what} ${when}`));
      const image = await imageOf(source);
      source.close();
      const open = (): KvStateMachine =>
        new KvStateMachine({ tables: openSqliteTables(directory, 1) });
      const entries = new EntryMaker().commands(
        Array.from({ length: 40 }, (_, at) => put(`key ${at}`, "1")),
      );
      const first = open();
      if (when === "before") first.apply(entries);
      else first.apply(entries.slice(0, 10));
      first.commit();
      if (what === "part") writeRest(first.stage(image.meta), image, 1_000);
      else assert.equal(await finished(written(first, image)), "staged");
      first.close();
      const held = join(directory, "snapshots");
      const names = [what === "part" ? "stage.part" : "stage", "stage.meta"].sort();
      assert.deepEqual(readdirSync(held).sort(), names);
      const next = open();
      if (when === "meanwhile") {
        next.apply(entries.slice(10, 39));
        next.commit();
        assert.deepEqual(readdirSync(held).sort(), names, "it may be needed");
        next.apply(entries.slice(39));
        next.commit();
      }
      assert.deepEqual(readdirSync(held), []);
      next.close();
    });
  }
});

const isLinux = process.platform === "linux";
describe(`a large file that goes, on ${runtime.name}`, { skip: !isLinux }, () => {
  it("is freed when nobody waits for it", async () => {
    const heldAt: string[] = [];
    const note = (path: string): void => {
      if (openFiles().includes(path)) heldAt.push(basename(path));
    };
    const files: Files = {
      ...nodeFiles,
      remove: (path) => {
        note(path);
        nodeFiles.remove(path);
      },
      rename: (from, to) => {
        note(to);
        nodeFiles.rename(from, to);
      },
    };
    const source = filled(opened("source"));
    const target = filled(opened("target", { files }), 3);
    const image = await imageOf(source);
    written(target, image).abort();
    assert.deepEqual(heldAt.splice(0), ["stage.meta", "stage.part"]);
    assert.equal(await finished(written(target, image)), "staged");
    heldAt.length = 0;
    target.adopt();
    assert.deepEqual(heldAt, ["kv.db"]);
    const isGone = (path: string): boolean =>
      path.startsWith(temp.path) && path.endsWith(" (deleted)");
    await until(() => !openFiles().some(isGone), { what: "the files to be closed" });
    source.close();
    target.close();
  });
});
