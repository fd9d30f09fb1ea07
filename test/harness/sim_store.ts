/**
 * kv.db of a simulated node: outlives the process, runs full, breaks, and can be copied. A kill
 * takes the open transaction; a power cut takes committed ones as well, from a moment drawn at
 * random on, but none from before the last commit that was made durable.
 *
 * With it go the images of other nodes: what was adopted, and a stage that is finished, survive
 * everything; of a stage that is not, a power cut leaves a front drawn at random, or nothing.
 */

import { KvFullError, type KvMeta, type KvTables } from "../../src/kv/ports.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { DiskFullError, FatalStorageError, type SnapshotStage } from "../../src/node/ports.ts";
import type { SnapshotMeta } from "../../src/raft/types.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { isSameImage } from "../../src/storage/snapshot_meta.ts";

/** Makes a change to tables, these or others. */
type Write = (tables: KvTables) => void;

interface Commit {
  readonly writes: readonly Write[];
  readonly meta: KvMeta;
  readonly how: "normal" | "durable";
}

/** An image of another node, as far as it has come. */
interface Received {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
  readonly isFinished: boolean;
}

/** What is on the disk. */
interface Kept {
  /** The image that was adopted last: the commits come behind it. */
  readonly base?: Received;
  readonly commits: readonly Commit[];
  readonly stage?: Received;
}

/** What the program is about to do with the image of another node. */
export type StageStep = "open" | "write" | "finish" | "adopt";

export class SimStore {
  /** Nothing can be written. */
  isFull = false;
  /** Every read finds a row that does not match its checksum. */
  isDamaged = false;
  /** Called before each step: {@link kill} here (SimNode.kill, cutPower) to come before it. */
  beforeStep: (step: StageStep) => void = () => {};
  /** Likewise behind it: it is done, and the program does not know. */
  afterStep: (step: StageStep) => void = () => {};
  /** An image that was made is told when this lets it be. */
  tellImage: (tell: () => void) => void = (tell) => tell();
  readonly #makeTables: () => KvTables;
  #base: Received | undefined;
  #commits: Commit[];
  #stage: Received | undefined;
  #tables: KvTables | undefined;
  #open: Write[] = [];
  #savepoint = 0;
  /** Counts the processes that were killed: what an earlier one still does has no effect. */
  #kills = 0;

  /** `makeTables`: where the rows are, in memory unless given. `kept`: what is there already. */
  constructor(
    makeTables: () => KvTables = () => new MemoryKvTables(),
    kept: Kept = { commits: [] },
  ) {
    this.#makeTables = makeTables;
    this.#base = kept.base;
    this.#commits = [...kept.commits];
    this.#stage = kept.stage;
  }

  /** Made when they are first asked for: most copies are never opened. */
  get tables(): KvTables {
    this.#tables ??= this.#made();
    return this.#tables;
  }

