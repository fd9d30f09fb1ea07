/** Reads that wait for something to tell. */

import { systemHttpClock } from "../../../src/http/services.ts";
import { HttpProbe, jsonInit, type Probed } from "../../harness/http_probe.ts";
import { put } from "../../harness/kv_commands.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { pause, standstill } from "../../harness/wait.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

afterEach(() => {
  assert.equal(probe.watches.size, 0, "nobody waits any more");
});

/** Asks, and has `then` done once the request waits. */
async function meanwhile(line: string, then: () => Promise<unknown>, init: RequestInit = {}) {
  const answer = probe.ask(line, init);
  while (probe.watches.size === 0) await new Promise((resolve) => setImmediate(resolve));
  await then();
  return await answer;
}

function told({ status, headers, text }: Probed): string {
  return `${status} ${headers.get("ETag")} ${text}`;
}

describe("GET of a key with wait", () => {
  it("answers at once where the tag differs, and where the key exists without one", async () => {
    await probe.put("a", "1");
    assert.equal(told(await probe.ask("GET /v1/kv/a?wait=60s")), '200 "2" 1');
    assert.equal(told(await probe.ask('GET /v1/kv/a?wait=60s&if_none_match="1"')), '200 "2" 1');
    await probe.problem('GET /v1/kv/none?wait=60s&if_none_match="1"', "404 key_not_found");
  });

  it("answers as soon as the key changes", async () => {
    await probe.put("a", "1");
    const headers = { "If-None-Match": '"2"', "Prefer": "wait=60" };
    const answer = await meanwhile("GET /v1/kv/a", async () => {
      await probe.put("b", "1");
      await probe.put("a", "2");
    }, { headers });
    assert.equal(told(answer), '200 "4" 2');
    assert.equal(answer.headers.get("KV-Revision"), "4");
  });

  it("answers at once where the key changes between the look and the wait", async () => {
    await probe.put("a", "1");
    const read = probe.kv.read.bind(probe.kv);
    for (
      const [line, expected] of [["a?wait=60s&if_none_match=2", 3], ["b?wait=60s", 4]] as const
    ) {
      let looks = 0;
      probe.kv.read = async (...asked) => {
        const seen = await read(...asked);
        if (++looks === 1) probe.kv.store.apply(put(line.slice(0, 1), "2"));
        return seen;
      };
      const askedMs = performance.now();
      assert.equal(told(await probe.ask(`GET /v1/kv/${line}`)), `200 "${expected}" 2`);
      assert.equal(looks, 2);
      assert.ok(performance.now() - askedMs < 30_000, "it was not seen before the end of the wait");
    }
  });

  it("answers 404 when the key is deleted", async () => {
    await probe.put("a", "1");
    const gone = await meanwhile(
      'GET /v1/kv/a?wait=60s&if_none_match="2"',
      () => probe.json("DELETE /v1/kv/a", 200),
    );
    assert.equal(gone.status, 404);
    assert.equal(gone.headers.get("ETag"), '"0"');
  });

  it("waits for a key to appear, however often it goes again", async () => {
    const there = await meanwhile("GET /v1/kv/a?wait=60s&format=record", async () => {
      probe.kv.store.isQuiet = true;
      await probe.put("a", "1");
      await probe.json("DELETE /v1/kv/a", 200);
      probe.kv.store.isQuiet = false;
      probe.kv.store.tell();
      await probe.put("a", "2");
    });
    assert.equal(there.status, 200);
    assert.equal(there.headers.get("ETag"), '"4.r"');
  });

  it("ends with 304, or 404 where no tag was given, after a look that is fresh", async () => {
    await probe.put("a", "1");
    const reads = probe.kv.reads;
    assert.equal(told(await probe.ask("GET /v1/kv/a?wait=20ms&if_none_match=2")), '304 "2" ');
    assert.equal(probe.kv.reads, reads + 2);
    assert.equal(probe.kv.lastRead?.options.level, "linearizable");
    await probe.problem("GET /v1/kv/none?wait=20ms", "404 key_not_found");
    assert.equal(told(await probe.ask("GET /v1/kv/none?wait=20ms&if_none_match=0")), '304 "0" ');
  });

  it("answers what the look at the end finds", async () => {
    await probe.put("a", "1");
    for (const [line, expected] of [["a?if_none_match=2", 3], ["b?", 4]] as const) {
      let looks = 0;
      probe.kv.before = () => {
        // What this node has not told those who watch.
        probe.kv.store.isQuiet = true;
        if (++looks === 2) probe.kv.store.apply(put(line.slice(0, 1), "2"));
      };
      const answer = await probe.ask(`GET /v1/kv/${line}&wait=20ms`);
      assert.equal(told(answer), `200 "${expected}" 2`);
    }
  });

  it("counts the waiting neither as time nor among the requests under way", async () => {
    await probe.put("a", "1");
    const limits = { ...probe.services.limits, waitingRequestsMax: 1 };
    let passedMs = 0;
    const monotonicMs = (): number => systemHttpClock.monotonicMs() + passedMs;
    const clock = { ...systemHttpClock, monotonicMs };
    const one = new HttpProbe({ kv: probe.kv, watches: probe.watches, limits, clock });
    const waiting = one.ask("GET /v1/kv/a?wait=60s&timeout=10s&if_none_match=2");
    while (probe.watches.size === 0) await new Promise((resolve) => setImmediate(resolve));
    passedMs = 20_000;
    assert.equal((await one.ask("PUT /v1/kv/a", { body: "2" })).status, 200);
    assert.equal(told(await waiting), '200 "3" 2');
    assert.ok((probe.kv.lastRead?.options.timeoutMs ?? 0) > 1, "the time-out is not used up");
  });

  it("ends with the node", async () => {
    const answer = await meanwhile("GET /v1/kv/a?wait=60s", async () => {
      await Promise.resolve();
      probe.watches.close();
    });
    assert.equal(answer.status, 503);
    assert.match(answer.text, /"code":"draining"/);
  });

  it("is refused where it makes no sense", async () => {
    await probe.put("a", "1");
    await probe.put("a", "2");
    const wrong = [
      ["GET /v1/kv/a?wait=61s", /wait is "61s", allowed is 0ms to 60s/],
      ["GET /v1/kv/a?wait=x", /wait is "x"/],
      ["GET /v1/kv/a?wait=1s&revision=2&if_none_match=2", /wait is given together with revision/],
      ["GET /v1/kv?wait=1s&revision=2&if_none_match=r2", /wait is given together with revision/],
      ["GET /v1/history/a?wait=1s", /wait is not available/],
      ["GET /v1/kv?key=a&prefix=b&wait=1ms&if_none_match=r3", /prefix is .* with key or key64/],
      ["GET /v1/kv?count_only&limit=3&wait=1ms&if_none_match=r3", /limit is .* with count_only/],
      ["GET /v1/kv?delimiter=&wait=1ms&if_none_match=r3", /delimiter is empty/],
    ] as const;
    for (const [line, said] of wrong) {
      assert.match((await probe.problem(line, "400 validation_failed")).detail, said);
    }
  });
});

