/** Reads that could show what is not true any more. */

import { describe, it } from "../../harness/test.ts";
import { scenario } from "./play.ts";
import { electionTimeoutMs } from "./stage.ts";

describe("a linearizable read", () => {
  it(
    "#41 waits at a new leader until an entry of its term is committed",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "old");
      expect.level(A, B, C);
      t.isolate(C);
      t.write("x", "new");
      // B has it, and does not know yet that it is committed.
      t.kill(A);
      expect.shows(B, "x", "old");
      t.mend();
      expect.leads(B);
      t.stallDisk(C, 900);
      const read = t.readAt(B, "x");
      expect.pending(read, 500);
      expect.reads(read, "new");
    }),
  );

  it(
    "#42 is not confirmed by answers to a round that began before it was asked",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "old");
      expect.level(A, B, C);
      const late = t.record("heartbeatReply", B, A);
      expect.says("heartbeatReply", B);
      t.isolate(A);
      t.pause(A);
      expect.leader(B, C);
      t.write("x", "new");
      // A wakes, takes the time for its own fault, and still leads.
      t.resume(A);
      expect.leads(A);
      const read = t.readAt(A, "x");
      expect.pending(read, 100);
      late();
      expect.pending(read, 100);
      t.mend();
      expect.reads(read, "new");
    }),
  );

  it(
    "#42 is not confirmed by a late answer to one that was asked for in vain before",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "old");
      expect.level(A, B, C);
      const late = t.record("readIndexReply", A, B);
      t.cutBefore("readIndexReply", A, B);
      const first = t.readAt(B, "x");
      expect.isCut(A, B);
      t.isolate(B);
      // Until B knows of no leader that it could ask.
      t.pass(2 * electionTimeoutMs);
      t.write("x", "new");
      const second = t.readAt(B, "x");
      t.stallDisk(B, 3_000);
      t.mend();
      t.cutBefore("readIndexReply", A, B);
      expect.isCut(A, B);
      late();
      expect.pending(second, 300);
      t.mend();
      expect.reads(first, "new");
      expect.reads(second, "new");
    }),
  );

  it(
    "#42 at a follower waits until the follower has applied what was committed when it was asked",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "old");
      expect.level(A, B, C);
      t.stallDisk(B, 900);
      t.write("x", "new");
      const read = t.readAt(B, "x");
      expect.pending(read, 500);
      expect.shows(B, "x", "old");
      expect.reads(read, "new");
    }),
  );
});

describe("any read", () => {
  it(
    "#29 shows nothing at a node without its store before that has replayed what was committed",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "1");
      t.write("x", "2");
      expect.level(A, B, C);
      t.write("y", "1");
      t.kill(B);
      t.loseStore(B);
      t.fillDisk(B, "store");
      t.start(B);
      t.pass(1_000);
      expect.shows(B, "x", undefined);
      expect.failed(t.readAt(B, "x"), "diskFull");
      t.freeDisk(B);
      expect.level(A, B, C);
      expect.shows(B, "x", "2");
      expect.value("y", "1", B);
    }),
  );
});
