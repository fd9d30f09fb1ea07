import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "../../harness/test.ts";
import { type Call, fromJsonLines, type Operation, type Outcome } from "../../harness/history.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assertLinearizable, HistoryError } from "../../harness/verdict.ts";

function call(id: number, operation: Operation, outcome: Outcome): Call {
  return { id, client: `c${id}`, operation, outcome, startedAt: id * 10, endedAt: id * 10 + 5 };
}

const put = (value: string): Operation => ({ kind: "put", key: "k", value });
const get: Operation = { kind: "get", key: "k" };
const other: Operation = { kind: "put", key: "other", value: "x" };
const written = (mod: number): Outcome => ({ kind: "written", mod });

describe("assertLinearizable", () => {
  it("returns when the history is linearizable", () => {
    using dir = makeTempDir();
    assertLinearizable([call(0, put("a"), written(2))], join(dir.path, "kept"));
    assert.throws(() => readFileSync(join(dir.path, "kept", "history.jsonl")), /ENOENT|No such/);
  });

  it("names the call that has no place, and keeps the history and the key's timeline", () => {
    using dir = makeTempDir();
    const calls = [
      call(0, put("a"), written(2)),
      call(1, other, written(3)),
      call(2, put("b"), written(4)),
      call(3, get, { kind: "found", record: { value: "a", mod: 2 } }),
    ];
    const folder = join(dir.path, "kept");
    assert.throws(() => assertLinearizable(calls, folder), (error) => {
      assert.ok(error instanceof HistoryError);
      assert.match(error.message, /^The history is not linearizable: no order of the calls on k /);
      assert.match(error.message, /\n {2}call 3 of c3 from 30\.0 to 35\.0: get k → a @2\nsee /);
      return true;
    });
    assert.deepEqual(fromJsonLines(readFileSync(join(folder, "history.jsonl"), "utf8")), calls);
    const page = readFileSync(join(folder, "timeline.html"), "utf8");
    assert.equal(page.match(/<rect class="placed"/g)?.length, 2);
    assert.equal(page.match(/<rect class="open"/g)?.length, 1);
  });

  it("draws both keys when revisions run against time", () => {
    using dir = makeTempDir();
    const calls = [call(0, put("a"), written(5)), call(1, other, written(4))];
    assert.throws(() => assertLinearizable(calls, dir.path), /call 0 of c0 .*\n {2}call 1 of c1 /);
    const page = readFileSync(join(dir.path, "timeline.html"), "utf8");
    assert.equal(page.match(/class="suspect"/g)?.length, 2);
  });
});
