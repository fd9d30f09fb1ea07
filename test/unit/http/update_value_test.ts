import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, jsonInit } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function patch(body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return jsonInit(body, { "Content-Type": "application/merge-patch+json", ...headers });
}

async function textOf(key: string): Promise<string> {
  return (await probe.ask(`GET /v1/kv/${key}`)).text;
}

describe("PATCH /v1/kv/{key}", () => {
  it("patches an absent key as an empty object, as application/json", async () => {
    const created = await probe.ask("PATCH /v1/kv/a", patch({ on: true, off: null }));
    assert.equal(created.status, 201);
    assert.deepEqual(JSON.parse(created.text), { key: "a", revision: 2, create: 2, version: 1 });
    assert.equal(created.headers.get("ETag"), '"2"');
    assert.equal(created.headers.has("Accept-Patch"), false);
    const value = await probe.ask("GET /v1/kv/a");
    assert.equal(value.text, '{"on":true}');
    assert.equal(value.headers.get("Content-Type"), "application/json");
  });

  it("leaves what it does not name as it was written, media type and lease included", async () => {
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "5" }));
    const init = { body: '{"a": 1.0, "b": 2}', headers: { "Content-Type": "application/x" } };
    await probe.json("PUT /v1/kv/a?lease=5", 201, init);
    assert.equal((await probe.ask("PATCH /v1/kv/a", patch({ b: null, c: 3 }))).status, 200);
    const record = await probe.json("GET /v1/kv/a?format=record", 200);
    assert.equal(record["value"], '{"a":1.0,"c":3}');
    assert.equal(record["content_type"], "application/x");
    assert.equal(record["lease"], "5");
  });

  it("answers the record before and the new one where that is asked for", async () => {
    const first = await probe.json(
      "PATCH /v1/kv/a?prev&return=representation",
      201,
      patch({ a: 1 }),
    );
    assert.deepEqual(first, {
      key: "a",
      revision: 2,
      create: 2,
      version: 1,
      prev: null,
      value: '{"a":1}',
      mod: 2,
      content_type: "application/json",
    });
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "5" }));
    await probe.json("PUT /v1/kv/a?lease=5", 200, { body: "{}" });
    const preferred = await probe.ask(
      "PATCH /v1/kv/a",
      patch({ b: 2 }, { Prefer: "return=representation" }),
    );
    assert.equal(preferred.headers.get("Preference-Applied"), "return=representation");
    assert.deepEqual(JSON.parse(preferred.text), {
      key: "a",
      revision: 4,
      create: 2,
      version: 3,
      value: '{"b":2}',
      mod: 4,
      lease: "5",
      content_type: "application/octet-stream",
    });
    const before = await probe.json("PATCH /v1/kv/a?prev", 200, patch({ b: null }));
    assert.equal(Object(before["prev"]).value, '{"b":2}');
    assert.equal("value" in before, false);
  });

  it("obeys conditions", async () => {
    await probe.put("a", "{}");
    await probe.problem("PATCH /v1/kv/a?if_match=7", "412 precondition_failed", patch({ a: 1 }));
    const once = patch({ a: 1 }, { "If-None-Match": "*" });
    const refused = await probe.problem("PATCH /v1/kv/a", "412 precondition_failed", once);
    assert.equal(refused.detail, "a is at revision 2, If-None-Match wanted no such key");
    assert.equal(refused.headers.get("ETag"), '"2"');
    await probe.json("PATCH /v1/kv/a", 200, patch({ a: 1 }, { "If-Match": '"2"' }));
    await probe.problem(
      "PATCH /v1/kv/a",
      "400 bad_request",
      patch({}, { "If-Unmodified-Since": "Fri, 20 Nov 2026 12:00:00 GMT" }),
    );
    assert.equal(await textOf("a"), '{"a":1}');
  });

  it("is 409 on a value that is no JSON, and says where", async () => {
    await probe.put("a", "{on}");
    const refused = await probe.problem("PATCH /v1/kv/a", "409 value_type_mismatch", patch({}));
    assert.match(refused.detail, /^The document is not JSON: at byte 1 /);
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.retryable, false);
  });

  it("refuses a patch that is no JSON, twice the same name, or too deep", async () => {
    for (const body of ["", "{", '{"a":1,"a":2}', "[".repeat(65) + "]".repeat(65)]) {
      const init = { ...patch({}), body };
      const refused = await probe.problem("PATCH /v1/kv/a", "400 validation_failed", init);
      assert.match(refused.detail, /^The patch is /);
      assert.equal(refused.outcome, "not_applied");
    }
  });

  it("names the media type to send", async () => {
    for (const sent of ["application/json", "application/json-patch+json", "text/plain"]) {
      const init = patch({}, { "Content-Type": sent });
      const refused = await probe.problem("PATCH /v1/kv/a", "415 unsupported_media_type", init);
      assert.equal(
        refused.detail,
        `Content-Type is "${sent}", send application/merge-patch+json`,
      );
      assert.equal(refused.headers.get("Accept-Patch"), "application/merge-patch+json");
    }
    await probe.problem("PATCH /v1/kv/a", "415 unsupported_media_type", { body: "{}" });
    const charset = "Application/Merge-Patch+JSON; charset=utf-8";
    await probe.json("PATCH /v1/kv/a", 201, patch({}, { "Content-Type": charset }));
  });

  it("takes a patch of 1 MiB and no more", async () => {
    const bytes = 1024 * 1024;
    const fits = { ...patch({}), body: JSON.stringify({ a: "x".repeat(bytes - 8) }) };
    assert.equal((await probe.ask("PATCH /v1/kv/a", fits)).status, 201);
    const tooLong = { ...patch({}), body: JSON.stringify({ a: "x".repeat(bytes - 7) }) };
    const refused = await probe.problem("PATCH /v1/kv/a", "413 request_too_large", tooLong);
    assert.match(refused.detail, /allowed are 1048576$/);
  });
});

