import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, jsonInit, type JsonObject } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

async function grant(more: JsonObject = {}): Promise<string> {
  const lease = await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", ...more }));
  return String(lease["id"]);
}

describe("POST /v1/leases", () => {
  it("is 201 with the lease's place, its id a text and its time in ms", async () => {
    const answer = await probe.ask("POST /v1/leases", jsonInit({ ttl: "30s" }));
    assert.equal(answer.status, 201);
    assert.deepEqual(JSON.parse(answer.text), { id: "1", ttl_ms: 30_000, revision: 1 });
    assert.equal(answer.headers.get("Location"), "/v1/leases/1");
    assert.equal(answer.headers.get("KV-Revision"), "1");
    const named = await probe.json(
      "POST /v1/leases",
      201,
      jsonInit({ ttl: "1m", id: "-9223372036854775808" }),
    );
    assert.deepEqual(named, { id: "-9223372036854775808", ttl_ms: 60_000, revision: 1 });
  });

  it("is 409 for an id that is there already", async () => {
    await grant({ id: "7" });
    const again = jsonInit({ ttl: "5s", id: "7" });
    const refused = await probe.problem("POST /v1/leases", "409 conflict", again);
    assert.equal(refused.detail, "Lease 7 is there already");
    assert.equal(refused.outcome, "not_applied");
    assert.equal((await probe.json("GET /v1/leases/7", 200))["ttl_ms"], 30_000);
  });

  it("takes from one second to one year", async () => {
    for (const ttl of ["1s", "1000ms", "366d", "8784h"]) await grant({ ttl });
    for (const ttl of ["999ms", "0s", "367d", "30", "", "1.5s", 30, null]) {
      const refused = await probe.problem(
        "POST /v1/leases",
        "400 validation_failed",
        jsonInit({ ttl }),
      );
      assert.match(refused.detail, /^ttl is .+, allowed is (1s to 366d, written like|a text)/);
      assert.equal(refused.issues[0]?.path, "ttl");
    }
    const missing = await probe.problem("POST /v1/leases", "400 validation_failed", jsonInit({}));
    assert.equal(
      missing.detail,
      "ttl is missing, allowed is 1s to 366d, written like 500ms, 5s, 1m",
    );
  });

  it("takes ids of 64 bits as text, and no other", async () => {
    for (const id of ["0", "-0", "01", "+1", "1.0", "9223372036854775808", "x", "", 7]) {
      const init = jsonInit({ ttl: "5s", id });
      const refused = await probe.problem("POST /v1/leases", "400 validation_failed", init);
      assert.match(refused.detail, /^id is .+, allowed is a (lease's id, a signed 64-bit|text)/);
    }
    const unknown = jsonInit({ tll: "5s" });
    const near = await probe.problem("POST /v1/leases", "400 validation_failed", unknown);
    assert.match(near.detail, /"tll" is not a member of this body; did you mean ttl\?/);
    assert.equal(probe.kv.writes, 0);
  });
});

describe("a key that hangs on a lease", () => {
  it("goes when the lease is revoked, with all others of it, in one revision", async () => {
    const id = await grant();
    for (const key of ["a", "b"]) await probe.json(`PUT /v1/kv/${key}?lease=${id}`, 201);
    assert.equal((await probe.json("GET /v1/kv/a?format=record", 200))["lease"], id);
    const revoked = await probe.ask(`DELETE /v1/leases/${id}`);
    assert.equal(revoked.status, 204);
    assert.equal(revoked.bytes.length, 0);
    assert.equal(revoked.headers.get("KV-Revision"), "4");
    assert.equal(revoked.headers.has("Content-Type"), false);
    await probe.problem("GET /v1/kv/a", "404 key_not_found");
    await probe.problem("GET /v1/kv/b", "404 key_not_found");
    const gone = await probe.problem(`DELETE /v1/leases/${id}`, "404 lease_not_found");
    assert.equal(gone.detail, `There is no lease ${id}`);
    assert.equal(gone.outcome, "not_applied");
  });

  it("hangs on none after a put without one, and tells its lease when asked for it", async () => {
    const id = await grant();
    const line = `PUT /v1/kv/a?lease=${id}&return=representation`;
    assert.equal((await probe.json(line, 201))["lease"], id);
    assert.equal("lease" in (await probe.json("PUT /v1/kv/a?return=representation", 200)), false);
    await probe.ask(`DELETE /v1/leases/${id}`);
    assert.equal((await probe.ask("GET /v1/kv/a")).status, 200);
  });

  it("may have a lease of its own, by ttl", async () => {
    await probe.json("PUT /v1/kv/a?ttl=90s", 201);
    const id = (await probe.json("GET /v1/kv/a?format=record", 200))["lease"];
    const lease = await probe.json(`GET /v1/leases/${id}`, 200);
    assert.equal(lease["ttl_ms"], 90_000);
    assert.equal(lease["private"], true);
    assert.equal(lease["key_count"], 1);
    const told = await probe.json("PUT /v1/kv/a?ttl=90s&return=representation", 200);
    assert.notEqual(told["lease"], id, "each put with ttl makes one");
    assert.equal((await probe.json("GET /v1/kv/a?format=record", 200))["lease"], told["lease"]);
    await probe.problem(`GET /v1/leases/${id}`, "404 lease_not_found");
    const shared = await probe.problem(
      `PUT /v1/kv/b?lease=${told["lease"]}`,
      "404 lease_not_found",
    );
    assert.equal(shared.detail, `Lease ${told["lease"]} belongs to one key alone`);
    await probe.json("DELETE /v1/kv/a", 200);
    await probe.problem(`GET /v1/leases/${told["lease"]}`, "404 lease_not_found");
  });

  it("tells its own lease to a repetition as well", async () => {
    const once = { headers: { "Idempotency-Key": "k" } };
    const line = "PUT /v1/kv/a?ttl=90s&return=representation";
    const first = await probe.json(line, 201, once);
    assert.equal(first["lease"], "1");
    assert.deepEqual(await probe.json(line, 201, once), first);
    assert.equal("lease" in (await probe.json("PUT /v1/kv/a?ttl=90s", 200)), false);
  });

  it("is refused with a lease that is not there, malformed, full, or besides a ttl", async () => {
    const missing = await probe.problem("PUT /v1/kv/a?lease=8", "404 lease_not_found");
    assert.equal(missing.outcome, "not_applied");
    assert.equal(missing.detail, "There is no lease 8");
    const both = await probe.problem("PUT /v1/kv/a?lease=8&ttl=5s", "400 validation_failed");
    assert.equal(both.detail, "ttl is given together with lease");
    for (const bad of ["0", "x", "", "9223372036854775808"]) {
      await probe.problem(`PUT /v1/kv/a?lease=${bad}`, "400 validation_failed");
    }
    for (const bad of ["0s", "999ms", "367d", "5"]) {
      await probe.problem(`PUT /v1/kv/a?ttl=${bad}`, "400 validation_failed");
    }
    const id = await grant();
    for (let i = 0; i < 10_000; i++) {
      const key = new TextEncoder().encode(`k${i}`);
      const put = { kind: "put", value: new Uint8Array(0), conditions: {}, prev: false } as const;
      probe.kv.store.apply({ ...put, key, lease: id });
    }
    const full = await probe.problem(`PUT /v1/kv/a?lease=${id}`, "409 lease_full");
    assert.equal(full.detail, `Lease ${id} has 10000 keys, which is the most`);
    assert.equal((await probe.json(`PUT /v1/kv/k7?lease=${id}`, 200))["version"], 2);
  });
});

describe("POST /v1/leases/{id}/keepalive", () => {
  it("gives the whole time again", async () => {
    const id = await grant();
    probe.kv.store.apply({ kind: "nothing" });
    const before = await probe.json(`GET /v1/leases/${id}`, 200);
    assert.equal(before["remaining_ms"], 29_990);
    const kept = await probe.json(`POST /v1/leases/${id}/keepalive`, 200);
    assert.deepEqual(kept, { id, ttl_ms: 30_000, revision: 1 });
    assert.equal((await probe.json(`GET /v1/leases/${id}`, 200))["remaining_ms"], 30_000);
  });

  it("is 404 where there is no such lease, and takes no body", async () => {
    const refused = await probe.problem("POST /v1/leases/8/keepalive", "404 lease_not_found");
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.detail, "There is no lease 8");
    const init = { body: "{}", headers: { "Content-Length": "2" } };
    await probe.problem("POST /v1/leases/8/keepalive", "400 bad_request", init);
    await probe.problem("DELETE /v1/leases/8", "400 bad_request", init);
  });
});

describe("GET /v1/leases/{id}", () => {
  it("tells the lease, and its keys where they are asked for", async () => {
    const id = await grant();
    await probe.json(`PUT /v1/kv/b?lease=${id}`, 201);
    await probe.json(`PUT /v1/kv/%FF?lease=${id}`, 201);
    const answer = await probe.ask(`GET /v1/leases/${id}`);
    assert.deepEqual(JSON.parse(answer.text), {
      id,
      ttl_ms: 30_000,
      remaining_ms: 29_980,
      key_count: 2,
      private: false,
      revision: 3,
    });
    assert.equal(answer.headers.get("KV-Consistency"), "linearizable");
    assert.equal(answer.headers.get("KV-Revision"), "3");
    const named = await probe.json(`GET /v1/leases/${id}?keys`, 200);
    assert.deepEqual(named["keys"], [{ key: "b" }, { key64: "_w" }]);
    assert.equal("cursor" in named, false);
  });

  it("names them page by page, wherever a page ends", async () => {
    const id = await grant();
    const key = new Uint8Array(8192).fill(0x61);
    const names: string[] = [];
    for (let i = 0; i < 600; i++) {
      key.set([0x61 + Math.floor(i / 26), 0x61 + i % 26]);
      names.push(new TextDecoder().decode(key));
      probe.kv.store.apply({
        ...{ kind: "put", key: key.slice(), value: new Uint8Array(0), conditions: {}, prev: false },
        lease: id,
      });
    }
    for (const [limit, sizes] of [[256, [256, 256, 88]], [10_000, [257, 257, 86]]] as const) {
      const seen: string[] = [];
      const pages: number[] = [];
      let next: string | undefined = `/v1/leases/${id}?keys&limit=${limit}`;
      while (next !== undefined) {
        const page = await probe.ask(`GET ${next}`);
        const { keys, key_count: keyCount, cursor } = JSON.parse(page.text);
        assert.equal(keyCount, 600);
        pages.push(keys.length);
        for (const { key } of keys) seen.push(key);
        next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("Link") ?? "")?.[1];
        assert.equal(cursor !== undefined, next !== undefined);
      }
      assert.deepEqual(pages, sizes);
      assert.ok(seen.join() === names.join(), "each key once, in their order");
    }
  });

  it("takes a limit and a cursor for its keys alone, and no cursor of another lease", async () => {
    const id = await grant();
    const other = await grant();
    for (const key of ["a", "b"]) await probe.json(`PUT /v1/kv/${key}?lease=${id}`, 201);
    const { keys, cursor } = await probe.json(`GET /v1/leases/${id}?keys&limit=1`, 200);
    assert.deepEqual(keys, [{ key: "a" }]);
    const rest = await probe.json(`GET /v1/leases/${id}?keys&cursor=${cursor}`, 200);
    assert.deepEqual([rest["keys"], "cursor" in rest], [[{ key: "b" }], false]);
    for (const line of [`${other}?keys&cursor=${cursor}`, `${id}?keys&cursor=AA`]) {
      await probe.problem(`GET /v1/leases/${line}`, "400 invalid_cursor");
    }
    for (const word of [`limit=1`, `cursor=${cursor}`]) {
      const line = `GET /v1/leases/${id}?${word}`;
      const { detail } = await probe.problem(line, "400 validation_failed");
      assert.match(detail, / is given without keys$/);
    }
    await probe.problem(`GET /v1/leases/${id}?keys&limit=0`, "400 validation_failed");
  });

  it("is 404 where there is no such lease, and 400 where the path names none", async () => {
    const missing = await probe.problem("GET /v1/leases/8?keys", "404 lease_not_found");
    assert.equal(missing.detail, "There is no lease 8");
    for (const bad of ["x", "0", "01", "9223372036854775808", "%FF", "%"]) {
      for (const line of [`GET /v1/leases/${bad}`, `DELETE /v1/leases/${bad}`]) {
        const refused = await probe.problem(line, "400 bad_request");
        assert.match(refused.detail, /^The lease in the path is ".+", allowed is a lease's id/);
      }
      await probe.problem(`POST /v1/leases/${bad}/keepalive`, "400 bad_request");
    }
  });

  it("takes the read levels, and a revision to wait for but none to look back at", async () => {
    const id = await grant();
    const read = await probe.ask(`GET /v1/leases/${id}?consistency=eventual&min_revision=1`);
    assert.equal(read.headers.get("KV-Staleness-Ms"), "7");
    assert.equal(probe.kv.lastRead?.options.minRevision, 1);
    await probe.problem(`GET /v1/leases/${id}?revision=1`, "400 validation_failed");
    await probe.problem("GET /v1/leases?revision=1", "400 validation_failed");
  });
});

describe("GET /v1/leases", () => {
  it("lists all leases in the order of their ids, page by page", async () => {
    for (const id of ["7", "-3", "9223372036854775807", "100"]) await grant({ id });
    await probe.json("PUT /v1/kv/a?ttl=5s", 201);
    const all = await probe.json("GET /v1/leases", 200);
    const ids = Object(all["items"]).map(({ id }: { readonly id: string }) => id);
    assert.deepEqual(ids, ["-3", "1", "7", "100", "9223372036854775807"]);
    assert.equal(all["count"], 5);
    assert.equal(all["revision"], 2);
    assert.equal("cursor" in all, false);
    assert.deepEqual(Object(all["items"])[1], {
      id: "1",
      ttl_ms: 5000,
      remaining_ms: 5000,
      key_count: 1,
      private: true,
    });
    const seen: string[] = [];
    let next: string | undefined = "/v1/leases?limit=2&consistency=eventual";
    while (next !== undefined) {
      const page = await probe.ask(`GET ${next}`);
      for (const { id } of JSON.parse(page.text).items) seen.push(id);
      next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("Link") ?? "")?.[1];
    }
    assert.deepEqual(seen, ids);
  });

  it("refuses cursors that are none of its own", async () => {
    for (const id of ["1", "2"]) await grant({ id });
    await probe.put("a", "1");
    await probe.put("b", "1");
    const { cursor } = await probe.json("GET /v1/leases?limit=1", 200);
    const other = (await probe.json("GET /v1/kv?limit=1", 200))["cursor"];
    for (const bad of [other, `${cursor}x`, "", "AA"]) {
      await probe.problem(`GET /v1/leases?cursor=${bad}`, "400 invalid_cursor");
    }
    await probe.problem(`GET /v1/kv?cursor=${cursor}`, "400 invalid_cursor");
    await probe.problem("GET /v1/leases?limit=0", "400 validation_failed");
    await probe.problem("GET /v1/leases?limit=10001", "400 validation_failed");
  });

  it("is empty where there are none", async () => {
    assert.deepEqual(await probe.json("GET /v1/leases", 200), { items: [], count: 0, revision: 1 });
  });
});
