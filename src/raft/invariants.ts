/**
 * What must hold of every core at every moment, and between any two moments of one core: checked
 * from its own report, so that tests and simulations need no look inside. Each broken rule is one
 * sentence; an empty list is a sound core.
 */

import type { LogReader } from "./ports.ts";
import type { PeerStatus, RaftStatus } from "./status.ts";

/** What is wrong with a core as it reports itself. */
export function checkStatus(self: number, status: RaftStatus): readonly string[] {
  const broken: string[] = [];
  const expect = (holds: boolean, rule: string): void => {
    if (!holds) broken.push(rule);
  };
  const { boundary, applied, stableIndex, commitIndex, lastIndex, role, leader } = status;
  expect(applied <= commitIndex, `applied ${applied} is above commitIndex ${commitIndex}`);
  expect(applied <= stableIndex, `applied ${applied} is above stableIndex ${stableIndex}`);
  expect(commitIndex <= lastIndex, `commitIndex ${commitIndex} is above lastIndex ${lastIndex}`);
  expect(stableIndex <= lastIndex, `stableIndex ${stableIndex} is above lastIndex ${lastIndex}`);
  expect(boundary <= stableIndex, `boundary ${boundary} is above stableIndex ${stableIndex}`);
  expect(
    status.needsSnapshot || boundary <= applied,
    `boundary ${boundary} is above applied ${applied}`,
  );
  expect(
    status.configuration.position.index <= lastIndex,
    `the configuration in effect stands behind lastIndex ${lastIndex}`,
  );
  if (role === "leader") {
    expect(leader === self, `a leader names node ${leader} as leader`);
    expect(status.votedFor === self, `a leader has voted for ${status.votedFor}`);
    expect(status.termStart !== undefined, "a leader has an entry of its own term");
    expect((status.termStart ?? 0) <= lastIndex, "a leader lost its first entry");
    expect(!status.recovering, "a recovering node leads");
    for (const peer of status.peers) broken.push(...checkPeer(peer, lastIndex));
  } else {
    expect(leader !== self, `a ${role} names itself as leader`);
    expect(status.peers.length === 0, `a ${role} keeps progress of peers`);
  }
  if (role === "candidate") {
    expect(status.votedFor === self, `a candidate has voted for ${status.votedFor}`);
  }
  return broken;
}

function checkPeer({ id, match, next }: PeerStatus, lastIndex: number): readonly string[] {
  const broken: string[] = [];
  if (match >= next) broken.push(`match ${match} of peer ${id} is not below next ${next}`);
  if (next > lastIndex + 1) broken.push(`next ${next} of peer ${id} is behind ${lastIndex + 1}`);
  return broken;
}

/** What must not have happened to one core between two reports of one run of its process. */
export function checkStep(before: RaftStatus, after: RaftStatus): readonly string[] {
  const broken: string[] = [];
  const neverFalls = (name: "term" | "commitIndex" | "applied" | "boundary"): void => {
    if (after[name] < before[name]) broken.push(`${name} fell: ${before[name]}, ${after[name]}`);
  };
  neverFalls("term");
  neverFalls("commitIndex");
  neverFalls("applied");
  neverFalls("boundary");
  if (after.term !== before.term) return broken;
  // Paper §5.2: one vote a term, and who has stepped down has still given it.
  if (before.votedFor !== undefined && after.votedFor !== before.votedFor) {
    broken.push(`the vote of term ${after.term} changed: ${before.votedFor}, ${after.votedFor}`);
  }
  if (before.role !== "leader") return broken;
  // Paper §5.3, Leader Append-Only.
  if (after.role === "leader" && after.lastIndex < before.lastIndex) {
    broken.push(`a leader's log shrank: ${before.lastIndex}, ${after.lastIndex}`);
  }
  return broken;
}

/** What is wrong with a log as storage holds it. */
export function checkLog(log: LogReader): readonly string[] {
  const broken: string[] = [];
  const last = log.lastIndex();
  let term = log.term(log.firstIndex() - 1) ?? 0;
  for (let index = log.firstIndex(); index <= last; index++) {
    const here = log.term(index);
    if (here === undefined) broken.push(`entry ${index} is missing before ${last}`);
    else if (here < term) broken.push(`the term falls at ${index}: ${term}, ${here}`);
    term = here ?? term;
  }
  return broken;
}
