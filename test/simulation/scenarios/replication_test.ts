/** Replication that goes wrong: what may be committed, what may be deleted, what still counts. */

import type { Message } from "../../../src/raft/message.ts";
import { describe, it } from "../../harness/test.ts";
import { scenario } from "./play.ts";

/** So long that an AppendEntries of the smallest size carries one such entry alone. */
const long = "x".repeat(5_000);

function isRefusal(message: Message): boolean {
  return message.kind === "appendEntriesReply" && message.result.kind === "conflict";
}

describe("what is committed", () => {
  it(
    "#12 an entry of an earlier term on a majority is not committed by counting (figure 8)",
    scenario(({ t, expect, A, B, C, D, E }) => {
      // (a) A gives its entry to B alone.
      t.star(A, B);
      t.writeAt(A, "x", `lost:${long}`);
      for (const node of [A, B]) expect.holds(node, "x", "lost");
      t.kill(A);
      // (b) E is elected by C and D, and has an entry of its own in that place, alone.
      for (const voter of [C, D]) t.cutBefore("appendEntries", E, voter);
      t.star(E, C, D);
      expect.leads(E);
      t.writeAt(E, "x", "kept");
      expect.holds(E, "x", "kept");
      t.kill(E);
      // (c) A is elected by B and C, and C gets the old entry: three of five have it now.
      t.star(A, B, C);
      t.start(A);
      expect.leads(A);
      expect.holds(C, "x", "lost");
      t.cut(A, C);
      t.pass(50);
      expect.shows(A, "x", undefined);
      t.kill(A);
      // (d) E is elected by C and D, and overwrites it.
      t.star(E, C, D);
      t.start(E);
      expect.leader(E);
      expect.value("x", "kept", C, D, E);
    }, { nodes: 5, config: { "raft.append_bytes_max": "4096" } }),
  );

  it(
    "#13 a follower that hears how far its leader has committed does not commit entries of another",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(A);
      for (let at = 0; at < 9; at++) t.writeAt(A, "x", `lost ${at}`);
      t.pass(50);
      expect.leader(B, C);
      for (let at = 0; at < 20; at++) t.write("x", `kept ${at}`);
      // The first that A hears is a heartbeat: the leader is further than A's log is long.
      t.mend();
      expect.value("x", "kept 19", A);
      expect.level(A, B, C);
    }),
  );

  it(
    "#18 a leader counts itself only once its own disk has the entry",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(C);
      t.stallDisk(A, 900);
      const write = t.writeAt(A, "x", "1");
      expect.holds(B, "x", "1");
      expect.pending(write, 500);
      // Had it been told as applied, the only copy would be gone now.
      t.cutPower(A);
      t.kill(B);
      t.mend();
      t.start(A);
      expect.leader(A, C);
      t.write("y", "1");
    }),
  );
});

describe("what is deleted", () => {
  it(
    "#14 an AppendEntries that comes a second time does not shorten a log that goes on behind it",
    scenario(({ t, expect, A, B, C, D, E }) => {
      // C, D and E hear of everything, and acknowledge nothing yet.
      t.stallDisk(C, 500);
      for (const node of [D, E]) t.stallDisk(node, 1_500);
      const again = t.record("appendEntries", A, B);
      const writes = ["1", "2", "3", "4"].map((value) => {
        const write = t.writeAt(A, "x", value);
        expect.holds(B, "x", value);
        return write;
      });
      again();
      expect.asLongAs(B, A);
      expect.holds(B, "x", "4");
      // With B and C it is a majority, if B has not forgotten.
      for (const write of writes) expect.applied(write);
    }, { nodes: 5 }),
  );

  it(
    "#14 an AppendEntries of a deposed leader that comes late deletes nothing and adds nothing",
    scenario(({ t, expect, A, B, C }) => {
      const late = { toB: t.record("appendEntries", A, B), toC: t.record("appendEntries", A, C) };
      t.isolate(A);
      t.writeAt(A, "x", "lost");
      const leader = expect.leader(B, C);
      t.write("x", "kept");
      expect.level(B, C);
      const [follower, comesLate] = leader === B ? [C, late.toC] : [B, late.toB];
      comesLate();
      expect.holds(follower, "x", "kept");
      expect.asLongAs(follower, leader);
    }),
  );

  it(
    "#19 a log with entries of three terms that nobody has is repaired in five rounds",
    scenario(({ t, expect, A, B, C, D, E }) => {
      t.split();
      // Turn by turn A and B lead alone, with the votes of C and D, which hear nothing else.
      for (let turn = 1; turn <= 3; turn++) {
        for (const node of [A, B]) {
          if (!node.leads) {
            for (const voter of [C, D]) t.cutBefore("appendEntries", node, voter);
            t.star(node, C, D);
            expect.leads(node);
            t.split();
          }
          for (let at = 0; at < 20; at++) t.writeAt(node, "x", `${node.id} in ${turn}: ${at}`);
          expect.stepsDown(node);
        }
      }
      t.star(B, C, D);
      expect.leader(B);
      const refusals = t.count(isRefusal, A, B);
      t.mend();
      t.write("x", "kept");
      expect.value("x", "kept", A, B, C, D, E);
      expect.atMost(5, refusals(), "refusals of A to append");
    }, { nodes: 5 }),
  );
});

