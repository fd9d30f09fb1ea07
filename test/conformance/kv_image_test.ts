/** How an image of kv.db is made while the store is written to, step by step. */

import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { SnapshotImage } from "../../src/node/ports.ts";
import { ImageJobs } from "../../src/storage/image_jobs.ts";
import type { ImageJob, ImageOutcome } from "../../src/storage/image_work.ts";
import { checkpointPages } from "../../src/storage/sqlite/kv_database.ts";
import type { KvImageOptions } from "../../src/storage/sqlite/kv_image_folder.ts";
import type { SqliteKvTables } from "../../src/storage/sqlite/kv_tables.ts";
import { runToEnd, scriptCommand } from "../harness/child.ts";
import { EntryMaker, put } from "../harness/kv_commands.ts";
import { imagesIn } from "../harness/kv_images.ts";
import { ManualClock } from "../harness/manual_clock.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { bytesOf, writeRest } from "./image_place.ts";
import { openSqliteTables, runtime } from "./state_machine_places.ts";

const opener = fileURLToPath(new URL("./programs/open_database.ts", import.meta.url));

let temp: TempDir;
beforeEach(() => {
  temp = makeTempDir("kv-image");
});
afterEach(() => temp.remove());

/** A worker that works when it is told to. */
class HeldWork {
  /** What comes of the next steps instead of the work. */
  failure: ImageOutcome | undefined;
  readonly #jobs = new ImageJobs();
  readonly #waiting: (() => void)[] = [];

  run(job: ImageJob, done: (outcome: ImageOutcome) => void): void {
    this.#waiting.push(() => done(this.failure ?? this.#jobs.run(job)));
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Does one step. */
  step(): void {
    this.#waiting.shift()?.();
  }

  /** Does all steps, and those that come of them. */
  finish(): void {
    while (this.size > 0) this.step();
  }
}

/** A store of some megabytes, with long keys, so that writes go all over the file. */
class Written {
  readonly clock = new ManualClock();
  readonly work = new HeldWork();
  readonly problems: string[] = [];
  readonly tables: SqliteKvTables;
  readonly machine: KvStateMachine;
  readonly #maker = new EntryMaker();
  readonly #prng: Prng;

  constructor(seed: number, more: Partial<KvImageOptions> = {}) {
    this.#prng = new Prng(seed);
    const images = imagesIn(temp.path, {
      ...{ clock: this.clock, work: this.work },
      onProblem: (what) => this.problems.push(what),
      ...more,
    });
    this.tables = openSqliteTables(temp.path, 1, { images });
    this.machine = new KvStateMachine({ tables: this.tables });
    for (let page = 0; page < 12; page++) this.write(250);
  }

