/**
 * Elections that go wrong, and what must hold then. The numbers are those of the design's list of
 * fifty mistakes that other implementations made.
 */

import { describe, it } from "../../harness/test.ts";
import { electionTimeoutMs } from "./stage.ts";
import { scenario } from "./play.ts";

describe("votes", () => {
  it(
    "#1 a vote on its way to the disk elects nobody, and a power cut may take it back",
    scenario(({ t, expect, A, B, C }) => {
      t.stallDisk(C, 800);
      // B asks A in vain: the vote of C decides.
      t.cut(B, A);
      t.transfer(A, B);
      expect.isAheadOf(B, A);
      expect.neverLead(500, B);
      t.cutPower(C);
      t.start(C);
      t.mend();
      expect.leader(A, B, C);
    }),
  );

  it(
    "#3 a leader that steps down within its term keeps its vote of that term",
    scenario(({ t, expect, A, B, C }) => {
      // B asks for votes in the next term, and its request takes long.
      t.clog(B, A, 10_000);
      t.clog(B, C, 10_000);
      const first = t.transfer(A, B);
      expect.failed(first, "timeout");
      // C gets that term, with its own vote and that of A.
      const second = t.transfer(A, C);
      expect.leader(C);
      expect.transferred(second, C);
      t.cut(A, C);
      expect.stepsDown(C);
      // Now B's request comes. Whoever grants it votes twice in one term.
      t.pass(10_000);
    }),
  );

  it(
    "#4 a candidate whose vote for itself is on its way to the disk asks nobody",
    scenario(({ t, expect, A, B, C }) => {
      t.stallDisk(B, 800);
      const asked = t.count(({ kind }) => kind === "requestVote", B, C);
      t.transfer(A, B);
      expect.isAheadOf(B, A);
      t.pass(500);
      expect.atMost(0, asked(), "requests of B for a vote");
      t.cutPower(B);
      t.start(B);
      expect.leader(A, B, C);
    }),
  );

  it(
    "#5 a long log of an old term does not win against a short one of a newer term",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(A);
      for (let at = 0; at < 20; at++) t.writeAt(A, "x", `lost ${at}`);
      const leader = expect.leader(B, C);
      t.write("x", "kept");
      t.kill(leader);
      const other = leader === B ? C : B;
      t.mend();
      expect.leader(other);
      expect.value("x", "kept", A, other);
    }),
  );
});

describe("majorities", () => {
  it(
    "#6 learners make no majority: what a leader has told them alone is not committed",
    scenario(({ t, expect, A, B, C, D, E }) => {
      expect.applied(t.changeVoters(A, A, B, C));
      t.split([A, D, E], [B, C]);
      const lost = t.writeAt(A, "x", "lost");
      for (const learner of [D, E]) expect.holds(learner, "x", "lost");
      expect.pending(lost, 500);
      expect.leader(B, C);
      t.write("x", "kept");
      expect.unknown(lost, "leadershipLost");
      t.mend();
      expect.value("x", "kept");
    }, { nodes: 5 }),
  );

  it(
    "#6 two of four are no majority: neither half commits anything or elects anybody",
    scenario(({ t, expect, A, B, C, D }) => {
      t.split([A, B], [C, D]);
      const lost = t.writeAt(A, "x", "1");
      expect.holds(B, "x", "1");
      expect.pending(lost, 500);
      expect.unknown(lost, "leadershipLost");
      expect.neverLead(5_000, A, B, C, D);
      t.mend();
      expect.leader(A, B, C, D);
      t.write("x", "2");
    }, { nodes: 4 }),
  );

  it(
    "#11 a learner never campaigns, not even when a leader tells it to",
    scenario(({ t, expect, A, B, C, D }) => {
      expect.applied(t.changeVoters(A, A, B, C));
      expect.level(A, D);
      t.tellToCampaign(A, D);
      expect.neverSays("requestVote", D, 500);
      t.kill(A);
      const leader = expect.leader(B, C);
      expect.level(leader, D);
      t.kill(leader);
      // Of three voters one is left; D has all that there is, and waits.
      const other = leader === B ? C : B;
      const asked = t.count(({ kind }) => kind === "preVote", D, other);
      expect.neverLead(3 * electionTimeoutMs, other, D);
      expect.atMost(0, asked(), "requests of D for a vote");
    }, { nodes: 4 }),
  );
});

describe("elections that must come about", () => {
  it(
    "#7 a node of a higher term with a short log does not keep the others from electing",
    scenario(({ t, expect, A, B, C }) => {
      // B campaigns in the next term, and nobody hears of it.
      t.cut(B, A);
      t.cut(B, C);
      const transfer = t.transfer(A, B);
      expect.isAheadOf(B, A);
      t.isolate(B);
      expect.failed(transfer, "timeout");
      t.write("x", "1");
      t.kill(A);
      t.mend();
      // B would need a longer log, C the vote of B, which knows of a term that C does not.
      expect.leader(C);
      expect.value("x", "1", B, C);
    }),
  );

  it(
    "#8 a leader that hears nobody but is heard by all steps down, and the majority elects",
    scenario(({ t, expect, A, B, C }) => {
      t.cut(B, A);
      t.cut(C, A);
      expect.stepsDown(A);
      expect.leader(B, C);
      t.write("x", "1");
      t.mend();
      expect.value("x", "1", A, B, C);
    }),
  );

  it(
    "#8 where all reach one node and nobody else, that node comes to lead",
    scenario(({ t, expect, A, B, C, D, E }) => {
      t.write("x", "1");
      t.star(E, A, B, C, D);
      expect.stepsDown(A);
      expect.leader(E);
      t.write("x", "2");
      expect.steadyLeader(E, 5 * electionTimeoutMs);
      expect.value("x", "2", A, B, C, D);
    }, { nodes: 5 }),
  );

  it(
    "#8 two nodes that lost each other but both reach a third do not depose one another for ever",
    scenario(({ t, expect, A, B, C }) => {
      t.cut(A, B);
      t.cut(B, A);
      expect.steadyLeader(A, 5 * electionTimeoutMs);
      t.write("x", "1");
      expect.value("x", "1", A, C);
    }),
  );
});

describe("elections that must not come about", () => {
  it(
    "#9 a node that comes back after a long time does not depose the leader",
    scenario(({ t, expect, A, B, C }) => {
      t.isolate(C);
      t.pass(10 * electionTimeoutMs);
      t.write("x", "1");
      t.mend();
      expect.steadyLeader(A, 3 * electionTimeoutMs);
      expect.follows(C, A);
      expect.value("x", "1", B, C);
    }),
  );

  it(
    "#9 a node that does not hear the leader any more, and is heard, does not depose it",
    scenario(({ t, expect, A, B, C }) => {
      t.cut(A, C);
      t.cut(B, C);
      expect.steadyLeader(A, 5 * electionTimeoutMs);
      t.write("x", "1");
      expect.value("x", "1", A, B);
    }),
  );
});
