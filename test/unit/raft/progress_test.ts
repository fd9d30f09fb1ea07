import { Prng } from "../../../src/lib/prng.ts";
import { Progress } from "../../../src/raft/progress.ts";
import { assert, describe, it } from "../../harness/test.ts";

const limits = { messagesMax: 3, bytesMax: 100 };
const at = (index: number) => ({ index, term: 1 });
const fresh = (): Progress => new Progress({ next: 10, nowMs: 0, limits });

/** The answer to what was sent last. */
const matched = (progress: Progress, index: number, nowMs: number): boolean =>
  progress.matched(at(index), progress.attempt, nowMs);

/** Matched at 9, ready to be sent 10. */
function replicating(): Progress {
  const progress = fresh();
  progress.sent({ last: 9, bytes: 0 }, 0);
  matched(progress, 9, 0);
  return progress;
}

describe("Progress, probing", () => {
  it("sends one message at a time", () => {
    const progress = fresh();
    assert.deepEqual([progress.mode, progress.match, progress.next], ["probing", 0, 10]);
    assert.equal(progress.canSend(), true);
    progress.sent({ last: 12, bytes: 5 }, 0);
    assert.deepEqual([progress.canSend(), progress.next], [false, 10]);
  });

  it("goes back on a conflict, and on to replicating on a match", () => {
    const progress = fresh();
    progress.sent({ last: 9, bytes: 0 }, 0);
    progress.conflicted(4);
    assert.deepEqual([progress.canSend(), progress.next], [true, 4]);
    progress.sent({ last: 12, bytes: 5 }, 0);
    assert.equal(matched(progress, 12, 0), true);
    assert.deepEqual([progress.mode, progress.match, progress.next], ["replicating", 12, 13]);
  });

  it("repeats a lost probe where it was, however far above match that is", () => {
    for (const lose of ["lost", "unreachable"] as const) {
      const progress = fresh();
      progress.sent({ last: 9, bytes: 0 }, 0);
      progress[lose]();
      progress.lost();
      assert.deepEqual([progress.match, progress.next, progress.canSend()], [0, 10, true]);
    }
  });

  it("takes from answers to earlier attempts what is held, and probes on", () => {
    const progress = replicating();
    for (const last of [10, 11, 12]) progress.sent({ last, bytes: 1 }, 0);
    const earlier = progress.attempt;
    progress.conflicted(11);
    progress.sent({ last: 13, bytes: 1 }, 0);
    assert.equal(progress.matched(at(12), earlier, 0), true);
    assert.deepEqual([progress.mode, progress.match, progress.next], ["probing", 12, 13]);
    assert.equal(progress.canSend(), false);
    assert.equal(matched(progress, 13, 0), true);
    assert.deepEqual([progress.mode, progress.match, progress.next], ["replicating", 13, 14]);
  });

  it("never goes back to what is known to match", () => {
    const progress = replicating();
    progress.conflicted(3);
    assert.equal(progress.next, 10);
  });
});

