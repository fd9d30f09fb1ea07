/** Images that are not for this node, disks that are full, and the worker of the program. */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { KvTables } from "../../src/kv/ports.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { DiskFullError, type SnapshotStage } from "../../src/node/ports.ts";
import { WorkerImages } from "../../src/server_worker.ts";
import { type Files, nodeFiles } from "../../src/storage/directory/files.ts";
import type { ImageJob, ImageWork } from "../../src/storage/image_work.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import type { KvImageOptions } from "../../src/storage/sqlite/kv_image_folder.ts";
import { EntryMaker, put } from "../harness/kv_commands.ts";
import { imagesIn } from "../harness/kv_images.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { bytesOf, finished, type Received, writeRest } from "./image_place.ts";
import { describeStore } from "./image_places.ts";
import { clusterId as ours, openSqliteTables, runtime } from "./state_machine_places.ts";

let temp: TempDir;
/** What was wrong with images. */
let problems: string[];
beforeEach(() => {
  temp = makeTempDir("image-kinds");
  problems = [];
});
afterEach(() => temp.remove());

const onProblem = (what: string): void => void problems.push(what);
let stores = 0;

function sqlite(clusterId = ours, more: Partial<KvImageOptions> = {}): KvTables {
  const directory = join(temp.path, String(++stores));
  mkdirSync(directory);
  const images = imagesIn(directory, { onProblem, ...more });
  return openSqliteTables(directory, 1, { clusterId, images });
}

function memory(clusterId = ours): KvTables {
  return new MemoryKvTables({ clusterId, onProblem });
}

/** A store of some entries on `tables`. */
function filled(tables: KvTables, count = 40): KvStateMachine {
  const machine = new KvStateMachine({ tables });
  const puts = Array.from({ length: count }, (_, at) => put(`key ${at}`, new Uint8Array(1_000)));
  machine.apply(new EntryMaker().commands(puts));
  return machine;
}

async function imageOf(machine: KvStateMachine): Promise<Received> {
  const image = await new Promise<Parameters<Parameters<typeof machine.image>[0]>[0]>((resolve) =>
    machine.image(resolve)
  );
  assert.ok(image);
  const received = { meta: image.meta, bytes: await bytesOf(image) };
  image.release();
  return received;
}

describe(`an image that is not for this node, on ${runtime.name}`, () => {
  const cases = {
    "of a store in memory, for one in SQLite": [
      memory,
      sqlite,
      "it is of a store in memory, and this node keeps its own in SQLite",
    ],
    "of a store in SQLite, for one in memory": [
      sqlite,
      memory,
      "it is not of a store in memory, as this node keeps its own",
    ],
    "of another cluster, in memory": [
      () => memory("theirs"),
      memory,
      "it is of cluster theirs, this node of cluster conformance",
    ],
    "of another cluster, in SQLite": [
      () => sqlite("theirs"),
      sqlite,
      "it is of cluster theirs, this node of cluster conformance",
    ],
  } as const;
  for (const [name, [from, to, why]] of Object.entries(cases)) {
    it(`is refused: ${name}`, async () => {
      const source = filled(from());
      const target = filled(to(), 3);
      const before = describeStore(target);
      const image = await imageOf(source);
      const stage = target.stage(image.meta);
      writeRest(stage, image);
      assert.equal(await finished(stage), "corrupt");
      assert.deepEqual(problems, [`The image of entry 40 is refused: ${why}`]);
      assert.equal(target.staged(), undefined);
      assert.deepEqual(describeStore(target), before);
      source.close();
      target.close();
    });
  }
});

function written(stage: SnapshotStage, image: Received): SnapshotStage {
  writeRest(stage, image);
  return stage;
}

/** Files of which a write takes half and says that there is no room, while `isFull` says so. */
function fullFiles(isFull: () => boolean): Files {
  return {
    ...nodeFiles,
    open: (path, mode) => {
      const file = nodeFiles.open(path, mode);
      return {
        size: () => file.size(),
        read: (position, length) => file.read(position, length),
        truncate: (length) => file.truncate(length),
        sync: () => file.sync(),
        close: () => file.close(),
        write: (bytes, position) => {
          if (!isFull()) return file.write(bytes, position);
          file.write(bytes.subarray(0, bytes.length >> 1), position);
          throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
        },
      };
    },
  };
}