describe("GET of a list with wait", () => {
  it("answers when something in the range has changed, and not before", async () => {
    await probe.put("a/1", "1");
    const answer = await meanwhile("GET /v1/kv?prefix=a/&wait=60s&if_none_match=r2", async () => {
      await probe.put("b/1", "1");
      await probe.put("a/2", "1");
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("ETag"), '"r4"');
    assert.equal(JSON.parse(answer.text).count, 2);
  });

  it("answers at once where something has changed behind the tag already", async () => {
    await probe.put("a/1", "1");
    await probe.json("DELETE /v1/kv/a/1", 200);
    const answer = await probe.ask("GET /v1/kv?prefix=a/&wait=60s&if_none_match=r2");
    assert.equal(answer.status, 200);
    probe.kv.store.compact(3);
    assert.equal((await probe.ask("GET /v1/kv?wait=60s&if_none_match=r2")).status, 200);
  });

  it("ends with 304 and the tag of the revision up to which nothing has happened", async () => {
    for (let count = 0; count < 3; count++) await probe.put("b", "1");
    const answer = await probe.ask("GET /v1/kv?prefix=a&wait=20ms&if_none_match=r2");
    assert.equal(told(answer), '304 "r4" ');
  });

  it("judges If-Match before it waits", async () => {
    await probe.put("a", "1");
    await probe.put("a", "2");
    const line = "GET /v1/kv?wait=1ms&if_none_match=r3&if_match=";
    await probe.problem(`${line}r2`, "412 precondition_failed");
    assert.equal((await probe.ask(`${line}r3`)).status, 304);
  });

  it("answers what has come to this node with the look at the end", async () => {
    const { kv } = probe;
    await probe.put("a", "1");
    kv.before = () => {
      kv.store.isQuiet = true;
      kv.store.apply(put("a", "2"));
      // Those who watch hear of it when the look is over.
      setImmediate(() => kv.store.tell());
      kv.before = () => {};
    };
    const answer = await probe.ask("GET /v1/kv?prefix=a&wait=20ms&if_none_match=r2");
    assert.equal(`${answer.status} ${answer.headers.get("ETag")}`, '200 "r3"');
  });

  it("answers at once where its tag is of no past that this store has", async () => {
    const { kv } = probe;
    await probe.put("a", "1");
    const poll = async (tags: string, wait = "20ms"): Promise<string> => {
      const answer = await probe.ask(`GET /v1/kv?prefix=a&wait=${wait}&if_none_match=${tags}`);
      return `${answer.status} ${answer.headers.get("ETag")}`;
    };
    assert.equal(await poll("r999", "60s"), '200 "r2"');
    assert.equal(await poll("r1,r999", "60s"), '200 "r2"');
    assert.equal(await poll("r2,r999"), '304 "r2"');
    // This node may be behind whoever gave it.
    assert.equal(await poll("r999&consistency=eventual"), '304 "r2"');
    kv.before = () => {
      kv.store.apply(put("b", "1"));
      kv.before = () => {};
    };
    assert.equal(await poll("r3"), '304 "r3"');
  });

  it("waits as long as one of its tags holds", async () => {
    for (const value of ["1", "2"]) await probe.put("a", value);
    for (const tags of ["r2,r3", "r3,r2"]) {
      const answer = await probe.ask(`GET /v1/kv?prefix=a&wait=20ms&if_none_match=${tags}`);
      assert.equal(told(answer), '304 "r3" ', tags);
    }
  });

  it("of single keys tells of those alone", async () => {
    for (const key of ["a", "b", "c"]) await probe.put(key, "1");
    const line = "GET /v1/kv?key=c&key=a&wait=60s&if_none_match=r4";
    const answer = await meanwhile(line, async () => {
      await probe.put("b", "2");
      await probe.put("a", "2");
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(
      JSON.parse(answer.text).items.map(({ mod }: { readonly mod: number }) => mod),
      [4, 6],
    );
    const quiet = meanwhile(
      line.replace("60s", "20ms").replace("r4", "r6"),
      () => probe.put("b", "3"),
    );
    assert.equal((await quiet).status, 304);
  });

  it("of single keys ends in time, however much changes between them", async () => {
    for (const key of ["a", "b", "c"]) await probe.put(key, "1");
    let isOver = false;
    const line = "GET /v1/kv?key=c&key=a&wait=100ms&if_none_match=r4";
    const answer = probe.ask(line).finally(() => isOver = true);
    let puts = 0;
    while (!isOver && puts < 1_000) {
      puts++;
      await probe.put("b", "2");
      await pause(5);
    }
    assert.ok(isOver, "the wait has ended while changes went on");
    assert.equal((await answer).status, 304);
  });

  it("of single keys is told of one that changes together with others", async () => {
    await probe.put("a", "1");
    const writes = ["0", "a", "b"].map((key) => ({ put: { key, value: "2" } }));
    const answer = await meanwhile(
      "GET /v1/kv?key=a&key=c&wait=60s&if_none_match=r2",
      () => probe.json("POST /v1/txn", 200, jsonInit({ then: [...writes, { get: { key: "c" } }] })),
    );
    assert.equal(`${answer.status} ${answer.headers.get("ETag")}`, '200 "r3"');
  });

  it("is the list as it is where nobody can tell any more whether it has changed", async () => {
    await probe.put("a", "1");
    const answer = await meanwhile("GET /v1/kv?prefix=a&wait=60s&if_none_match=r2", async () => {
      const { store } = probe.kv;
      // The watch has to be live, so that it is not told anything before all is over.
      await standstill();
      store.isQuiet = true;
      for (const value of ["1", "2"]) store.apply(put("b", value));
      store.compact(4);
      while (store.machine.purge());
      store.isQuiet = false;
      store.tell();
    });
    assert.equal(`${answer.status} ${answer.headers.get("ETag")}`, '200 "r4"');
  });

  it("of nothing that changes any more is the list as it is", async () => {
    await probe.put("a", "1");
    assert.equal((await probe.ask("GET /v1/kv?wait=60s")).status, 200);
    await probe.problem("GET /v1/kv?wait=1s&if_none_match=r2&cursor=x", "400 validation_failed");
  });
});
