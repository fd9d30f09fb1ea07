/** The invariants of watches, locks and elections, on news made up by hand: each can break. */

import { encodeCommand } from "../../../src/kv/command_encoding.ts";
import type { ChangeEvent } from "../../../src/kv/query.ts";
import { ClusterLog } from "../../simulation/cluster_log.ts";
import type { ContestNews, Scene, WatchNews } from "../../simulation/invariant.ts";
import { contestContract } from "../../simulation/invariants/contest_contract.ts";
import { watchContract } from "../../simulation/invariants/watch_contract.ts";
import { Witness } from "../../simulation/witness.ts";
import { bytes, del, EntryMaker, put } from "../../harness/kv_commands.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

const wallMs = 0;

/** Three changes: revision 2 puts a, 3 puts b, 4 deletes a. */
function sceneOf(): Scene & { nowUs: number } {
  const maker = new EntryMaker();
  const witness = new Witness();
  for (const operation of [put("a", "1"), put("b", "1"), del("a")]) {
    witness.apply(maker.raw(encodeCommand({ wallMs, operation })));
  }
  const { nodes } = new SimCluster({ seed: 1, ids: [1] });
  return { nowUs: 0, nodes, log: new ClusterLog(), witness, isImpostor: () => false };
}

const times = (index: number) => ({ timeMs: index * 10, wallMs });
const a = { key: bytes("a"), value: bytes("1"), create: 2, mod: 2, version: 1 };
const putA: ChangeEvent = { kind: "put", record: a };
const delA: ChangeEvent = { kind: "delete", key: bytes("a"), mod: 4 };

function change(revision: number, event: ChangeEvent): WatchNews["news"] {
  const changes = { revision, times: times(revision - 1), events: [event], isPartial: false };
  return { kind: "changes", changes };
}

/** The first thing that is wrong with what a watcher of `a` is told. */
function faultOf(
  told: readonly WatchNews["news"][],
  committed = 4,
): string | undefined {
  const scene = sceneOf();
  const faults: string[] = [];
  const { watched } = watchContract(scene, (text) => faults.push(text));
  const target = { kind: "key", key: bytes("a") } as const;
  const watcher = { name: "w", target, prev: false, kind: undefined };
  for (const news of told) watched({ watcher, node: scene.nodes[0]!, committed, news });
  return faults[0];
}

const begins = { kind: "begins", after: 1, floor: undefined } as const;
const progress = (revision: number) => ({ kind: "progress", revision }) as const;

describe("the watch contract", () => {
  it("holds where all is told in order, over two connections", () => {
    const resumes = { kind: "resumes", after: 2 } as const;
    const told = [begins, change(2, putA), resumes, progress(3), change(4, delA), progress(4)];
    assert.equal(faultOf(told), undefined);
  });

  const wrong: readonly (readonly [string, readonly WatchNews["news"][], RegExp, number?])[] = [
    ["a gap", [begins, change(4, delA)], /leaves 2 out before it comes to 3/],
    ["a gap behind progress", [begins, progress(3)], /leaves 2 out before it comes to 3/],
    ["a repetition", [begins, change(2, putA), change(2, putA)], /tells of 2 behind 2/],
    ["what is not committed", [begins, change(2, putA)], /committed is no more than 1/, 1],
    ["another event", [begins, change(2, delA)], /tells .* of 2, not /],
    ["nothing at all", [begins, change(2, putA), change(3, putA)], /of 3, not \[\]/],
    ["a present that is past", [{ ...begins, floor: 4 }], /takes 1 for now, where it was 4/],
    ["a false oldest", [begins, { kind: "compacted", oldest: 3 }], /calls 3 the oldest/],
  ];
  for (const [what, told, expected, committed] of wrong) {
    it(`is broken by ${what}`, () => assert.match(faultOf(told, committed) ?? "", expected));
  }
});

/** The first thing that is wrong with what is believed, each with the time when it is told. */
function contestFaultOf(
  told: readonly (readonly [atUs: number, who: string, token: number, ContestNews["news"]])[],
): string | undefined {
  const scene = sceneOf();
  const faults: string[] = [];
  const { contested } = contestContract(scene, (text) => faults.push(text));
  for (const [atUs, who, token, news] of told) {
    scene.nowUs = atUs;
    contested({ who, area: "lock", name: bytes("x"), token, news });
  }
  return faults[0];
}

const holds = (untilUs: number) => ({ kind: "holds", untilUs }) as const;
const letsGo = { kind: "letsGo" } as const;

describe("the contest contract", () => {
  it("holds from holder to holder, who lets go or is silent", () => {
    const fault = contestFaultOf([
      ...[[0, "a", 2, holds(10)], [5, "a", 2, holds(20)], [6, "a", 2, letsGo]] as const,
      ...[[7, "b", 3, holds(20)], [20, "c", 5, holds(30)], [31, "c", 5, { kind: "gone" }]] as const,
    ]);
    assert.equal(fault, undefined);
  });

  it("is broken by two at a time, a token that was there, and a lease that ends early", () => {
    const two = contestFaultOf([[0, "a", 2, holds(10)], [9, "b", 3, holds(20)]]);
    assert.match(two ?? "", /b of lock x with token 3 .* and so is still a/);
    const again = contestFaultOf([[0, "a", 2, holds(10)], [10, "b", 2, holds(20)]]);
    assert.match(again ?? "", /and so was somebody with 2/);
    const early = contestFaultOf([[0, "a", 2, holds(10)], [9, "a", 2, { kind: "gone" }]]);
    assert.match(early ?? "", /has lost it 1 µs before its lease may end/);
  });
});
