/** Directories and nodes that are not what their id promises. */

import { describe, it } from "../../harness/test.ts";
import { scenario } from "./play.ts";
import { electionTimeoutMs } from "./stage.ts";

describe("a directory that is not the one which acknowledged", () => {
  it(
    "#26 an emptied directory under a known id is turned away, and elects nobody without the write",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(C);
      t.write("x", "1");
      expect.holds(B, "x", "1");
      t.kill(A, B);
      t.replaceDirectory(B);
      t.mend();
      expect.startsInVain(B, /data directory/);
      expect.neverLead(3 * electionTimeoutMs, C);
      t.start(A);
      expect.leader(A);
      expect.value("x", "1", A, C);
    }),
  );

  it(
    "#26 an older copy of a directory is turned away, and elects nobody without the write",
    scenario(({ t, expect, A, B, C }) => {
      const older = t.copyOf(B);
      for (let starts = 0; starts < 2; starts++) {
        t.kill(B);
        t.start(B);
        // Until A and C have written down that B was started once more.
        t.pass(2_000);
      }
      t.isolate(C);
      t.write("x", "1");
      expect.holds(B, "x", "1");
      t.kill(A, B);
      t.replaceDirectory(B, older);
      t.mend();
      expect.startsInVain(B, /older copy/);
      expect.neverLead(3 * electionTimeoutMs, C);
      t.start(A);
      expect.leader(A);
      expect.value("x", "1", A, C);
    }),
  );

  it(
    "#27 of two processes with one id the copy has to go, and is told why",
    scenario(({ t, expect, A, B, C }) => {
      const twin = t.twinOf(C);
      expect.startsInVain(twin, /two processes run as node|older copy/);
      expect.steadyLeader(A, electionTimeoutMs);
      t.write("x", "1");
      expect.value("x", "1", A, B, C);
    }),
  );
});

describe("a node of another cluster", () => {
  it(
    "#27 at an address of ours is not listened to, and does not listen to us",
    scenario(({ t, expect, A, B, C }) => {
      t.write("x", "ours");
      const stranger = t.nodeOfOtherCluster(C, "x", "theirs");
      t.kill(C);
      t.takePlaceOf(stranger, C);
      expect.steadyLeader(A, 5 * electionTimeoutMs);
      expect.value("x", "ours", A, B);
      expect.shows(stranger, "x", "theirs");
      expect.followsNobody(stranger);
      t.takeAway(stranger);
    }),
  );
});
