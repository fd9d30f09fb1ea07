import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, probeDocument } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function fail(name: string): void {
  probe.cluster.checks = probe.cluster.checks.map((check) =>
    check.name === name ? { ...check, ok: false, detail: "not yet" } : check
  );
}

describe("probes", () => {
  it("/livez answers whatever the state of the node", async () => {
    fail("formed");
    fail("leader");
    assert.equal((await probe.ask("GET /livez")).text, "ok\n");
  });

  it("/readyz is 200 once every check holds, and prints them with ?verbose", async () => {
    assert.equal((await probe.ask("GET /readyz")).text, "ok\n");
    assert.equal(
      (await probe.ask("GET /readyz?verbose")).text,
      "[+] formed: cluster test-cluster, node 1\n[+] recovered: the log is complete\n" +
        "[+] replayed: applied 12 of 12\n[+] leader: node 1\nok\n",
    );
  });

  it("/readyz is 503 with the failing check, and all of them with ?verbose", async () => {
    fail("leader");
    const refused = await probe.problem("GET /readyz", "503 not_ready");
    assert.equal(refused.detail, "Not ready: leader: not yet");
    assert.equal(refused.retryable, true);
    assert.equal(refused.headers.get("Retry-After"), "1");
    assert.equal("checks" in refused.body, false);
    const verbose = await probe.problem("GET /readyz?verbose", "503 not_ready");
    assert.deepEqual(verbose.body["checks"], probe.cluster.checks);
  });

  it("/startupz does not ask for a leader: a restart would not bring one", async () => {
    fail("leader");
    assert.equal((await probe.ask("GET /startupz")).status, 200);
    fail("replayed");
    await probe.problem("GET /startupz", "503 not_ready");
  });

  it("/startupz does not wait for a backup that is restored: nor would that be", async () => {
    const check = { name: "first_restore", ok: false, detail: "not yet" };
    probe.cluster.checks = [...probe.cluster.checks, check, { ...check, name: "restored" }];
    assert.equal((await probe.ask("GET /startupz")).status, 200);
    await probe.problem("GET /readyz", "503 not_ready");
  });

  it("/startupz passes a node that is taken for another one: so it would be again", async () => {
    const check = { name: "identity", ok: false, detail: "node 2 greets node 7 here" };
    probe.cluster.checks = [...probe.cluster.checks, check];
    assert.equal((await probe.ask("GET /startupz")).status, 200);
    await probe.problem("GET /readyz", "503 not_ready");
  });
});

describe("/version", () => {
  it("tells what is running", async () => {
    assert.deepEqual(await probe.json("GET /version", 200), {
      version: "0.1.0",
      commit: "0000000",
      runtime: "bun",
      runtime_version: "1.4.5",
      sqlite: "3.54.1",
      protocol_version: 1,
      data_version: 4,
    });
  });
});

describe("the interface's description", () => {
  it("/openapi.json is the document", async () => {
    const document = await probe.json("GET /openapi.json", 200);
    assert.deepEqual(document, JSON.parse(JSON.stringify(probeDocument)));
  });

  it("/docs shows every operation and needs nothing from anywhere", async () => {
    const page = await probe.ask("GET /docs");
    assert.match(page.headers.get("Content-Type") ?? "", /^text\/html/);
    assert.match(page.headers.get("Content-Security-Policy") ?? "", /^default-src 'none'/);
    const operations = [
      ...["getValue", "putValue", "listKeys", "runTxn", "runBatch", "grantLease", "getHistory64"],
      ...["transferLeadership", "checkReady"],
    ];
    for (const id of operations) assert.ok(page.text.includes(`id="${id}"`), id);
    // The body of a request, with its schema and an example.
    assert.ok(page.text.includes('<code>application/json</code> <a href="#schema-Txn">'));
    assert.ok(page.text.includes("<pre>{&quot;ttl&quot;:&quot;30s&quot;}</pre>"));
    // The description of a condition has quotes and would have markup in it.
    assert.ok(page.text.includes("&quot;0&quot;"));
    assert.doesNotMatch(page.text, /<script|<link|<img|src=|url\(|@import|https?:\/\/(?!127\.)/);
  });
});
