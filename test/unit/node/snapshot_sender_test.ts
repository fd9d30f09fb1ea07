/** One image for several peers: until when it is kept, and when another one is made. */

import { SnapshotSender } from "../../../src/node/snapshot_sender.ts";
import type { InstallSnapshot, InstallSnapshotReply } from "../../../src/raft/message.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const tickMs = 20;
const bytes = 10_000;

type Answer = Omit<InstallSnapshotReply, "kind">;

/** A leader, and peers that answer to each chunk as the test says. */
class Sending {
  nowMs = 0;
  /** Where the leader's store stands, and so the next image. */
  applied = 1_000;
  readonly answers = new Map<number, (chunk: InstallSnapshot) => Answer>();
  readonly silent = new Set<number>();
  readonly problems: string[] = [];
  /** Positions of the images that were made, and of those that were given back. */
  readonly made: number[] = [];
  readonly released: number[] = [];
  /** The image that each peer was sent something of last. */
  readonly sent = new Map<number, number>();
  readonly #replies: { readonly peer: number; readonly answer: Answer }[] = [];
  readonly sender = new SnapshotSender({
    machine: {
      image: (done) => {
        const at = position(`${this.applied}@2`);
        this.made.push(at.index);
        const configuration = {
          position: position("1@1"),
          configuration: configurationOf({ voters: [1, 2, 3] }),
        };
        done({
          meta: { position: at, timeMs: 0, configuration, bytes, digest: new Uint8Array(4) },
          read: ({ offset, bytesMax }, got) =>
            got(new Uint8Array(Math.min(bytesMax, bytes - offset))),
          release: () => this.released.push(at.index),
        });
      },
    },
    limits: { chunkBytes: 1_000, inflightBytesMax: 4_000, bytesPerSecond: 1e9 },
    ...{ silentMsMax: 1_000, tickMs },
    step: (input) => {
      if (input.kind !== "snapshotChunk") return;
      const { peer, chunk } = input;
      this.sent.set(peer, chunk.meta.position.index);
      const answer = this.answers.get(peer)?.(chunk);
      if (answer !== undefined) this.#replies.push({ peer, answer });
    },
    monotonicMs: () => this.nowMs,
    onProblem: (what) => this.problems.push(what),
  });

  answer(peer: number, answer: (chunk: InstallSnapshot) => Answer): void {
    this.answers.set(peer, answer);
    this.sender.want([peer]);
  }

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += tickMs;
      const peers = [...this.answers.keys()].map((id) => ({
        ...{
          id,
          mode: "snapshot",
          match: 0,
          next: 1,
          applied: 0,
          hasAnswered: true,
          wantsSnapshot: true,
        } as const,
        heardMs: this.silent.has(id) ? 0 : this.nowMs,
      }));
      const { applied } = this;
      this.sender.tick({ role: "leader", peers, boundary: 900, applied, commitIndex: applied });
      for (const { peer, answer } of this.#replies.splice(0)) {
        this.sender.reply(peer, { kind: "installSnapshotReply", ...answer });
      }
    }
  }
}

/** Takes a chunk and no more. */
const takes = ({ meta }: InstallSnapshot): Answer => ({ position: meta.position, nextOffset: 0 });
const damaged = (chunk: InstallSnapshot): Answer => ({ ...takes(chunk), refused: "corrupt" });
/** Its own log begins behind `index`: older images are of no use to it. */
const needs = (index: number) => (chunk: InstallSnapshot): Answer =>
  chunk.meta.position.index >= index
    ? takes(chunk)
    : { position: position(`${index}@2`), nextOffset: 0, refused: "busy" };

describe("A peer whose own log begins behind the image", () => {
  it("gets a newer one, also while another peer that wants one is down", () => {
    const sending = new Sending();
    sending.answer(2, takes);
    sending.run(100);
    sending.silent.add(2);
    sending.applied = 6_000;
    sending.answer(3, needs(5_000));
    sending.run(5_000);
    assert.deepEqual([sending.made, sending.released], [[1_000, 6_000], [1_000]]);
    assert.equal(sending.sent.get(3), 6_000);
  });

  it("waits while the leader's store is not that far, and the image goes on to others", () => {
    const sending = new Sending();
    sending.answer(2, takes);
    sending.answer(3, needs(5_000));
    sending.run(60_000);
    assert.deepEqual([sending.made, sending.released], [[1_000], []]);
    sending.applied = 5_000;
    sending.run(121_000);
    assert.deepEqual([sending.made, sending.sent.get(3)], [[1_000, 5_000], 5_000]);
  });
});

describe("A peer that is down", () => {
  it("keeps the image and the log behind it for a minute, to go on, and no longer", () => {
    const sending = new Sending();
    sending.answer(2, takes);
    sending.run(5_000);
    assert.equal(sending.sender.holds(0).length, 1);
    sending.silent.add(2);
    sending.run(59_000);
    assert.deepEqual(sending.sender.holds(0), [{ index: 1_000, bytesMax: bytes }]);
    assert.deepEqual(sending.released, []);
    sending.run(3_000);
    assert.deepEqual([sending.sender.holds(0), sending.released], [[], [1_000]]);
  });
});

describe("An image that is damaged", () => {
  it("is made anew, too, where two peers want one", () => {
    const sending = new Sending();
    sending.answer(2, damaged);
    sending.answer(3, damaged);
    sending.run(3_000);
    assert.ok(sending.made.length >= 2, `${sending.made.length} were made`);
  });

  it("is not made anew because one of two peers says so once", () => {
    const sending = new Sending();
    let says = damaged;
    sending.answer(2, takes);
    sending.answer(3, (chunk) => {
      const answer = says(chunk);
      says = takes;
      return answer;
    });
    sending.run(10_000);
    assert.equal(sending.made.length, 1);
  });
});
