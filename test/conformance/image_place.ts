/** What the suite of images needs to know of a state machine, and short words for it. */

import { createHash } from "node:crypto";
import { assert } from "../harness/test.ts";
import type { SnapshotImage, SnapshotStage, StateMachine } from "../../src/node/ports.ts";
import type { Entry, SnapshotMeta } from "../../src/raft/types.ts";

/** Any machine: the suite asks it nothing of its own. */
export type AnyMachine = StateMachine<never, unknown, unknown>;

/** Where one machine of a cluster keeps its state, and what can befall it. */
export interface ImagePlace {
  /** Opens the machine on what is there: at first on nothing. */
  open(): AnyMachine;
  /** The process is killed: what it did not commit is gone. */
  crash(): void;
  /** The state as it can be asked for, to be compared with that of another place. */
  describe(): unknown;
  /** Throws where the parts of the state contradict each other. */
  check(): void;
}

/** Machines that are fed from one log. */
export interface ImageCluster {
  /** The next entries of the log; together they make use of all that the state can hold. */
  entries(count: number): readonly Entry[];
  /** Empty, and of this cluster. */
  makePlace(): ImagePlace;
  remove(): void;
}

export interface ImageCase {
  readonly name: string;
  readonly run: (cluster: ImageCluster) => void | Promise<void>;
}

/** An image in the memory of a test. */
export interface Received {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
}

/** One machine with its place. */
export class Machine {
  readonly place: ImagePlace;
  #machine: AnyMachine;

  constructor(cluster: ImageCluster) {
    this.place = cluster.makePlace();
    this.#machine = this.place.open();
  }

  get port(): AnyMachine {
    return this.#machine;
  }

  apply(entries: readonly Entry[]): readonly unknown[] {
    const results = this.#machine.apply(entries);
    assert.ok(!("full" in results), "The disk is not full");
    return results;
  }

  reopen(): void {
    this.#machine.close();
    this.#machine = this.place.open();
  }

  crash(): void {
    this.place.crash();
    this.#machine = this.place.open();
  }

  describe(): unknown {
    return [this.#machine.applied(), this.place.describe()];
  }

  async image(): Promise<SnapshotImage> {
    const image = await new Promise<SnapshotImage | undefined>((resolve) =>
      this.#machine.image(resolve)
    );
    assert.ok(image, "An image can be made");
    return image;
  }

  /** Makes an image, reads it whole and releases it. */
  async imageBytes(): Promise<Received> {
    const image = await this.image();
    const received = { meta: image.meta, bytes: await bytesOf(image) };
    image.release();
    return received;
  }

  /** Receives the image whole; what comes of it. */
  async receive(image: Received): Promise<"staged" | "corrupt" | "busy"> {
    const stage = this.#machine.stage(image.meta);
    writeRest(stage, image);
    return await finished(stage);
  }

  async adopt(image: Received): Promise<void> {
    assert.equal(await this.receive(image), "staged");
    this.#machine.adopt();
  }
}

/** In chunks of another length each time; checks the digest. */
export async function bytesOf(image: SnapshotImage, from = 0): Promise<Uint8Array> {
  const { meta } = image;
  const bytes = new Uint8Array(meta.bytes - from);
  let bytesMax = 1_000;
  for (let at = from; at < meta.bytes;) {
    const asked = bytesMax;
    const chunk = await new Promise<Uint8Array>((resolve) =>
      image.read({ offset: at, bytesMax: asked }, resolve)
    );
    assert.equal(chunk.length, Math.min(bytesMax, meta.bytes - at));
    bytes.set(chunk, at - from);
    at += chunk.length;
    bytesMax = Math.min(256 * 1024, bytesMax * 3);
  }
  if (from === 0) assert.deepEqual(digestOf(bytes), meta.digest);
  return bytes;
}

export function digestOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** Writes what the stage lacks, up to `to`, in several chunks. */
export function writeRest(stage: SnapshotStage, { bytes }: Received, to = bytes.length): void {
  const chunkBytes = Math.ceil(bytes.length / 7);
  while (stage.offset < to) {
    const end = Math.min(to, stage.offset + chunkBytes);
    stage.write(bytes.subarray(stage.offset, end));
  }
}

export function finished(stage: SnapshotStage): Promise<"staged" | "corrupt" | "busy"> {
  return new Promise((resolve) => stage.finish(resolve));
}

/** The same image with other bytes, and a digest that says so. */
export function altered(image: Received, bytes: Uint8Array): Received {
  const meta = { ...image.meta, bytes: bytes.length, digest: digestOf(bytes) };
  return { meta, bytes };
}
