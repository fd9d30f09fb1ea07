/**
 * Images of the tables in memory: made, received, checked. What takes long is done in steps of one
 * block, so that a store of many rows does not hold up the event loop.
 */

import { createHash } from "node:crypto";
import { assert } from "../../lib/assert.ts";
import { equalBytes, MalformedBytesError } from "../../lib/bytes.ts";
import type { Clock, SnapshotImage, SnapshotStage } from "../../node/ports.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import { contentFlaw, isSameImage, metaOfImage } from "../snapshot_meta.ts";
import { ByteList } from "./byte_list.ts";
import { contentOf, type KvContent } from "./kv_content.ts";
import { decodeImage, encodeImage, type ImageRows } from "./kv_image.ts";

/** How images are made and taken. */
export interface MemoryImagesOptions {
  readonly clusterId: string;
  /** What waits comes between two steps; without it all are taken at once. */
  readonly soon?: Clock["soon"];
  /** Told in one line what is wrong with an image. */
  readonly onProblem?: (why: string) => void;
}

/** What an image holds, as it was written and as tables hold it. */
interface Held {
  readonly rows: ImageRows;
  readonly content: KvContent;
}

/** An image that is received. */
interface Stage {
  readonly meta: SnapshotMeta;
  bytes: ByteList;
  /** What it holds, once it is finished. */
  held?: Held;
  /** Ends what is under way with it. */
  stop: () => void;
}

/** See the head of this file. */
export class MemoryImages {
  readonly #options: MemoryImagesOptions;
  #isMaking = false;
  #stage: Stage | undefined;

  constructor(options: MemoryImagesOptions) {
    this.#options = options;
  }

  /** Nothing in `rows` may change afterwards. */
  make(
    rows: Omit<ImageRows, "clusterId">,
    done: (image: SnapshotImage | undefined) => void,
  ): void {
    if (this.#isMaking) return done(undefined);
    this.#isMaking = true;
    const bytes = new ByteList();
    const hash = createHash("sha256");
    const steps = function* (blocks: Generator<Uint8Array>): Generator<undefined> {
      for (const block of blocks) {
        bytes.append(block);
        hash.update(block);
        yield undefined;
      }
    };
    const { clusterId } = this.#options;
    this.#run(steps(encodeImage({ ...rows, clusterId })), () => {
      this.#isMaking = false;
      const meta = metaOfImage(rows.meta, { bytes: bytes.length, digest: digestOf(hash) });
      done(imageOf(meta, bytes));
    });
  }

  /** See KvTables. */
  stage(meta: SnapshotMeta): SnapshotStage {
    const before = this.#stage;
    before?.stop();
    const isKept = before !== undefined && isSameImage(before.meta, meta);
    const stage: Stage = isKept
      ? { ...before, stop: () => {} }
      : { meta, bytes: new ByteList(), stop: () => {} };
    this.#stage = stage;
    return this.#opened(stage);
  }

  /** What is finished and waits. */
  get staged(): Held & { readonly meta: SnapshotMeta } | undefined {
    const { meta, held } = this.#stage ?? {};
    return meta === undefined || held === undefined ? undefined : { meta, ...held };
  }

  /** What was staged has been taken over. */
  forget(): void {
    this.#stage?.stop();
    this.#stage = undefined;
  }

  #opened(stage: Stage): SnapshotStage {
    const isCurrent = (): boolean => this.#stage === stage;
    return {
      get offset() {
        return stage.bytes.length;
      },
      write: (chunk) => {
        assert(isCurrent(), "The stage to write to is closed");
        stage.bytes.append(chunk.slice(0, stage.meta.bytes - stage.bytes.length));
      },
      ready: (done) => done(),
      finish: (done) => {
        assert(isCurrent(), "The stage to finish is closed");
        if (stage.held !== undefined) return done("staged");
        this.#finish(stage, done);
      },
      abort: () => {
        if (isCurrent()) this.forget();
      },
    };
  }

  #finish(stage: Stage, done: (outcome: "staged" | "corrupt") => void): void {
    const { meta, bytes } = stage;
    const steps = function* (): Generator<undefined, Held> {
      const hash = createHash("sha256");
      for (const piece of bytes.pieces()) {
        hash.update(piece);
        yield undefined;
      }
      if (bytes.length !== meta.bytes || !equalBytes(digestOf(hash), meta.digest)) {
        throw new MalformedBytesError("its bytes are not those that were announced");
      }
      const rows = yield* decodeImage(bytes);
      return { rows, content: yield* contentOf(rows) };
    };
    const refuse = (why: string): void => {
      this.forget();
      const { index } = meta.position;
      this.#options.onProblem?.(`The image of entry ${index} is refused: ${why}`);
      done("corrupt");
    };
    stage.stop = this.#run(steps(), (held) => {
      const flaw = contentFlaw(meta, this.#options, held.rows) ?? countFlaw(held);
      if (flaw !== undefined) return refuse(flaw);
      stage.held = held;
      done("staged");
    }, refuse);
  }

  /** Takes all steps; `failed` where the bytes are none that can be read. Returns how to stop. */
  #run<T>(
    steps: Generator<undefined, T>,
    done: (result: T) => void,
    failed: (why: string) => void = () => {},
  ): () => void {
    const { soon } = this.#options;
    let isStopped = false;
    const on = (): void => {
      for (;;) {
        if (isStopped) return;
        const step = next(steps);
        if ("flaw" in step) return failed(step.flaw);
        if (step.done === true) return done(step.value);
        if (soon !== undefined) return soon(on);
      }
    };
    on();
    return () => isStopped = true;
  }
}

function next<T>(
  steps: Generator<undefined, T>,
): IteratorResult<undefined, T> | { readonly flaw: string } {
  try {
    return steps.next();
  } catch (error) {
    if (error instanceof MalformedBytesError) return { flaw: error.message };
    throw error;
  }
}

/** The facts of an image must be those of its rows. */
function countFlaw({ rows: { meta }, content }: Held): string | undefined {
  const { last, live, dead } = content;
  if (last > meta.changes) return `change ${last} in it is above the last one`;
  if (live.size === meta.liveKeys && dead.size === meta.deadKeys) return undefined;
  return `it has ${live.size} live keys and ${dead.size} dead ones, ` +
    `and counts ${meta.liveKeys} and ${meta.deadKeys}`;
}

function digestOf(hash: ReturnType<typeof createHash>): Uint8Array {
  return new Uint8Array(hash.digest());
}

function imageOf(meta: SnapshotMeta, bytes: ByteList): SnapshotImage {
  return {
    meta,
    read: ({ offset, bytesMax }, done) => done(bytes.slice(offset, bytesMax)),
    release: () => {},
  };
}