/** Work of which one step fails. */
function failingWork(): ImageWork & {
  readonly fail: (kind: ImageJob["kind"], code: string) => void;
  readonly next: (kind: ImageJob["kind"]) => Promise<void>;
} {
  const inner = imagesIn(temp.path).work;
  let failing: { readonly kind: ImageJob["kind"]; readonly code: string } | undefined;
  const awaited = new Map<ImageJob["kind"], () => void>();
  return {
    run: (job, done) =>
      inner.run(job, (outcome) => {
        if (failing?.kind !== job.kind) done(outcome);
        else {
          const { code } = failing;
          failing = undefined;
          done({ kind: "failed", code, reason: `${code}: no luck` });
        }
        awaited.get(job.kind)?.();
      }),
    fail: (kind, code) => failing = { kind, code },
    next: (kind) => new Promise((resolve) => awaited.set(kind, resolve)),
  };
}

describe(`an image where the disk is full, on ${runtime.name}`, () => {
  it("is received in part, and goes on when there is room", async () => {
    let isFull = false;
    const source = filled(sqlite());
    const target = filled(sqlite(ours, { files: fullFiles(() => isFull) }), 3);
    const image = await imageOf(source);
    const half = image.bytes.length >> 1;
    isFull = true;
    assert.throws(() => target.stage(image.meta), DiskFullError);
    isFull = false;
    const stage = target.stage(image.meta);
    writeRest(stage, image, half);
    isFull = true;
    assert.throws(() => stage.write(image.bytes.subarray(half)), DiskFullError);
    assert.equal(stage.offset, half);
    assert.equal(target.stage(image.meta).offset, half);
    isFull = false;
    const again = target.stage(image.meta);
    writeRest(again, image);
    assert.equal(await finished(again), "staged");
    target.adopt();
    assert.deepEqual(describeStore(target), describeStore(source));
    source.close();
    target.close();
  });

  it("is not begun where it would not leave to others what they need", async () => {
    let free = Infinity;
    const room = { freeBytes: () => free, spaceLowBytes: 1_000_000 };
    const source = filled(sqlite(ours, room));
    const target = filled(sqlite(ours, room), 3);
    const image = await imageOf(source);
    const needed = image.meta.bytes + 1_000_000;
    free = needed - 1;
    assert.equal(await new Promise((resolve) => source.image(resolve)), undefined);
    const figures = `${free} bytes are free, ${image.meta.bytes} are still to come, and ` +
      "storage.space_low_bytes is 1000000";
    assert.deepEqual(problems, [`An image could not be begun: ${figures}`]);
    const refusal = (error: unknown): boolean =>
      error instanceof DiskFullError && error.message.endsWith(`has no room: ${figures}`);
    assert.throws(() => target.stage(image.meta), refusal);
    free = needed;
    assert.deepEqual((await imageOf(source)).meta, image.meta);
    assert.equal(await finished(written(target.stage(image.meta), image)), "staged");
    source.close();
    target.close();
  });

  it("goes where others have taken the room that it was to have", async () => {
    let free = Infinity;
    const room = { freeBytes: () => free, spaceLowBytes: 1_000_000 };
    const source = filled(sqlite(), 8_000);
    const target = filled(sqlite(ours, room), 3);
    const image = await imageOf(source);
    const part = join(temp.path, String(stores), "snapshots", "stage.part");
    const stage = target.stage(image.meta);
    writeRest(stage, image, 1_000_000);
    const rest = image.meta.bytes - 1_000_000;
    free = 1_500_000;
    assert.throws(() => writeRest(stage, image), DiskFullError);
    assert.ok(!existsSync(part));
    // Likewise where a process before this one had begun it.
    free = Infinity;
    writeRest(target.stage(image.meta), image, 1_000_000);
    assert.ok(existsSync(part));
    free = rest + 999_999;
    assert.throws(() => target.stage(image.meta), DiskFullError);
    assert.ok(!existsSync(part));
    source.close();
    target.close();
  });

  it("finds the room that the image before it gives back", async () => {
    let free = Infinity;
    const room = { freeBytes: () => free, spaceLowBytes: 1_000_000 };
    const sources = [filled(sqlite(), 100), filled(sqlite(), 101)] as const;
    const target = filled(sqlite(ours, room), 3);
    const first = await imageOf(sources[0]);
    assert.equal(await finished(written(target.stage(first.meta), first)), "staged");
    const second = await imageOf(sources[1]);
    // What the first one takes is not free before it is removed, nor at once behind that.
    free = 1_000_000 + second.meta.bytes - first.meta.bytes;
    assert.equal(target.stage(second.meta).offset, 0);
    for (const source of sources) source.close();
    target.close();
  });

  for (const failing of ["end", "sync"] as const) {
    it(`is received anew where it cannot be synced for want of room: ${failing}`, async () => {
      const work = failingWork();
      const source = filled(sqlite(), 6_000);
      const target = filled(sqlite(ours, { work }), 3);
      const image = await imageOf(source);
      assert.ok(image.meta.bytes > 4 * 1024 * 1024);
      work.fail(failing, "ENOSPC");
      const stage = target.stage(image.meta);
      writeRest(stage, image);
      assert.equal(await finished(stage), "busy");
      assert.equal(target.staged(), undefined);
      // The kernel has said so once, and takes what it could not write for written.
      const again = target.stage(image.meta);
      assert.equal(again.offset, 0);
      assert.equal(await finished(written(again, image)), "staged");
      target.close();
      source.close();
    });
  }

  it("is given up at the next write where a sync found no room", async () => {
    const work = failingWork();
    const source = filled(sqlite(), 6_000);
    const target = filled(sqlite(ours, { work }), 3);
    const image = await imageOf(source);
    work.fail("sync", "EDQUOT");
    const stage = target.stage(image.meta);
    const synced = work.next("sync");
    writeRest(stage, image, 5 * 1024 * 1024);
    await synced;
    assert.throws(() => stage.write(image.bytes.subarray(stage.offset)), DiskFullError);
    assert.equal(target.stage(image.meta).offset, 0);
    target.close();
    source.close();
  });

  it("ends the process where a sync on the way has failed, and the last one has not", async () => {
    const fatal = Promise.withResolvers<Error>();
    const work = failingWork();
    const source = filled(sqlite(), 6_000);
    const target = filled(sqlite(ours, { work, onFatal: fatal.resolve }), 3);
    const image = await imageOf(source);
    work.fail("sync", "EIO");
    const stage = target.stage(image.meta);
    writeRest(stage, image);
    stage.finish((outcome) => fatal.reject(new Error(`It is ${outcome}`)));
    assert.match((await fatal.promise).message, /stage\.part could not be .* synced: EIO/);
    assert.equal(target.staged(), undefined);
    target.close();
    source.close();
  });
});

