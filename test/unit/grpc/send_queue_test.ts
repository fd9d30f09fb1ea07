import { codec } from "../../../src/grpc/codec.ts";
import { fromEnvelope } from "../../../src/grpc/convert.ts";
import { envelopeBytesMax, SendQueue } from "../../../src/grpc/send_queue.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import type { Envelope, Message } from "../../../src/raft/message.ts";
import { otherMessages, sampleMessages } from "../../harness/messages.ts";
import { heartbeat as beat } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

function envelope(message: Message): Envelope {
  return { from: 1, to: 2, fromEpoch: 0, toEpoch: 0, term: 1, message };
}

function append(index: number, bytes: number): Envelope {
  const data = new Uint8Array(bytes);
  const entry = makeEntry({ index, term: 1, kind: "command", timeMs: 0, data });
  const prevLog = { index: index - 1, term: 1 };
  return envelope({
    kind: "appendEntries",
    prevLog,
    entries: [entry],
    leaderCommit: 0,
    attempt: 1,
  });
}

const heartbeat = envelope(beat(1, 0));

describe("SendQueue", () => {
  it("lets votes, heartbeats and answers overtake entries, and keeps order within each", () => {
    const queue = new SendQueue({ countMax: 10, bytesMax: 1e6 });
    const vote = envelope({ kind: "preVote", lastLog: { index: 0, term: 0 } });
    const sent = [append(1, 10), append(2, 10), heartbeat, vote];
    for (const each of sent) assert.ok(queue.push(each));
    assert.deepEqual(queue.take(1e6), [heartbeat, vote, sent[0], sent[1]]);
    assert.equal(queue.length, 0);
    assert.equal(queue.bytes, 0);
  });

  it("is bounded by count in each lane", () => {
    const queue = new SendQueue({ countMax: 2, bytesMax: 1e6 });
    assert.deepEqual([1, 2, 3].map((index) => queue.push(append(index, 1))), [true, true, false]);
    assert.ok(queue.push(heartbeat));
  });

  it("is bounded by bytes, but takes one envelope of any size when empty", () => {
    const queue = new SendQueue({ countMax: 10, bytesMax: 1_000 });
    assert.ok(queue.push(append(1, 5_000)));
    assert.ok(!queue.push(append(2, 1)));
    queue.take(1);
    assert.ok(queue.push(append(2, 1)));
  });

  it("cuts frames at the size asked for, with at least one envelope each", () => {
    const queue = new SendQueue({ countMax: 10, bytesMax: 1e6 });
    for (let index = 1; index <= 5; index++) queue.push(append(index, 1_000));
    assert.equal(queue.take(2_600).length, 2);
    assert.equal(queue.take(1).length, 1);
    assert.equal(queue.take(1e6).length, 2);
    assert.equal(queue.take(1e6).length, 0);
  });

  it("says whether there was something to forget", () => {
    const queue = new SendQueue({ countMax: 10, bytesMax: 1e6 });
    assert.ok(!queue.clear());
    queue.push(heartbeat);
    assert.ok(queue.clear());
    assert.equal(queue.bytes, 0);
  });
});

describe("envelopeBytesMax", () => {
  it("is never below the encoded size", () => {
    const frames = codec("skein.raft.v1.Frame");
    for (const message of [...sampleMessages, ...otherMessages]) {
      const safeMax = Number.MAX_SAFE_INTEGER;
      const largest: Envelope = {
        from: 0xffff_ffff,
        to: 0xffff_ffff,
        fromEpoch: safeMax,
        toEpoch: safeMax,
        term: safeMax,
        message,
      };
      const encoded = frames.encode({ envelopes: [fromEnvelope(largest)] });
      assert.ok(envelopeBytesMax(largest) >= encoded.length, message.kind);
    }
  });
});
