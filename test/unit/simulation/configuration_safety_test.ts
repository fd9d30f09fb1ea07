/** I10 on logs made up by hand: each of its rules can break. */

import { encodeConfiguration, makeEntry } from "../../../src/raft/encoding.ts";
import type { Configuration, Entry } from "../../../src/raft/types.ts";
import { ClusterLog } from "../../simulation/cluster_log.ts";
import type { Scene } from "../../simulation/invariant.ts";
import { configurationSafety } from "../../simulation/invariants/configuration_safety.ts";
import { Witness } from "../../simulation/witness.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** What is wrong with what the leader of a young cluster hands to its disk next, if anything. */
function faultOf(entriesOf: (at: { index: number; term: number }) => readonly Entry[]) {
  const cluster = new SimCluster();
  const leader = cluster.form();
  const { nodes } = cluster;
  const scene: Scene = {
    ...{ nowUs: 0, nodes, log: new ClusterLog(), witness: new Witness() },
    isImpostor: () => false,
  };
  const faults: string[] = [];
  const { handedOver } = configurationSafety(scene, (text) => faults.push(text));
  const { lastIndex, term, commitIndex } = leader.status();
  const entries = entriesOf({ index: lastIndex + 1, term });
  handedOver(leader, { number: 9, hardState: { currentTerm: term, commitIndex }, entries });
  return { fault: faults[0] ?? "", leader: leader.id };
}

function entry(index: number, term: number, configuration?: Configuration): Entry {
  return configuration === undefined
    ? makeEntry({ index, term, kind: "command", timeMs: 0, data: new Uint8Array([1]) })
    : makeEntry({
      ...{ index, term, kind: "configuration", timeMs: 0 },
      data: encodeConfiguration(configuration),
    });
}

describe("configuration safety", () => {
  it("holds for a leader that votes, be it among those who leave", () => {
    assert.equal(faultOf(({ index, term }) => [entry(index, term)]).fault, "");
    const joint = {
      ...configurationOf({ voters: [8, 9] }),
      outgoing: configurationOf({ voters: [1, 2, 3] }).members,
    };
    const { fault } = faultOf(({ index, term }) => [
      entry(index, term, joint),
      entry(index + 1, term),
    ]);
    assert.equal(fault, "");
  });

  it("is broken by a leader that takes something on and does not vote", () => {
    const { fault } = faultOf(({ index, term }) => [
      entry(index, term, configurationOf({ voters: [8, 9] })),
      entry(index + 1, term),
    ]);
    assert.match(fault, /^node \d leads term \d+ and appends entry \d+, though it does not vote/);
  });
});