describe("POST /v1/kv/{key}", () => {
  const counted = async (op: string, value: unknown): Promise<unknown> => {
    const answer = await probe.ask("POST /v1/kv/n", jsonInit({ op, value }));
    assert.ok(answer.status < 300, answer.text);
    return JSON.parse(answer.text).value;
  };

  it("counts, and answers the new number as text", async () => {
    const created = await probe.ask("POST /v1/kv/n", jsonInit({ op: "add", value: 5 }));
    assert.equal(created.status, 201);
    assert.deepEqual(JSON.parse(created.text), {
      key: "n",
      revision: 2,
      create: 2,
      version: 1,
      value: "5",
    });
    assert.equal(created.headers.get("ETag"), '"2"');
    assert.equal(await counted("add", -7), "-2");
    assert.equal(await counted("add", "9223372036854775807"), "9223372036854775805");
    assert.equal(await counted("min", 17), "17");
    assert.equal(await counted("min", "18"), "17");
    assert.equal(await counted("max", -1), "17");
    assert.equal(await counted("max", "9223372036854775807"), "9223372036854775807");
    assert.equal(await textOf("n"), "9223372036854775807");
    await probe.put("n", "-0001");
    await probe.problem(
      "POST /v1/kv/n",
      "409 value_type_mismatch",
      jsonInit({
        op: "add",
        value: 1,
      }),
    );
  });

  it("appends text or bytes, and answers the value only where it is asked for", async () => {
    const first = await probe.json("POST /v1/kv/l", 201, jsonInit({ op: "append", value: "é" }));
    assert.deepEqual(first, { key: "l", revision: 2, create: 2, version: 1 });
    await probe.json("POST /v1/kv/l", 200, jsonInit({ op: "append", value64: "_w" }));
    const bytes = (await probe.ask("GET /v1/kv/l")).bytes;
    assert.deepEqual([...bytes], [0xc3, 0xa9, 0xff]);
    const told = await probe.json(
      "POST /v1/kv/l?return=representation&prev",
      200,
      jsonInit({ op: "append", value: "" }),
    );
    assert.equal(told["value64"], "w6n_");
    assert.equal(Object(told["prev"]).value64, "w6n_");
    assert.equal(told["content_type"], "application/octet-stream");
    assert.equal(told["mod"], 4);
  });

  it("keeps media type and lease", async () => {
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "-5" }));
    const init = { body: "1", headers: { "Content-Type": "text/x" } };
    await probe.json("PUT /v1/kv/n?lease=-5", 201, init);
    const line = "POST /v1/kv/n?return=representation";
    const record = await probe.json(line, 200, jsonInit({ op: "add", value: 1 }));
    assert.deepEqual(record, {
      key: "n",
      revision: 3,
      create: 2,
      version: 2,
      value: "2",
      mod: 3,
      lease: "-5",
      content_type: "text/x",
    });
  });

  it("obeys conditions", async () => {
    const add = jsonInit({ op: "add", value: 1 });
    await probe.problem("POST /v1/kv/n?if_match=*", "412 precondition_failed", add);
    await probe.json("POST /v1/kv/n?if_none_match=*", 201, add);
    const refused = await probe.problem("POST /v1/kv/n?if_match=1", "412 precondition_failed", add);
    assert.equal(refused.detail, "n is at revision 2, If-Match wanted 1");
    assert.equal(Object(refused.body["current"]).value, "1");
  });

  it("is 409 on other values and on overflow, and changes nothing", async () => {
    const add = jsonInit({ op: "add", value: 1 });
    for (const value of ["", "x", "1.0", "+1", " 1", "01", "9223372036854775808"]) {
      await probe.put("n", value);
      const refused = await probe.problem("POST /v1/kv/n", "409 value_type_mismatch", add);
      const is = JSON.stringify(value);
      assert.equal(refused.detail, `The value ${is} is not a signed 64-bit integer in decimal`);
      assert.equal(refused.outcome, "not_applied");
      assert.equal(await textOf("n"), value);
    }
    await probe.put("n", "9223372036854775807");
    const over = await probe.problem("POST /v1/kv/n", "409 value_type_mismatch", add);
    assert.match(over.detail, /^9223372036854775807 \+ 1 does not fit /);
  });

  it("tells what is wrong with a body, what was sent and what is allowed", async () => {
    const detail = async (body: unknown): Promise<string> => {
      const refused = await probe.problem("POST /v1/kv/n", "400 validation_failed", jsonInit(body));
      assert.equal(refused.outcome, "not_applied");
      return refused.detail;
    };
    const int64 = "allowed is a signed 64-bit integer, as text above 2^53 - 1, for op add";
    assert.equal(await detail({ op: "add" }), `value is missing, ${int64}`);
    assert.equal(await detail({ op: "add", value: "1.5" }), `value is "1.5", ${int64}`);
    assert.equal(
      await detail({ op: "add", value: "9223372036854775808" }).then((it) =>
        it.startsWith('value is "9223372036854775808", ')
      ),
      true,
    );
    assert.equal(
      await detail({ op: "add", value: 2 ** 53 }),
      "value is 9007199254740992, allowed are an integer, as text above 2^53 - 1, and a text " +
        "to append",
    );
    assert.equal(
      await detail({ op: "add", value: 1, value64: "MQ" }),
      "value64 is given, op add takes value",
    );
    assert.equal(
      await detail({ op: "append", value: 1 }),
      "value is 1, allowed is a text for op append",
    );
    assert.equal(await detail({ op: "append" }), "The body has neither value nor value64");
    assert.equal(
      await detail({ op: "append", value: "a", value64: "YQ" }),
      "The body has both value and value64, allowed is one",
    );
    assert.equal(
      await detail({ op: "append", value64: "a" }),
      'value64 is "a", no base64url',
    );
    assert.equal(
      await detail({ op: "incr", value: 1 }),
      'op is "incr", allowed are add, min, max and append',
    );
    assert.equal(
      await detail({ value: 1 }),
      "op is missing, allowed are add, min, max and append",
    );
    assert.equal(
      await detail({ op: "add", valeu: 1, value: 1 }),
      '"valeu" is not a member of this body; did you mean value?',
    );
    assert.equal(await detail([]), "The body is [], allowed is an object");
    assert.equal(
      await detail({ op: "append", value: "\ud800" }),
      "value holds half of a surrogate pair; send its bytes as value64",
    );
    const twice = { ...jsonInit({}), body: '{"op":"add","value":1,"value":2}' };
    const refused = await probe.problem("POST /v1/kv/n", "400 validation_failed", twice);
    assert.equal(refused.detail, "value is given twice");
    assert.equal(probe.kv.writes, 0);
  });

  it("needs a body, in JSON", async () => {
    const missing = await probe.problem("POST /v1/kv/n", "400 bad_request");
    assert.equal(missing.detail, "The body is missing, send application/json");
    const form = jsonInit({ op: "add", value: 1 }, {
      "Content-Type": "application/x-www-form-urlencoded",
    });
    const refused = await probe.problem("POST /v1/kv/n", "415 unsupported_media_type", form);
    assert.match(refused.detail, /, send application\/json$/);
  });

  it("appends up to the longest value", async () => {
    const limits = { valueBytesMax: 4, requestBytesMax: 1024, waitingRequestsMax: 9 };
    probe = new HttpProbe({ limits });
    const init = jsonInit({ op: "append", value: "12345" });
    const refused = await probe.problem("POST /v1/kv/l", "413 value_too_large", init);
    assert.equal(refused.detail, "value has 5 bytes, allowed are 4");
    const value = new Uint8Array(8 * 1024 * 1024);
    probe = new HttpProbe();
    await probe.put("l", value);
    const more = jsonInit({ op: "append", value: "1" });
    const full = await probe.problem("POST /v1/kv/l", "413 value_too_large", more);
    assert.match(full.detail, /^The value would have 8388609 bytes/);
    assert.equal(full.outcome, "not_applied");
  });
});

describe("the twins under kv64", () => {
  it("do the same", async () => {
    await probe.json("POST /v1/kv64/Li4", 201, jsonInit({ op: "append", value: "{}" }));
    const patched = await probe.json("PATCH /v1/kv64/Li4?prev", 200, patch({ a: 1 }));
    assert.equal(patched["key"], "..");
    assert.equal(Object(patched["prev"]).value, "{}");
    assert.equal(await probe.ask("GET /v1/kv64/Li4").then(({ text }) => text), '{"a":1}');
    await probe.problem("POST /v1/kv64/!", "400 bad_request", jsonInit({ op: "add", value: 1 }));
    await probe.problem("PATCH /v1/kv64/", "400 bad_request", patch({}));
  });
});
