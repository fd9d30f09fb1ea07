import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HandClock, HttpProbe, jsonInit } from "../../harness/http_probe.ts";
import { ServiceError } from "../../../src/service/errors.ts";

let probe: HttpProbe;

beforeEach(async () => {
  probe = new HttpProbe();
  await probe.put("a", "one", { "Content-Type": "text/plain; charset=utf-8" });
});

describe("GET /v1/kv/{key}", () => {
  it("answers the bytes with their media type, whatever is accepted", async () => {
    const answer = await probe.ask("GET /v1/kv/a", { headers: { Accept: "image/png" } });
    const nonsense = { headers: { Accept: "constructor, __proto__" } };
    assert.equal((await probe.ask("GET /v1/kv/a", nonsense)).status, 200);
    assert.equal(answer.status, 200);
    assert.equal(answer.text, "one");
    assert.equal(answer.headers.get("Content-Type"), "text/plain; charset=utf-8");
    assert.equal(answer.headers.get("ETag"), '"2"');
  });

  it("tells node, leader, level, revision and cluster, and guards browsers", async () => {
    const { headers } = await probe.ask("GET /v1/kv/a");
    const { "x-request-id": requestId, ...rest } = Object.fromEntries(headers);
    assert.match(requestId ?? "", /^[!-~]+$/);
    assert.deepEqual(rest, {
      "cache-control": "private, no-cache",
      "content-security-policy": "sandbox; default-src 'none'",
      "content-type": "text/plain; charset=utf-8",
      "cross-origin-resource-policy": "same-origin",
      "etag": '"2"',
      "kv-cluster-id": "test-cluster",
      "kv-consistency": "linearizable",
      "kv-leader": "1",
      "kv-revision": "2",
      "kv-served-by": "1",
      "vary": "Accept",
      "x-content-type-options": "nosniff",
    });
  });

  it("leaves KV-Leader out while there is none", async () => {
    probe.kv.leader = undefined;
    assert.equal((await probe.ask("GET /v1/kv/a")).headers.has("KV-Leader"), false);
  });

  it("gives any bytes back as they were put", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    await probe.put("bytes", bytes);
    const answer = await probe.ask("GET /v1/kv/bytes");
    assert.deepEqual(answer.bytes, bytes);
    assert.equal(answer.headers.get("Content-Type"), "application/octet-stream");
  });

  it("answers the record by format or Accept, under another strong tag", async () => {
    const record = {
      key: "a",
      value: "one",
      create: 2,
      mod: 2,
      version: 1,
      content_type: "text/plain; charset=utf-8",
    };
    const accept = "application/vnd.skein.record+json";
    assert.deepEqual(await probe.json("GET /v1/kv/a?format=record", 200), record);
    assert.deepEqual(await probe.json("GET /v1/kv/a", 200, { headers: { accept } }), record);
    const both = { headers: { accept: `text/html, ${accept};q=0.5, */*` } };
    const answer = await probe.ask("GET /v1/kv/a?format=record", both);
    assert.equal(answer.headers.get("ETag"), '"2.r"');
    assert.equal(answer.headers.get("Content-Type"), accept);
    const refused = { headers: { accept: `${accept};q=0` } };
    assert.equal((await probe.ask("GET /v1/kv/a", refused)).text, "one");
    await probe.problem("GET /v1/kv/a?format=raw", "400 validation_failed", {
      headers: { accept },
    });
  });

  it("writes key64 and value64 for bytes that are not UTF-8, and never both", async () => {
    await probe.put("%FF", Uint8Array.of(0xfe));
    assert.deepEqual(await probe.json("GET /v1/kv/%FF?format=record", 200), {
      key64: "_w",
      value64: "_g",
      create: 3,
      mod: 3,
      version: 1,
      content_type: "application/octet-stream",
    });
    await probe.put("bom", Uint8Array.of(0xef, 0xbb, 0xbf, 0x61));
    assert.equal((await probe.json("GET /v1/kv/bom?format=record", 200))["value"], "\ufeffa");
  });

  it("tells the lease of a key that hangs on one", async () => {
    const id = "9223372036854775807";
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id }));
    await probe.json(`PUT /v1/kv/l?lease=${id}`, 201);
    const record = await probe.json("GET /v1/kv/l?format=record", 200);
    assert.equal(record["lease"], "9223372036854775807");
    assert.equal(record["value"], "");
  });

  it("is 404 with the tag of absence and the store's headers where there is no key", async () => {
    const { headers, detail } = await probe.problem("GET /v1/kv/none", "404 key_not_found");
    assert.match(detail, /^none does not exist$/);
    assert.equal(headers.get("ETag"), '"0"');
    assert.equal(headers.get("KV-Revision"), "2");
    assert.equal(headers.get("KV-Consistency"), "linearizable");
    assert.equal(headers.get("KV-Served-By"), "1");
    assert.equal(headers.get("KV-Cluster-Id"), "test-cluster");
  });

  it("takes the path as bytes: slashes of all kinds, plus, space, letters", async () => {
    for (
      const [sent, same] of [
        ["x%2Fy", "x/y"],
        ["x//y", "x%2F%2Fy"],
        ["x/", "x%2f"],
        ["p+q", "p%2Bq"],
        ["%C3%A9", "%c3%a9"],
        ["a%20b", "%61%20%62"],
      ] as const
    ) {
      await probe.put(sent, sent);
      assert.equal((await probe.ask(`GET /v1/kv/${same}`)).text, sent, same);
    }
    assert.equal((await probe.ask("GET /v1/kv/x")).status, 404);
  });

  it("refuses empty and malformed keys with 400, overlong ones with 414", async () => {
    await probe.problem("GET /v1/kv/", "400 bad_request");
    await probe.problem("GET /v1/kv/%4", "400 bad_request");
    await probe.problem("GET /v1/kv/a%zz", "400 bad_request");
    await probe.problem(`GET /v1/kv/${"k".repeat(8193)}`, "414 key_too_long");
    assert.equal((await probe.ask(`GET /v1/kv/${"k".repeat(8192)}`)).status, 404);
  });

  it("answers the past, and 410 with the oldest revision when it is compacted", async () => {
    await probe.put("a", "two");
    const past = await probe.ask("GET /v1/kv/a?revision=2");
    assert.equal(past.text, "one");
    assert.equal(past.headers.get("ETag"), '"2"');
    await probe.problem("GET /v1/kv/a?revision=1", "404 key_not_found");
    probe.kv.store.compact(3);
    const { body } = await probe.problem("GET /v1/kv/a?revision=2", "410 revision_compacted");
    assert.equal(body["oldest"], 3);
  });

  it("waits for a revision to come, within the time-out", async () => {
    const waiting = probe.ask("GET /v1/kv/a?revision=3&timeout=20s");
    await probe.put("a", "three");
    assert.equal((await waiting).text, "three");
    const late = await probe.problem("GET /v1/kv/a?revision=9&timeout=5ms", "504 timeout");
    assert.equal(late.retryable, true);
    await probe.problem("GET /v1/kv/a?min_revision=9&timeout=5ms", "504 timeout");
  });

  it("passes level, revisions, staleness and time-out on to the service", async () => {
    probe = new HttpProbe({ clock: new HandClock() });
    await probe.put("a", "one");
    await probe.ask("GET /v1/kv/a");
    assert.equal(probe.kv.lastRead?.options.level, "linearizable");
    assert.equal(probe.kv.lastRead?.options.minRevision, undefined);
    assert.equal(probe.kv.lastRead?.options.maxStalenessMs, undefined);
    assert.equal(probe.kv.lastRead?.options.timeoutMs, 5_000);
    await probe.ask(
      "GET /v1/kv/a?consistency=eventual&min_revision=2&max_staleness=1m&timeout=250ms",
    );
    const { level, minRevision, maxStalenessMs, timeoutMs, signal } = probe.kv.lastRead!.options;
    assert.deepEqual({ level, minRevision, maxStalenessMs, timeoutMs }, {
      level: "eventual",
      minRevision: 2,
      maxStalenessMs: 60_000,
      timeoutMs: 250,
    });
    assert.ok(signal instanceof AbortSignal);
  });

  it("tells the level, and the staleness of local reads", async () => {
    const local = await probe.ask("GET /v1/kv/a?consistency=eventual");
    assert.equal(local.headers.get("KV-Consistency"), "eventual");
    assert.equal(local.headers.get("KV-Staleness-Ms"), "7");
    const confirmed = await probe.ask("GET /v1/kv/a");
    assert.equal(confirmed.headers.get("KV-Consistency"), "linearizable");
    assert.equal(confirmed.headers.has("KV-Staleness-Ms"), false);
    probe.kv.stalenessMs = Infinity;
    const unknown = await probe.ask("GET /v1/kv/a?consistency=eventual");
    assert.equal(unknown.headers.get("KV-Staleness-Ms"), "unknown");
    const refused = await probe.problem(
      "GET /v1/kv/a?consistency=eventual&max_staleness=500ms",
      "503 too_stale",
    );
    assert.equal(refused.headers.get("Retry-After"), "1");
    assert.equal(refused.headers.get("KV-Leader"), "1");
  });
});

