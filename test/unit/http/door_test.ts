import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { hostName, servedHosts } from "../../../src/http/host_guard.ts";
import { until } from "../../harness/wait.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe({ hosts: { names: ["kv.internal"], anyAddress: false } });
});

describe("the host of a request", () => {
  it("is a loopback name or address, or a configured name", async () => {
    for (
      const host of [
        "localhost",
        "localhost:7400",
        "LOCALHOST",
        "a.localhost:1",
        "127.0.0.1:7400",
        "127.8.9.10",
        "[::1]:7400",
        "kv.internal",
        "KV.internal:8081",
        "kv.internal.",
      ]
    ) {
      assert.equal((await probe.ask(`GET http://${host}/livez`)).status, 200, host);
      const sent = await probe.ask("GET /livez", { headers: { Host: host } });
      assert.equal(sent.status, 200, host);
    }
  });

  it("is 421 otherwise, for reads, writes and probes, whichever way it comes", async () => {
    for (
      const host of [
        "evil.example",
        "evil.example:7400",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "xlocalhost",
        "10.0.0.1",
        "[::2]",
        "0.0.0.0",
        "kv.internal.evil",
      ]
    ) {
      await probe.problem(`GET http://${host}/v1/kv/a`, "421 wrong_host");
      const headers = { Host: host };
      await probe.problem("GET /v1/kv/a", "421 wrong_host", { headers });
      await probe.problem("PUT /v1/kv/a", "421 wrong_host", { headers, body: "x" });
      await probe.problem("GET /readyz", "421 wrong_host", { headers });
      await probe.problem("GET /nowhere", "421 wrong_host", { headers });
    }
    assert.equal(probe.kv.reads + probe.kv.writes, 0);
  });

  it("is also the address that the node listens on, and the one that it advertises", async () => {
    const hosts = servedHosts({
      boundHost: "192.0.2.2",
      advertised: "kv1.internal:8081",
      configured: ["fd00::7", "kv.internal:80"],
    });
    probe = new HttpProbe({ hosts });
    const served = [
      "192.0.2.2:7400",
      "KV1.internal:8081",
      "[fd00::7]:1",
      "kv.internal",
      "localhost",
    ];
    for (const host of served) {
      assert.equal((await probe.ask(`GET http://${host}/livez`)).status, 200, host);
    }
    for (const host of ["192.0.2.3:7400", "[fd00::8]", "kv2.internal:8081"]) {
      await probe.problem(`GET http://${host}/livez`, "421 wrong_host");
    }
  });

  it("is any address, and still no other name, where the node listens on all of them", async () => {
    for (const boundHost of ["0.0.0.0", "::"]) {
      probe = new HttpProbe({
        hosts: servedHosts({ boundHost, advertised: undefined, configured: [] }),
      });
      for (const host of ["192.0.2.2:7400", "[fd00::1]:7400", "127.0.0.1"]) {
        assert.equal((await probe.ask(`GET http://${host}/livez`)).status, 200, host);
      }
      for (const host of ["evil.example", "192.0.2.2.evil.example", "[fd00::1].evil.example"]) {
        await probe.problem("GET /livez", "421 wrong_host", { headers: { Host: host } });
      }
    }
  });

  it("is refused when it is there and empty, and the refusal names the configuration", async () => {
    const refused = await probe.problem("GET /livez", "421 wrong_host", { headers: { Host: "" } });
    assert.match(refused.detail, /the names in security\.http_hosts$/);
  });

  it("is compared without port, final dot and letter case", () => {
    assert.equal(hostName("Example.COM.:80"), "example.com");
    assert.equal(hostName("[::1]:7400"), "[::1]");
    assert.equal(hostName("[::1]"), "[::1]");
  });
});

describe("Sec-Fetch-Site", () => {
  it("lets web pages of other sites change nothing", async () => {
    for (const site of ["cross-site", "same-site", "", "None", "x"]) {
      const headers = { "Sec-Fetch-Site": site };
      for (
        const line of [
          "PUT /v1/kv/a",
          "DELETE /v1/kv/a",
          "DELETE /v1/kv?all=true",
          "POST /v1/cluster/leadership",
        ]
      ) {
        const refused = await probe.problem(line, "403 forbidden", { headers });
        assert.equal(refused.outcome, "not_applied");
      }
    }
    assert.equal(probe.kv.writes, 0);
    assert.equal(probe.cluster.transfers, 0);
  });

  it("lets programs, typed addresses and own pages in, and everybody read", async () => {
    for (const site of ["none", "same-origin"]) {
      const init = { headers: { "Sec-Fetch-Site": site }, body: "x" };
      assert.ok((await probe.ask("PUT /v1/kv/a", init)).status < 300, site);
    }
    const read = await probe.ask("GET /v1/kv/a", { headers: { "Sec-Fetch-Site": "cross-site" } });
    assert.equal(read.status, 200);
    assert.equal(read.headers.has("Access-Control-Allow-Origin"), false);
  });
});

