/** What a person asks of a node that is not running. */

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { firstWrite } from "../../src/node/birth.ts";
import type { SnapshotImage } from "../../src/node/ports.ts";
import type { Runtime } from "../../src/runtime/mod.ts";
import { systemClock } from "../../src/runtime/system_clock.ts";
import { recoverNode } from "../../src/server_recover.ts";
import { openStorage } from "../../src/server_storage.ts";
import { bytesOf, finished } from "../conformance/image_place.ts";
import { clusterId, openSqliteTables } from "../conformance/state_machine_places.ts";
import { EntryMaker, put } from "../harness/kv_commands.ts";
import { configurationOf } from "../harness/raft_cluster.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";

describe("recoverNode", () => {
  it("leaves nothing behind where there is no node", async () => {
    using temp = makeTempDir("recover");
    const dataDir = join(temp.path, "mistyped");
    const flag = { flag: "--data-dir", path: "data_dir", text: dataDir };
    const { config } = loadConfig({ flags: [flag] });
    const refused = await recoverNode({
      config,
      runtime: await currentRuntime(),
      wish: "acceptLoss",
    });
    const reason = `${dataDir} holds no node: there is no identity.json`;
    assert.deepEqual(refused, { kind: "refused", reason });
    assert.equal(existsSync(dataDir), false);
  });

  it("makes no files in a directory that is no node's", async () => {
    using temp = makeTempDir("recover");
    const flag = { flag: "--data-dir", path: "data_dir", text: temp.path };
    const { config } = loadConfig({ flags: [flag] });
    const runtime = await currentRuntime();
    for (const names of [[], ["incarnation"], ["incarnation", "raft.db"]]) {
      for (const name of names) writeFileSync(join(temp.path, name), "");
      const looked = await recoverNode({ config, runtime, wish: "inspect" });
      assert.equal(looked.kind, "refused");
      assert.deepEqual(readdirSync(temp.path).sort(), names);
    }
  });

  it("goes on from an image that was decided for, and not yet taken over", async () => {
    using temp = makeTempDir("recover");
    const runtime = await currentRuntime();
    const dataDir = join(temp.path, "data");
    const flag = { flag: "--data-dir", path: "data_dir", text: dataDir };
    const { config } = loadConfig({ flags: [flag] });
    const source = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    source.apply(new EntryMaker().commands(["a", "b", "c"].map((key) => put(key, "1"))));
    const image = await new Promise<SnapshotImage | undefined>((resolve) => source.image(resolve));
    assert.ok(image);
    const { meta } = image;
    await decideFor(image, { config, runtime });
    source.close();
    const inspected = await recoverNode({ config, runtime, wish: "inspect" });
    assert.ok(inspected.kind === "remains");
    const { applied, refusal } = inspected.remains;
    assert.deepEqual([applied.index, refusal], [0, undefined]);
    const alone = await recoverNode({ config, runtime, wish: "goOnAlone" });
    assert.equal(alone.kind === "alone" && alone.position.index, meta.position.index + 1);
    const after = await recoverNode({ config, runtime, wish: "inspect" });
    assert.deepEqual(after.kind === "remains" && after.remains.applied, meta.position);
  });
});

/** A node whose log was replaced for an image, and whose process ended right behind that. */
async function decideFor(
  image: SnapshotImage,
  { config, runtime }: { readonly config: Config; readonly runtime: Runtime },
): Promise<void> {
  const onFatal = (error: unknown): never => assert.fail(String(error));
  const storage = openStorage({
    ...{ config, runtime, onFatal },
    ...{ clock: systemClock, onImageProblem: onFatal },
  });
  const birth = configurationOf({ voters: [config.nodeId] });
  storage.identities.save({
    ...{ clusterId, nodeId: config.nodeId, incarnation: "0000000000000001", birth },
    ...{ starts: 1, logEpoch: 1, recovering: false },
  }, () => {});
  const machine = new KvStateMachine({ tables: storage.openTables(clusterId) });
  const stage = machine.stage(image.meta);
  stage.write(await bytesOf(image));
  assert.equal(await finished(stage), "staged");
  const { engine } = storage;
  engine.persist(firstWrite(birth), () => {});
  const hardState = { currentTerm: 1, commitIndex: image.meta.position.index };
  engine.persist({ number: 2, hardState, snapshot: image.meta, entries: [] }, () => {});
  machine.close();
  storage.close();
}
