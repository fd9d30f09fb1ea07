import { assert, describe, it } from "../../harness/test.ts";
import type { Call, Operation, Outcome } from "../../harness/history.ts";
import { describeCall, renderTimeline } from "../../harness/timeline.ts";

/** Calls of three clients one after the other, the last of every hundred without an answer. */
function longHistory(count: number): readonly Call[] {
  return Array.from({ length: count }, (_, id): Call => {
    const isLost = id % 100 === 99;
    return {
      ...{ id, client: isLost ? `lost${id}` : `c${id % 3}` },
      operation: { kind: "put", key: "k", value: `v${id}` },
      ...{ startedAt: id * 10, endedAt: isLost ? Infinity : id * 10 + 15 },
      outcome: isLost ? { kind: "unknown", reason: "lost" } : { kind: "written", mod: id + 2 },
    };
  });
}

/** The ids of the drawn calls. */
function drawn(html: string): readonly number[] {
  return [...html.matchAll(/<title>call ([0-9]+) of/g)].map(([, id]) => Number(id));
}

describe("renderTimeline of a long history", () => {
  const calls = longHistory(3_000);
  const longest = calls.slice(0, 2_000).map(({ id }) => id);

  it("draws 400 calls around the trouble, and says how many it leaves out", () => {
    const html = renderTimeline(calls, { title: "t", longest, suspects: [2_000] });
    assert.deepEqual(drawn(html), calls.slice(1_700, 2_100).map(({ id }) => id));
    assert.match(html, /Of 3000 calls 1700 before these and 900 after them are left out/);
    assert.match(html, /; 17 of those before are lost writes/);
    assert.match(html, /<g class="suspect" id="suspect"><title>call 2000 of c2 from 20000\.0 /);
    assert.doesNotMatch(html, /Infinity|NaN/);
  });

  it("lists the end of the longest order and what has no place behind it", () => {
    const html = renderTimeline(calls, { title: "t", longest, suspects: [2_000] });
    assert.match(html, /<ol start="1989">\n<li>call 1988 of c2 /);
    assert.match(html, /no place for<\/p>\n<ul>\n<li>call 2000 of c2 .*written @2002/);
  });

  it("draws as many at either end of the history", () => {
    const first = renderTimeline(calls, { title: "t", longest, suspects: [10] });
    assert.deepEqual(drawn(first), calls.slice(0, 400).map(({ id }) => id));
    const last = renderTimeline(calls, { title: "t", longest, suspects: [2_999] });
    assert.deepEqual(drawn(last), calls.slice(2_600).map(({ id }) => id));
    assert.deepEqual(drawn(renderTimeline(calls, { title: "t", longest })), drawn(last));
  });

  it("draws a suspect from long before at the edge", () => {
    const html = renderTimeline(calls, { title: "t", longest: [], suspects: [5, 2_000] });
    assert.deepEqual(drawn(html).slice(0, 2), [5, 1_700]);
    assert.equal(drawn(html).length, 401);
    assert.match(html, /<title>call 5 of [^>]*>\s*<rect class="open" x="0\.0"/);
    assert.equal(html.match(/id="suspect"/g)?.length, 1);
    assert.equal(html.match(/class="suspect"/g)?.length, 2);
    assert.match(html, /thick edge contradict each other/);
  });

  it("leaves nothing out of a history of 400 calls, and does not speak of it", () => {
    const html = renderTimeline(longHistory(400), { title: "t", longest: [], suspects: [1] });
    assert.equal(drawn(html).length, 400);
    assert.doesNotMatch(html, /left out/);
  });
});

describe("describeCall", () => {
  it("says of every answer what can be right or wrong about it", () => {
    const call = (operation: Operation, outcome: Outcome): string =>
      describeCall({ id: 1, client: "c", operation, outcome, startedAt: 0, endedAt: 1 });
    const get = { kind: "get", key: "k" } as const;
    const record = { value: "v", mod: 3, version: 2 };
    assert.equal(call(get, { kind: "found", record, revision: 7 }), "get k → v @3 v2, store at 7");
    assert.equal(call(get, { kind: "absent", revision: 7 }), "get k → absent, store at 7");
    assert.equal(
      call({ kind: "cas", key: "k", expected: 2, value: "w" }, {
        ...{ kind: "conditionFailed", current: record, revision: 7 },
      }),
      "cas k @2 = w → condition failed, @3 v2, store at 7",
    );
    assert.equal(
      call({ kind: "delete", key: "k" }, { kind: "deleted", count: 0, revision: 7 }),
      "delete k → deleted 0, store at 7",
    );
  });
});
