import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function text(body: string, headers: HeadersInit = {}): RequestInit {
  return { body, headers };
}

describe("PUT /v1/kv/{key}", () => {
  it("is 201 for a new key and 200 for a known one, with its revision as tag", async () => {
    const created = await probe.ask("PUT /v1/kv/a", text("1"));
    assert.equal(created.status, 201);
    assert.deepEqual(JSON.parse(created.text), { key: "a", revision: 2, create: 2, version: 1 });
    assert.equal(created.headers.get("ETag"), '"2"');
    assert.equal(created.headers.get("KV-Revision"), "2");
    assert.equal(created.headers.get("Cache-Control"), "private, no-cache");
    assert.equal(created.headers.has("KV-Consistency"), false);
    const updated = await probe.ask("PUT /v1/kv/a", text("2"));
    assert.equal(updated.status, 200);
    assert.deepEqual(JSON.parse(updated.text), { key: "a", revision: 3, create: 2, version: 2 });
  });

  it("tells that another node has written, also of a condition that did not hold", async () => {
    assert.equal((await probe.ask("PUT /v1/kv/a", text("1"))).headers.has("KV-Forwarded"), false);
    const write = probe.kv.write.bind(probe.kv);
    probe.kv.write = async (operation, options) => {
      const { result, header } = await write(operation, options);
      return { result, header: { ...header, forwarded: true } };
    };
    for (const line of ["PUT /v1/kv/b", "PUT /v1/kv/b?if_match=7", "DELETE /v1/kv?prefix=b"]) {
      const answer = await probe.ask(line, line.startsWith("PUT") ? text("1") : {});
      assert.equal(answer.headers.get("KV-Forwarded"), "1", line);
    }
    assert.equal((await probe.ask("GET /v1/kv/a")).headers.has("KV-Forwarded"), false);
  });

  it("stores the empty value, and any bytes", async () => {
    await probe.put("empty", "");
    assert.equal((await probe.ask("GET /v1/kv/empty")).bytes.length, 0);
    const withoutBody = await probe.ask("PUT /v1/kv/none");
    assert.equal(withoutBody.status, 201);
  });

  it("answers key64 for a key that is not UTF-8", async () => {
    const result = await probe.json("PUT /v1/kv/%00%FF", 201, text("x"));
    assert.deepEqual(result, { key64: "AP8", revision: 2, create: 2, version: 1 });
  });

  it("adds the record before with prev, and the new one with return=representation", async () => {
    const first = await probe.json("PUT /v1/kv/a?prev=true", 201, text("1"));
    assert.equal(first["prev"], null);
    const second = await probe.json("PUT /v1/kv/a?prev", 200, text("2"));
    assert.deepEqual(second["prev"], {
      key: "a",
      value: "1",
      create: 2,
      mod: 2,
      version: 1,
      content_type: "application/octet-stream",
    });
    const full = {
      key: "a",
      revision: 4,
      create: 2,
      version: 3,
      value: "3",
      mod: 4,
      content_type: "text/x",
    };
    assert.deepEqual(
      await probe.json(
        "PUT /v1/kv/a?return=representation",
        200,
        text("3", {
          "Content-Type": "text/x",
        }),
      ),
      full,
    );
    const preferred = await probe.ask(
      "PUT /v1/kv/a",
      text("4", {
        Prefer: "respond-async, return=representation",
      }),
    );
    assert.equal(JSON.parse(preferred.text).value, "4");
    assert.equal(preferred.headers.get("Preference-Applied"), "return=representation");
    const minimal = await probe.ask("PUT /v1/kv/a?return=minimal", text("5"));
    assert.deepEqual(Object.keys(JSON.parse(minimal.text)), [
      "key",
      "revision",
      "create",
      "version",
    ]);
  });
});