describe("conditions of a read", () => {
  it("If-None-Match is 304 while the tag is the same, with the store's headers", async () => {
    for (const tag of ['"2"', "2", 'W/"2"', '"2-gzip"', '"1", "2"', '"2.r", "2"', "*"]) {
      const answer = await probe.ask("GET /v1/kv/a", { headers: { "If-None-Match": tag } });
      assert.equal(answer.status, 304, tag);
      assert.equal(answer.text, "");
      assert.equal(answer.headers.get("ETag"), '"2"');
      assert.equal(answer.headers.get("KV-Revision"), "2");
    }
    const other = await probe.ask("GET /v1/kv/a", { headers: { "If-None-Match": '"1"' } });
    assert.equal(other.status, 200);
    assert.equal((await probe.ask("GET /v1/kv/a?if_none_match=2")).status, 304);
  });

  it("If-None-Match with the tag of the other representation is no match", async () => {
    const asRecord = { Accept: "application/vnd.skein.record+json" };
    for (const tag of ['"2.r"', "2.r", 'W/"2.r"', '"2.r-gzip"']) {
      const held = { "If-None-Match": tag };
      const raw = await probe.ask("GET /v1/kv/a", { headers: held });
      assert.equal(`${raw.status} ${raw.headers.get("ETag")}`, '200 "2"', tag);
      const record = await probe.ask("GET /v1/kv/a", { headers: { ...held, ...asRecord } });
      assert.equal(`${record.status} ${record.headers.get("ETag")}`, '304 "2.r"', tag);
    }
    const held = { "If-None-Match": '"2"' };
    const record = await probe.ask("GET /v1/kv/a", { headers: { ...held, ...asRecord } });
    assert.equal(`${record.status} ${record.headers.get("ETag")}`, '200 "2.r"');
    assert.equal((await probe.ask("HEAD /v1/kv/a?format=record&if_none_match=2")).status, 200);
    assert.equal((await probe.ask("GET /v1/kv/none?format=record&if_none_match=0")).status, 304);
  });

  it("tells caches that Accept chooses the representation", async () => {
    for (const line of ["GET /v1/kv/a", "HEAD /v1/kv/a", "GET /v1/kv/none", "GET /v1/kv64/YQ"]) {
      assert.equal((await probe.ask(line)).headers.get("Vary"), "Accept", line);
    }
    const unmodified = await probe.ask("GET /v1/kv/a?if_none_match=2");
    assert.equal(unmodified.headers.get("Vary"), "Accept");
  });

  it("If-None-Match on an absent key: 304 to its tag, else 404", async () => {
    assert.equal((await probe.ask('GET /v1/kv/none?if_none_match="0"')).status, 304);
    assert.equal((await probe.ask("GET /v1/kv/none?if_none_match=5")).status, 404);
    assert.equal((await probe.ask("GET /v1/kv/none?if_none_match=*")).status, 404);
  });

  it("If-Match is 412 with the current record when the tag differs", async () => {
    assert.equal((await probe.ask("GET /v1/kv/a", { headers: { "If-Match": '"2"' } })).status, 200);
    assert.equal((await probe.ask("GET /v1/kv/a?if_match=*")).status, 200);
    const refused = await probe.problem("GET /v1/kv/a?if_match=1", "412 precondition_failed");
    assert.equal(refused.detail, "a is at revision 2, If-Match wanted 1");
    assert.deepEqual(refused.body["current"], {
      key: "a",
      value: "one",
      create: 2,
      mod: 2,
      version: 1,
      content_type: "text/plain; charset=utf-8",
    });
    assert.equal(refused.headers.get("ETag"), '"2"');
    assert.equal(refused.headers.get("KV-Revision"), "2");
    const absent = await probe.problem("GET /v1/kv/none?if_match=*", "412 precondition_failed");
    assert.equal(absent.body["current"], null);
  });

  it("refuses what is no tag, never ignores it", async () => {
    for (const bad of ["abc", '"abc"', "", "r2", '"1",', "2 3", "2020-01-01"]) {
      for (const header of ["If-Match", "If-None-Match"]) {
        await probe.problem("GET /v1/kv/a", "400 validation_failed", {
          headers: { [header]: bad },
        });
      }
    }
  });
});