  /** Puts of random keys, then a commit. */
  write(count: number): void {
    for (let each = 0; each < count; each++) {
      const key = `${this.#prng.below(2_500)}`.padStart(500, "k");
      const value = new Uint8Array(1_000 + this.#prng.below(2_000)).fill(this.#prng.below(256));
      this.machine.apply([this.#maker.command(put(key, value))]);
    }
    assert.equal(this.machine.commit(), true);
  }

  compact(): void {
    const { revision } = this.machine;
    this.machine.apply([this.#maker.command({ kind: "compact", revision })]);
  }

  get file(): string {
    return join(temp.path, "kv.db");
  }

  get walBytes(): number {
    return statSync(`${this.file}-wal`).size;
  }

  /** The image, once it is there; undefined: none could be made. */
  begin(): { readonly made: () => SnapshotImage | undefined | "waiting" } {
    let made: SnapshotImage | undefined | "waiting" = "waiting";
    this.machine.image((image) => made = image);
    return { made: () => made };
  }

  /** Lets everything happen that is left to do. */
  finish(): void {
    for (let ticks = 0; ticks < 50; ticks++) {
      this.work.finish();
      this.clock.tick();
    }
  }
}

function imagesLeft(): readonly string[] {
  const folder = join(temp.path, "snapshots");
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith("image")) : [];
}

describe(`An image of kv.db on ${runtime.name}`, () => {
  for (let seed = 1; seed <= 4; seed++) {
    it(`is the file as it was when it was begun, whatever is written meanwhile: seed ${seed}`, {
      timeout: 120_000,
    }, async () => {
      const store = new Written(seed);
      const prng = new Prng(seed);
      if (prng.chance(1, 2)) store.compact();
      const { made } = store.begin();
      const before = join(temp.path, "before");
      copyFileSync(store.file, before);
      assert.ok(statSync(before).size > 6 * 1024 * 1024);
      let checkpoints = 0;
      let main = readFileSync(store.file);
      for (let steps = 0; made() === "waiting"; steps++) {
        assert.ok(steps < 2_000, "It comes to an end under load");
        const drawn = prng.below(steps < 60 ? 12 : 3);
        if (drawn === 0) store.work.step();
        else if (drawn === 1) store.clock.tick();
        else if (drawn === 2) store.write(prng.below(80));
        else if (drawn === 3) store.machine.makeDurable(() => {});
        else if (drawn === 4) store.machine.purge();
        else store.write(60);
        const now = readFileSync(store.file);
        if (!now.equals(main)) checkpoints++;
        main = now;
      }
      const image = made();
      assert.ok(typeof image === "object");
      assert.deepEqual(Buffer.from(await bytesOf(image)).equals(readFileSync(before)), true);
      assert.ok(checkpoints > 0, "No page of the file was written meanwhile");
      assert.deepEqual(store.problems, []);
      image.release();
      assert.deepEqual(imagesLeft(), []);
      store.machine.close();
    });
  }

  it("leaves the log as short as it is without one", () => {
    const store = new Written(1);
    const { made } = store.begin();
    while (made() === "waiting") {
      store.write(40);
      store.work.finish();
      store.clock.tick();
      store.work.finish();
      // A commit past the bound is one page or many.
      const pagesMax = checkpointPages + 400;
      assert.ok(store.walBytes <= pagesMax * 4_120, `${store.walBytes} bytes of log`);
    }
    assert.ok(typeof made() === "object");
    store.machine.close();
  });

  it("waits for no write to go on", () => {
    const store = new Written(2);
    const { made } = store.begin();
    store.work.finish();
    store.clock.tick();
    // So much while a slice is being copied that the log wants a checkpoint, and nothing after it.
    while (store.walBytes <= checkpointPages * 4_120) store.write(100);
    store.finish();
    assert.ok(typeof made() === "object");
    store.machine.close();
  });

  it("is not begun while another one is made, for a backup say, and the reason is told", () => {
    const store = new Written(1);
    const first = store.begin();
    assert.equal(store.begin().made(), undefined);
    assert.deepEqual(store.problems, ["An image could not be begun: another one is being made"]);
    store.finish();
    assert.ok(typeof first.made() === "object");
    store.machine.close();
  });

  it("is given up where the disk takes no slice, before the log has no bound", () => {
    const store = new Written(3);
    const { made } = store.begin();
    const wal = join(temp.path, "kv.db-wal");
    for (let writes = 0; made() === "waiting"; writes++) {
      assert.ok(writes < 400, "It is given up");
      store.write(500);
    }
    assert.equal(made(), undefined);
    assert.match(store.problems[0] ?? "", /given up: the log has come to \d+ pages/);
    store.work.finish();
    assert.deepEqual(imagesLeft(), []);
    store.write(1);
    store.write(1);
    assert.ok(statSync(wal).size < 100 * 1024 * 1024, "The log begins anew");
    store.machine.close();
  });

  it("is given up where the disk is full, and the next one is made", () => {
    const store = new Written(4);
    store.work.failure = { kind: "failed", code: "ENOSPC", reason: "ENOSPC: no space left" };
    for (const steps of [0, 1, 3]) {
      const { made } = store.begin();
      store.work.failure = undefined;
      for (let step = 0; step < steps; step++) {
        store.work.step();
        store.clock.tick();
      }
      store.work.failure = { kind: "failed", code: "ENOSPC", reason: "ENOSPC: no space left" };
      store.finish();
      assert.equal(made(), undefined);
      assert.deepEqual(imagesLeft(), []);
      store.write(10);
    }
    assert.equal(store.problems.length, 3);
    store.work.failure = undefined;
    const { made } = store.begin();
    store.finish();
    assert.ok(typeof made() === "object");
    store.machine.close();
  });

  it("is given up where a write found the disk full: what the log says may not hold", () => {
    const store = new Written(1);
    const { made } = store.begin();
    store.tables.savepoint();
    store.tables.rollback();
    assert.equal(made(), undefined);
    store.finish();
    assert.deepEqual(imagesLeft(), []);
    const again = store.begin();
    store.finish();
    assert.ok(typeof again.made() === "object");
    store.machine.close();
  });

  it("is given up where another store comes in place of this, and the next is made", async () => {
    const store = new Written(2);
    const first = store.begin();
    store.finish();
    const image = first.made();
    assert.ok(typeof image === "object");
    const received = { meta: image.meta, bytes: await bytesOf(image) };
    const { made } = store.begin();
    store.work.step();
    const stage = store.machine.stage(received.meta);
    writeRest(stage, received);
    stage.finish((outcome) => assert.equal(outcome, "staged"));
    store.work.finish();
    store.machine.adopt();
    assert.equal(made(), undefined);
    const next = store.begin();
    store.finish();
    assert.ok(typeof next.made() === "object");
    store.machine.close();
  });

  it("keeps the pages at the end of the file until it is made", () => {
    const store = new Written(2);
    store.compact();
    while (store.machine.purge());
    for (let count = 0; count < 4; count++) store.write(100);
    const { made } = store.begin();
    assert.equal(store.tables.giveBack(1_000_000), false);
    store.finish();
    assert.ok(typeof made() === "object");
    store.machine.close();
  });

  it("leaves the file locked for all other processes, made and released", async () => {
    const store = new Written(1);
    const { made } = store.begin();
    store.finish();
    const image = made();
    assert.ok(typeof image === "object");
    await bytesOf(image);
    image.release();
    const { stdout } = await runToEnd([...scriptCommand(opener), store.file]);
    const sqliteBusy = 5;
    assert.equal(stdout, `${sqliteBusy}\n`);
    store.machine.close();
    const after = await runToEnd([...scriptCommand(opener), store.file]);
    assert.equal(after.stdout, "open\n");
  });

  it("goes with the process, made or half made", () => {
    const store = new Written(3);
    store.begin();
    store.finish();
    const half = store.begin();
    store.work.step();
    store.clock.tick();
    assert.equal(imagesLeft().length, 2);
    store.machine.close();
    assert.deepEqual(imagesLeft(), []);
    store.finish();
    assert.equal(half.made(), "waiting");
    assert.deepEqual(store.problems, []);
  });

  it("that a process has left behind is deleted by the next", () => {
    const store = new Written(4);
    store.begin();
    store.work.step();
    const copy = makeTempDir("kv-image-left");
    cpSync(temp.path, copy.path, { recursive: true });
    assert.equal(readdirSync(join(copy.path, "snapshots")).length, 1);
    openSqliteTables(copy.path).close();
    assert.deepEqual(readdirSync(join(copy.path, "snapshots")), []);
    copy.remove();
    store.machine.close();
  });
});
