import { crc32c } from "../../../src/lib/crc32c.ts";
import { Prng } from "../../../src/lib/prng.ts";
import type { InstallSnapshot } from "../../../src/raft/message.ts";
import { position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { chunkBytes, imageBytes, metaOf, Pair, tickMs } from "../../harness/image_transfer.ts";

describe("An image on its way", () => {
  it("arrives whole, in chunks, and the leader hears that it is installed", () => {
    const pair = new Pair(imageBytes(10_500));
    pair.run();
    assert.deepEqual([pair.staged?.position.index, pair.installed[0]], [9, 9]);
    assert.ok(pair.target.written === 10_500);
  });

  it("of no length at all arrives, too", () => {
    const pair = new Pair(imageBytes(1));
    pair.run();
  });

  it("arrives although a third of all is lost", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const prng = new Prng(seed);
      new Pair(imageBytes(20_000, seed)).run(() => prng.chance(1, 3));
    }
  });

  it("goes on where it was after the peer was started again", () => {
    const pair = new Pair(imageBytes(20_000));
    for (let left = 5; left > 0; left--) {
      pair.heardMs = pair.nowMs;
      pair.tick();
      pair.deliver();
    }
    const held = pair.target.held.length;
    assert.ok(held >= 4_000, `${held} bytes`);
    pair.receiver = pair.restartedReceiver();
    pair.chunks.length = 0;
    pair.run();
    assert.equal(pair.target.written, 20_000);
  });

  it("goes on where it was with another sender of the same image", () => {
    const first = new Pair(imageBytes(20_000));
    for (let left = 5; left > 0; left--) {
      first.heardMs = first.nowMs;
      first.tick();
      first.deliver();
    }
    const again = new Pair(first.source.content);
    again.target.held = first.target.held;
    again.target.meta = first.target.meta;
    again.run();
    assert.ok(again.target.written <= 20_000 - first.target.held.length);
    // One chunk finds out where the peer stands.
    assert.ok(again.sentBytes <= again.target.written + 2 * chunkBytes, `${again.sentBytes} sent`);
  });

  it("stays within the window and the rate", () => {
    const pair = new Pair(imageBytes(100_000), { bytesPerSecond: 10_000 });
    pair.run();
    assert.ok(pair.nowMs >= 9_500, `${pair.nowMs} ms for 100,000 bytes at 10,000 a second`);
    const silent = new Pair(imageBytes(100_000));
    silent.tick();
    silent.deliver();
    silent.tick();
    silent.tick();
    assert.ok(silent.chunks.length <= 4, `${silent.chunks.length} chunks are under way`);
  });

  it("does not make up for a pause in one turn", () => {
    const bytesPerSecond = 1_000 / tickMs * chunkBytes;
    const pair = new Pair(imageBytes(100_000), { bytesPerSecond });
    for (let left = 3; left > 0; left--) {
      pair.tick();
      pair.deliver();
    }
    pair.nowMs += 500;
    pair.heardMs = pair.nowMs;
    pair.tick();
    assert.ok(pair.chunks.length <= 2, `${pair.chunks.length} chunks at once`);
    pair.run();
  });

  it("that the peer finds damaged is made and sent again after a rest", () => {
    const pair = new Pair(imageBytes(5_000));
    pair.target.finds = "corrupt";
    pair.run();
    assert.deepEqual([pair.source.made, pair.source.released], [2, 1]);
    assert.ok(pair.problems.some((what) => what.includes("damaged")), String(pair.problems));
  });

  it("a damaged chunk is not taken", () => {
    const pair = new Pair(imageBytes(5_000));
    for (let left = 2; left > 0; left--) pair.tick();
    const [chunk] = pair.chunks.splice(0);
    pair.receiver.chunk(1, { ...chunk!, data: imageBytes(chunk!.data.length, 9) });
    assert.equal(pair.target.held.length, 0);
    assert.equal(pair.replies[0]?.nextOffset, 0);
    pair.run();
  });

  it("that is whole stays until the core has judged it, whatever else arrives", () => {
    const pair = new Pair(imageBytes(5_000));
    pair.run();
    pair.replies.length = 0;
    const data = imageBytes(500, 9);
    const other: InstallSnapshot = {
      ...{ kind: "installSnapshot", meta: metaOf(data, "12@2"), offset: 0, data },
      ...{ crc32c: crc32c(data), last: true },
    };
    pair.receiver.chunk(1, other);
    assert.deepEqual(pair.replies.map(({ refused }) => refused), ["busy"]);
    assert.deepEqual(pair.target.held, pair.source.content);
    pair.receiver.drop(position("9@2"));
    pair.receiver.chunk(1, other);
    assert.deepEqual(pair.target.held, data);
  });

  it("waits where the peer's disk is full, and says so", () => {
    const pair = new Pair(imageBytes(5_000));
    pair.target.isFull = true;
    assert.throws(() => pair.run(undefined, 500));
    assert.ok(pair.sentBytes < 5_000, `${pair.sentBytes} bytes sent in vain`);
    pair.target.isFull = false;
    pair.run();
  });

  it("rests once, however many chunks the peer could not take", () => {
    const pair = new Pair(imageBytes(50_000));
    // The rate is earned, then a chunk finds out where the peer stands.
    for (let ticks = 0; ticks < 2; ticks++) pair.tick();
    pair.deliver();
    assert.ok(pair.chunks.length > 2, `${pair.chunks.length} chunks are under way`);
    pair.target.isFull = true;
    pair.deliver();
    pair.target.isFull = false;
    const sent = pair.sentBytes;
    for (let ticks = 0; ticks < 1_500 / tickMs; ticks++) {
      pair.heardMs = pair.nowMs;
      pair.tick();
    }
    assert.ok(pair.sentBytes > sent, "it goes on after a second");
  });

  it("gives back what it has taken where the peer's disk runs full, and begins anew", () => {
    const pair = new Pair(imageBytes(20_000));
    for (let left = 5; left > 0; left--) {
      pair.heardMs = pair.nowMs;
      pair.tick();
      pair.deliver();
    }
    assert.ok(pair.target.held.length >= 4_000);
    pair.target.isFull = true;
    const next = { offset: pair.target.held.length, data: new Uint8Array(5), last: false };
    const meta = metaOf(pair.source.content);
    pair.replies.length = 0;
    pair.receiver.chunk(1, { kind: "installSnapshot", meta, ...next, crc32c: crc32c(next.data) });
    assert.equal(pair.target.held.length, 0);
    assert.deepEqual(pair.replies.map(({ nextOffset, refused }) => [nextOffset, refused]), [
      [0, "busy"],
    ]);
    assert.deepEqual(pair.problems, ["there is no room for an image of 20000 bytes: full"]);
    pair.target.isFull = false;
    pair.run();
  });

  it("is sent no faster than the peer's disk takes it", () => {
    const pair = new Pair(imageBytes(20_000));
    pair.target.waiting = [];
    for (let left = 1_000 / tickMs; left > 0; left--) {
      pair.heardMs = pair.nowMs;
      pair.tick();
      pair.deliver();
    }
    assert.equal(pair.target.held.length, chunkBytes);
    for (const tell of pair.target.waiting.splice(0)) tell();
    for (let left = 1_000 / tickMs; left > 0; left--) {
      pair.heardMs = pair.nowMs;
      pair.tick();
      pair.deliver();
    }
    assert.equal(pair.target.held.length, 5 * chunkBytes, "one window more");
    const late = pair.target.waiting.splice(0);
    pair.receiver.drop(position("9@2"));
    for (const tell of late) tell();
    assert.deepEqual(pair.replies, [], "nobody is told of what was dropped");
    pair.target.waiting = undefined;
    pair.run();
  });

  it("is not made where there is no room, and made later", () => {
    const pair = new Pair(imageBytes(5_000));
    pair.source.isFull = true;
    assert.throws(() => pair.run(undefined, 100));
    assert.ok(pair.problems.length <= 3, `told ${pair.problems.length} times in two seconds`);
    const what = "an image of the store could not be made now; it is tried again in 2000 ms";
    assert.equal(pair.problems[0], what, "why, it cannot know");
    pair.source.isFull = false;
    pair.run();
  });

  it("a silent peer is sent nothing", () => {
    const pair = new Pair(imageBytes(5_000));
    for (let left = 200; left > 0; left--) pair.tick();
    pair.sentBytes = 0;
    for (let left = 200; left > 0; left--) pair.tick();
    assert.equal(pair.sentBytes, 0);
    pair.run();
  });

  it("that is too old by now is made anew", () => {
    const pair = new Pair(imageBytes(20_000));
    pair.heardMs = pair.nowMs;
    pair.tick();
    pair.deliver();
    pair.boundary = 50;
    pair.source.content = imageBytes(20_000, 2);
    pair.source.at = "60@2";
    pair.run();
    assert.deepEqual([pair.source.made, pair.installed[0]], [2, 60]);
  });

  it("is given back when nobody has wanted it for a minute", () => {
    const pair = new Pair(imageBytes(5_000));
    pair.run();
    assert.equal(pair.source.released, 0);
    for (let left = 61_000 / tickMs; left > 0; left--) pair.tick();
    assert.equal(pair.source.released, 1);
  });

  it("holds the log behind its position, until the peer has caught up", () => {
    const pair = new Pair(imageBytes(20_000));
    assert.deepEqual(pair.sender.holds(500), []);
    pair.heardMs = pair.nowMs;
    pair.tick();
    assert.deepEqual(pair.sender.holds(500), [{ index: 9, bytesMax: 20_500 }]);
    pair.run();
    pair.commitIndex = 1_000;
    for (const [match, index] of [[0, 9], [500, 500], [899, 899]] as const) {
      pair.match = match;
      pair.tick();
      assert.deepEqual(pair.sender.holds(500), [{ index, bytesMax: 20_500 }]);
    }
    pair.match = 900;
    pair.tick();
    assert.deepEqual(pair.sender.holds(500), []);
  });
});
