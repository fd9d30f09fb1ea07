/** Watches over HTTP: what a client sees, form by form, and where it goes on. */

import { FrameReader } from "../../harness/frame_reader.ts";
import { watchesOf } from "../../harness/fake_services.ts";
import { HttpProbe, jsonInit } from "../../harness/http_probe.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

afterEach(async () => {
  await probe.leave();
  assert.equal(probe.watches.size, 0, "whoever has gone holds nothing");
  assert.deepEqual(probe.internalErrors, []);
});

const time = '"time":"2023-11-14T22:13:20.000Z"';
const octets = '"content_type":"application/octet-stream"';

describe("GET /v1/watch", () => {
  it("begins with ready, and tells what happens from then on", async () => {
    await probe.put("a", "1");
    const reader = await probe.follow("/v1/watch");
    assert.deepEqual(await reader.shown(1), ['ready 2 {"from":3,"revision":2,"compacted":1}']);
    await probe.put("a", "2", { "Content-Type": "text/x" });
    await probe.json("DELETE /v1/kv/a", 200);
    await probe.json("PUT /v1/kv64/_w", 201, { body: Uint8Array.of(0xfe) });
    assert.deepEqual(await reader.shown(3), [
      `change 3 {"revision":3,${time},"events":[{"type":"put","key":"a","value":"2","create":2,` +
      '"mod":3,"version":2,"content_type":"text/x"}]}',
      `change 4 {"revision":4,${time},"events":[{"type":"delete","key":"a","mod":4}]}`,
      `change 5 {"revision":5,${time},"events":[{"type":"put","key64":"_w","value64":"_g",` +
      `"create":5,"mod":5,"version":1,${octets}}]}`,
    ]);
    const { headers } = reader;
    assert.equal(headers.get("Content-Type"), "text/event-stream");
    assert.equal(headers.get("KV-Revision"), "2");
    assert.equal(headers.get("X-Accel-Buffering"), "no");
    assert.match(reader.text, /^retry: 1000\n\nevent: ready\nid: 2\ndata: \{/);
  });

  it("writes the same as lines of JSON", async () => {
    const reader = await probe.follow("/v1/watch?format=ndjson&prefix=a");
    await probe.put("a", "1");
    assert.deepEqual(await reader.shown(2), [
      'ready 1 {"from":2,"revision":1,"compacted":1}',
      `change 2 {"revision":2,${time},"events":[{"type":"put","key":"a","value":"1","create":2,` +
      `"mod":2,"version":1,${octets}}]}`,
    ]);
    assert.equal(
      reader.text.split("\n")[0],
      [
        '{"event":"ready","id":1,"from":2,"revision":1,"compacted":1}',
      ].join(),
    );
    const accepting = { headers: { Accept: "application/x-ndjson" } };
    const lines = await probe.follow("/v1/watch", accepting);
    await lines.shown(1);
    assert.equal(lines.headers.get("Content-Type"), "application/x-ndjson");
  });

  it("tells each who watches the same in its own form", async () => {
    const [sse, lines] = [
      await probe.follow("/v1/watch"),
      await probe.follow("/v1/watch?format=ndjson"),
    ];
    const [more, others] = [
      await probe.follow("/v1/watch?format=ndjson"),
      await probe.follow("/v1/watch"),
    ];
    for (const reader of [sse, lines, more, others]) await reader.shown(1);
    // The second is told to all at once, and written once in each form.
    for (const value of ["1", "2"]) {
      await probe.put("a", value);
      const [first] = await sse.shown(1);
      assert.match(first ?? "", new RegExp(`^change [23] .*"key":"a","value":"${value}"`));
      for (const reader of [lines, more, others]) assert.deepEqual(await reader.shown(1), [first]);
    }
  });

  it("tells of a key, a prefix or a range, and of nothing else", async () => {
    const targets = ["?key=b", "?key64=Yg", "?prefix=b", "?start=b&end=c", "?start=ba", "?end=b"];
    const readers = await Promise.all(
      targets.map((target) => probe.follow(`/v1/watch${target}&format=ndjson`)),
    );
    for (const key of ["a", "b", "ba", "c"]) await probe.put(key, "1");
    const told = [];
    for (const [at, reader] of readers.entries()) {
      const count = [1, 1, 2, 2, 2, 1][at]!;
      told.push((await reader.shown(1 + count)).slice(1).map((line) => line.split(" ")[1]));
    }
    assert.deepEqual(told, [["3"], ["3"], ["3", "4"], ["3", "4"], ["4", "5"], ["2"]]);
  });

  it("begins where it is asked to: at a revision, or behind the last id", async () => {
    for (const value of ["1", "2", "3"]) await probe.put("a", value);
    const ids = async (target: string, headers: HeadersInit = {}): Promise<string> => {
      const shown = await (await probe.follow(target, { headers })).shown(2);
      return shown.map((line) => line.split(" ", 2).join(" ")).join(", ");
    };
    assert.equal(await ids("/v1/watch?from_revision=3"), "ready 2, change 3");
    assert.equal(await ids("/v1/watch?after=3"), "ready 3, change 4");
    const seen = { "Last-Event-ID": "3" };
    assert.equal(await ids("/v1/watch?from_revision=2", seen), "ready 3, change 4");
    assert.equal(await ids("/v1/watch?after=1", seen), "ready 3, change 4", "the old URL");
    assert.equal(
      await ids("/v1/watch?from_revision=3", { "Last-Event-ID": "" }),
      "ready 2, change 3",
    );
  });

  it("begins at revision 1 as long as that can be read, and misses nothing", async () => {
    await probe.put("a", "1");
    for (const query of ["from_revision=1", "after=0", "from_revision=2"]) {
      const [ready, change] = await (await probe.follow(`/v1/watch?${query}`)).shown(2);
      assert.equal(ready, 'ready 1 {"from":2,"revision":2,"compacted":1}', query);
      assert.match(change ?? "", /^change 2 /, query);
    }
    probe.kv.store.compact(2);
    await probe.problem("GET /v1/watch?from_revision=1", "410 revision_compacted");
  });

  it("waits for a beginning that is not there yet", async () => {
    const reader = await probe.follow("/v1/watch?from_revision=3");
    assert.deepEqual(await reader.shown(1), ['ready 2 {"from":3,"revision":1,"compacted":1}']);
    await probe.put("a", "1");
    await probe.put("a", "2");
    assert.match((await reader.shown(1))[0]!, /^change 3 /);
  });

  it("carries what was before, where that is asked", async () => {
    const reader = await probe.follow("/v1/watch?prev&format=ndjson");
    await probe.put("a", "1");
    await probe.json("DELETE /v1/kv/a", 200);
    const was = `{"key":"a","value":"1","create":2,"mod":2,"version":1,${octets}}`;
    assert.equal(
      (await reader.shown(3))[2],
      `change 3 {"revision":3,${time},` +
        `"events":[{"type":"delete","key":"a","mod":3,"prev":${was}}]}`,
    );
  });

  it("leaves out the kind of changes that is not wanted", async () => {
    const puts = await probe.follow("/v1/watch?filter=put");
    const deletes = await probe.follow("/v1/watch?filter=delete");
    const both = await probe.follow("/v1/watch?filter=delete,put");
    await probe.put("a", "1");
    await probe.json("DELETE /v1/kv/a", 200);
    await probe.put("a", "2");
    const told = async (reader: FrameReader, count: number) =>
      (await reader.shown(1 + count)).map((line) => line.split(" ")[1]);
    assert.deepEqual(await told(puts, 2), ["1", "2", "4"]);
    assert.deepEqual(await told(deletes, 1), ["1", "3"]);
    assert.deepEqual(await told(both, 3), ["1", "2", "3", "4"]);
  });

  it("tells a transaction in one frame", async () => {
    const reader = await probe.follow("/v1/watch");
    const then = [{ put: { key: "a", value: "1" } }, { put: { key: "b", value: "1" } }];
    await probe.json("POST /v1/txn", 200, jsonInit({ then }));
    const [, change] = await reader.shown(2);
    assert.match(change!, /^change 2 .*"key":"a".*"key":"b"/);
  });

  it("splits a revision of more than a mebibyte; its last frame alone has an id", async () => {
    const reader = await probe.follow("/v1/watch");
    const value = "x".repeat(700_000);
    // Two are read at once, and split as they are written; three are read in two parts.
    for (const keys of [["a", "b"], ["a", "b", "c"]]) {
      const then = keys.map((key) => ({ put: { key, value } }));
      await probe.json("POST /v1/txn", 200, jsonInit({ then }));
    }
    await probe.put("d", "1");
    await reader.next();
    const frames = [];
    for (let count = 0; count < 6; count++) frames.push((await reader.next())!);
    assert.deepEqual(
      frames.map(({ id, data }) => [id, data["revision"], data["partial"]]),
      [
        ...[[undefined, 2, true], ["2", 2, undefined]],
        ...[[undefined, 3, true], [undefined, 3, true], ["3", 3, undefined], ["4", 4, undefined]],
      ],
    );
  });

  it("ends with closing when the node does", async () => {
    const reader = await probe.follow("/v1/watch");
    await reader.shown(1);
    const next = reader.shown(2);
    probe.watches.close();
    assert.deepEqual(await next, ["closing - {}", "end"]);
    await probe.problem("GET /v1/watch", "503 draining");
  });

  it("ends with compacted where what it has still to tell is given up", async () => {
    for (const value of ["1", "2", "3"]) await probe.put("a", value);
    const reader = await probe.follow("/v1/watch?from_revision=2");
    probe.kv.store.compact(4);
    assert.match((await reader.shown(1))[0]!, /^ready 1 /);
    assert.deepEqual(await reader.shown(2), ['compacted - {"oldest":4}', "end"]);
  });
});

describe("A watch is refused", () => {
  it("where its beginning is compacted, with the oldest revision that is there", async () => {
    for (const value of ["1", "2", "3"]) await probe.put("a", value);
    probe.kv.store.compact(3);
    const { detail, body } = await probe.problem(
      "GET /v1/watch?from_revision=3",
      "410 revision_compacted",
    );
    assert.equal(body["oldest"], 3);
    assert.match(detail, /Revision 3 is compacted, a watch can begin at 4 or later/);
    assert.match(
      (await (await probe.follow("/v1/watch?from_revision=4")).shown(1))[0]!,
      /^ready 3 /,
    );
  });

  it("above the limit", async () => {
    const watches = watchesOf(probe.kv, 2);
    const full = new HttpProbe({ watches, kv: probe.kv });
    const asked = () => full.app.fetch(new Request("http://127.0.0.1:7400/v1/watch"), {});
    const [first, second] = [await asked(), await asked()];
    const { headers, detail } = await full.problem("GET /v1/watch", "429 too_many_watches");
    assert.match(detail, /^2 watches are open/);
    assert.equal(headers.get("Retry-After"), "5");
    await first.body?.cancel();
    const third = await asked();
    assert.equal(third.status, 200);
    await Promise.all([second.body?.cancel(), third.body?.cancel()]);
    assert.equal(watches.size, 0);
  });

  it("where its options make no sense", async () => {
    const wrong = [
      ["?key=a&prefix=a", /prefix is given together with key/],
      ["?key=a&key64=YQ", /key64 is given together with key/],
      ["?key64=!", /key64 is "!", allowed are/],
      ["?key=", /key is "", allowed are 1 to 8192 bytes/],
      ["?key64=", /key64 is "", allowed are 1 to 8192 bytes/],
      ["?prefix=a&start=b", /prefix is given together/],
      ["?from_revision=0", /from_revision is "0", allowed is an integer from 1/],
      ["?from_revision=x", /from_revision/],
      ["?filter=puts", /filter is "puts", allowed are put, delete/],
      ["?filter=put,put,x", /filter/],
      ["?format=json", /format is "json", allowed are sse, ndjson/],
      ["?revision=3", /"revision" is not an option/],
      ["?wait=3s", /"wait" is not an option/],
    ] as const;
    for (const [query, said] of wrong) {
      const { detail } = await probe.problem(`GET /v1/watch${query}`, "400 validation_failed");
      assert.match(detail, said);
    }
    await probe.problem("GET /v1/watch", "400 validation_failed", {
      headers: { "Last-Event-ID": "x" },
    });
    await probe.problem("POST /v1/watch", "405 method_not_allowed");
  });

  it("by nothing for HEAD, which opens none", async () => {
    const answer = await probe.ask("HEAD /v1/watch");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("Content-Type"), "text/event-stream");
  });
});
