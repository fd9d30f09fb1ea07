/** A leader that sends an image and a peer that takes it; their cores are played. */

import { concatBytes } from "../../src/lib/bytes.ts";
import { Prng } from "../../src/lib/prng.ts";
import { DiskFullError, type SnapshotImage, type SnapshotStage } from "../../src/node/ports.ts";
import { SnapshotReceiver } from "../../src/node/snapshot_receiver.ts";
import { SnapshotSender } from "../../src/node/snapshot_sender.ts";
import type { Input } from "../../src/raft/input.ts";
import type { InstallSnapshot, InstallSnapshotReply } from "../../src/raft/message.ts";
import type { PeerStatus } from "../../src/raft/status.ts";
import type { SnapshotMeta } from "../../src/raft/types.ts";
import { configurationOf } from "./raft_cluster.ts";
import { position } from "./raft_messages.ts";
import { assert } from "./test.ts";

export const chunkBytes = 1_000;
export const tickMs = 20;

export function imageBytes(bytes: number, seed = 1): Uint8Array {
  const prng = new Prng(seed);
  return Uint8Array.from({ length: bytes }, () => prng.below(256));
}

export function metaOf(content: Uint8Array, at = "9@2"): SnapshotMeta {
  const configuration = {
    position: position("1@1"),
    configuration: configurationOf({ voters: [1, 2] }),
  };
  const digest = content.slice(0, 4);
  return { position: position(at), timeMs: 0, configuration, bytes: content.length, digest };
}

/** The store of the sender. */
class Source {
  content: Uint8Array;
  at = "9@2";
  made = 0;
  released = 0;
  isFull = false;

  constructor(content: Uint8Array) {
    this.content = content;
  }

  image(done: (image: SnapshotImage | undefined) => void): void {
    if (this.isFull) return done(undefined);
    this.made++;
    const { content } = this;
    done({
      meta: metaOf(content, this.at),
      read: ({ offset, bytesMax }, got) => got(content.slice(offset, offset + bytesMax)),
      release: () => void this.released++,
    });
  }
}

/** The store of the receiver; what a stage holds outlives it. */
class Target {
  held = new Uint8Array();
  meta: SnapshotMeta | undefined;
  isFull = false;
  /** The next finish finds this. */
  finds: "staged" | "corrupt" = "staged";
  written = 0;
  /** Tells that more may come, where it does not take what comes at once. */
  waiting: (() => void)[] | undefined;

  stage(meta: SnapshotMeta): SnapshotStage {
    if (this.isFull) throw new DiskFullError("full");
    if (String(this.meta?.digest) !== String(meta.digest)) this.held = new Uint8Array();
    this.meta = meta;
    const held = () => this.held.length;
    return {
      get offset() {
        return held();
      },
      write: (chunk) => {
        if (this.isFull) throw new DiskFullError("full");
        this.written += chunk.length;
        this.held = concatBytes([this.held, chunk]);
      },
      ready: (done) => {
        if (this.waiting === undefined) done();
        else this.waiting.push(done);
      },
      finish: (done) => {
        if (this.finds === "corrupt") this.held = new Uint8Array();
        const { finds } = this;
        this.finds = "staged";
        done(finds);
      },
      abort: () => this.held = new Uint8Array(),
    };
  }
}

/** A leader and a peer, with the two cores' part of it: what they pass on. */
export class Pair {
  nowMs = 0;
  readonly source: Source;
  readonly target = new Target();
  readonly problems: string[] = [];
  readonly installed: number[] = [];
  staged: SnapshotMeta | undefined;
  wants = true;
  heardMs = 0;
  boundary = 5;
  match = 0;
  commitIndex = 0;
  /** Sent and not arrived; either way. */
  readonly chunks: InstallSnapshot[] = [];
  readonly replies: InstallSnapshotReply[] = [];
  sentBytes = 0;
  sender: SnapshotSender;
  receiver: SnapshotReceiver;

  constructor(content: Uint8Array, limits: { readonly bytesPerSecond?: number } = {}) {
    this.source = new Source(content);
    this.sender = new SnapshotSender({
      machine: this.source,
      limits: { chunkBytes, inflightBytesMax: 4 * chunkBytes, bytesPerSecond: 1e9, ...limits },
      ...{ silentMsMax: 1_000, tickMs },
      step: (input) => this.#stepLeader(input),
      monotonicMs: () => this.nowMs,
      onProblem: (what) => this.problems.push(what),
    });
    this.receiver = this.restartedReceiver();
    this.sender.want([2]);
  }

  restartedReceiver(): SnapshotReceiver {
    return new SnapshotReceiver({
      machine: this.target,
      step: (input) => this.#stepPeer(input),
      onProblem: (what) => this.problems.push(what),
    });
  }

  #stepLeader(input: Input): void {
    if (input.kind === "snapshotChunk") {
      this.chunks.push(input.chunk);
      this.sentBytes += input.chunk.data.length;
    }
    if (input.kind !== "snapshotInstalled") return;
    this.installed.push(input.position.index);
    this.wants = false;
  }

  #stepPeer(input: Input): void {
    if (input.kind === "snapshotChunkStored") {
      const { kind: _, peer: _peer, ...reply } = input;
      this.replies.push({ kind: "installSnapshotReply", ...reply });
    }
    if (input.kind === "snapshotStaged") this.staged = input.meta;
  }

  tick(): void {
    this.nowMs += tickMs;
    const peer: PeerStatus = {
      ...{ id: 2, mode: "snapshot", match: this.match, next: this.match + 1, applied: 0 },
      ...{ heardMs: this.heardMs, hasAnswered: true, wantsSnapshot: this.wants },
    };
    const { boundary, commitIndex } = this;
    const applied = commitIndex;
    this.sender.tick({ role: "leader", peers: [peer], boundary, applied, commitIndex });
  }

  /** Everything that is under way arrives, but what `isLost` picks. */
  deliver(isLost: () => boolean = () => false): void {
    for (const chunk of this.chunks.splice(0)) {
      if (isLost()) continue;
      // What the core answers once the image is installed.
      if (this.staged === undefined) this.receiver.chunk(1, chunk);
      else this.#refuse("notNeeded");
    }
    for (const reply of this.replies.splice(0)) if (!isLost()) this.sender.reply(2, reply);
  }

  #refuse(refused: "notNeeded" | "busy"): void {
    const { position: at } = metaOf(this.source.content, this.source.at);
    this.replies.push({ kind: "installSnapshotReply", position: at, nextOffset: 0, refused });
  }

  /** Until the leader knows that the image is installed. */
  run(isLost?: () => boolean, ticksMax = 20_000): void {
    for (let left = ticksMax; left > 0 && this.installed.length === 0; left--) {
      this.heardMs = this.nowMs;
      this.tick();
      this.deliver(isLost);
    }
    assert.equal(this.installed.length, 1, `installed after ${this.nowMs} ms`);
    assert.deepEqual(this.target.held, this.source.content);
  }
}