describe("the media type of a value", () => {
  async function stored(headers: HeadersInit, query = ""): Promise<string | null> {
    await probe.ask(`PUT /v1/kv/a${query}`, { body: Uint8Array.of(1), headers });
    return (await probe.ask("GET /v1/kv/a")).headers.get("Content-Type");
  }

  it("is stored and given back as it was sent", async () => {
    assert.equal(await stored({ "Content-Type": "image/png" }), "image/png");
    assert.equal(
      await stored({ "Content-Type": 'text/plain; charset="utf-8"' }),
      'text/plain; charset="utf-8"',
    );
    assert.equal(await stored({}, "?content_type=text/css"), "text/css");
  });

  it("is application/octet-stream without one, and for the form type that curl sends", async () => {
    assert.equal(await stored({}), "application/octet-stream");
    const form = "application/x-www-form-urlencoded";
    assert.equal(await stored({ "Content-Type": form }), "application/octet-stream");
    assert.equal(
      await stored({ "Content-Type": `${form}; charset=utf-8` }),
      "application/octet-stream",
    );
    assert.equal(await stored({ "Content-Type": form }, "?content_type=text/css"), "text/css");
    assert.equal(probe.kv.lastWrite?.operation.kind, "put");
    await stored({});
    assert.equal("mediaType" in probe.kv.lastWrite!.operation, false);
  });

  it("is the query's where the header only says that the value is bytes", async () => {
    const bytes = "application/octet-stream";
    assert.equal(await stored({ "Content-Type": bytes }), bytes);
    assert.equal(await stored({ "Content-Type": bytes }, "?content_type=text/css"), "text/css");
    const told = `${bytes}; charset=utf-8`;
    assert.equal(await stored({ "Content-Type": told }), told);
  });

  it("is refused when it is none, would split a header, or contradicts another", async () => {
    for (const bad of ["text", "text/", "/x", "a b/c", "text/plain%0d%0aX: y", "te%C3%A9xt/p"]) {
      await probe.problem(`PUT /v1/kv/a?content_type=${bad}`, "400 validation_failed", text("x"));
    }
    const long = `text/${"x".repeat(260)}`;
    await probe.problem(`PUT /v1/kv/a?content_type=${long}`, "400 validation_failed", text("x"));
    await probe.problem(
      "PUT /v1/kv/a?content_type=text/css",
      "400 validation_failed",
      text("x", { "Content-Type": "text/html" }),
    );
    assert.equal(
      (await probe.ask(
        "PUT /v1/kv/a?content_type=text/css",
        text("x", {
          "Content-Type": "text/css",
        }),
      )).status,
      201,
    );
  });

  it("a content coding is 415 and names what to send", async () => {
    const refused = await probe.problem(
      "PUT /v1/kv/a",
      "415 unsupported_media_type",
      text("x", { "Content-Encoding": "gzip" }),
    );
    assert.match(refused.detail, /Content-Encoding is "gzip"/);
    assert.equal(refused.headers.get("Accept-Encoding"), "identity");
    assert.equal(refused.outcome, "not_applied");
    const plain = await probe.ask("PUT /v1/kv/a", text("x", { "Content-Encoding": "identity" }));
    assert.equal(plain.status, 201);
    assert.equal(probe.kv.writes, 1);
  });
});