describe("the limit of waiting requests", () => {
  it("refuses one more with 429, lets probes through, and forgets finished ones", async () => {
    const limits = { valueBytesMax: 10, requestBytesMax: 10, waitingRequestsMax: 2 };
    probe = new HttpProbe({ limits });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    probe.kv.before = () => held;
    const waiting = [probe.ask("GET /v1/kv/a"), probe.ask("PUT /v1/kv/a", { body: "x" })];
    await until(() => probe.kv.reads + probe.kv.writes === 2, { what: "both to be held" });
    const refused = await probe.problem("PUT /v1/kv/b", "429 overloaded", { body: "x" });
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.retryable, true);
    assert.equal(refused.headers.get("Retry-After"), "1");
    assert.equal((await probe.ask("GET /livez")).status, 200);
    release();
    await Promise.all(waiting);
    assert.ok((await probe.ask("PUT /v1/kv/b", { body: "x" })).status < 300);
  });

  it("counts failed requests down as well", async () => {
    const limits = { valueBytesMax: 10, requestBytesMax: 10, waitingRequestsMax: 1 };
    probe = new HttpProbe({ limits });
    for (let i = 0; i < 3; i++) await probe.problem("GET /v1/kv/none", "404 key_not_found");
    for (let i = 0; i < 3; i++) await probe.problem("GET /v1/kv/a?x=1", "400 validation_failed");
  });
});

describe("the request id", () => {
  it("is the client's where it sent a sensible one", async () => {
    const own = await probe.ask("GET /livez", { headers: { "X-Request-Id": "trace/42" } });
    assert.equal(own.headers.get("X-Request-Id"), "trace/42");
    await probe.ask("GET /v1/kv/a", { headers: { "X-Request-Id": "passed-on" } });
    assert.equal(probe.kv.lastRead?.options.requestId, "passed-on");
  });

  it("is drawn anew otherwise, and differs between requests", async () => {
    const seen = new Set<string | null>();
    for (const bad of ["a b", "x".repeat(129), "é"]) {
      const answer = await probe.ask("GET /livez", { headers: { "X-Request-Id": bad } });
      assert.notEqual(answer.headers.get("X-Request-Id"), bad);
      seen.add(answer.headers.get("X-Request-Id"));
    }
    for (let i = 0; i < 10; i++) {
      seen.add((await probe.ask("GET /livez")).headers.get("X-Request-Id"));
    }
    assert.equal(seen.size, 13);
  });
});

describe("paths and methods", () => {
  it("an unknown path is 404, a known one with another method 405 with Allow", async () => {
    for (
      const line of [
        "GET /",
        "GET /v1",
        "GET /v1/",
        "GET /v2/kv/a",
        "GET /v1/history",
        "GET /v1/leases/",
        "GET /v1/leases/7/",
        "GET /v1/leases/7/keys",
        "GET /v1/snapshot/",
        "GET /v1/cluster/",
        "GET /v1/cluster/watch/",
        "GET /v1/cluster/members/",
        "GET /metrics",
        "GET /livez/",
        "GET /v1%2Fkv/a",
        "GET //v1/kv/a",
      ]
    ) {
      await probe.problem(line, "404 route_not_found");
    }
    for (
      const [line, allow] of [
        ["OPTIONS /v1/kv/a", "GET, HEAD, PUT, PATCH, POST, DELETE"],
        ["OPTIONS /v1/kv64/YQ", "GET, HEAD, PUT, PATCH, POST, DELETE"],
        ["OPTIONS /v1/kv/", "GET, HEAD, PUT, PATCH, POST, DELETE"],
        ["PUT /v1/history/a/b", "GET, HEAD"],
        ["DELETE /v1/history64/YQ", "GET, HEAD"],
        ["GET /v1/txn", "POST"],
        ["PUT /v1/batch", "POST"],
        ["DELETE /v1/leases", "POST, GET, HEAD"],
        ["PUT /v1/leases/7", "GET, HEAD, DELETE"],
        ["GET /v1/leases/7/keepalive", "POST"],
        ["GET /v1/compactions", "POST"],
        ["POST /v1/snapshot", "GET, HEAD, PUT"],
        ["PUT /v1/kv", "GET, HEAD, DELETE"],
        ["POST /v1/kv", "GET, HEAD, DELETE"],
        ["PUT /v1/cluster/members", "GET, HEAD, POST"],
        ["PUT /v1/cluster/members/2", "GET, HEAD, PATCH, DELETE"],
        ["GET /v1/cluster/members/2/replacement", "POST"],
        ["GET /v1/cluster/leadership", "POST"],
        ["PUT /v1/cluster", "GET, HEAD"],
        ["POST /v1/cluster/watch", "GET, HEAD"],
        ["POST /readyz", "GET, HEAD"],
      ] as const
    ) {
      const refused = await probe.problem(line, "405 method_not_allowed");
      assert.equal(refused.headers.get("Allow"), allow, line);
    }
  });

  it("tells what a later version answers from what is no path at all", async () => {
    for (
      const line of ["GET /metrics", "GET /metrics/node"]
    ) {
      const { detail } = await probe.problem(line, "404 route_not_found");
      assert.equal(detail, `${line.split(" ")[1]} is not available in this version, see /docs`);
    }
    for (const line of ["GET /v1/watches", "GET /v1/leases/7/holds", "GET /metrics2"]) {
      const { detail } = await probe.problem(line, "404 route_not_found");
      assert.match(detail, / is not a path here, see \/docs$/);
    }
    const { detail } = await probe.problem("POST /v1/kv", "405 method_not_allowed");
    assert.match(detail, /^POST is not allowed on \/v1\/kv, /);
  });

  it("HEAD is answered wherever GET is", async () => {
    const paths = [
      ...["/v1/kv", "/v1/history/a", "/v1/leases", "/v1/cluster", "/v1/cluster/members"],
      ...["/readyz", "/docs"],
    ];
    for (const path of paths) {
      const answer = await probe.ask(`HEAD ${path}`);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.bytes.length, 0);
    }
  });
});
