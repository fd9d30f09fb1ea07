/**
 * Real processes under load while the worst happens to them. Afterwards every acknowledged write
 * must be there, and everything that every client saw must fit into one order.
 */

import { describe, it } from "../harness/test.ts";
import { Load } from "../harness/load.ts";
import { type Build, type ProcessCluster, withCluster } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { assertLinearizable } from "../harness/verdict.ts";
import { until } from "../harness/wait.ts";

const other = runtimeName === "bun" ? "deno" : "bun";
const alike: readonly Build[] = [runtimeName, runtimeName, runtimeName];
const mixed: readonly Build[] = [runtimeName, other, runtimeName];

type Misfortune = (cluster: ProcessCluster, load: Load) => Promise<void>;

const misfortunes: Readonly<Record<string, Misfortune>> = {
  "kill -9 of the leader, again and again": async (cluster, load) => {
    for (let time = 0; time < 3; time++) {
      const leader = await cluster.leader();
      await acknowledged(load, 20);
      await leader.kill();
      await cluster.leader();
      await acknowledged(load, 20);
      leader.start();
      await leader.ready();
    }
  },
  "kill -9 of every node at once": async (cluster, load) => {
    await acknowledged(load, 50);
    await cluster.kill();
    await cluster.start();
    await acknowledged(load, 50);
  },
  "a leader that stands still for longer than an election takes": async (cluster, load) => {
    const old = await cluster.leader();
    await acknowledged(load, 20);
    old.pause();
    await cluster.leader({ other: old });
    await acknowledged(load, 50);
    old.resume();
    await acknowledged(load, 50);
    await old.ready();
  },
  "a rolling restart": async (cluster, load) => {
    for (const node of cluster.nodes) {
      await acknowledged(load, 20);
      await node.stop();
      node.start();
      await node.ready();
    }
    await acknowledged(load, 20);
  },
};

/** Each befalls nodes of one build on one runtime, and a mixed cluster on the other. */
for (const [at, [misfortune, happen]] of Object.entries(misfortunes).entries()) {
  const builds = (at % 2 === 0) === (runtimeName === "bun") ? alike : mixed;
  describe(`three nodes under load, on ${builds.join(", ")}`, () => {
    it(`lose nothing and show nothing stale after ${misfortune}`, async () => {
      await withCluster({ builds }, async (cluster) => {
        await cluster.start();
        const load = new Load({
          ...{ urls: () => cluster.urls, clients: 6, keys: 5, seed: 1, pauseMs: 5 },
        });
        try {
          await happen(cluster, load);
        } finally {
          await load.stop();
        }
        await cluster.start();
        await load.readBack();
        assertLinearizable(load.history.calls(), `${cluster.folder}/history`);
      });
    });
  });
}

/** Waits until so many further writes were acknowledged. */
async function acknowledged(load: Load, count: number): Promise<void> {
  const written = () => load.history.calls().filter(({ outcome }) => outcome.kind === "written");
  const target = written().length + count;
  await until(() => written().length >= target, {
    what: `${count} further writes to be acknowledged`,
    everyMs: 50,
  });
}
