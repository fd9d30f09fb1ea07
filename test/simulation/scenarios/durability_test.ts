/** Disks that lose, fail, hang, are damaged or full, and what was promised all the same. */

import { describe, it } from "../../harness/test.ts";
import { scenario } from "./play.ts";
import { electionTimeoutMs } from "./stage.ts";

describe("what is acknowledged", () => {
  it(
    "#1 an entry on its way to a follower's disk is not acknowledged, and a power cut may take it",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(B);
      t.stallDisk(C, 900);
      const write = t.writeAt(A, "x", "1");
      expect.holds(A, "x", "1");
      expect.pending(write, 500);
      // Had it been told as applied, the only copy would be gone now.
      t.cutPower(C);
      t.kill(A);
      t.mend();
      t.start(C);
      expect.leader(B, C);
      t.write("y", "1");
    }),
  );

  it(
    "#21 the only node of a cluster acknowledges nothing before its disk has it",
    scenario(({ t, expect, A }) => {
      t.stallDisk(A, 900);
      const write = t.writeAt(A, "x", "1");
      expect.pending(write, 500);
      expect.shows(A, "x", undefined);
      t.cutPower(A);
      t.start(A);
      t.write("y", "1");
    }, { nodes: 1 }),
  );

  it(
    "#24 a store that is cut off between two commits has applied each entry once",
    scenario(({ t, expect, A, B, C }) => {
      for (let at = 1; at <= 20; at++) {
        t.write("x", `${at}`);
        // The store commits every 50 ms, wherever that is.
        t.pass(7 * at);
        if (at % 5 === 0) {
          t.cutPower(C);
          t.start(C);
        }
      }
      expect.version("x", 20, A, B, C);
      expect.value("x", "20");
    }),
  );
});

describe("a disk that fails", () => {
  it(
    "#22 a leader whose fsync fails ends, acknowledges nothing, and reads anew what its disk has",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "1");
      t.failFsync(A);
      const write = t.writeAt(A, "x", "2");
      expect.ends(A, /^Cannot sync the log: EIO$/);
      expect.leader(B, C);
      t.write("y", "1");
      t.start(A);
      expect.whole(A);
      expect.value("y", "1", A, B, C);
      expect.pending(write, 1);
    }),
  );

  it(
    "#22 a node whose next write fails applies nothing more, though the one before has committed",
    scenario(({ t, expect, A }) => {
      t.stallDisk(A, 100);
      const first = t.writeAt(A, "x", "1");
      t.pass(10);
      t.failFsync(A);
      const second = t.writeAt(A, "x", "2");
      expect.ends(A, /^Cannot sync the log: EIO$/);
      expect.pending(first, 1);
      expect.pending(second, 1);
      t.start(A);
      expect.whole(A);
    }, { nodes: 1 }),
  );

  it(
    "#10 a leader whose disk hangs steps down, and does not stand for election until it moves",
    scenario(({ t, expect, A, B, C }) => {
      t.stallDisk(A, 20_000);
      const write = t.writeAt(A, "x", "1");
      expect.unknown(write, "leadershipLost");
      const leader = expect.leader(B, C);
      // It had reached the others before the disk hung.
      expect.value("x", "1", B, C);
      t.kill(leader);
      expect.neverLead(3 * electionTimeoutMs, A);
      expect.neverSays("preVote", A, electionTimeoutMs);
    }),
  );

  it(
    "#10 a leader whose store does not move steps down, and another one answers",
    scenario(({ t, expect, A, B, C }) => {
      t.fillDisk(A, "store");
      const write = t.writeAt(A, "x", "1");
      expect.unknown(write, "leadershipLost");
      expect.leader(B, C);
      expect.value("x", "1", B, C);
      t.freeDisk(A);
      expect.level(A, B, C);
      expect.value("x", "1", A);
    }),
  );

  it(
    "#28 a leader whose disk is full yields; with room again it goes on without a restart",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "1");
      t.fillDisk(A, "log");
      t.writeAt(A, "x", "2");
      expect.stepsDown(A);
      expect.leader(B, C);
      t.write("y", "1");
      t.freeDisk(A);
      expect.level(A, B, C);
      expect.value("y", "1", A, B, C);
    }),
  );
});

describe("a log that lost something", () => {
  it(
    "#23 a torn tail that nobody was told of is no loss: the follower votes on",
    scenario(({ t, expect, A, B, C }) => {
      t.stallDisk(B, 900);
      t.write("x", "1");
      // B knows that it is committed, and lets its store wait for its disk.
      t.pass(300);
      t.kill(B);
      t.start(B);
      expect.whole(B);
      t.kill(C);
      expect.value("x", "1", A, B);
      t.write("y", "1");
    }),
  );

  it(
    "#23 a follower whose acknowledged entry is damaged helps nobody to lead without that entry",
    scenario(({ t, expect, A, B, C, D, E }) => {
      t.isolate(D, E);
      t.write("x", "1");
      expect.holds(B, "x", "1");
      expect.holds(C, "x", "1");
      t.kill(A, B, C);
      t.damageLastEntry(B);
      t.mend();
      t.start(B);
      expect.recovering(B);
      // Of B, D and E, a majority, nobody holds the write.
      expect.neverLead(5 * electionTimeoutMs, B, D, E);
      t.start(C);
      expect.leader(C);
      expect.healed(B);
      expect.value("x", "1", B, C, D, E);
    }, { nodes: 5 }),
  );

  it(
    "#23 a leader whose log was damaged comes back as a follower and is healed by its heir",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(C);
      t.write("x", "1");
      t.kill(A);
      t.damageLastEntry(A);
      t.mend();
      t.start(A);
      expect.recovering(A);
      expect.leader(B);
      expect.healed(A);
      t.kill(B);
      // What it holds counts again: C learns of the write from it, or it from C.
      expect.leader(A, C);
      expect.value("x", "1", A, C);
    }),
  );

  it(
    "#23 a node whose damaged log ends before others came to vote is no sole voter: they heal it",
    scenario(({ t, expect, A, B, C }) => {
      expect.applied(t.changeVoters(A, A));
      expect.voters(A, A);
      const alone = A.status().lastIndex;
      expect.applied(t.changeVoters(A, A, B, C));
      expect.level(A, B, C);
      t.kill(A);
      t.damageEntry(A, alone + 1);
      t.start(A);
      expect.recovering(A);
      expect.leader(B, C);
      expect.healed(A);
    }),
  );
});
