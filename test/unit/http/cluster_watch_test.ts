/** The changes of the cluster over HTTP. */

import { fakeMember, watchesOf } from "../../harness/fake_services.ts";
import { FrameReader } from "../../harness/frame_reader.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

afterEach(async () => {
  await probe.leave();
  assert.equal(probe.watches.size, 0, "whoever has gone holds nothing");
  assert.equal(probe.cluster.listeners, 0, "nobody listens for nobody");
  assert.deepEqual(probe.internalErrors, []);
});

function follow(target = "/v1/cluster/watch", init: RequestInit = {}): Promise<FrameReader> {
  return probe.follow(target, init);
}

const place = (id: number, suffrage = "voter") =>
  `{"id":${id},"suffrage":"${suffrage}","http":"http://127.0.0.1:${7390 + 10 * id}",` +
  `"rpc":"127.0.0.1:${7391 + 10 * id}","client_rpc":null}`;
const leader = (id: number) =>
  `{"id":${id},"http":"http://127.0.0.1:${7390 + 10 * id}","rpc":"127.0.0.1:${7391 + 10 * id}"}`;

describe("GET /v1/cluster/watch", () => {
  it("begins with what is, and tells what changes, each in a frame of its own", async () => {
    const reader = await follow();
    assert.deepEqual(await reader.shown(1), [
      'ready - {"cluster_id":"test-cluster","node_id":1,"term":2,' +
      `"leader":${leader(1)},"members":[${place(1)},${place(2)},${place(3)}],` +
      '"configuration":{"index":1,"joint":false}}',
    ]);
    probe.cluster.setLeader(3);
    assert.deepEqual(await reader.shown(1), [`leadership - {"term":3,"leader":${leader(3)}}`]);
    probe.cluster.setLeader(undefined);
    assert.deepEqual(await reader.shown(1), ['leadership - {"term":4,"leader":null}']);
    probe.cluster.setMembers([fakeMember(1), fakeMember(4, { suffrage: "readOnly" })]);
    assert.deepEqual(await reader.shown(1), [
      `members - {"members":[${place(1)},${place(4, "read_only")}],` +
      '"configuration":{"index":13,"joint":false}}',
    ]);
    const { headers } = reader;
    assert.equal(headers.get("Content-Type"), "text/event-stream");
    assert.equal(headers.get("X-Accel-Buffering"), "no");
    assert.equal(headers.get("KV-Leader"), "1");
    assert.match(reader.text, /^retry: 1000\n\nevent: ready\ndata: \{/);
  });

  it("tells of a configuration that is not committed", async () => {
    const reader = await follow();
    await reader.shown(1);
    probe.cluster.setPending({ index: 18, joint: true, voters: [1, 2] });
    assert.deepEqual(await reader.shown(1), [
      `members - {"members":[${place(1)},${place(2)},${place(3)}],"configuration":` +
      '{"index":1,"joint":false,"pending":{"index":18,"joint":true,"voters":[1,2]}}}',
    ]);
  });

  it("writes the same as lines of JSON", async () => {
    const reader = await follow("/v1/cluster/watch?format=ndjson");
    probe.cluster.setLeader(2);
    const [ready, leadership] = await reader.shown(2);
    assert.match(ready!, /^ready - \{"cluster_id"/);
    assert.equal(leadership, `leadership - {"term":3,"leader":${leader(2)}}`);
    const accepting = { headers: { Accept: "application/x-ndjson" } };
    const lines = await follow("/v1/cluster/watch", accepting);
    await lines.shown(1);
    assert.equal(lines.headers.get("Content-Type"), "application/x-ndjson");
  });

  it("tells who reads slowly what is, not what was meanwhile", async () => {
    const reader = await follow();
    await reader.shown(1);
    for (let turn = 0; turn < 50; turn++) probe.cluster.setLeader(1 + turn % 3);
    probe.cluster.setMembers([fakeMember(1), fakeMember(2)]);
    probe.cluster.setMembers([fakeMember(2)]);
    const [leadership, members] = await reader.shown(2);
    assert.equal(leadership, `leadership - {"term":52,"leader":${leader(2)}}`);
    assert.match(members!, /^members - .*"configuration":\{"index":14,/);
    probe.cluster.setLeader(1);
    assert.match((await reader.shown(1))[0]!, /^leadership - \{"term":53,/);
  });

  it("ends with closing when the node does", async () => {
    const reader = await follow();
    await reader.shown(1);
    const next = reader.shown(2);
    probe.watches.close();
    assert.deepEqual(await next, ["closing - {}", "end"]);
    await probe.problem("GET /v1/cluster/watch", "503 draining");
  });

  it("says from time to time that it goes on", { timeout: 30_000 }, async () => {
    const lines = await follow("/v1/cluster/watch?format=ndjson");
    const events = await follow();
    await Promise.all([lines.shown(1), events.shown(1)]);
    const changed = events.shown(1);
    assert.deepEqual(await lines.shown(1), ["progress - {}"]);
    await until(() => events.comments > 0, { what: "a comment" });
    probe.cluster.setLeader(2);
    assert.match((await changed)[0]!, /^leadership /);
  });
});

describe("A stream of the cluster is refused", () => {
  it("above the limit, which it shares with the watches of keys", async () => {
    const watches = watchesOf(probe.kv, 2, probe.cluster);
    const full = new HttpProbe({ watches, kv: probe.kv });
    const ask = (target: string) =>
      full.app.fetch(new Request(`http://127.0.0.1:7400${target}`), {});
    const [keys, cluster] = [await ask("/v1/watch"), await ask("/v1/cluster/watch")];
    for (const target of ["/v1/watch", "/v1/cluster/watch"]) {
      const { headers, detail } = await full.problem(`GET ${target}`, "429 too_many_watches");
      assert.match(detail, /^2 watches are open/);
      assert.equal(headers.get("Retry-After"), "5");
    }
    await keys.body?.cancel();
    const again = await ask("/v1/cluster/watch");
    assert.equal(again.status, 200);
    await Promise.all([cluster.body?.cancel(), again.body?.cancel()]);
    assert.equal(watches.size, 0);
  });

  it("where its options make no sense", async () => {
    const { detail } = await probe.problem(
      "GET /v1/cluster/watch?format=json",
      "400 validation_failed",
    );
    assert.match(detail, /format is "json", allowed are sse, ndjson/);
    await probe.problem("GET /v1/cluster/watch?prefix=a", "400 validation_failed");
  });

  it("by nothing for HEAD, which opens none", async () => {
    const answer = await probe.ask("HEAD /v1/cluster/watch");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("Content-Type"), "text/event-stream");
  });
});
