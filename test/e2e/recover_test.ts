/** A single node whose log is damaged on the disk: refused with the way out, which then works. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildCommand, type NodeProcess, withCluster } from "../harness/processes.ts";
import { requestOnce } from "../harness/http_once.ts";
import { runtimeName } from "../harness/runtime.ts";
import { assert, describe, it } from "../harness/test.ts";

describe(`a single node on ${runtimeName} with a damaged log`, () => {
  it("starts again once the loss is accepted, with everything that its store holds", async () => {
    await withCluster({ builds: [runtimeName] }, async (cluster) => {
      const node = cluster.node(1);
      await cluster.start();
      for (let at = 0; at < 20; at++) assert.equal(await put(node, `key-${at}`), 201);
      await node.stop();
      damage(join(node.dataDir, "raft.db"), "key-17");

      node.start();
      const { code } = await node.ended();
      assert.equal(code, 1);
      assert.match(node.logTail(3), /skein recover --accept-data-loss/);

      const [program = "", ...args] = buildCommand(runtimeName);
      const words = ["recover", "--accept-data-loss", "--config", node.configPath];
      const recovered = spawnSync(program, [...args, ...words], { encoding: "utf8" });
      assert.equal(recovered.status, 0, recovered.stderr);
      assert.match(recovered.stdout, /^Accepted that .* is missing or damaged\nThe node goes on/);

      await cluster.start();
      for (let at = 0; at < 20; at++) {
        const url = `${node.url}/v1/kv/key-${at}`;
        const answer = await requestOnce({ method: "GET", url, withinMs: 60_000 });
        assert.equal(answer.kind === "answered" && answer.body, "value");
      }
      assert.equal(await put(node, "afterwards"), 201);
    });
  });
});

/** Turns one bit in the entry that holds `text`. */
function damage(path: string, text: string): void {
  const bytes = readFileSync(path);
  const at = bytes.lastIndexOf(text);
  assert.ok(at > 0, `${text} is not in ${path}`);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

async function put(node: NodeProcess, key: string): Promise<number> {
  const url = `${node.url}/v1/kv/${key}`;
  const answer = await requestOnce({ method: "PUT", url, body: "value", withinMs: 60_000 });
  return answer.kind === "answered" ? answer.status : 0;
}
