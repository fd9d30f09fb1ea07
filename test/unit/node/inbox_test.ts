import { Inbox } from "../../../src/node/inbox.ts";
import type { Envelope } from "../../../src/raft/message.ts";
import { appendEntries, entryAt, heartbeat } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const limits = { receivedBytesMax: 1000, clientInputsMax: 3, clientBytesMax: 100 };

function beat(round: number): Envelope {
  const head = { from: 2, to: 1, fromEpoch: 0, toEpoch: 0, term: 2 };
  return { ...head, message: heartbeat(round, 0) };
}

function offer(inbox: Inbox, bytes: number): boolean {
  const data = new Uint8Array(bytes);
  const input = { kind: "propose", id: bytes, data } as const;
  return inbox.offer({ input, bytes, deadlineMs: 1, refused: () => {} });
}

describe("Inbox, control lane", () => {
  it("drops received envelopes above receivedBytesMax, and counts them", () => {
    const inbox = new Inbox(limits);
    for (let round = 1; round <= 10; round++) inbox.receive(beat(round));
    assert.equal(inbox.receivedDropped, 3);
    assert.deepEqual(inbox.takeReceived()?.message, heartbeat(1, 0));
    inbox.receive(beat(11));
    assert.equal(inbox.receivedDropped, 3, "there is room again");
  });

  it("takes one envelope of any size when nothing else waits", () => {
    const inbox = new Inbox(limits);
    const message = appendEntries("1@1", [entryAt("2@2", "x".repeat(5000))]);
    inbox.receive({ ...beat(1), message });
    assert.equal(inbox.receivedDropped, 0);
    inbox.receive(beat(2));
    assert.equal(inbox.receivedDropped, 1);
    inbox.takeReceived();
    for (let round = 1; round <= 7; round++) inbox.receive(beat(round));
    assert.equal(inbox.receivedDropped, 1);
  });

  it("never drops a completion", () => {
    const inbox = new Inbox(limits);
    for (let number = 1; number <= 5000; number++) inbox.complete({ kind: "persisted", number });
    for (let number = 1; number <= 5000; number++) {
      assert.deepEqual(inbox.takeCompletion(), { kind: "persisted", number });
    }
    assert.equal(inbox.takeCompletion(), undefined);
  });

  it("holds at most one tick", () => {
    const inbox = new Inbox(limits);
    inbox.tick();
    inbox.tick();
    assert.deepEqual([inbox.takeTick(), inbox.takeTick()], [true, false]);
  });
});

describe("Inbox, client lane", () => {
  it("is bounded by count and by bytes, at the door", () => {
    const inbox = new Inbox(limits);
    assert.deepEqual([10, 10, 10, 10].map((bytes) => offer(inbox, bytes)), [
      true,
      true,
      true,
      false,
    ]);
    inbox.takeClient();
    assert.deepEqual([offer(inbox, 81), offer(inbox, 80)], [false, true]);
  });

  it("gives them back in order", () => {
    const inbox = new Inbox(limits);
    for (const bytes of [5, 6]) offer(inbox, bytes);
    assert.deepEqual([inbox.takeClient()?.bytes, inbox.takeClient()?.bytes], [5, 6]);
    assert.equal(inbox.takeClient(), undefined);
  });

  it("is empty only when no lane holds anything", () => {
    const fill: readonly ((inbox: Inbox) => void)[] = [
      (inbox) => inbox.tick(),
      (inbox) => inbox.complete({ kind: "tick" }),
      (inbox) => inbox.receive(beat(1)),
      (inbox) => offer(inbox, 1),
    ];
    assert.equal(new Inbox(limits).isEmpty, true);
    for (const put of fill) {
      const inbox = new Inbox(limits);
      put(inbox);
      assert.equal(inbox.isEmpty, false);
    }
  });
});
