/** How long a follower waits for a leader before it asks for votes. */

import { Prng } from "../../src/lib/prng.ts";
import type { RaftDisk } from "./raft_disk.ts";
import { RaftNode, raftOptions } from "./raft_node.ts";

/** After how many ms node 1, alone with this disk and this seed, begins an election. */
export function firstTimeoutMs(disk: RaftDisk, seed: number): number {
  const observer = {
    ...{ sent: () => {}, began: () => {}, finished: () => {}, applied: () => {} },
    ...{ outcome: () => {}, leadership: () => {}, lost: () => {}, stepped: () => {} },
    adopted: () => {},
  };
  const node = new RaftNode({
    ...{ id: 1, disk, rng: new Prng(seed), options: raftOptions, writesInflightMax: 1, observer },
  });
  node.start(0);
  let nowMs = 0;
  while (node.status.role === "follower") node.step({ kind: "tick" }, nowMs += 50);
  return nowMs;
}