describe("what still counts", () => {
  it(
    "#16 what a follower acknowledged before it lost it counts no more when it comes late",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(C);
      const late = t.record("appendEntriesReply", B, A);
      t.cut(B, A);
      const write = t.writeAt(A, "x", "1");
      expect.holds(B, "x", "1");
      t.pass(5);
      t.kill(B);
      t.damageLastEntry(B);
      // A hears of the loss, and cannot make it good.
      t.cutBefore("appendEntries", A, B);
      t.mendWay(B, A);
      t.start(B);
      expect.recovering(B);
      expect.isCut(A, B);
      late();
      expect.pending(write, 300);
      t.mend();
      expect.healed(B);
    }),
  );

  it(
    "#16 what a follower acknowledged in an earlier term says nothing of what stands there now",
    scenario(({ t, expect, A, B, C, D, E }) => {
      t.star(A, C);
      const late = t.record("appendEntriesReply", C, A);
      for (let at = 1; at <= 50; at++) t.writeAt(A, "x", `lost ${at}`);
      expect.holds(C, "x", "lost 50");
      t.split([B, D, E]);
      const heir = expect.leader(B, D, E);
      t.write("x", "kept");
      t.mend();
      expect.level(A, B, C, D, E);
      expect.transferred(t.transfer(heir, A), A);
      expect.level(A, B, C, D, E);
      // Of five only A and B have the new entries in those places.
      for (const node of [C, D, E]) t.stallDisk(node, 900);
      const writes = Array.from({ length: 50 }, (_, at) => t.writeAt(A, "x", `new ${at}`));
      expect.holds(B, "x", "new 49");
      late();
      for (const write of writes) expect.pending(write, 5);
      for (const write of writes) expect.applied(write);
    }, { nodes: 5 }),
  );

  it(
    "#17 what a write made durable says nothing of the entries that replaced its own meanwhile",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(A);
      t.stallDisk(A, 6_000);
      for (let at = 0; at < 3; at++) t.writeAt(A, "x", `lost ${at}`);
      const leader = expect.leader(B, C);
      for (let at = 0; at < 3; at++) t.write("x", `kept ${at}`);
      t.mend();
      expect.follows(A, leader);
      // The write of the lost entries is done; that of those in their place has to wait.
      expect.holds(A, "x", "lost 2");
      t.stallDisk(A, 1_000);
      t.pass(300);
      expect.shows(A, "x", undefined);
      t.kill(A);
      t.start(A);
      expect.whole(A);
    }),
  );
});

describe("what is under way", () => {
  it(
    "#50 a follower that does not answer is sent no more than its window holds",
    scenario(({ t, expect, A, B, C }) => {
      t.clog(A, C, 3_000);
      const sent = t.count(({ kind }) => kind === "appendEntries", A, C);
      for (let at = 0; at < 100; at++) t.write("x", `${at}`);
      expect.atMost(8, sent(), "AppendEntries to C");
      expect.value("x", "99", B);
      t.pass(3_000);
      expect.value("x", "99", C);
    }, { config: { "raft.inflight_messages_max": "8" } }),
  );
});