describe("conditions of a write", () => {
  it("If-None-Match: * creates only", async () => {
    const once = { headers: { "If-None-Match": "*" }, body: "1" };
    assert.equal((await probe.ask("PUT /v1/kv/a", once)).status, 201);
    const refused = await probe.problem("PUT /v1/kv/a", "412 precondition_failed", once);
    assert.equal(refused.detail, "a is at revision 2, If-None-Match wanted no such key");
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.retryable, false);
    assert.equal(refused.headers.get("ETag"), '"2"');
    assert.equal(refused.headers.get("KV-Revision"), "2");
    assert.equal(probe.kv.store.revision, 2);
  });

  it("If-Match with a tag is compare-and-set, in every form", async () => {
    let revision = await probe.put("a", "0");
    const forms = (mod: number): readonly string[] => [
      `"${mod}"`,
      `${mod}`,
      `W/"${mod}"`,
      `"${mod}.r"`,
      `"1", "${mod}"`,
      "*",
    ];
    for (let i = 0; i < 6; i++) {
      const form = forms(revision)[i]!;
      const answer = await probe.ask("PUT /v1/kv/a", { headers: { "If-Match": form }, body: "x" });
      assert.equal(answer.status, 200, form);
      revision = JSON.parse(answer.text).revision;
    }
    const stale = { headers: { "If-Match": '"2"' }, body: "x" };
    await probe.problem("PUT /v1/kv/a", "412 precondition_failed", stale);
    await probe.problem("PUT /v1/kv/a?if_match=2", "412 precondition_failed", { body: "x" });
  });

  it('If-Match: * updates only, and "0" creates only', async () => {
    const update = { headers: { "If-Match": "*" }, body: "1" };
    const refused = await probe.problem("PUT /v1/kv/a", "412 precondition_failed", update);
    assert.equal(refused.detail, "a does not exist, If-Match wanted any revision");
    assert.equal(refused.body["current"], null);
    assert.equal(refused.headers.get("ETag"), '"0"');
    const create = { headers: { "If-Match": '"0"' }, body: "1" };
    assert.equal((await probe.ask("PUT /v1/kv/a", create)).status, 201);
    await probe.problem("PUT /v1/kv/a", "412 precondition_failed", create);
  });

  it("If-None-Match with a tag writes unless the key is there", async () => {
    await probe.put("a", "1");
    await probe.problem("PUT /v1/kv/a?if_none_match=2", "412 precondition_failed", text("x"));
    assert.equal((await probe.ask("PUT /v1/kv/a?if_none_match=7", text("x"))).status, 200);
  });

  it("the current record comes along, its value up to 64 KiB", async () => {
    for (const [bytes, there] of [[65_536, true], [65_537, false]] as const) {
      await probe.put("big", "v".repeat(bytes));
      const refused = await probe.problem("PUT /v1/kv/big?if_match=1", "412 precondition_failed", {
        body: "x",
      });
      const current = refused.body["current"];
      assert.ok(typeof current === "object" && current !== null);
      assert.equal("value" in current, there);
      assert.equal("mod" in current, true);
    }
    await probe.put("bin", Uint8Array.of(0xff));
    const refused = await probe.problem("PUT /v1/kv/bin?if_match=1", "412 precondition_failed", {
      body: "x",
    });
    assert.equal(Object(refused.body["current"]).value64, "_w");
  });

  it("what cannot be judged is refused, never ignored", async () => {
    for (const bad of ["x", "", '"a"', "r2", '"2" "3"']) {
      for (const header of ["If-Match", "If-None-Match"]) {
        await probe.problem("PUT /v1/kv/a", "400 validation_failed", text("x", { [header]: bad }));
        await probe.problem("DELETE /v1/kv/a", "400 validation_failed", {
          headers: { [header]: bad },
        });
      }
    }
    await probe.problem(
      "PUT /v1/kv/a",
      "400 bad_request",
      text("x", { "If-Unmodified-Since": "Fri, 20 Nov 2026 12:00:00 GMT" }),
    );
    await probe.problem(
      "PUT /v1/kv/a",
      "400 bad_request",
      text("x", { "Content-Range": "bytes 0-0/5" }),
    );
    await probe.problem(
      "PUT /v1/kv/a",
      "400 validation_failed",
      text("x", { "If-Match": "*", "If-None-Match": "*" }),
    );
    assert.equal(probe.kv.writes, 0);
  });

  it("header and query must say the same", async () => {
    const init = text("x", { "If-Match": '"0"' });
    await probe.problem("PUT /v1/kv/a?if_match=3", "400 validation_failed", init);
    assert.equal((await probe.ask('PUT /v1/kv/a?if_match="0"', init)).status, 201);
    assert.equal(probe.kv.writes, 1);
  });
});

describe("options of later versions", () => {
  it("are refused by name, as query and as header", async () => {
    const polled = { headers: { Prefer: "wait=30" } };
    const poll = await probe.problem("GET /v1/history/a", "400 validation_failed", polled);
    assert.equal(poll.detail, 'Prefer is "wait=30", which is not available in this version');
    const wait = await probe.problem("GET /v1/history/a?wait=30s", "400 validation_failed");
    assert.equal(wait.detail, "wait is not available in this version");
    const keyed = { headers: { "Idempotency-Key": "k" } };
    const line = "POST /v1/cluster/leadership";
    const refused = await probe.problem(line, "400 validation_failed", keyed);
    assert.equal(refused.detail, "Idempotency-Key is not available in this version");
    assert.equal(probe.kv.reads + probe.cluster.transfers, 0);
  });
});
