/** Reads that could show what is not true any more. */

import { describe, it } from "../../harness/test.ts";
import { scenario } from "./play.ts";

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
      // The answers to its last heartbeat come while A stands still, and wait for it.
      expect.says("heartbeat", A);
      t.pause(A);
      t.pass(50);
      t.isolate(A);
      expect.leader(B, C);
      t.write("x", "new");
      const read = t.readAt(A, "x");
      t.resume(A);
      expect.pending(read, 300);
      t.mend();
      expect.reads(read, "new");
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
    "#29 shows nothing while a node that lost its store has not replayed what it knows as committed",
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
