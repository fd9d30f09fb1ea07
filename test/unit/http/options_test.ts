import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(async () => {
  probe = new HttpProbe();
  await probe.put("a", "1");
});

/** One request of each operation that takes options. */
const operations = [
  "GET /v1/kv/a",
  "HEAD /v1/kv/a",
  "PUT /v1/kv/a",
  "PATCH /v1/kv/a",
  "POST /v1/kv/a",
  "DELETE /v1/kv/a",
  "GET /v1/kv64/YQ",
  "PUT /v1/kv64/YQ",
  "PATCH /v1/kv64/YQ",
  "POST /v1/kv64/YQ",
  "DELETE /v1/kv64/YQ",
  "GET /v1/kv",
  "DELETE /v1/kv",
  "GET /v1/history/a",
  "GET /v1/history64/YQ",
  "POST /v1/txn",
  "POST /v1/batch",
  "POST /v1/leases",
  "GET /v1/leases",
  "GET /v1/leases/7",
  "DELETE /v1/leases/7",
  "POST /v1/leases/7/keepalive",
  "POST /v1/compactions",
  "GET /v1/cluster",
  "GET /v1/cluster/members",
  "POST /v1/cluster/leadership",
  "GET /livez",
  "GET /readyz",
  "GET /startupz",
  "GET /version",
  "GET /openapi.json",
  "GET /docs",
] as const;

describe("unknown options", () => {
  it("are 400 on every operation, before anything is done", async () => {
    for (const operation of operations.filter((line) => !line.startsWith("HEAD"))) {
      const refused = await probe.problem(`${operation}?zebra=1`, "400 validation_failed");
      assert.equal(refused.issues[0]?.path, "zebra");
      assert.match(refused.detail, /^"zebra" is not an option of this request/);
    }
    assert.equal((await probe.ask("HEAD /v1/kv/a?zebra=1")).status, 400);
    assert.equal(probe.kv.writes, 1);
    assert.equal(probe.kv.reads, 0);
  });

  it("name the nearest known word", async () => {
    const nearest = async (line: string): Promise<string | undefined> => {
      const { detail } = await probe.problem(line, "400 validation_failed");
      return /did you mean (\w+)\?$/.exec(detail)?.[1];
    };
    assert.equal(await nearest("PUT /v1/kv/a?cas=5"), "if_match");
    assert.equal(await nearest("GET /v1/kv?recurse=true"), "prefix");
    assert.equal(await nearest("GET /v1/kv/a?consistancy=eventual"), "consistency");
    assert.equal(await nearest("PUT /v1/kv/a?ifmatch=5"), "if_match");
    assert.equal(await nearest("PUT /v1/kv/a?If-Match=5"), "if_match");
    assert.equal(await nearest("PUT /v1/kv/a?TTL=5s"), "ttl");
    assert.equal(await nearest("GET /v1/kv?separator=/"), "delimiter");
    assert.equal(await nearest("GET /readyz?verbos"), "verbose");
    assert.equal(await nearest("GET /v1/kv/a?stale"), "consistency");
    assert.equal(await nearest("PUT /v1/kv/a?__proto__=1"), undefined);
    assert.equal(await nearest("PUT /v1/kv/a?constructor=1"), undefined);
  });

  it("are all told at once", async () => {
    const refused = await probe.problem(
      "GET /v1/kv/a?zebra=1&timeout=soon&consistency=strong&min_revision=-1",
      "400 validation_failed",
    );
    assert.deepEqual(refused.issues.map((issue) => issue.path).sort(), [
      "consistency",
      "min_revision",
      "timeout",
      "zebra",
    ]);
  });
});

