import { assert, describe, it } from "../../harness/test.ts";
import { HttpProbe, jsonInit } from "../../harness/http_probe.ts";
import { base64url, utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";

function pick<T>(random: Prng, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

/** Percent-encodes all bytes, or only those that a URL cannot carry, in either letter case. */
function encoded(random: Prng, key: Uint8Array): string {
  let text = "";
  for (const byte of key) {
    const plain = String.fromCharCode(byte);
    const hex = byte.toString(16).padStart(2, "0");
    if (/[A-Za-z0-9_~!$&'()*+,;=:@/-]/.test(plain) && random.chance(1, 2)) text += plain;
    else text += `%${random.chance(1, 2) ? hex.toUpperCase() : hex}`;
  }
  return text;
}

describe("keys of any bytes", () => {
  it("come back as they went, by path, by base64url and in JSON", async () => {
    const random = new Prng(2026);
    const probe = new HttpProbe();
    for (let round = 0; round < 400; round++) {
      const key = Uint8Array.from({ length: 1 + random.below(24) }, () => random.below(256));
      const value = `${round}`;
      // URL parsing folds such segments; they are what the kv64 paths are for.
      const folds = /(^|\/)\.{1,2}(\/|$)/.test(String.fromCharCode(...key));
      const path = folds ? `/v1/kv64/${base64url(key)}` : `/v1/kv/${encoded(random, key)}`;
      assert.ok((await probe.ask(`PUT ${path}`, { body: value })).status < 300, path);
      const { operation } = probe.kv.lastWrite!;
      assert.ok(operation.kind === "put");
      assert.deepEqual(operation.key, key);
      assert.equal((await probe.ask(`GET /v1/kv64/${base64url(key)}`)).text, value);
      const record = await probe.json(`GET ${path}?format=record`, 200);
      const { key: text, key64 } = record;
      assert.equal((text === undefined) !== (key64 === undefined), true);
      const told = typeof text === "string" ? base64url(utf8(text)) : key64;
      assert.equal(told, base64url(key));
      const many = await probe.json(`GET /v1/kv?key64=${base64url(key)}`, 200);
      assert.deepEqual(many["items"], [record]);
    }
  });
});

const words = [
  "timeout",
  "consistency",
  "min_revision",
  "max_staleness",
  "revision",
  "format",
  "if_match",
  "if_none_match",
  "prefix",
  "start",
  "end",
  "limit",
  "cursor",
  "reverse",
  "delimiter",
  "keys_only",
  "count_only",
  "key",
  "key64",
  "prev",
  "return",
  "content_type",
  "redirect",
  "all",
  "verbose",
  "cluster_id",
  "ttl",
  "lease",
  "keys",
  "idempotency_key",
  "wait",
  "__proto__",
  "constructor",
  "toString",
  "",
];

const values = [
  "",
  "0",
  "1",
  "-1",
  "true",
  "5ms",
  "1ms",
  "eventual",
  "record",
  "*",
  '"42"',
  "r1",
  "a",
  "%FF",
  "%",
  "%00",
  "9007199254740993",
  "NaN",
  "Infinity",
  "null",
  "{}",
  "[]",
  "+",
  "%2B",
  "text/plain",
  "\u{1f600}",
  "AXAtinIDYS9iL_8v",
  "5s",
  "7",
  "w;1",
  "w;2",
  "__proto__",
];

const headerNames = [
  "If-Match",
  "If-None-Match",
  "Accept",
  "Prefer",
  "Idempotency-Key",
  "KV-Cluster-Id",
  "Content-Type",
  "Content-Encoding",
  "Content-Length",
  "Content-Range",
  "X-Request-Id",
  "Sec-Fetch-Site",
  "Transfer-Encoding",
  "Range",
];

/** What some operation takes: without it, nearly all would be refused at the first word. */
const sensible = [
  "timeout=5ms",
  "consistency=eventual",
  "if_match=*",
  "if_match=1",
  "if_none_match=*",
  "min_revision=1",
  "revision=2",
  "format=record",
  "limit=1",
  "prefix=a",
  "reverse",
  "prev",
  "ttl=5s",
  "lease=7",
  "idempotency_key=k",
  "idempotency_key=w;1",
];

/** Bodies that some path takes, and parts of them that none does. */
const bodies = [
  "{}",
  "[]",
  "null",
  '{"op":"add","value":1}',
  '{"op":"append","value":"x"}',
  '{"op":"add","value":"9223372036854775807"}',
  '{"op":"min","value":[1]}',
  '{"ttl":"30s"}',
  '{"ttl":"30s","id":"7"}',
  '{"revision":1}',
  '{"revision":9007199254740991}',
  '{"then":[{"put":{"key":"a","value":"1"}},{"get":{"key":"a"}}]}',
  '{"if":[{"key":"a","target":"mod","op":">","value":1}],"else":[{"delete":{"prefix":"a"}}]}',
  '{"then":[{"txn":{"then":[{"range":{}}]}}]}',
  '{"then":[{"txn":{"then":[{"rnge":{}}]}}]}',
  '[{"put":{"key":"a","value":"1"}},{"get":{"key":"b"}},{"delete":{"key":"a"}}]',
  '{"put":{"key":"a","value":"1","if_match":"*"}}',
  '{"__proto__":1,"constructor":{"prototype":2}}',
  '{"a":1,"a":2}',
  '{"then":[{"put":{"key":"\\ud800","value":"1"}}]}',
];

/** What these paths take, of which chance alone finds too little. */
const fitting: Readonly<Record<string, string>> = {
  "/v1/txn": '{"then":[{"put":{"key":"a","value":"1"}},{"get":{"key":"a"}}]}',
  "/v1/batch": '[{"put":{"key":"a","value":"1"}},{"get":{"key":"b"}},{"delete":{"key":"a"}}]',
  "/v1/leases": '{"ttl":"30s","id":"7"}',
  "/v1/compactions": '{"revision":2}',
  "/v1/locks/a": '{"ttl":"30s"}',
  "/v1/elections/a": '{"lease":"7","value":"x"}',
};

const mediaTypes = ["application/json", "application/x-ndjson", "application/merge-patch+json"];

function randomText(random: Prng): string {
  if (random.chance(2, 3)) return pick(random, values);
  let text = "";
  for (let i = random.below(20); i > 0; i--) text += String.fromCharCode(0x20 + random.below(95));
  return text;
}

describe("nonsense", () => {
  it("is never answered with 500, and every answer is as the document declares", async () => {
    const random = new Prng(4711);
    const probe = new HttpProbe();
    const paths = [
      "/v1/kv/a",
      "/v1/kv/%",
      "/v1/kv/",
      "/v1/kv64/YQ",
      "/v1/kv64/!",
      "/v1/kv",
      "/v1/history/a",
      "/v1/history64/YQ",
      "/v1/txn",
      "/v1/batch",
      "/v1/leases",
      "/v1/leases/7",
      "/v1/leases/x",
      "/v1/leases/7/keepalive",
      "/v1/compactions",
      "/v1/locks/a",
      "/v1/locks/%",
      "/v1/elections/a",
      "/v1/cluster",
      "/v1/cluster/members",
      "/v1/cluster/leadership",
      "/readyz",
      "/nowhere",
    ];
    const methods = ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS"];
    const statuses = new Map<number, number>();
    for (let round = 0; round < 4000; round++) {
      // Chance alone would hardly ever both grant and revoke it.
      if (round % 50 === 0) await probe.ask("POST /v1/leases", jsonInit({ ttl: "30s", id: "7" }));
      const query = Array.from({ length: random.below(4) }, () => {
        if (random.chance(2, 3)) return pick(random, sensible);
        const value = randomText(random);
        return `${pick(random, words)}=${random.chance(1, 2) ? value : encodeURIComponent(value)}`;
      }).join("&").replaceAll("#", "").replaceAll(" ", "+");
      const headers = new Headers();
      for (let i = random.below(3); i > 0; i--) {
        const value = randomText(random);
        // Headers are bytes: fetch itself refuses what is above U+00FF.
        if (/^[\x20-\x7e]*$/.test(value)) headers.set(pick(random, headerNames), value);
      }
      const path = pick(random, paths);
      const takesPost = /txn|batch|leases$|keepalive|compactions|locks/.test(path);
      const method = takesPost && random.chance(2, 3) ? "POST" : pick(random, methods);
      const hasBody = method !== "GET" && method !== "HEAD" && random.chance(1, 2);
      const isFitting = method === "POST" && random.chance(1, 2);
      const mediaType = isFitting ? "application/json" : pick(random, mediaTypes);
      if (hasBody && random.chance(2, 3)) headers.set("Content-Type", mediaType);
      const body = (isFitting ? fitting[path] : undefined) ??
        (random.chance(3, 4) ? pick(random, bodies) : randomText(random));
      const init = hasBody ? { headers, body } : { headers };
      const answer = await probe.ask(`${method} ${path}?${query}`, init);
      assert.ok(answer.status < 500 || answer.status === 504, `${answer.status} ${answer.text}`);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
    assert.deepEqual(probe.internalErrors, []);
    // The nonsense reaches both what is refused and what is done.
    for (const status of [200, 201, 204, 207, 304, 400, 404, 405, 409, 412, 415, 422]) {
      assert.ok(statuses.has(status), `${status}`);
    }
  });
});
