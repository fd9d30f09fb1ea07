/** Compaction and images under whole nodes: who was away too long, who lost the store. */

import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** An absence of some dozen writes needs an image, and one of several chunks. */
const config = {
  "snapshot.log_entries_max": "20",
  "snapshot.cool_down_ms": "100",
  "snapshot.retained_entries_max": "5",
  "snapshot.held_bytes_max": "0",
  "snapshot.chunk_bytes": "262144",
};
const valueBytes = 64 * 1024;
const keys = 40;

function formed(options: ConstructorParameters<typeof SimCluster>[0] = {}): {
  readonly cluster: SimCluster;
  readonly leader: SimNode;
  readonly follower: SimNode;
} {
  const cluster = new SimCluster({ ...options, config: { ...config, ...options.config } });
  const leader = cluster.form();
  cluster.run(3_000);
  return { cluster, leader, follower: cluster.others(leader)[0] ?? leader };
}

/** Some megabytes, and the log compacted behind most of it. */
function fill(cluster: SimCluster, letter: string): void {
  for (let at = 0; at < keys; at++) cluster.write(`k${at}`, letter.repeat(valueBytes));
  cluster.run(1_000);
}

function installs({ lines }: SimNode): number {
  return lines.filter((line) => line.includes("The store is an image of the leader's")).length;
}

function assertSame(cluster: SimCluster): void {
  cluster.level();
  const states = cluster.nodes.map(({ machine }) => machine?.status());
  for (const state of states) assert.deepEqual(state, states[0]);
}

describe("The log of a node", () => {
  it("is compacted on every node by itself, and a restart goes on from there", () => {
    const { cluster, leader } = formed();
    fill(cluster, "a");
    for (const node of cluster.nodes) {
      const { boundary, applied } = node.status();
      assert.ok(boundary >= 20 && applied - boundary <= 30, `${boundary} of ${applied}`);
    }
    for (const node of cluster.nodes) node.kill();
    cluster.form();
    assert.equal(leader.value("k7")?.length, valueBytes);
    cluster.write("k7", "b");
    assertSame(cluster);
  });

  it("is compacted where there is one node alone", () => {
    const { cluster, leader } = formed({ ids: [1] });
    fill(cluster, "a");
    assert.ok(leader.status().boundary > 20);
    leader.cutPower();
    cluster.form();
    assert.equal(leader.value("k39")?.length, valueBytes);
  });
});

describe("A node whose next entry is compacted", () => {
  it("gets an image, and then entries", () => {
    const { cluster, follower } = formed();
    follower.kill();
    fill(cluster, "a");
    follower.start();
    cluster.until(() => installs(follower) === 1, "an image");
    cluster.write("later", "1");
    assertSame(cluster);
    assert.equal(follower.value("later"), "1");
    assert.equal(installs(follower), 1);
  });

  it("gets an image that takes longer to make than the log grows by what may go", () => {
    const { cluster, leader, follower } = formed();
    follower.kill();
    fill(cluster, "a");
    let made = 0;
    leader.store.tellImage = (tell) => {
      made++;
      cluster.scheduler.after(3_000_000, tell);
    };
    follower.start();
    for (let at = 0; at < 200; at++) {
      cluster.write("more", String(at));
      cluster.run(20);
    }
    cluster.until(() => installs(follower) === 1, "an image");
    assert.equal(made, 1);
    assertSame(cluster);
    cluster.run(1_000);
    assert.ok(leader.status().applied - leader.status().boundary <= 30, "the log is compacted");
  });

  it("serves reads of what it has, and later those of the image", () => {
    const { cluster, follower } = formed();
    cluster.write("k0", "old");
    cluster.level();
    cluster.isolate(follower);
    fill(cluster, "a");
    assert.equal(follower.value("k0"), "old");
    cluster.network.heal();
    cluster.until(() => installs(follower) === 1, "an image");
    assert.equal(follower.value("k0")?.length, valueBytes);
    const read = follower.readIndex(5_000);
    cluster.until(() => read.length > 0, "a linearizable read");
    assert.equal(read[0]?.kind, "readable");
    assertSame(cluster);
  });

  it("goes on where it was when it is killed at any point of the transfer", () => {
    for (let at = 1; at <= 12; at++) {
      const { cluster, follower } = formed({ seed: at });
      follower.kill();
      fill(cluster, "a");
      for (let kill = 0; kill < 3; kill++) {
        follower.start();
        cluster.run(20 + at * 37 + kill * 11);
        if (at % 2 === 0) follower.kill();
        else follower.cutPower();
      }
      follower.start();
      const hasAll = () => follower.formed !== undefined && follower.status().applied >= keys;
      cluster.until(hasAll, "the node to have applied");
      cluster.write("later", "1");
      assertSame(cluster);
    }
  });

  it("gets the image of the next leader when the first one goes", () => {
    const { cluster, leader, follower } = formed();
    follower.kill();
    fill(cluster, "a");
    follower.start();
    cluster.run(150);
    leader.kill();
    cluster.until(() => cluster.others(leader).some(({ leads }) => leads), "another leader");
    cluster.until(() => installs(follower) === 1, "an image");
    leader.start();
    cluster.write("later", "1");
    assertSame(cluster);
  });

  it("gets one while writes go on, and is not trapped in images that are too old", () => {
    const { cluster, follower } = formed({
      config: { "snapshot.bytes_per_second_max": "1048576" },
    });
    follower.kill();
    fill(cluster, "a");
    follower.start();
    for (let at = 0; at < 200; at++) {
      cluster.write(`k${at}`, String(at));
      cluster.run(40);
    }
    assert.equal(installs(follower), 1);
    assertSame(cluster);
  });

  it("waits while its disk is full, and gets it when there is room", () => {
    const { cluster, follower } = formed();
    follower.kill();
    fill(cluster, "a");
    follower.store.isFull = true;
    follower.start();
    cluster.run(5_000);
    assert.equal(installs(follower), 0);
    assert.equal(follower.ended, undefined);
    follower.store.isFull = false;
    cluster.until(() => installs(follower) === 1, "an image", 120_000);
    assertSame(cluster);
  });
});

describe("A node whose store is lost, and whose log is compacted", () => {
  it("needs an image, votes meanwhile, and gets one in a quiet cluster, too", () => {
    const { cluster, follower } = formed();
    fill(cluster, "a");
    cluster.run(5_000);
    follower.kill();
    follower.wipeStore();
    follower.start();
    cluster.until(() => installs(follower) === 1, "an image");
    assertSame(cluster);
  });

  it("counts for writes while it is being healed", () => {
    const { cluster, leader, follower } = formed({
      config: { "snapshot.bytes_per_second_max": "262144" },
    });
    fill(cluster, "a");
    follower.kill();
    follower.wipeStore();
    const [third] = cluster.others(leader, follower);
    third!.kill();
    follower.start();
    cluster.write("meanwhile", "1");
    assert.equal(installs(follower), 0);
    cluster.until(() => installs(follower) === 1, "an image", 120_000);
    third!.start();
    assertSame(cluster);
  });
});