describe("an option", () => {
  it("given twice is 400, even with the same value", async () => {
    for (
      const line of [
        "GET /v1/kv/a?timeout=1s&timeout=1s",
        "GET /v1/kv?prefix=a&prefix=a",
        "PUT /v1/kv/a?if_match=2&if_match=2",
        "DELETE /v1/kv?prefix=a&prefix=b",
        "GET /readyz?verbose&verbose",
      ]
    ) {
      const refused = await probe.problem(line, "400 validation_failed");
      assert.match(refused.detail, /is given 2 times, allowed is once/);
    }
  });

  it("names field, value and what is allowed when its value is wrong", async () => {
    const detail = async (line: string) =>
      (await probe.problem(line, "400 validation_failed")).detail;
    assert.equal(
      await detail("GET /v1/kv/a?consistency=stale"),
      'consistency is "stale", allowed are linearizable, lease, eventual',
    );
    assert.equal(
      await detail("GET /v1/kv/a?timeout=61s"),
      'timeout is "61s", allowed is 1ms to 60s, written like 500ms, 5s, 1m',
    );
    assert.equal(
      await detail("GET /v1/kv?limit=0"),
      'limit is "0", allowed is an integer from 1 to 10000',
    );
    assert.equal(
      await detail("GET /v1/kv?reverse=1"),
      'reverse is "1", allowed are true and false',
    );
    assert.equal(
      await detail("GET /v1/kv/a?timeout=1%FF"),
      'timeout is "1\ufffd", which is not valid UTF-8',
    );
    assert.match(await detail("GET /v1/kv?prefix=%4"), /^prefix is "%4", which has a %/);
    assert.match(
      await detail(`GET /v1/kv?cursor=${"A".repeat(12_000)}`),
      /…", allowed are up to 11264 letters$/,
    );
    assert.equal(
      await detail("GET /v1/kv?key64="),
      'key64 is "", allowed is a key in base64url',
    );
  });

  it("with a bad percent escape is 400", async () => {
    await probe.problem("GET /v1/kv/a?timeout=%", "400 validation_failed");
    await probe.problem("GET /v1/kv?prefix=%4", "400 validation_failed");
    await probe.problem("GET /v1/kv?%zz=1", "400 bad_request");
  });

  it("durations are a number with a unit and nothing else", async () => {
    for (const good of ["1ms", "500ms", "5s", "60s", "1m", "60000ms", "0001s"]) {
      assert.equal((await probe.ask(`GET /v1/kv/a?timeout=${good}`)).status, 200, good);
    }
    for (const bad of ["", "5", "s", "1.5s", "-1s", "1 s", "5S", "1s1s", "1h", "1d", "0s", "61s"]) {
      const line = `GET /v1/kv/a?timeout=${encodeURIComponent(bad)}`;
      await probe.problem(line, "400 validation_failed");
    }
    assert.equal((await probe.ask("GET /v1/kv/a?max_staleness=30d")).status, 200);
  });

  it("revisions are safe integers", async () => {
    const largest = Number.MAX_SAFE_INTEGER;
    const late = `GET /v1/kv/a?min_revision=${largest}&timeout=1ms`;
    await probe.problem(late, "504 timeout");
    for (const bad of [`${largest + 1}`, "-1", "1.0", "0x1", "1e3", "", "٣"]) {
      await probe.problem(`GET /v1/kv/a?min_revision=${bad}`, "400 validation_failed");
      await probe.problem(`GET /v1/kv/a?revision=${bad}`, "400 validation_failed");
    }
    await probe.problem("GET /v1/kv/a?revision=0", "400 validation_failed");
  });

  it("flags are given bare, or as true or false", async () => {
    for (const on of ["prev", "prev=", "prev=true"]) {
      const answer = await probe.json(`PUT /v1/kv/a?${on}`, 200, { body: "x" });
      assert.ok("prev" in answer, on);
    }
    assert.equal("prev" in await probe.json("PUT /v1/kv/a?prev=false", 200, { body: "x" }), false);
  });
});

