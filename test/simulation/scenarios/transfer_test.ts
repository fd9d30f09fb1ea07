/** Handing leadership over, and what becomes of writes while leaders change. */

import { describe, it } from "../../harness/test.ts";
import { scenario } from "./play.ts";
import { electionTimeoutMs } from "./stage.ts";

/** So long that an AppendEntries of the smallest size carries one such entry alone. */
const long = "x".repeat(5_000);

describe("handing leadership over", () => {
  it(
    "#44 to a node that lags behind brings it up to date before it may campaign",
    scenario(({ t, expect, A, B, C }) => {
      t.clog(A, C, 300);
      for (let at = 0; at < 20; at++) t.write("x", `${at}:${long}`);
      // Each entry takes a message and an answer.
      const transfer = t.transfer(A, C);
      expect.transferred(transfer, C);
      expect.leader(C);
      expect.value("x", "19", A, B, C);
    }, { config: { "raft.append_bytes_max": "4096", "raft.inflight_messages_max": "1" } }),
  );

  it(
    "#44 takes no writes, and when TimeoutNow is lost the leader serves on after a while",
    scenario(({ t, expect, A, B, C }) => {
      t.cutBefore("timeoutNow", A, B);
      const transfer = t.transfer(A, B);
      expect.isCut(A, B);
      expect.refused(t.writeAt(A, "x", "1"), "transferring");
      expect.failed(transfer, "timeout");
      t.mend();
      t.write("x", "2");
      expect.steadyLeader(A, 2 * electionTimeoutMs);
      expect.value("x", "2", A, B, C);
    }),
  );

  it(
    "#44 when TimeoutNow comes late, after it was given up, loses nothing and leaves a leader",
    scenario(({ t, expect, A, B, C }) => {
      t.clog(A, B, 3_000);
      // B hears a heartbeat first, so that it knows whom to obey.
      t.pass(200);
      const transfer = t.transfer(A, B);
      expect.failed(transfer, "timeout");
      t.write("x", "1");
      // B campaigns without that write: A and C may not elect it.
      expect.isAheadOf(B, A);
      expect.stepsDown(A);
      const leader = expect.leader(A, B, C);
      expect.value("x", "1", A, B, C);
      expect.steadyLeader(leader, 2 * electionTimeoutMs);
    }),
  );
});

describe("a write while leaders change", () => {
  it(
    "#46 is unknown once it was appended, whether it is kept or lost, and refused only before",
    scenario(({ t, expect, A, B, C }) => {
      // B gets the first write, and its answer does not get back.
      t.star(A, B);
      t.cut(B, A);
      const kept = t.writeAt(A, "x", "kept");
      expect.holds(B, "x", "kept");
      t.cut(A, B);
      const lost = t.writeAt(A, "y", "lost");
      expect.unknown(kept, "leadershipLost");
      expect.unknown(lost, "leadershipLost");
      const late = t.writeAt(A, "z", "late");
      expect.refused(late, "notLeader");
      t.split([B, C]);
      expect.leader(B);
      expect.value("x", "kept", B, C);
      t.mend();
      expect.level(A, B, C);
      for (const node of [A, B, C]) {
        expect.shows(node, "y", undefined);
        expect.shows(node, "z", undefined);
      }
    }),
  );
});