describe(`an image that comes faster than the disk takes it, on ${runtime.name}`, () => {
  it("makes its sender wait, and one sync begins as the last ends", async () => {
    const syncs: (() => void)[] = [];
    const inner = imagesIn(temp.path).work;
    const work: ImageWork = {
      run: (job, done) => {
        if (job.kind === "sync") syncs.push(() => inner.run(job, done));
        else inner.run(job, done);
      },
    };
    const source = filled(sqlite(), 8_000);
    const target = filled(sqlite(ours, { work }), 3);
    const image = await imageOf(source);
    const stage = target.stage(image.meta);
    const mebi = 1024 * 1024;
    let told = 0;
    const write = (bytes: number): void => {
      stage.write(image.bytes.subarray(stage.offset, stage.offset + bytes));
      stage.ready(() => told++);
    };
    for (let written = 1; written <= 7; written++) write(mebi);
    assert.deepEqual([told, syncs.length], [7, 1]);
    write(mebi);
    assert.deepEqual([told, syncs.length], [7, 1]);
    const again = new Promise<void>((resolve) => stage.ready(resolve));
    syncs.shift()?.();
    await again;
    assert.deepEqual([told, syncs.length], [8, 1]);
    for (const sync of syncs) sync();
    assert.equal(await finished(written(stage, image)), "staged");
    source.close();
    target.close();
  });
});

describe(`images in the worker of the program, on ${runtime.name}`, () => {
  it("are made and checked there", async () => {
    const work = new WorkerImages(runtime);
    const source = filled(sqlite(ours, { work }), 4_000);
    const target = filled(sqlite(ours, { work }), 3);
    const image = await imageOf(source);
    assert.ok(image.meta.bytes > 4 * 1024 * 1024);
    const stage = target.stage(image.meta);
    writeRest(stage, image);
    assert.equal(await finished(stage), "staged");
    target.adopt();
    assert.deepEqual(describeStore(target), describeStore(source));
    source.close();
    target.close();
    work.close();
  });

  it("are given up where it dies, and made by the next one", async () => {
    const work = new WorkerImages(runtime);
    const source = filled(sqlite(ours, { work }), 2_000);
    const given = new Promise((resolve) => source.image(resolve));
    work.close();
    assert.equal(await given, undefined);
    assert.match(problems[0] ?? "", /given up: The worker was closed/);
    const image = await imageOf(source);
    assert.equal(image.meta.position.index, 2_000);
    source.close();
    work.close();
  });
});