describe("cluster_id", () => {
  it("of another cluster is 421, as header and as query, before anything is done", async () => {
    const other = { headers: { "KV-Cluster-Id": "other" } };
    for (const operation of operations.filter((line) => / \/v1\//.test(line))) {
      if (operation.startsWith("HEAD")) continue;
      const refused = await probe.problem(operation, "421 wrong_cluster", other);
      assert.match(refused.detail, /"other".*"test-cluster"/);
      await probe.problem(`${operation}?cluster_id=other`, "421 wrong_cluster");
    }
    assert.equal(probe.kv.writes, 1);
    assert.equal(probe.cluster.transfers, 0);
  });

  it("of this cluster passes; two that differ are a contradiction", async () => {
    const own = { headers: { "KV-Cluster-Id": "test-cluster" } };
    assert.equal((await probe.ask("GET /v1/kv/a", own)).status, 200);
    assert.equal((await probe.ask("GET /v1/kv/a?cluster_id=test-cluster", own)).status, 200);
    await probe.problem("GET /v1/kv/a?cluster_id=other", "400 validation_failed", own);
  });
});

describe("redirect", () => {
  it("is 307 to the same address at the leader, without reading or writing", async () => {
    probe.cluster.current = { ...probe.cluster.current, nodeId: 2, role: "follower" };
    for (
      const line of [
        "GET /v1/kv/a%2Fb?redirect=true&timeout=1s",
        "PUT /v1/kv/a%2Fb?redirect",
        "DELETE /v1/kv/a?redirect=true",
        "GET /v1/kv?prefix=a&redirect=true",
        "DELETE /v1/kv?prefix=a&redirect=true",
        "PATCH /v1/kv/a?redirect=true",
        "POST /v1/kv/a?redirect=true",
        "GET /v1/history/a?redirect=true",
        "POST /v1/txn?redirect=true",
        "POST /v1/batch?redirect=true",
        "POST /v1/leases?redirect=true",
        "GET /v1/leases/7?redirect=true",
        "POST /v1/leases/7/keepalive?redirect=true",
        "POST /v1/compactions?redirect=true",
        "POST /v1/cluster/leadership?redirect=true",
      ]
    ) {
      const answer = await probe.ask(line, line.startsWith("PUT") ? { body: "x" } : {});
      assert.equal(answer.status, 307, line);
      assert.equal(answer.headers.get("Location"), `http://127.0.0.1:7400${line.split(" ")[1]}`);
      assert.equal(answer.headers.get("KV-Leader"), "1");
    }
    assert.equal(probe.kv.writes, 1);
    assert.equal(probe.kv.reads, 0);
  });

  it("asks the service on the leader, and where no leader's address is known", async () => {
    assert.equal((await probe.ask("GET /v1/kv/a?redirect=true")).status, 200);
    const { current } = probe.cluster;
    probe.cluster.current = { ...current, nodeId: 2, leader: undefined };
    assert.equal((await probe.ask("GET /v1/kv/a?redirect=true")).status, 200);
    const members = current.members.map((member) => ({ ...member, http: undefined }));
    probe.cluster.current = { ...current, nodeId: 2, members };
    assert.equal((await probe.ask("GET /v1/kv/a?redirect=true")).status, 200);
    probe.cluster.current = { ...current, nodeId: 2 };
    assert.equal((await probe.ask("GET /v1/kv/a?redirect=false")).status, 200);
  });
});

describe("what a refusal quotes", () => {
  it("is what was sent: the header, not its translation, and never bytes as numbers", async () => {
    const headers = { Accept: "application/vnd.skein.record+json" };
    const both = await probe.problem("GET /v1/kv/a?format=raw", "400 validation_failed", {
      headers,
    });
    assert.equal(
      both.detail,
      'Accept is "application/vnd.skein.record+json", which contradicts the query\'s format',
    );
    const held = { headers: { "If-Match": '"42"' } };
    const { detail } = await probe.problem("GET /v1/watch", "400 validation_failed", held);
    assert.match(detail, /^If-Match is not available/);
    const keys = Array.from({ length: 1001 }, (_, i) => `key=k${i}`).join("&");
    const many = await probe.problem(`GET /v1/kv?${keys}`, "400 validation_failed");
    assert.equal(
      many.detail,
      "key is given 1001 times, allowed are up to 1000 keys of 1 to 8192 bytes",
    );
    const empty = await probe.problem("GET /v1/kv?key=a&key=", "400 validation_failed");
    assert.equal(
      empty.detail,
      "key has 0 bytes, allowed are up to 1000 keys of 1 to 8192 bytes",
    );
  });
});
