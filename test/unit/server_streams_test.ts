/** Streams of a server with sockets, files and a log below it. */

import { loadConfig } from "../../src/config/load.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { startServer } from "../../src/server.ts";
import { FrameReader } from "../harness/frame_reader.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const runtime = await currentRuntime();

describe(`A server on ${runtime.name}`, () => {
  it("streams a range and holds a lease, and ends both when it is told to stop", async () => {
    using temp = makeTempDir("streams");
    const flags = Object.entries({
      ...{ node_id: "1", data_dir: temp.path, http_addr: "127.0.0.1:0", rpc_addr: "127.0.0.1:0" },
      ...{ "network.shutdown_grace_ms": "60000", "storage.space_low_bytes": "0" },
      "storage.space_reserve_bytes": "0",
    }).map(([path, text]) => ({ flag: path, path, text }));
    const server = await startServer({
      config: loadConfig({ flags }).config,
      runtime,
      logger: createLogger({
        ...{ level: "error", format: "text", write: () => {}, timestamp: () => "" },
      }),
    });
    const base = server.httpUrl;
    await until(async () => (await fetch(`${base}/readyz`)).ok, { what: "the node to be ready" });
    const value = new Uint8Array(1024 * 1024).fill(97);
    for (let at = 0; at < 40; at++) {
      const put = await fetch(`${base}/v1/kv/k${at + 10}?ttl=1h`, { method: "PUT", body: value });
      await put.arrayBuffer();
      assert.equal(put.status, 201);
    }
    const text = await (await fetch(`${base}/v1/kv?format=ndjson&limit=3`)).text();
    assert.match(text.split("\n").at(-2)!, /^{"end":true,"count":3,"revision":41}$/);

    const range = await fetch(`${base}/v1/kv?format=ndjson`);
    const hold = new FrameReader(await fetch(`${base}/v1/leases/1/hold`));
    assert.equal((await hold.next())?.event, "held");
    const stopped = server.stop();
    assert.equal((await hold.next())?.event, "closing");
    const last = (await range.text()).split("\n").at(-2)!;
    assert.deepEqual(JSON.parse(last).error?.code, "draining", last.slice(0, 200));
    await stopped;
    assert.equal((await server.stopped).code, 0);
  });
});
