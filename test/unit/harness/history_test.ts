import { assert, describe, it } from "../../harness/test.ts";
import { fromJsonLines, History, toJsonLines } from "../../harness/history.ts";
import { renderTimeline } from "../../harness/timeline.ts";

function recorded(): History {
  let now = 0;
  const history = new History(() => ++now);
  const first = history.begin("a", { kind: "put", key: "k", value: "<x>" });
  const second = history.begin("b", { kind: "get", key: "k" });
  const third = history.begin("c", { kind: "delete", key: "k" });
  history.begin("d", { kind: "cas", key: "k", expected: 2, value: "y" });
  second({ kind: "found", record: { value: "<x>", mod: 2 }, revision: 2 });
  first({ kind: "written", mod: 2 });
  third({ kind: "unknown", reason: "connection reset" });
  return history;
}

describe("History", () => {
  it("keeps calls in the order of their begin, with the times of both ends", () => {
    const calls = recorded().calls();
    assert.deepEqual(
      calls.map(({ id, client, startedAt, endedAt }) => [id, client, startedAt, endedAt]),
      [[0, "a", 1, 6], [1, "b", 2, 5], [2, "c", 3, Infinity], [3, "d", 4, Infinity]],
    );
  });

  it("takes a call that never ended for unknown", () => {
    assert.equal(recorded().calls()[3]!.outcome.kind, "unknown");
    assert.equal(recorded().summary(), "1 found, 1 written, 2 unknown");
  });

  it("refuses to end a call twice", () => {
    const history = new History(() => 0);
    const end = history.begin("a", { kind: "get", key: "k" });
    end({ kind: "absent" });
    assert.throws(() => end({ kind: "absent" }), /Call 0 has ended already/);
  });

  it("survives being written and read", () => {
    const calls = recorded().calls();
    const text = toJsonLines(calls);
    assert.equal(text.split("\n").length, 5);
    assert.deepEqual(fromJsonLines(text), calls);
  });
});

describe("renderTimeline", () => {
  it("draws a lane per client and a bar per call, and escapes what clients wrote", () => {
    const html = renderTimeline(recorded().calls(), { title: "k & co", longest: [0] });
    assert.equal(html.match(/<rect /g)?.length, 4);
    assert.equal(html.match(/class="placed"/g)?.length, 1);
    assert.equal(html.match(/class="open unknown"/g)?.length, 2);
    assert.match(html, /<h1>k &amp; co<\/h1>/);
    assert.match(html, /1\. put k = &lt;x&gt; → written @2/);
    assert.doesNotMatch(html, /<x>|Infinity|NaN/);
  });
});
