/**
 * Random runs of whole clusters of cores (test/harness/raft_chaos.ts). A seed that fails is run
 * again by SKEIN_SEED=<seed>.
 */

import process from "node:process";
import { RaftChaos } from "../../harness/raft_chaos.ts";
import { ownHalf } from "../../harness/runtime.ts";
import { assert, describe, it } from "../../harness/test.ts";

const steps = 2500;
const healMs = 60_000;
const groups = 5;
const seedsPerGroup = 60;

function live(seed: number): RaftChaos {
  const chaos = new RaftChaos(seed);
  try {
    chaos.run(steps);
    chaos.heal(healMs);
  } catch (error) {
    throw new Error(`Seed ${seed} in ${chaos.place}: ${String(error)}`, { cause: error });
  }
  return chaos;
}

describe("Cores in a random world", () => {
  const only = process.env["SKEIN_SEED"];
  if (only !== undefined) {
    it(`seed ${only}`, () => void live(Number(only)));
    return;
  }

  const total: Record<string, number> = {};
  for (let group = 0; group < groups; group++) {
    const first = (ownHalf * groups + group) * seedsPerGroup + 1;
    const last = first + seedsPerGroup - 1;
    it(`seeds ${first} to ${last} stay safe, and come to life when healed`, () => {
      for (let seed = first; seed <= last; seed++) {
        for (const [what, count] of Object.entries(live(seed).counts)) {
          total[what] = (total[what] ?? 0) + count;
        }
      }
    });
  }

  // A world in which nothing goes wrong proves nothing.
  const floors = {
    elections: 750,
    committed: 7_500,
    readable: 2000,
    transferred: 300,
    changed: 125,
    truncated: 100,
    crashed: 1000,
    disksLost: 12,
    recovered: 6,
    compacted: 500,
    adopted: 75,
  };
  for (const [what, floor] of Object.entries(floors)) {
    it(`together they see at least ${floor} times: ${what}`, () => {
      assert.ok((total[what] ?? 0) >= floor, `${what}: ${total[what] ?? 0}`);
    });
  }

  it("a seed is a run: twice the same events", () => {
    for (const seed of [3, 14, 159]) assert.equal(live(seed).trace, live(seed).trace);
    assert.notEqual(live(3).trace, live(4).trace);
  });
});
