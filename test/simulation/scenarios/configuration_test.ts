/** Changes of who votes, by joint consensus, and everything that may come between. */

import { describe, it } from "../../harness/test.ts";
import { scenario } from "./play.ts";
import { electionTimeoutMs } from "./stage.ts";

describe("when a change may begin", () => {
  it(
    "#30 a leader that has committed nothing in its term yet changes no configuration",
    scenario(({ t, expect, A, B, C }) => {
      t.kill(A);
      // B gets the vote of C, and its first entry gets nowhere.
      t.cutBefore("appendEntries", B, C);
      t.cutBefore("appendEntries", C, B);
      const leader = expect.firstLeader(B, C);
      const early = t.changeVoters(leader, B, C);
      expect.refused(early, "changeInProgress");
      t.mend();
      expect.applied(t.changeVoters(expect.leader(B, C), B, C));
    }),
  );

  it(
    "#31 a second change while the first is under way is refused, and leaves no trace",
    scenario(({ t, expect, A, B, C }) => {
      t.stallDisk(B, 600);
      t.stallDisk(C, 600);
      const first = t.changeVoters(A, A, B);
      expect.pending(first, 100);
      const before = A.status().lastIndex;
      const second = t.changeVoters(A, A, B, C);
      expect.refused(second, "changeInProgress");
      expect.atMost(before, A.status().lastIndex, "entries in the log of A");
      expect.applied(first);
      for (const node of [A, B, C]) expect.voters(node, A, B);
    }),
  );

  it(
    "#35 the id of a removed node is never given out again",
    scenario(({ t, expect, A, B, C, D }) => {
      expect.applied(t.remove(A, D));
      expect.refused(t.add(A, D), "invalidChange");
      expect.voters(A, A, B, C);
      t.retire(D);
    }, { nodes: 4 }),
  );
});

describe("a change under way", () => {
  it(
    "#33 a joint configuration commits nothing with the new majority alone",
    scenario(({ t, expect, A, B, C, D, E }) => {
      expect.applied(t.changeVoters(A, A, B, C));
      t.split([A, D, E], [B, C]);
      const change = t.changeVoters(A, A, D, E);
      const lost = t.writeAt(A, "x", "lost");
      for (const node of [D, E]) expect.holds(node, "x", "lost");
      expect.pending(change, 500);
      expect.pending(lost, 1);
      // By the old configuration B and C are a majority.
      expect.leader(B, C);
      t.write("x", "kept");
      t.mend();
      expect.value("x", "kept", A, B, C, D, E);
      for (const node of [A, B, C, D, E]) expect.voters(node, A, B, C);
    }, { nodes: 5 }),
  );

  it(
    "#33 a joint configuration counts after a restart, committed or not",
    scenario(({ t, expect, A, B, C, D, E }) => {
      expect.applied(t.changeVoters(A, A, B, C));
      t.split([A, B], [C, D, E]);
      t.changeVoters(A, A, D, E);
      t.writeAt(A, "x", "1");
      for (const node of [A, B]) expect.holds(node, "x", "1");
      t.kill(A, B);
      t.start(A, B);
      // A majority of A, B and C, none of A, D and E.
      expect.neverLead(3 * electionTimeoutMs, A, B, C, D, E);
      t.mend();
      expect.leader(A, B);
      // The new leader goes on from where the old one was.
      for (const node of [A, B, C, D, E]) expect.voters(node, A, D, E);
      expect.leader(A, D, E);
      expect.value("x", "1", A, B, C, D, E);
    }, { nodes: 5 }),
  );

  it(
    "#32 a configuration that is overwritten is in effect no more, not even after a restart",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(A);
      const change = t.changeVoters(A, A);
      expect.unknown(change, "leadershipLost");
      expect.leader(B, C);
      t.write("x", "1");
      t.mend();
      expect.value("x", "1", A, B, C);
      expect.voters(A, A, B, C);
      t.kill(A);
      t.start(A);
      expect.voters(A, A, B, C);
      t.kill(B);
      expect.leader(A, C);
      t.write("x", "2");
    }),
  );
});

describe("who leaves", () => {
  it(
    "#34 a leader that gives up its vote does not count itself, and leads until that is committed",
    scenario(({ t, expect, A, B, C }) => {
      t.stallDisk(C, 800);
      const change = t.changeVoters(A, B, C);
      // A and B have it; of B and C, who are to decide without A, only one.
      expect.pending(change, 500);
      expect.steadyLeader(A, 1);
      expect.stepsDown(A);
      expect.voters(A, B, C);
      const leader = expect.leader(B, C);
      expect.follows(A, leader);
      t.write("x", "1");
      t.kill(leader);
      // Of B and C only one is left.
      expect.neverSays("preVote", A, 3 * electionTimeoutMs);
      expect.neverLead(electionTimeoutMs, A, B, C);
    }),
  );

  it(
    "#9 a removed node that did not hear of it asks for votes, is told, and deposes nobody",
    scenario(({ t, expect, A, B, C, D }) => {
      t.isolate(D);
      expect.applied(t.remove(A, D));
      // So long that the leader does not look for it any more.
      t.pass(12 * electionTimeoutMs);
      t.mend();
      expect.steadyLeader(A, 3 * electionTimeoutMs);
      expect.neverSays("preVote", D, 3 * electionTimeoutMs);
      t.write("x", "1");
      expect.value("x", "1", A, B, C);
      t.retire(D);
    }, { nodes: 4 }),
  );
});
