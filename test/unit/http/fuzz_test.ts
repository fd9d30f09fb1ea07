import { assert, describe, it } from "../../harness/test.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
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
];

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
      "/v1/cluster",
      "/v1/cluster/members",
      "/v1/cluster/leadership",
      "/readyz",
      "/nowhere",
    ];
    const methods = ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS"];
    const statuses = new Map<number, number>();
    for (let round = 0; round < 3000; round++) {
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
      const method = pick(random, methods);
      const hasBody = method !== "GET" && method !== "HEAD" && random.chance(1, 2);
      const init = hasBody ? { headers, body: randomText(random) } : { headers };
      const answer = await probe.ask(`${method} ${pick(random, paths)}?${query}`, init);
      assert.ok(answer.status < 500 || answer.status === 504, `${answer.status} ${answer.text}`);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
    assert.deepEqual(probe.internalErrors, []);
    // The nonsense reaches both what is refused and what is done.
    for (const status of [200, 201, 304, 400, 404, 405, 412]) {
      assert.ok(statuses.has(status), `${status}`);
    }
  });
});