  #made(): KvTables {
    const tables = this.#makeTables();
    if (this.#base !== undefined) {
      receive(tables, this.#base);
      tables.adopt();
    }
    for (const { writes, meta, how } of this.#commits) {
      for (const write of writes) write(tables);
      tables.commit(meta, how);
    }
    if (this.#stage !== undefined) receive(tables, this.#stage);
    const live = tables.live.bind(tables);
    tables.live = (key) => {
      if (this.isDamaged) throw new FatalStorageError("kv.db has a damaged row");
      return live(key);
    };
    this.#journal(tables);
    this.#journalImages(tables);
    return tables;
  }

  /** Whatever is written goes into the open transaction first, and with it into the commits. */
  #journal(tables: KvTables): void {
    const append = tables.append.bind(tables);
    tables.append = (...given) =>
      this.#write(tables, () => append(...given), (copy) => copy.append(...given));
    const removeChange = tables.removeChange.bind(tables);
    tables.removeChange = (...given) =>
      this.#write(tables, () => removeChange(...given), (copy) => copy.removeChange(...given));
    const forgetDead = tables.forgetDead.bind(tables);
    tables.forgetDead = (...given) =>
      this.#write(tables, () => forgetDead(...given), (copy) => copy.forgetDead(...given));
    const setLedgerRow = tables.setLedgerRow.bind(tables);
    tables.setLedgerRow = (...given) =>
      this.#write(tables, () => setLedgerRow(...given), (copy) => copy.setLedgerRow(...given));
    const deleteLedgerRow = tables.deleteLedgerRow.bind(tables);
    tables.deleteLedgerRow = (...given) =>
      this.#write(
        tables,
        () => deleteLedgerRow(...given),
        (copy) => copy.deleteLedgerRow(...given),
      );
    this.#journalEnds(tables);
  }

  #journalEnds(tables: KvTables): void {
    const commit = tables.commit.bind(tables);
    const rollback = tables.rollback.bind(tables);
    const savepoint = tables.savepoint.bind(tables);
    const backToSavepoint = tables.backToSavepoint.bind(tables);
    tables.savepoint = () => {
      savepoint();
      if (this.#isOf(tables)) this.#savepoint = this.#open.length;
    };
    tables.backToSavepoint = () => {
      backToSavepoint();
      if (this.#isOf(tables)) this.#open.splice(this.#savepoint);
    };
    tables.commit = (meta, how) => {
      this.#refuseWhenFull();
      // Tables may roll back what they have committed already.
      const writes = this.#open;
      commit(meta, how);
      if (!this.#isOf(tables)) return;
      this.#commits.push({ writes, meta, how });
      this.#open = [];
    };
    tables.rollback = () => {
      rollback();
      if (this.#isOf(tables)) this.#open = [];
    };
  }

  #journalImages(tables: KvTables): void {
    const image = tables.image.bind(tables);
    const stage = tables.stage.bind(tables);
    const adopt = tables.adopt.bind(tables);
    tables.image = (done) => {
      if (this.isFull) done(undefined);
      else image((made) => this.tellImage(() => done(made)));
    };
    tables.stage = (meta) => this.#isOf(tables) ? this.#openedStage(meta, stage) : stage(meta);
    tables.adopt = () => {
      if (!this.#isOf(tables)) return adopt();
      this.#step("adopt", () => {
        adopt();
        this.#base = this.#stage;
        this.#stage = undefined;
        this.#commits = [];
        this.#open = [];
      });
    };
  }

  /** False of what a process that was killed still writes to, in the turn in which that was. */
  #isOf(tables: KvTables): boolean {
    return tables === this.#tables;
  }

  #openedStage(meta: SnapshotMeta, open: (meta: SnapshotMeta) => SnapshotStage): SnapshotStage {
    const before = this.#stage;
    const kills = this.#kills;
    let stage: SnapshotStage | undefined;
    this.#step("open", () => {
      this.#refuseToStage();
      stage = open(meta);
      const isKept = before !== undefined && isSameImage(before.meta, meta);
      this.#stage = isKept ? before : { meta, bytes: new Uint8Array(0), isFinished: false };
    });
    const isAlive = (): boolean => kills === this.#kills;
    return {
      get offset() {
        return stage?.offset ?? 0;
      },
      write: (chunk) => {
        if (!isAlive()) return;
        this.#step("write", () => {
          this.#refuseToStage();
          stage?.write(chunk);
          this.#grow(chunk);
        });
      },
      ready: (done) => {
        if (isAlive()) stage?.ready(done);
      },
      finish: (done) => {
        if (!isAlive()) return;
        if (this.isFull) return done("busy");
        let outcome: "staged" | "corrupt" | "busy" | undefined;
        this.#step("finish", () => {
          stage?.finish((told) => outcome = told);
          const received = this.#stage;
          this.#stage = outcome === "staged" && received !== undefined
            ? { ...received, isFinished: true }
            : undefined;
        });
        if (isAlive() && outcome !== undefined) done(outcome);
      },
      abort: () => {
        if (!isAlive()) return;
        stage?.abort();
        this.#stage = undefined;
      },
    };
  }

  #grow(chunk: Uint8Array): void {
    const received = this.#stage;
    if (received === undefined) return;
    const bytes = new Uint8Array(received.bytes.length + chunk.length);
    bytes.set(received.bytes);
    bytes.set(chunk, received.bytes.length);
    this.#stage = { ...received, bytes };
  }

  /** Does it, unless the process is killed before. */
  #step(step: StageStep, run: () => void): void {
    const kills = this.#kills;
    this.beforeStep(step);
    if (kills !== this.#kills) return;
    run();
    this.afterStep(step);
  }

  #refuseToStage(): void {
    if (this.isFull) throw new DiskFullError("The stage could not be written: the disk is full");
  }

  #write(tables: KvTables, now: () => void, again: Write): void {
    this.#refuseWhenFull();
    now();
    if (this.#isOf(tables)) this.#open.push(again);
  }

  /** The process dies: what it did not commit is gone, and what it still does has no effect. */
  kill(): void {
    this.#kills++;
    this.#tables = undefined;
    this.#open = [];
  }

  /** One that holds nothing, on tables of the same kind. */
  empty(): SimStore {
    return new SimStore(this.#makeTables);
  }

  /** What was committed. */
  copy(): SimStore {
    return new SimStore(this.#makeTables, this.#kept(this.#commits, this.#stage));
  }

  /** What a power cut leaves: of the commits that nobody synced the oldest, drawn at random. */
  afterPowerCut(prng: Prng): SimStore {
    const synced = this.#commits.findLastIndex(({ how }) => how === "durable") + 1;
    const kept = synced + prng.below(this.#commits.length - synced + 1);
    const stage = this.#stage && frontOf(this.#stage, prng);
    return new SimStore(this.#makeTables, this.#kept(this.#commits.slice(0, kept), stage));
  }

  #kept(commits: readonly Commit[], stage: Received | undefined): Kept {
    return {
      commits,
      ...(this.#base !== undefined && { base: this.#base }),
      ...(stage !== undefined && { stage }),
    };
  }

  #refuseWhenFull(): void {
    if (this.isFull) throw new KvFullError("kv.db could not be written: the disk is full");
  }
}

/** What a power cut leaves of a stage. */
function frontOf(stage: Received, prng: Prng): Received | undefined {
  if (stage.isFinished) return stage;
  if (prng.chance(1, 4)) return undefined;
  return { ...stage, bytes: stage.bytes.slice(0, prng.below(stage.bytes.length + 1)) };
}

/** Brings tables to where `stage` had come on others. */
function receive(tables: KvTables, { meta, bytes, isFinished }: Received): void {
  const stage = tables.stage(meta);
  stage.write(bytes);
  if (!isFinished) return;
  stage.finish((outcome) => {
    if (outcome !== "staged") throw new Error(`A finished stage is ${outcome}`);
  });
}
