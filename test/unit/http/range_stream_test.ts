/** Whole ranges as lines of JSON: what they show, what they hold, and how they end. */

import { ServiceError } from "../../../src/service/errors.ts";
import { deviations } from "../../conformance/http_document.ts";
import { rangesOf } from "../../harness/fake_services.ts";
import { HandClock, HttpProbe, type JsonObject, probeDocument } from "../../harness/http_probe.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";

const target = "/v1/kv?format=ndjson";
const kibi = 1024;

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

afterEach(() => {
  assert.equal(probe.ranges.size, 0, "whoever has gone holds nothing");
});

/** Without the cost of a request for each. */
function store(key: string, value: Uint8Array | string): void {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  probe.kv.store.apply({
    ...{ kind: "put", key: new TextEncoder().encode(key), value: bytes },
    ...{ conditions: {}, prev: false },
  });
}

/** Keys `k0000`, `k0001`, … */
function fill(count: number, value: Uint8Array | string): void {
  for (let at = 0; at < count; at++) store(`k${String(at).padStart(4, "0")}`, value);
}

function linesOf(text: string): readonly JsonObject[] {
  assert.ok(text === "" || text.endsWith("\n"), "every line is whole");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

async function lines(query: string, init: RequestInit = {}): Promise<readonly JsonObject[]> {
  const answer = await probe.ask(`GET ${target}${query}`, init);
  assert.equal(answer.status, 200, answer.text);
  return linesOf(answer.text);
}

/** A reader that takes one piece at a time. */
class SlowReader {
  readonly #response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly pieces: Uint8Array[] = [];

  static async open(query = "", at = probe): Promise<SlowReader> {
    const url = `http://127.0.0.1:7400${target}${query}`;
    return new SlowReader(await at.app.fetch(new Request(url), {}));
  }

  constructor(response: Response) {
    this.#response = response;
    assert.equal(response.status, 200);
    assert.ok(response.body);
    this.#reader = response.body.getReader();
  }

  /** The bytes of the next piece; undefined at the end. */
  async take(): Promise<number | undefined> {
    const { value } = await this.#reader.read();
    if (value !== undefined) this.pieces.push(value);
    return value?.length;
  }

  async rest(): Promise<readonly JsonObject[]> {
    while (await this.take() !== undefined);
    const body = new Uint8Array(await new Blob(this.pieces.map((each) => each.slice())).bytes());
    const exchange = { method: "GET", target, response: this.#response, body };
    assert.deepEqual(deviations(probeDocument, exchange), []);
    return linesOf(new TextDecoder().decode(body));
  }

  async leave(): Promise<void> {
    await this.#reader.cancel();
  }
}

const octets = { content_type: "application/octet-stream" };

describe("GET /v1/kv?format=ndjson", () => {
  it("is a record a line, and the end", async () => {
    await probe.put("a", "1", { "Content-Type": "text/x" });
    await probe.json("PUT /v1/kv64/_w", 201, { body: Uint8Array.of(0xfe) });
    const answer = await probe.ask(`GET ${target}`);
    assert.deepEqual(linesOf(answer.text), [
      { key: "a", value: "1", create: 2, mod: 2, version: 1, content_type: "text/x" },
      { key64: "_w", value64: "_g", create: 3, mod: 3, version: 1, ...octets },
      { end: true, count: 2, revision: 3 },
    ]);
    assert.equal(answer.headers.get("Content-Type"), "application/x-ndjson");
    const page = await probe.ask("GET /v1/kv");
    for (const name of ["ETag", "KV-Revision", "KV-Consistency", "KV-Served-By", "KV-Leader"]) {
      assert.ok(page.headers.has(name));
      assert.equal(answer.headers.get(name), page.headers.get(name), name);
    }
    assert.equal(answer.headers.get("ETag"), '"r3"');
  });

  it("is its end alone where there is nothing", async () => {
    assert.deepEqual(await lines(""), [{ end: true, count: 0, revision: 1 }]);
  });

  it("takes what says which range, in which order, and how much of it", async () => {
    for (const key of ["a", "b1", "b2", "b3", "c"]) await probe.put(key, "1");
    await probe.json("DELETE /v1/kv/c", 200);
    const shown = async (query: string): Promise<string> => {
      const told = await lines(query);
      const { end, count } = told.at(-1)!;
      assert.deepEqual([end, count], [true, told.length - 1]);
      return told.slice(0, -1).map(({ key }) => key).join(" ");
    };
    assert.equal(await shown(""), "a b1 b2 b3");
    assert.equal(await shown("&prefix=b"), "b1 b2 b3");
    assert.equal(await shown("&start=b2&end=b3"), "b2");
    assert.equal(await shown("&reverse&prefix=b"), "b3 b2 b1");
    assert.equal(await shown("&limit=2"), "a b1");
    assert.equal(await shown("&limit=2&reverse"), "b3 b2");
    assert.equal(await shown("&limit=4"), "a b1 b2 b3");
    assert.equal(await shown("&revision=6"), "a b1 b2 b3 c");
    const [first] = await lines("&keys_only");
    assert.deepEqual(first, { key: "a", create: 2, mod: 2, version: 1, ...octets });
  });

  it("shows folders as lines, where they stand in the range", async () => {
    for (const key of ["a", "b/1", "b/2", "b0", "c/x/y", "d"]) await probe.put(key, "1");
    await probe.json("PUT /v1/kv64/_y8x", 201, { body: "1" });
    const shown = async (query: string): Promise<readonly unknown[]> =>
      (await lines(query)).map(({ key, prefix, prefix64, count }) =>
        key ?? prefix ?? prefix64 ?? count
      );
    const all = ["a", "b/", "b0", "c/", "d", "_y8"];
    assert.deepEqual(await shown("&delimiter=/"), [...all, 6]);
    assert.deepEqual(await shown("&delimiter=/&reverse"), [...all.toReversed(), 6]);
    assert.deepEqual(await shown("&delimiter=/&limit=3"), ["a", "b/", "b0", 3]);
    assert.deepEqual(await shown("&delimiter=/&prefix=c/"), ["c/x/", 1]);
  });

  it("reads in many slices what is many records, each once", async () => {
    fill(2_500, "1");
    for (const query of ["", "&reverse", "&limit=1001", "&keys_only"]) {
      const told = await lines(query);
      const keys = told.slice(0, -1).map(({ key }) => String(key));
      const sorted = query === "&reverse" ? keys.toReversed() : keys;
      assert.deepEqual([keys.length, new Set(keys).size], Array(2).fill(told.at(-1)?.["count"]));
      assert.equal(keys.length, query === "&limit=1001" ? 1_001 : 2_500);
      assert.ok(sorted.every((key, at) => at === 0 || key > sorted[at - 1]!), query);
    }
  });

  it("takes the read levels, and a revision to wait for", async () => {
    await probe.put("a", "1");
    const read = await probe.ask(`GET ${target}&consistency=eventual&min_revision=2`);
    assert.equal(read.headers.get("KV-Staleness-Ms"), "7");
    assert.equal(read.headers.get("KV-Consistency"), "eventual");
    await probe.problem(`GET ${target}&min_revision=9&timeout=1ms`, "504 timeout");
    await probe.problem(`GET ${target}&revision=9&timeout=1ms`, "504 timeout");
    const stale = `GET ${target}&consistency=eventual&max_staleness=1ms`;
    await probe.problem(stale, "503 too_stale");
  });

  it("opens nothing for HEAD, which has the same headers", async () => {
    await probe.put("a", "1");
    const head = await probe.ask(`HEAD ${target}`);
    const names = ["Content-Type", "ETag", "KV-Revision", "Vary"];
    const get = await probe.ask(`GET ${target}`);
    assert.deepEqual(
      names.map((name) => head.headers.get(name)),
      names.map((name) => get.headers.get(name)),
    );
    assert.equal(head.headers.get("Content-Type"), "application/x-ndjson");
  });
});

describe("A range that is streamed", () => {
  it("shows one revision, whatever is written, compacted and removed meanwhile", async () => {
    fill(3_000, "old");
    const reader = await SlowReader.open();
    await reader.take();
    const { revision, machine } = probe.kv.store;
    for (let at = 0; at < 3_000; at += 2) store(`k${String(at).padStart(4, "0")}`, "new");
    for (const key of ["k0001x", "k2999x"]) store(key, "new");
    await probe.json("DELETE /v1/kv?prefix=k2", 200);
    probe.kv.store.compact(probe.kv.store.revision);
    while (machine.purge());
    const told = await reader.rest();
    assert.deepEqual(told.at(-1), { end: true, count: 3_000, revision });
    assert.ok(told.slice(0, -1).every(({ value }) => value === "old"));
    assert.equal(machine.purge(), true, "what it held is removed once it has ended");
    await probe.problem(`GET ${target}&revision=${revision}`, "410 revision_compacted");
  });

  it("begins anew where all is compacted between its look and its first piece", async () => {
    const { kv } = probe;
    await probe.put("a", "1");
    const read = kv.read.bind(kv);
    const compactAfterFirst = (): void => {
      let reads = 0;
      kv.read = async (...asked) => {
        const seen = await read(...asked);
        if (++reads > 1) return seen;
        store("a", "2");
        kv.store.compact(kv.store.revision);
        while (kv.store.machine.purge());
        return seen;
      };
    };
    compactAfterFirst();
    const [record, end] = await lines("");
    assert.deepEqual([record?.["value"], end], ["2", { end: true, count: 1, revision: 3 }]);
    compactAfterFirst();
    await probe.problem(`GET ${target}&revision=3`, "410 revision_compacted");
  });

  it("is read no further than its reader takes it, a piece at a time", async () => {
    fill(1_000, new Uint8Array(16 * kibi).fill(97));
    const before = probe.kv.reads;
    const reader = await SlowReader.open();
    const slice = 256 * kibi;
    let taken = 0;
    for (let at = 0; at < 20; at++) {
      const bytes = await reader.take() ?? 0;
      assert.ok(bytes > 0 && bytes <= (64 + 17) * kibi, `${bytes}`);
      taken += bytes;
      const ahead = (probe.kv.reads - before) * slice - taken;
      assert.ok(ahead <= slice, `${ahead} bytes were read ahead`);
    }
    await reader.leave();
    assert.equal(probe.ranges.size, 0);
  });

  it("does not keep its view any longer than ten minutes, and says so", async () => {
    fill(3_000, "1");
    const clock = new HandClock();
    const ranges = rangesOf(probe.kv, clock);
    const timed = new HttpProbe({ kv: probe.kv, ranges });
    const reader = await SlowReader.open("", timed);
    await reader.take();
    clock.advance(599_999);
    assert.ok(await reader.take());
    store("a", "2");
    probe.kv.store.compact(probe.kv.store.revision);
    clock.advance(1);
    assert.equal(ranges.size, 0);
    const told = await reader.rest();
    assert.equal(told.some(({ end }) => end), false);
    const { code, detail, status } = Object(told.at(-1)?.["error"]);
    assert.deepEqual([code, status], ["timeout", 504]);
    assert.match(detail, /open for 10 minutes/);
    assert.equal(clock.timers, 0);
  });

  it("ends with the node, at once", async () => {
    fill(3_000, "1");
    const reader = await SlowReader.open();
    await reader.take();
    probe.ranges.close();
    assert.equal(probe.ranges.size, 0);
    const told = await reader.rest();
    assert.equal(told.some(({ end }) => end), false);
    assert.equal(Object(told.at(-1)?.["error"])["code"], "draining");
    await probe.problem(`GET ${target}`, "503 draining");
  });

  it("ends with a line that says why, where the store cannot be read any more", async () => {
    fill(3_000, "1");
    const reader = await SlowReader.open();
    probe.kv.before = () => {
      throw new ServiceError("not_ready", "The disk is full", { retryable: true });
    };
    const told = await reader.rest();
    assert.equal(told.length, 1_001, "the slice that was there is told");
    const { code, detail, retryable } = Object(told.at(-1)?.["error"]);
    assert.deepEqual([code, detail, retryable], ["not_ready", "The disk is full", true]);
  });

  it("is cut without a word where the server fails inside", async () => {
    fill(3_000, "1");
    const reader = await SlowReader.open();
    probe.kv.before = () => {
      throw new Error("broken");
    };
    await assert.rejects(reader.rest(), /failed inside the server/);
    assert.equal(probe.internalErrors.length, 1);
    const text = new TextDecoder().decode(reader.pieces.at(-1));
    assert.doesNotMatch(text, /"end"|"error"/);
  });

  it("is cut where nobody takes it", async () => {
    fill(3_000, "1");
    const clock = new HandClock();
    const timed = new HttpProbe({ kv: probe.kv, ranges: probe.ranges, clock });
    const reader = await SlowReader.open("", timed);
    await reader.take();
    clock.advance(180_000);
    await assert.rejects(reader.rest(), /does not take its answer/);
  });
});

describe("A streamed range is refused", () => {
  it("with what contradicts it", async () => {
    const wrong = [
      ["&key=a", /^key or key64 is given together with format=ndjson$/],
      ["&key64=YQ", /^key or key64/],
      ["&cursor=AA", /^cursor is given/],
      ["&count_only", /^count_only is given/],
      ["&wait=1s", /^wait is given/],
      ["&if_match=*", /^if_match is given/],
      ["&if_none_match=r3", /^if_none_match is given/],
      ["&prefix=a&start=b", /given together/],
      ["&delimiter=", /^delimiter is empty/],
      ["&limit=0", /^limit is "0"/],
    ] as const;
    for (const [query, said] of wrong) {
      const { detail } = await probe.problem(`GET ${target}${query}`, "400 validation_failed");
      assert.match(detail, said);
    }
    const tagged = { headers: { "If-None-Match": '"r3"' } };
    await probe.problem(`GET ${target}`, "400 validation_failed", tagged);
    assert.equal(probe.kv.reads, 0);
  });

  it("at a revision that is compacted, with the oldest that is there", async () => {
    for (const value of ["1", "2", "3"]) await probe.put("a", value);
    probe.kv.store.compact(3);
    const refused = await probe.problem(`GET ${target}&revision=2`, "410 revision_compacted");
    assert.equal(refused.body["oldest"], 3);
    assert.equal((await lines("&revision=3")).at(-1)?.["revision"], 3);
  });

  it("above the limit", async () => {
    const ranges = rangesOf(probe.kv, new HandClock(), 1);
    const full = new HttpProbe({ kv: probe.kv, ranges });
    const reader = await SlowReader.open("", full);
    const { headers, detail } = await full.problem(`GET ${target}`, "429 overloaded");
    assert.match(detail, /^1 ranges are streamed by this node, which is the limit/);
    assert.equal(headers.get("Retry-After"), "5");
    await reader.leave();
    assert.equal((await full.ask(`GET ${target}`)).status, 200);
    await full.problem(`GET ${target}&revision=9&timeout=1ms`, "504 timeout");
    assert.equal(ranges.size, 0, "a refusal holds no place");
  });
});