describe("HEAD /v1/kv/{key}", () => {
  it("has the headers of GET, the length, and no body", async () => {
    const get = await probe.ask("GET /v1/kv/a", { headers: { "X-Request-Id": "same" } });
    const head = await probe.ask("HEAD /v1/kv/a", { headers: { "X-Request-Id": "same" } });
    assert.equal(head.status, 200);
    assert.equal(head.bytes.length, 0);
    const { "content-length": length, ...rest } = Object.fromEntries(head.headers);
    assert.equal(length, "3");
    assert.deepEqual(rest, Object.fromEntries(get.headers));
  });

  it("is 404 and 304 like GET", async () => {
    assert.equal((await probe.ask("HEAD /v1/kv/none")).status, 404);
    assert.equal((await probe.ask("HEAD /v1/kv/a?if_none_match=2")).status, 304);
  });
});

describe("failures of the service", () => {
  it("an error of the service is its problem document, with the headers of this node", async () => {
    probe.kv.before = () => {
      throw new ServiceError("no_leader", "There is no leader", {
        retryable: true,
        retryAfterMs: 1500,
      });
    };
    const { headers, retryable } = await probe.problem("GET /v1/kv/a", "503 no_leader");
    assert.equal(retryable, true);
    assert.equal(headers.get("Retry-After"), "2");
    assert.equal(headers.get("KV-Served-By"), "1");
  });

  it("promises no outcome: a read has none", async () => {
    probe.kv.before = () => {
      throw new ServiceError("timeout", "Not in time", { outcome: "not_applied" });
    };
    await probe.problem("GET /v1/kv/a", "504 timeout");
  });

  it("anything else is 500, told to the log and not to the client", async () => {
    probe.kv.before = () => {
      throw new TypeError("secret");
    };
    const { detail } = await probe.problem("GET /v1/kv/a", "500 internal", {
      headers: { "X-Request-Id": "abc" },
    });
    assert.doesNotMatch(detail, /secret/);
    assert.match(detail, /abc/);
    assert.equal(probe.internalErrors.length, 1);
  });
});