describe("Progress, replicating", () => {
  it("runs ahead of the acknowledgements, up to messagesMax", () => {
    const progress = replicating();
    for (const last of [10, 11, 12]) {
      assert.equal(progress.canSend(), true);
      progress.sent({ last, bytes: 1 }, 0);
    }
    assert.deepEqual([progress.canSend(), progress.next], [false, 13]);
    matched(progress, 10, 0);
    assert.equal(progress.canSend(), true);
  });

  it("sends less at once after a conflict, and a little more with each acknowledgement", () => {
    const progress = new Progress({
      next: 10,
      nowMs: 0,
      limits: { messagesMax: 8, bytesMax: 100 },
    });
    const sendAll = (): number => {
      let last = progress.next - 1;
      let sent = 0;
      for (; progress.canSend(); sent++) progress.sent({ last: ++last, bytes: 1 }, 0);
      return sent;
    };
    progress.sent({ last: 9, bytes: 0 }, 0);
    matched(progress, 9, 0);
    assert.equal(sendAll(), 8);
    const windows = [12, 14, 16, 18].map((next) => {
      progress.conflicted(next);
      assert.equal(sendAll(), 1, "a probe");
      matched(progress, next, 0);
      return sendAll();
    });
    assert.deepEqual(windows, [5, 3, 2, 2]);
    for (let index = 19; index < 40; index++) {
      matched(progress, index, 0);
      sendAll();
    }
    progress.lost();
    sendAll();
    matched(progress, 60, 0);
    assert.equal(sendAll(), 8, "no more than the limit, and silence does not narrow it");
  });

  it("and up to bytesMax, though one message may pass it", () => {
    const progress = replicating();
    progress.sent({ last: 10, bytes: 99 }, 0);
    assert.equal(progress.canSend(), true);
    progress.sent({ last: 11, bytes: 500 }, 0);
    assert.equal(progress.canSend(), false);
    matched(progress, 10, 0);
    assert.equal(progress.canSend(), false);
    matched(progress, 11, 0);
    assert.equal(progress.canSend(), true);
  });

  it("one acknowledgement covers all before it", () => {
    const progress = replicating();
    for (const last of [10, 11, 12]) progress.sent({ last, bytes: 40 }, 0);
    matched(progress, 12, 0);
    assert.equal(progress.canSend(), true);
    assert.equal(progress.isWaitingFor(0, 999), false);
  });

  it("an acknowledgement that is late or repeated changes nothing", () => {
    const progress = replicating();
    progress.sent({ last: 10, bytes: 1 }, 0);
    assert.equal(matched(progress, 10, 0), true);
    assert.equal(matched(progress, 10, 0), false);
    assert.equal(matched(progress, 4, 0), false);
    assert.deepEqual([progress.match, progress.next], [10, 11]);
  });

  it("an empty message does not fill the window", () => {
    const progress = replicating();
    for (let times = 0; times < 9; times++) progress.sent({ last: 9, bytes: 0 }, 0);
    assert.equal(progress.canSend(), true);
  });

  it("waits since the last acknowledgement that left something open", () => {
    const progress = replicating();
    progress.sent({ last: 10, bytes: 1 }, 100);
    progress.sent({ last: 11, bytes: 1 }, 150);
    assert.equal(progress.isWaitingFor(200, 299), false);
    assert.equal(progress.isWaitingFor(200, 300), true);
    matched(progress, 10, 300);
    assert.equal(progress.isWaitingFor(200, 499), false);
    assert.equal(progress.isWaitingFor(200, 500), true);
  });

  it("probes from match + 1 once something was lost", () => {
    const progress = replicating();
    for (const last of [10, 11, 12]) progress.sent({ last, bytes: 40 }, 0);
    progress.lost();
    assert.deepEqual([progress.mode, progress.next, progress.canSend()], ["probing", 10, true]);
  });
});

describe("Progress of a peer that cannot be reached, or has lost something", () => {
  it("sends nothing until it answers a heartbeat", () => {
    const progress = replicating();
    progress.unreachable();
    assert.equal(progress.canSend(), false);
    assert.equal(progress.isWaitingFor(1_000_000, 0), true);
    progress.lost();
    assert.equal(progress.canSend(), true);
  });

  it("starts from nothing under a new epoch", () => {
    const progress = replicating();
    progress.confirmedRound = 7;
    progress.toldCommit = 8;
    progress.restarted(20);
    const { match, next, mode, confirmedRound, toldCommit } = progress;
    assert.deepEqual({ match, next, mode, confirmedRound, toldCommit }, {
      ...{ match: 0, next: 20, mode: "probing", confirmedRound: 0, toldCommit: 0 },
    });
  });

  it("sends nothing while a snapshot is under way, and probes when that ended", () => {
    const progress = fresh();
    progress.wantSnapshot();
    assert.equal(progress.canSend(), false);
    progress.lost();
    progress.unreachable();
    assert.equal(progress.mode, "snapshot");
    matched(progress, 30, 0);
    assert.equal(progress.mode, "snapshot");
    progress.snapshotEnded(41);
    assert.deepEqual([progress.mode, progress.next, progress.canSend()], ["probing", 41, true]);
  });
});

describe("Progress, invariants", () => {
  it("match stays below next and never falls within an epoch, whatever happens", () => {
    const prng = new Prng(7);
    for (let run = 0; run < 500; run++) {
      const progress = fresh();
      let match = 0;
      for (let step = 0; step < 60; step++) {
        const index = prng.below(30);
        const kind = prng.below(6);
        if (kind <= 1 && progress.canSend()) {
          progress.sent({ last: progress.next + 1, bytes: 9 }, step);
        }
        if (kind === 2) matched(progress, index, step);
        if (kind === 3) progress.conflicted(index);
        if (kind === 4) progress.lost();
        if (kind === 5) progress.unreachable();
        assert.ok(progress.match >= match && progress.match < progress.next);
        match = progress.match;
      }
    }
  });
});
